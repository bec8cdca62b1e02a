"""Cases over the API: the person's own, and staff's; what is somebody else's isn't there (I15, I2)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from starlette.types import ASGIApp

from domain.cases import CaseState, StaffAction
from serve import build_app
from tests.api.visitor import V1, Visitor, assert_problem, visiting
from tests.cases.counter import Clerk, Counter, unlisted_tin
from tests.house import PASSWORD, key

FORM = {
    "kind": "not_listed", "organization": "Harbour Clinic", "address": "12 Quay Street", "telephone": "217-555-0142",
}  # fmt: skip


@pytest.fixture(scope="module")
def app(sqlite_house) -> ASGIApp:
    return build_app(sqlite_house.settings, sqlite_house.gate)


@pytest.fixture
async def visitor(app: ASGIApp) -> AsyncIterator[Visitor]:
    async with visiting(app) as one:
        yield one


@pytest.fixture
async def other(app: ASGIApp) -> AsyncIterator[Visitor]:
    async with visiting(app) as one:
        yield one


@pytest.fixture
async def desk(app: ASGIApp, counter: Counter) -> AsyncIterator[tuple[Visitor, Clerk]]:
    """A program with a staff session."""
    async with visiting(app) as one:
        clerk = await counter.clerk()
        one.token = clerk.token
        yield one, clerk


async def test_P8_a_registrant_opens_reads_answers_and_closes_a_case_over_the_api(
    counter: Counter, visitor: Visitor, desk: tuple[Visitor, Clerk]
):
    await visitor.confirmed(counter.house)
    response = await visitor.post(f"{V1}/cases", {**FORM, "tin": unlisted_tin()})
    assert response.status_code == 201, response.text
    address = response.headers["location"]
    opened = response.json()
    shown = (await visitor.get(address)).json()
    assert (shown["number"], shown["state"], shown["kind"]) == (opened["number"], "new", "not_listed")
    staff, _ = desk
    question = {"action": "ask_more", "text": "Which address?"}
    done = await staff.post(f"{V1}/staff/cases/{opened['id']}/actions", question)
    assert done.json() == {"state": "waiting_for_registrant"}, done.text
    assert (await visitor.get(address)).json()["timeline"][-1]["text"] == "Which address?"
    assert (await visitor.post(f"{address}/answer", {"text": "Quay Street."})).json() == {"state": "contacted"}
    assert (await visitor.post(f"{address}/withdrawal")).json() == {"state": "withdrawn"}
    assert_problem(await visitor.post(f"{address}/answer", {"text": "More."}), 410, "case_over")
    assert [case["id"] for case in (await visitor.get(f"{V1}/cases")).json()["cases"]] == [opened["id"]]


async def test_I15_foreign_and_unknown_cases_look_the_same(counter: Counter, visitor: Visitor, other: Visitor):
    await visitor.confirmed(counter.house)
    await other.confirmed(counter.house)
    address = (await visitor.post(f"{V1}/cases", {**FORM, "tin": unlisted_tin()})).headers["location"]
    for path in (address, f"{V1}/cases/00000000-0000-4000-8000-000000000000", f"{V1}/cases/nonsense"):
        assert_problem(await other.get(path), 404, "not_found")
        assert_problem(await other.post(f"{path}/answer", {"text": "Hello."}), 404, "not_found")
        assert_problem(await other.post(f"{path}/withdrawal"), 404, "not_found")
    other.token = None
    assert_problem(await other.get(address), 401, "signed_out")


async def test_I16_known_and_unknown_tax_ids_are_answered_alike(counter: Counter, visitor: Visitor, other: Visitor):
    clinic = await counter.house.new_clinic()
    answers = []
    for one, tin in ((visitor, clinic.tin), (other, unlisted_tin())):
        await one.confirmed(counter.house)
        response = await one.post(f"{V1}/cases", {**FORM, "tin": tin})
        shown = (await one.get(response.headers["location"])).json()
        answers.append(
            (
                response.status_code,
                sorted(response.json()),
                shown["state"],
                [line["words"] for line in shown["timeline"]],
            )
        )
    assert answers[0] == answers[1]


async def test_B11_without_a_staff_session_the_staff_api_is_not_there(counter: Counter, visitor: Visitor):
    await visitor.confirmed(counter.house)
    case = await counter.open(await counter.registrant())
    actions = f"{V1}/staff/cases/{case.case_id}/actions"
    for token in (None, visitor.token):
        visitor.token = token
        assert_problem(await visitor.get(f"{V1}/staff/cases"), 404, "not_found")
        assert_problem(await visitor.get(f"{V1}/staff/cases/{case.case_id}"), 404, "not_found")
        assert_problem(await visitor.get(f"{V1}/staff/members"), 404, "not_found")
        assert_problem(await visitor.post(actions, {"action": "take"}), 404, "not_found")
    assert (await counter.row(case)).owner_id is None
    description = (await visitor.get(f"{V1}/openapi.json")).text
    assert "/staff/" not in description


async def test_B11_staff_sign_in_over_the_api_with_a_second_factor(counter: Counter, visitor: Visitor):
    clerk = await counter.clerk()
    wrong = await visitor.post(f"{V1}/staff/sessions", {"email": clerk.email, "password": "not the password"})
    assert_problem(wrong, 401, "sign_in_failed")
    pending = await visitor.post(f"{V1}/staff/sessions", {"email": clerk.email, "password": PASSWORD})
    visitor.token = pending.json()["token"]
    assert_problem(await visitor.get(f"{V1}/staff/cases"), 404, "not_found")
    code = pyotp.TOTP(clerk.secret).at(datetime.now(UTC) + timedelta(seconds=30))
    full = await visitor.post(f"{V1}/staff/sessions/second-factor", {"code": code})
    visitor.token = full.json()["token"]
    assert (await visitor.get(f"{V1}/staff/cases")).status_code == 200
    assert (await visitor.send("DELETE", f"{V1}/staff/sessions/current")).status_code == 204
    assert_problem(await visitor.get(f"{V1}/staff/cases"), 404, "not_found")


async def test_B11_the_queue_is_filtered_sorted_and_paged(counter: Counter, desk: tuple[Visitor, Clerk]):
    staff, clerk = desk
    opened = [await counter.open(await counter.registrant()) for _ in range(3)]
    for case in opened[:2]:
        await counter.act(clerk, case, StaffAction.TAKE)
    mine = (await staff.get(f"{V1}/staff/cases?owner=me&sort=waiting")).json()
    assert [row["id"] for row in mine["cases"]] == [str(case.case_id) for case in opened[:2]]
    assert mine["total"] == 2
    turned = (await staff.get(f"{V1}/staff/cases?owner=me&sort=waiting&descending=true")).json()
    assert [row["id"] for row in turned["cases"]] == [str(case.case_id) for case in opened[1::-1]]
    nobody = (await staff.get(f"{V1}/staff/cases?owner=none&state=new&kind=not_listed")).json()
    assert {row["owner"] for row in nobody["cases"]} == {None}
    assert {row["state"] for row in nobody["cases"]} == {"new"}
    beyond = (await staff.get(f"{V1}/staff/cases?owner=me&page=99")).json()
    assert (beyond["page"], beyond["pages"]) == (1, 1)
    assert_problem(await staff.get(f"{V1}/staff/cases?state=nonsense"), 422, "invalid_fields")
    assert_problem(await staff.get(f"{V1}/staff/cases/00000000-0000-4000-8000-000000000000"), 404, "not_found")


async def test_I2_an_action_sent_twice_is_done_once(counter: Counter, desk: tuple[Visitor, Clerk]):
    staff, _ = desk
    case = await counter.open(await counter.registrant())
    path, same = f"{V1}/staff/cases/{case.case_id}/actions", key()
    body = {"action": "contacted", "text": "Spoke with Jo."}
    first, second = [await staff.post(path, body, idempotency_key=same) for _ in range(2)]
    assert first.json() == second.json() == {"state": "contacted"}
    assert_problem(await staff.post(path, {**body, "text": "Other."}, idempotency_key=same), 422, "key_reused")
    timeline = (await staff.get(f"{V1}/staff/cases/{case.case_id}")).json()["timeline"]
    assert [line["text"] for line in timeline].count("Spoke with Jo.") == 1


async def test_P8_listed_by_a_click_alone_is_refused_over_the_api(counter: Counter, desk: tuple[Visitor, Clerk]):
    staff, _ = desk
    case = await counter.open(await counter.registrant())
    path = f"{V1}/staff/cases/{case.case_id}/actions"
    assert_problem(await staff.post(path, {"action": "listed"}), 409, "case_not_in_directory")
    assert_problem(await staff.post(path, {"action": "answer", "text": "No."}), 409, "case_wrong_kind")
    assert_problem(await staff.post(path, {"action": "fly"}), 422, "invalid_fields")
    assert_problem(await staff.post(path, {"action": "decline"}), 422, "invalid_fields")
    assert (await counter.row(case)).state == CaseState.NEW


async def test_I2_staff_sign_in_repeated_is_one_session(counter: Counter, visitor: Visitor):
    clerk = await counter.clerk()
    body = {"email": clerk.email, "password": PASSWORD}
    one, two = key(), key()
    first = await visitor.post(f"{V1}/staff/sessions", body, idempotency_key=one)
    again = await visitor.post(f"{V1}/staff/sessions", body, idempotency_key=one)
    assert first.json() == again.json()
    assert_problem(
        await visitor.post(f"{V1}/staff/sessions", {**body, "email": "other@payer.example.org"}, idempotency_key=one),
        422,
        "key_reused",
    )
    visitor.token = first.json()["token"]
    code = {"code": pyotp.TOTP(clerk.secret).at(datetime.now(UTC) + timedelta(seconds=30))}
    full = await visitor.post(f"{V1}/staff/sessions/second-factor", code, idempotency_key=two)
    assert full.status_code == 201, full.text
    repeated = await visitor.post(f"{V1}/staff/sessions/second-factor", code, idempotency_key=two)
    assert repeated.json() == full.json()
    assert_problem(await visitor.post(f"{V1}/staff/sessions/second-factor", code), 401, "signed_out")
