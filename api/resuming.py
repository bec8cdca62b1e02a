"""Going on with a registration in another browser: ask for a link by e-mail, exchange it for a token."""

import asyncio
from typing import Final

from fastapi import APIRouter, BackgroundTasks, status

from api.dependencies import Caller, ClientName, GateDep, Key
from api.models import Resumed, ResumeLinkAnswer, ResumeLinkRequest, ResumeRequest
from api.problems import problems
from api.registrations import POSTED
from domain.ports import RecordsUnavailable
from ops.logs import logger
from portal import resuming
from portal.gate import Gate, remember_key
from portal.refusals import Refusal
from portal.repeating import redeem_resume_link_once
from portal.resuming import Sought

router = APIRouter(prefix="/api/v1", tags=["Going on elsewhere"])

# Waits between tries when Temporal or the database is away; the person has been answered long before.
_PAUSES_S: Final = (1.0, 5.0, 20.0, 60.0)


@router.post(
    "/resume-links", summary="Have a link e-mailed to go on with a registration", status_code=status.HTTP_202_ACCEPTED,
    responses=problems(*POSTED, "too_many_tries"),
)  # fmt: skip
async def send_resume_link(
    body: ResumeLinkRequest, gate: GateDep, key: Key, caller: Caller, after: BackgroundTasks
) -> ResumeLinkAnswer:
    """The answer is the same whether or not there is such a registration. The link goes to its own confirmed address only."""
    sought = await resuming.check_resume_request(gate, email=body.email, caller=caller)
    if await remember_key(gate, scope="resume-links", key=key, body=sought.email or sought.reference):
        after.add_task(_mail, gate, sought)
    return ResumeLinkAnswer()


async def _mail(gate: Gate, sought: Sought) -> None:
    for pause_s in (*_PAUSES_S, None):
        try:
            await resuming.mail_resume_links(gate, email=sought.email, reference=sought.reference)
            return
        except (Refusal, RecordsUnavailable) as error:
            if pause_s is None:
                logger("api.resuming").error("resume links given up", exc_info=error)
                return
            await asyncio.sleep(pause_s)


@router.post("/resume", summary="Exchange a followed link for a token", responses=problems(*POSTED, "link_dead"))
async def redeem_resume_link(body: ResumeRequest, gate: GateDep, key: Key, client: ClientName) -> Resumed:
    """A link works once; the same request sent again gets the same token."""
    registration_id, token = await redeem_resume_link_once(gate, link_token=body.token, key=key, client=client)
    return Resumed(id=registration_id, token=token)
