"""What a workflow tells Temporal to do, as short lines: a change of them needs a patch once a version is released."""

import json
from collections.abc import Sequence

from temporalio.activity import _Definition as ActivityDefinition
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.worker import Worker
from temporalio.workflow import _Definition as WorkflowDefinition

from domain.search_attributes import SEARCH_ATTRIBUTES

_WORKFLOW_TASKS = {
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
}


# How long these wait depends on the hour and the day of the week at which they begin.
_BY_CALENDAR = {"DepartureReview", "AccessReview"}


def fingerprint(history: WorkflowHistory) -> list[str]:
    """The commands of a history and what they answer to, without ids, times of day and payloads."""
    workflow = history.events[0].workflow_execution_started_event_attributes.workflow_type.name
    lines = [line for event in history.events if (line := _line(event))]
    if workflow in _BY_CALENDAR:
        return ["timer to a date" if line.startswith("timer ") and line.endswith(" h") else line for line in lines]
    return lines


def _line(event: HistoryEvent) -> str:
    kind = event.event_type
    if kind in _WORKFLOW_TASKS:
        return ""
    match kind:
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
            return f"update {event.workflow_execution_update_accepted_event_attributes.accepted_request.input.name}"
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            return f"signal {event.workflow_execution_signaled_event_attributes.signal_name}"
        case EventType.EVENT_TYPE_MARKER_RECORDED:
            return _marker(event)
        case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            return f"activity {event.activity_task_scheduled_event_attributes.activity_type.name}"
        case EventType.EVENT_TYPE_TIMER_STARTED:
            hours = event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta().total_seconds() / 3600
            return f"timer {round(hours)} h"
        case EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
            fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
            return f"search attributes {' '.join(sorted(fields))}"
        case _:
            return EventType.Name(kind).removeprefix("EVENT_TYPE_").replace("_", " ").lower()


def _marker(event: HistoryEvent) -> str:
    marker = event.marker_recorded_event_attributes
    if marker.marker_name != "core_local_activity":
        return f"marker {marker.marker_name}"
    data = json.loads(marker.details["data"].payloads[0].data)
    return f"local activity {data['activity_type']}"


def names(worker: Worker) -> dict[str, Sequence[str] | dict[str, dict[str, list[str]]]]:
    """Every name that a history or Temporal's registry remembers."""
    config = worker.config()
    workflows = {}
    for each in config["workflows"]:
        definition = WorkflowDefinition.must_from_class(each)
        workflows[str(definition.name)] = {
            "updates": sorted(map(str, definition.updates)),
            "signals": sorted(map(str, definition.signals)),
            "queries": sorted(map(str, definition.queries)),
        }
    activities = sorted(str(ActivityDefinition.must_from_callable(each).name) for each in config["activities"])
    return {
        "workflows": dict(sorted(workflows.items())),
        "activities": activities,
        "search attributes": sorted(f"{name} {kind}" for name, kind in SEARCH_ATTRIBUTES.items()),
    }
