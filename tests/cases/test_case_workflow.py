"""The case's workflow from Temporal's side: what it tells its registration, replay, and what can be read there (I12, I19)."""

import asyncio
import json
from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

from domain.cases import CaseEvidence, CaseKind, CaseState, StaffAction
from ops.codec import MessageGuard, data_converter
from ops.keys import Keyring
from portal import cases, staff
from portal.staff import StaffRole
from tests.cases.counter import FORM, Counter, Person, unlisted_tin
from tests.house import key
from workflows.support_case import SupportCase


@workflow.defn(name="ListeningRegistration", sandboxed=False)
class ListeningRegistration:
    """Stands where a registration's workflow would, and keeps what its case tells it."""

    def __init__(self) -> None:
        self.heard: tuple[str, str] | None = None

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: self.heard is not None)
        return list(self.heard or ())

    @workflow.signal(name="case_listed")
    def listed(self, cmd: CaseEvidence) -> None:
        self.heard = ("listed", cmd.evidence_id)

    @workflow.signal(name="case_declined")
    def declined(self, cmd: CaseEvidence) -> None:
        self.heard = ("declined", cmd.evidence_id)

    @workflow.signal(name="case_access_given")
    def access_given(self, cmd: CaseEvidence) -> None:
        self.heard = ("access_given", cmd.evidence_id)


async def _told(counter: Counter, person: Person) -> list[str]:
    """Put the listening workflow into the place of the person's registration; returns what it is told."""
    queue = key()
    workflow_id = f"registration/{person.party.registration_id}"
    async with Worker(
        counter.house.client,
        task_queue=queue,
        workflows=[ListeningRegistration],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        await counter.house.client.get_workflow_handle(workflow_id).terminate("replaced in a test")
        handle = await counter.house.client.start_workflow("ListeningRegistration", id=workflow_id, task_queue=queue)
        async with asyncio.timeout(30):
            return list(await handle.result())


async def test_P8_a_case_that_is_listed_tells_its_registration(counter: Counter):
    person, tin = await counter.registrant(), unlisted_tin()
    case = await counter.open(person, tin=tin)
    telling = asyncio.create_task(_told(counter, person))
    await asyncio.sleep(0)
    await counter.import_lists(tin)
    async with asyncio.timeout(20):
        while (
            await counter.house.client.get_workflow_handle(f"registration/{person.party.registration_id}").describe()
        ).workflow_type != "ListeningRegistration":
            await asyncio.sleep(0.05)
    await cases.listed_by_import(counter.gate)
    assert await telling == ["listed", str(case.case_id)]


async def test_P8_a_case_whose_registration_is_gone_ends_like_any_other(counter: Counter):
    person, clerk = await counter.registrant(), await counter.clerk()
    case = await counter.open(person)
    handle = counter.house.client.get_workflow_handle(f"registration/{person.party.registration_id}")
    await handle.terminate("gone in a test")
    await counter.act(clerk, case, StaffAction.DECLINE, "This is a supplier.")
    assert await counter.ends(case) is CaseState.DECLINED
    await staff.close_staff(counter.gate, email=clerk.email)


async def _walked(counter: Counter) -> tuple[list[str], list[str]]:
    """Cases along every way; returns their histories as JSON and what must not be readable in them."""
    clerk, boss = await counter.clerk(), await counter.clerk(role=StaffRole.SUPERVISOR)
    histories, secrets = [], [clerk.email, FORM["organization"], FORM["telephone_number"], "Quay Street", "W-9"]

    async def keep(case: cases.OpenedCase) -> None:
        await counter.ends(case)
        history = await counter.handle(case).fetch_history()
        histories.append(history.to_json())

    person, tin = await counter.registrant(), unlisted_tin()
    secrets += [person.email, tin]
    asked = await counter.open(person, tin=tin)
    await counter.act(clerk, asked, StaffAction.TAKE)
    await counter.act(clerk, asked, StaffAction.ASK_MORE, "Which address is on your W-9?")
    await counter.skip(asked, counter.gate.limits.case_answer_reminder)
    await cases.answer(counter.gate, person.party, asked.case_id, text="12 Quay Street.", key=key())
    row = await counter.row(asked)
    assert row.due_at is not None
    await counter.skip(asked, row.due_at - row.updated_at + timedelta(minutes=1))
    await counter.import_lists(tin)
    await cases.listed_by_import(counter.gate)
    await keep(asked)

    person = await counter.registrant()
    silent = await counter.open(person)
    await counter.act(clerk, silent, StaffAction.ASK_MORE, "Which address is on your W-9?")
    await counter.skip(silent, counter.gate.limits.case_answer_life)
    await keep(silent)

    clinic = await counter.house.new_clinic()
    given = await counter.open(await counter.account(), kind=CaseKind.HELP, tin=clinic.tin)
    secrets += [clinic.tin, clinic.name]
    await counter.act(clerk, given, StaffAction.PROPOSE_ACCESS, "The W-9 fits.")
    await counter.act(boss, given, StaffAction.CONFIRM_ACCESS)
    await keep(given)
    for one in (clerk, boss):
        await staff.close_staff(counter.gate, email=one.email)
    return histories, secrets


async def test_I19_histories_of_cases_replay_and_I12_nothing_in_them_is_readable(counter: Counter, keyring: Keyring):
    histories, secrets = await _walked(counter)
    replayer = Replayer(workflows=[SupportCase], data_converter=data_converter(keyring), interceptors=[MessageGuard()])
    for text in histories:
        started = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
        await replayer.replay_workflow(WorkflowHistory.from_json(started["workflowId"], text))
        assert [secret for secret in secrets if secret in text] == []


async def test_I1_a_case_cancelled_from_temporals_side_is_closed_and_told(counter: Counter):
    person = await counter.registrant()
    case = await counter.open(person)
    await counter.handle(case).cancel()
    assert await counter.ends(case) is CaseState.WITHDRAWN
    await counter.house.mail(to=person.email, subject="Your request is closed")


async def test_I1_a_message_sent_by_hand_moves_nothing(counter: Counter):
    """Without the keys nobody can seal a message; and "look again" finds only what the directory has."""
    case = await counter.open(await counter.registrant())
    plain = Client(counter.house.client.service_client, namespace=counter.house.client.namespace)
    await plain.get_workflow_handle(f"case/{case.case_id}").signal("look_again", {"case_id": str(case.case_id)})
    await counter.handle(case).signal("look_again", {"case_id": str(case.case_id)})
    assert (await counter.status(case)).state is CaseState.NEW
