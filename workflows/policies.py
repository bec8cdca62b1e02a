"""Every timeout and retry, named for the dependency. Business waits are not here: they come with the request."""

from datetime import timedelta
from typing import Final, TypedDict

from temporalio.common import RetryPolicy


class ActivityPolicy(TypedDict):
    """How an ordinary activity is tried."""

    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy


class LongPolicy(ActivityPolicy):
    """Like `ActivityPolicy`, for one that says now and then that it's alive."""

    heartbeat_timeout: timedelta


class LocalPolicy(TypedDict):
    """How a local activity is tried, in all within one workflow task."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    retry_policy: RetryPolicy


# A person waits and the transaction takes milliseconds. Five seconds in all stay well within a workflow
# task's ten, so that a database that is away never holds a task up.
DATABASE_NOW: Final[LocalPolicy] = {
    "start_to_close_timeout": timedelta(seconds=3),
    "schedule_to_close_timeout": timedelta(seconds=5),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=1), maximum_attempts=4
    ),
}

# The database will be back: the same step goes on, for as long as it takes.
DATABASE: Final[ActivityPolicy] = {
    "start_to_close_timeout": timedelta(seconds=20),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        maximum_interval=timedelta(seconds=15),
        non_retryable_error_types=["SupersededCommand"],
    ),
}

# A mail server that is away for a day is still worth waiting for; five minutes between tries spare it.
SMTP: Final[ActivityPolicy] = {
    "start_to_close_timeout": timedelta(seconds=60),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=2), backoff_coefficient=2, maximum_interval=timedelta(minutes=1)
    ),
}

# A print shop that is away for a weekend is still worth waiting for.
PRINT_SHOP: Final[ActivityPolicy] = {
    "start_to_close_timeout": timedelta(seconds=90),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=2), backoff_coefficient=2, maximum_interval=timedelta(minutes=10)
    ),
}

# A look at everything that is open, or a deletion in small steps: minutes where there is much of it. A round that fails
# all day is no loss, the next one does its work.
HOUSEKEEPING: Final[ActivityPolicy] = {
    "start_to_close_timeout": timedelta(minutes=10),
    "retry_policy": RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=1)),
}

# Twenty requests are begun one after another, each in a moment; a worker that was killed is missed soon, and the lines it
# had done aren't done again.
REQUEST_LINES: Final[LongPolicy] = {
    "start_to_close_timeout": timedelta(minutes=5),
    "heartbeat_timeout": timedelta(seconds=10),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=15)),
}
