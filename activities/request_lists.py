"""Going through a list of requests: the lines that have no result yet, a few at a time.

Safe to try again: a line that has its result is skipped, and a line's request is made once however often it's tried.
"""

from temporalio import activity

from domain.authorization_batch import GoThroughLines, LinesGoneThrough, RequestLines


class RequestListActivities:
    """Makes the requests of a list."""

    def __init__(self, lines: RequestLines) -> None:
        self._lines = lines

    @activity.defn(name="authorization_batch.go_through")
    async def go_through(self, cmd: GoThroughLines) -> LinesGoneThrough:
        waiting = await self._lines.waiting(cmd.batch_id)
        now = waiting[: cmd.most]
        for number in now:
            await self._lines.request(cmd.batch_id, number)
            activity.heartbeat()
        if len(now) == len(waiting):
            await self._lines.finish(cmd.batch_id)
        return LinesGoneThrough(done=len(now), left=len(waiting) - len(now))
