"""Departures over the API: the whole way, foreign ids, and the staff's queue (P9, I15)."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from starlette.types import ASGIApp

from domain.departure import State
from portal import sessions
from portal.sessions import SessionKind
from serve import build_app
from tests.api.visitor import V1, Visitor, assert_problem, visiting
from tests.colleagues.office import new_address
from tests.departures.conftest import Practice
from tests.house import PASSWORD, House


@pytest.fixture(scope="module")
def app(sqlite_house: House) -> ASGIApp:
    return build_app(sqlite_house.settings, sqlite_house.gate)


@pytest.fixture
async def visitor(app: ASGIApp) -> AsyncIterator[Visitor]:
    async with visiting(app) as one:
        yield one


async def test_P9_the_whole_way_over_the_api(practice: Practice, visitor: Visitor):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    started = await practice.arriving(clinic, notice=True)
    visitor.id, visitor.token = str(started.registration_id), started.token
    shown = (await visitor.get("existing-accounts")).json()["accounts"]
    assert [one["initials"] for one in shown] == ["J••• E•••"]
    account = {"name": "Kim New", "password": PASSWORD}
    assert_problem(await visitor.post("account", account), 409, "colleagues_unanswered")
    answers = {"answers": [{"reason": "left", "about": shown[0]["id"]}]}
    assert (await visitor.post("existing-accounts/answers", answers)).status_code == 204
    secret = await practice.house.secured(started)
    assert secret
    review = await practice.review(departed)

    visitor.token = departed.token
    (notice,) = (await visitor.get(f"{V1}/newcomers")).json()["notices"]
    assert (notice["says_you_left"], notice["review"], notice["may_answer"]) == (True, "open", True)
    assert_problem(await visitor.post(f"{V1}/newcomers/{notice['id']}/answer", {"choice": ""}), 422, "invalid_fields")
    answered = await visitor.post(f"{V1}/newcomers/{notice['id']}/answer", {"choice": "object"})
    assert answered.json()["answered"] == "object"
    await practice.stands(review.id, State.CONTESTED)
    # The departed person's session is none of staff's, and their own notice none of the newcomer's.
    decision = {"verdict": "keep", "reason": "Called the office."}
    assert_problem(await visitor.post(f"{V1}/staff/departures/{review.id}/decision", decision), 404, "not_found")
    assert_problem(await visitor.post(f"{V1}/departures/{review.id}/withdrawal"), 404, "not_found")

    member = await practice.staff_member()
    visitor.token = await sessions.begin(practice.gate, SessionKind.STAFF, member.id, client="test")
    queue = (await visitor.get(f"{V1}/staff/departures")).json()["reviews"]
    assert str(review.id) in [one["id"] for one in queue]
    (line,) = [one for one in queue if one["id"] == str(review.id)]
    assert line["due_at"].endswith("Z")  # UTC, like every time of the API
    assert (await visitor.get(f"{V1}/staff/objections")).status_code == 200
    done = await visitor.post(f"{V1}/staff/departures/{review.id}/decision", decision)
    assert done.json() == {"state": "kept"}
    # A colleague's and their own second thoughts come too late: what's shown is what was decided (I5).
    other = await practice.staff_member()
    for late, verdict in ((other, "confirm"), (other, "keep"), (member, "keep")):
        visitor.token = await sessions.begin(practice.gate, SessionKind.STAFF, late.id, client="test")
        words = {"verdict": verdict, "reason": "Nobody answered."}
        again = await visitor.post(f"{V1}/staff/departures/{review.id}/decision", words)
        assert_problem(again, 410, "departure_over")
        shown = (await visitor.get(f"{V1}/staff/departures/{review.id}")).json()
        assert (shown["state"], shown["decision"]) == ("kept", "Called the office.")
    assert_problem(await visitor.get(f"{V1}/staff/departures/{uuid4()}"), 404, "not_found")


async def test_P9_a_newcomer_takes_it_back_over_the_api(practice: Practice, visitor: Visitor):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    successor = await practice.successor(clinic)
    await practice.review(departed)
    visitor.token = successor.person.token
    (claim,) = (await visitor.get(f"{V1}/departures")).json()["departures"]
    assert (claim["state"], claim["may_withdraw"]) == ("open", True)
    done = await visitor.post(f"{V1}/departures/{claim['review_id']}/withdrawal")
    assert done.json() == {"state": "withdrawn"}
    (claim,) = (await visitor.get(f"{V1}/departures")).json()["departures"]
    assert (claim["state"], claim["is_withdrawn"]) == ("withdrawn", True)


async def test_I15_foreign_ids_look_like_unknown_ones(practice: Practice, visitor: Visitor):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    successor = await practice.successor(clinic)
    stranger = await practice.administrator(await practice.house.new_clinic())
    review, notice = await practice.review(departed), await practice.notice(departed)
    for token in (stranger.token, successor.person.token):
        visitor.token = token
        for notice_id in (notice.id, uuid4()):
            assert_problem(await visitor.get(f"{V1}/newcomers/{notice_id}"), 404, "not_found")
            said = await visitor.post(f"{V1}/newcomers/{notice_id}/answer", {"choice": "object"})
            assert_problem(said, 404, "not_found")
    visitor.token = stranger.token
    for review_id in (review.id, uuid4()):
        assert_problem(await visitor.post(f"{V1}/departures/{review_id}/withdrawal"), 404, "not_found")
    visitor.id = str(successor.started.registration_id)
    assert_problem(await visitor.get("existing-accounts"), 401, "signed_out")
    own = await practice.house.confirmed()
    visitor.token = own.token
    assert_problem(await visitor.get("existing-accounts"), 404, "not_found")
    body = {"answers": [{"reason": "left"}]}
    assert_problem(await visitor.post("existing-accounts/answers", body), 404, "not_found")


async def test_P9_a_newcomer_over_the_api_reads_others_masked_and_leaves_their_invitations_alone(
    practice: Practice, visitor: Visitor
):
    clinic = await practice.house.new_clinic()
    older = (await practice.successor(clinic, words=())).person
    invitation_id = await practice.invited(older, email := new_address())
    newcomer = await practice.successor(clinic, notice=False)
    visitor.token = newcomer.person.token
    (organization,) = (await visitor.get(f"{V1}/colleagues")).json()["organizations"]
    assert [(one["is_self"], one["name"]) for one in organization["colleagues"]] == [
        (False, "J••• E•••"),
        (True, "Jo Example"),
    ]
    (invitation,) = (await visitor.get(f"{V1}/invitations")).json()["invitations"]
    assert (invitation["email"], invitation["may_change"]) == (f"{email[0]}•••@clinic.example.org", False)
    address = f"{V1}/invitations/{invitation_id}"
    assert (await visitor.get(address)).json() == invitation
    for answer in (
        await visitor.post(f"{address}/resend"),
        await visitor.post(f"{address}/cancellation"),
        await visitor.post(f"{address}/correction", {"email": new_address()}),
    ):
        assert_problem(answer, 429, "newcomer_waits")
    visitor.token = older.token
    (invitation,) = (await visitor.get(f"{V1}/invitations")).json()["invitations"]
    assert (invitation["email"], invitation["may_change"]) == (email, True)
