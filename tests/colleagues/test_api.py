"""Colleagues and invitations over the API: the same rules, problems with stable codes, and nobody else's rows."""

from typing import Any
from uuid import uuid4

import pyotp
import pytest

from tests.api.visitor import V1, Visitor, assert_problem
from tests.colleagues.office import Office, Person, new_address
from tests.house import PASSWORD, key

COLLEAGUES, INVITATIONS = f"{V1}/colleagues", f"{V1}/invitations"


def as_person(visitor: Visitor, person: Person) -> Visitor:
    visitor.token = person.token
    return visitor


async def invite(office: Office, visitor: Visitor, person: Person, email: str, **options: Any):
    [access] = await office.access(person)
    body = {"access_id": str(access.id), "email": email, "role": "member"}
    return await as_person(visitor, person).post(INVITATIONS, body, **options)


async def test_P6_the_whole_way_over_the_api(office: Office, visitor: Visitor, other: Visitor):
    administrator, email = await office.administrator(), new_address()
    invited = await invite(office, visitor, administrator, email)
    assert invited.status_code == 201, invited.text
    shown = (await visitor.get(invited.headers["location"])).json()
    assert (shown["state"], shown["email"], shown["resends_left"]) == ("sent", email, 3)

    followed = await other.post(f"{INVITATIONS}/redeem", {"token": await office.link(email)})
    assert followed.status_code == 200, followed.text
    other.token, base = followed.json()["token"], f"{INVITATIONS}/{followed.json()['id']}/acceptance"
    told = (await other.get(base)).json()
    assert (told["email"], told["has_account"], told["role"]) == (email, False, "member")
    early = await other.post(f"{base}/second-factor", {"code": "123456"})
    assert_problem(early, 409, "second_factor_unconfirmed")
    assert_problem(await other.post(f"{base}/recovery-codes/saved"), 404, "not_found")
    account = {"name": "Kim Colleague", "password": PASSWORD, "attested": True}
    assert (await other.post(f"{base}/account", account)).status_code == 200
    secret = (await other.get(f"{base}/second-factor")).json()["secret"]
    accepted = await other.post(f"{base}/second-factor", {"code": pyotp.TOTP(secret).now()})
    assert (accepted.status_code, accepted.json()["state"]) == (200, "accepted")
    assert len((await other.get(f"{base}/recovery-codes")).json()["codes"]) == 10
    assert (await other.post(f"{base}/recovery-codes/saved")).status_code == 204
    assert_problem(await other.get(f"{base}/recovery-codes"), 404, "not_found")

    [organization] = (await visitor.get(COLLEAGUES)).json()["organizations"]
    assert [colleague["role"] for colleague in organization["colleagues"]] == ["administrator", "member"]
    colleague = organization["colleagues"][1]
    raised = await visitor.post(f"{COLLEAGUES}/{colleague['id']}/role", {"role": "administrator"})
    assert raised.status_code == 204, raised.text
    assert (await visitor.post(f"{COLLEAGUES}/{colleague['id']}/removal")).status_code == 204
    [organization] = (await visitor.get(COLLEAGUES)).json()["organizations"]
    assert len(organization["colleagues"]) == 1


async def test_I2_the_same_request_twice_is_done_once(office: Office, visitor: Visitor):
    administrator, email, again = await office.administrator(), new_address(), key()
    first = await invite(office, visitor, administrator, email, idempotency_key=again)
    second = await invite(office, visitor, administrator, email, idempotency_key=again)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    changed = await invite(office, visitor, administrator, new_address(), idempotency_key=again)
    assert_problem(changed, 422, "key_reused")
    colleague = await office.colleague(administrator)
    [access] = await office.access(colleague)
    answers = [
        await visitor.post(f"{COLLEAGUES}/{access.id}/removal", idempotency_key=again[:-1] + "x") for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [204] * 3


async def test_P6_an_account_accepts_with_the_links_token(office: Office, visitor: Visitor):
    here, there = await office.administrator(), await office.administrator()
    person = await office.colleague(here)
    await office.invited(there, person.email)
    body = {"token": await office.link(person.email, after=1), "attested": True}
    again = key()
    for _ in range(2):
        accepted = await as_person(visitor, person).post(f"{INVITATIONS}/accept", body, idempotency_key=again)
        assert (accepted.status_code, accepted.json()["state"]) == (200, "accepted"), accepted.text
    somebody = await as_person(visitor, here).post(f"{INVITATIONS}/accept", body)
    assert_problem(somebody, 410, "invitation_accepted")


async def test_B6_each_refusal_has_its_code_and_says_what_to_do(office: Office, visitor: Visitor):
    administrator, email = await office.administrator(), new_address()
    invited = (await invite(office, visitor, administrator, email)).json()["id"]
    assert_problem(await invite(office, visitor, administrator, email), 409, "invitation_open")
    assert_problem(await invite(office, visitor, administrator, administrator.email), 409, "already_colleague")
    shared = assert_problem(await invite(office, visitor, administrator, "billing@example.org"), 422, "invalid_fields")
    assert shared["fields"][0]["code"] == "email_shared"
    again = assert_problem(await visitor.post(f"{INVITATIONS}/{invited}/resend"), 429, "invitation_resend_pause")
    assert again["retry_at"]
    assert (await visitor.post(f"{INVITATIONS}/{invited}/cancellation")).status_code == 200
    assert_problem(await visitor.post(f"{INVITATIONS}/{invited}/resend"), 410, "invitation_cancelled")
    assert_problem(
        await visitor.post(f"{INVITATIONS}/redeem", {"token": await office.link(email)}), 410, "invitation_cancelled"
    )
    assert_problem(await visitor.post(f"{INVITATIONS}/redeem", {"token": "nothing"}), 410, "invitation_link_dead")
    [access] = await office.access(administrator)
    assert_problem(await visitor.post(f"{COLLEAGUES}/{access.id}/removal"), 409, "last_account")
    await office.colleague(administrator)
    assert_problem(await visitor.post(f"{COLLEAGUES}/{access.id}/removal"), 409, "last_administrator")
    assert_problem(await visitor.post(f"{COLLEAGUES}/{access.id}/role", {"role": "owner"}), 422, "invalid_fields")


async def test_I15_matrix_of_routes_and_strangers(office: Office, visitor: Visitor, other: Visitor):
    """Every route with an id, asked by a stranger, by a member and by nobody: an unknown id and a foreign one look alike."""
    administrator, stranger = await office.administrator(), await office.administrator()
    member = await office.colleague(administrator)
    email = new_address()
    invitation_id = await office.invited(administrator, email)
    [access] = await office.access(administrator)
    foreign, unknown = {"c": access.id, "i": invitation_id}, {"c": uuid4(), "i": uuid4()}
    routes: list[tuple[str, str, dict[str, object] | None]] = [
        ("POST", f"{COLLEAGUES}/{{c}}/role", {"role": "member"}),
        ("POST", f"{COLLEAGUES}/{{c}}/removal", None),
        ("GET", f"{INVITATIONS}/{{i}}", None),
        ("POST", f"{INVITATIONS}/{{i}}/resend", None),
        ("POST", f"{INVITATIONS}/{{i}}/cancellation", None),
        ("POST", f"{INVITATIONS}/{{i}}/correction", {"email": new_address()}),
    ]
    for person in (stranger, member):
        as_person(visitor, person)
        for method, path, body in routes:
            answers = [await visitor.send(method, path.format(**ids), body=body) for ids in (foreign, unknown)]
            for answer in answers:
                assert_problem(answer, 404, "not_found")
            told = [{k: v for k, v in answer.json().items() if k != "request_id"} for answer in answers]
            assert told[0] == told[1], path
        inviting_with_foreign_row = {"access_id": str(access.id), "email": new_address(), "role": "member"}
        assert_problem(await visitor.post(INVITATIONS, inviting_with_foreign_row), 404, "not_found")
    other.token = None
    acceptance = f"{INVITATIONS}/{invitation_id}/acceptance"
    of_sessions: list[tuple[str, str, dict[str, object] | None]] = [
        *routes,
        ("GET", COLLEAGUES, None),
        ("GET", INVITATIONS, None),
        ("GET", acceptance, None),
        ("POST", f"{acceptance}/account", {"name": "Kim Colleague", "password": PASSWORD, "attested": True}),
        ("GET", f"{acceptance}/second-factor", None),
        ("POST", f"{acceptance}/second-factor", {"code": "123456"}),
        ("GET", f"{acceptance}/recovery-codes", None),
        ("POST", f"{acceptance}/recovery-codes/saved", None),
    ]
    for method, path, body in of_sessions:
        assert_problem(await other.send(method, path.format(**foreign), body=body), 401, "signed_out")
    # The session of one invitation opens no other one's routes, and an account's session none of them.
    second = new_address()
    await office.invited(administrator, second)
    followed = await other.post(f"{INVITATIONS}/redeem", {"token": await office.link(second)})
    other.token = followed.json()["token"]
    assert_problem(await other.get(acceptance), 404, "not_found")
    assert_problem(await as_person(other, administrator).get(acceptance), 401, "signed_out")
    assert (await office.row(invitation_id)).state == "sent"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_I14_reading_changes_nothing(office: Office, visitor: Visitor, method: str):
    administrator, email = await office.administrator(), new_address()
    invitation_id = await office.invited(administrator, email)
    before = await office.quiet(invitation_id)
    as_person(visitor, administrator)
    for path in (COLLEAGUES, INVITATIONS, f"{INVITATIONS}/{invitation_id}"):
        assert (await visitor.send(method, path)).status_code == 200
    assert await office.quiet(invitation_id) == before
