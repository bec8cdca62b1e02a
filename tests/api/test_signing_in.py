"""Signing in through the API, sessions, cookies, and what a signed-in person sees."""

import pyotp
import pytest

from tests.api.visitor import V1, Visitor, assert_problem, new_clinic
from tests.house import PASSWORD, House, key

SITE = "http://localhost:8080"


async def test_a_person_signs_in_with_two_factors_and_sees_their_own(house: House, visitor: Visitor):
    clinic = await new_clinic(house)
    secret = await visitor.registered(house, clinic)
    codes = (await visitor.get("recovery-codes")).json()["codes"]
    visitor.token = None
    wrong = await visitor.post(f"{V1}/sessions", {"email": visitor.email, "password": "not the password"})
    assert_problem(wrong, 401, "sign_in_failed")
    assert wrong.headers["www-authenticate"].startswith("Bearer")
    nobody = await visitor.post(f"{V1}/sessions", {"email": "nobody@clinic.example.org", "password": PASSWORD})
    assert_problem(nobody, 401, "sign_in_failed")
    pending = await visitor.post(f"{V1}/sessions", {"email": visitor.email, "password": PASSWORD})
    visitor.token = pending.json()["token"]
    assert_problem(await visitor.get(f"{V1}/account"), 401, "signed_out")
    bad = await visitor.post(f"{V1}/sessions/second-factor", {"code": pyotp.TOTP(secret).at(0)})
    assert assert_problem(bad, 422, "second_factor_wrong")["tries_left"] == 4
    visitor.token = (await visitor.post(f"{V1}/sessions/second-factor", {"code": codes[0].upper()})).json()["token"]
    shown = (await visitor.get(f"{V1}/account")).json()
    assert (shown["email"], shown["recovery_codes_left"], shown["unread_messages"]) == (visitor.email, 9, 1)
    (row,) = (await visitor.get(f"{V1}/access")).json()["access"]
    assert (row["organization"], row["status"], row["via"]) == (clinic.name, "open", "payment")
    assert clinic.tin not in str(row)


async def test_I2_a_sign_in_sent_twice_is_one_session(house: House, visitor: Visitor):
    await visitor.registered(house, await new_clinic(house))
    codes = (await visitor.get("recovery-codes")).json()["codes"]
    visitor.token = None
    one, two = key(), key()
    body = {"email": visitor.email, "password": PASSWORD}
    first, again = [await visitor.post(f"{V1}/sessions", body, idempotency_key=one) for _ in range(2)]
    assert first.json() == again.json()
    other_body = {**body, "email": f"not.{visitor.email}"}
    assert_problem(await visitor.post(f"{V1}/sessions", other_body, idempotency_key=one), 422, "key_reused")
    # No quick digest of a password is kept to hold the key against: another one is judged as what it is.
    wrong = {**body, "password": "another password"}
    assert_problem(await visitor.post(f"{V1}/sessions", wrong, idempotency_key=one), 401, "sign_in_failed")
    visitor.token = first.json()["token"]
    code = {"code": codes[0]}
    full, repeated = [await visitor.post(f"{V1}/sessions/second-factor", code, idempotency_key=two) for _ in range(2)]
    assert (full.status_code, full.json()) == (repeated.status_code, repeated.json())
    assert_problem(await visitor.post(f"{V1}/sessions/second-factor", code), 401, "signed_out")
    visitor.token = full.json()["token"]
    assert len((await visitor.get(f"{V1}/sessions")).json()["sessions"]) == 1


async def test_sessions_are_listed_and_revoked(house: House, visitor: Visitor, other: Visitor):
    await visitor.registered(house, await new_clinic(house))
    codes = (await visitor.get("recovery-codes")).json()["codes"]
    await visitor.sign_in(codes[0])
    other.email = visitor.email
    await other.sign_in(codes[1])
    sessions = (await visitor.get(f"{V1}/sessions")).json()["sessions"]
    assert sorted(one["current"] for one in sessions) == [False, True]
    theirs = next(one["id"] for one in sessions if not one["current"])
    assert (await visitor.send("DELETE", f"{V1}/sessions/{theirs}")).status_code == 204
    assert_problem(await other.get(f"{V1}/account"), 401, "signed_out")
    assert_problem(await visitor.send("DELETE", f"{V1}/sessions/{theirs}"), 404, "not_found")
    await other.sign_in(codes[2])
    assert (await visitor.post(f"{V1}/sessions/revoke-others")).status_code == 204
    assert_problem(await other.get(f"{V1}/account"), 401, "signed_out")
    assert (await visitor.send("DELETE", f"{V1}/sessions/current")).status_code == 204
    assert_problem(await visitor.get(f"{V1}/account"), 401, "signed_out")


async def test_T6_messages_are_read_and_marked(house: House, visitor: Visitor):
    await visitor.signed_in(house)
    (message,) = (await visitor.get(f"{V1}/messages")).json()["messages"]
    assert (message["kind"], message["read_at"]) == ("access_opened", None)
    path = f"{V1}/messages/{message['id']}"
    assert (await visitor.get(path)).json() == message
    for _ in range(2):
        assert (await visitor.post(f"{path}/read")).status_code == 204
    assert (await visitor.get(path)).json()["read_at"] is not None
    assert (
        await visitor.get(
            f"{V1}/messages",
        )
    ).json()["messages"][0]["read_at"] is not None
    assert (await visitor.get(f"{V1}/messages?unread=true")).json() == {"messages": []}


async def test_T6_the_access_table_is_searched_and_filtered(house: House, visitor: Visitor):
    await visitor.signed_in(house)
    (row,) = (await visitor.get(f"{V1}/access")).json()["access"]
    for query, expected in {
        f"search={row['organization'].split()[-1]}": 1,
        f"search={row['tin_masked'][-4:]}": 1,
        "search=nowhere": 0,
        "status=open": 1,
        "status=ended": 0,
        "sort=opened&descending=true": 1,
    }.items():
        assert len((await visitor.get(f"{V1}/access?{query}")).json()["access"]) == expected, query
    for query in ("status=lost", "sort=colour", "descending=perhaps", f"search={'x' * 101}"):
        assert_problem(await visitor.get(f"{V1}/access?{query}"), 422, "invalid_fields")


async def test_too_many_sign_ins_have_to_wait(visitor: Visitor):
    body = {"email": "nobody@clinic.example.org", "password": PASSWORD}
    for _ in range(5):
        assert_problem(await visitor.post(f"{V1}/sessions", body), 401, "sign_in_failed")
    assert "retry_at" in assert_problem(await visitor.post(f"{V1}/sessions", body), 429, "too_many_tries")


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec_Fetch_Site": "same-origin"}, True),
        ({"Sec_Fetch_Site": "none"}, True),
        ({"Origin": SITE}, True),
        ({"Sec_Fetch_Site": "cross-site"}, False),
        ({"Sec_Fetch_Site": "same-site", "Origin": SITE}, False),
        ({"Origin": "http://localhost:8081"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
async def test_a_cookie_changes_things_for_our_own_site_only(
    house: House, visitor: Visitor, headers: dict[str, str], allowed: bool
):
    await visitor.start()
    visitor.client.cookies.set("gatehouse_registration", visitor.token or "")
    visitor.token = None
    assert (await visitor.get("", **headers)).status_code == 200
    response = await visitor.post("withdrawal", **headers)
    if allowed:
        assert response.json()["state"] == "withdrawn"
    else:
        assert_problem(response, 403, "cross_site")
        assert (await visitor.get("")).json()["state"] == "confirming_email"


async def test_an_authorization_that_cannot_be_read_is_not_overlooked_for_a_cookie(visitor: Visitor):
    await visitor.start()
    visitor.client.cookies.set("gatehouse_registration", visitor.token or "")
    assert_problem(await visitor.get("", Authorization="Basic am86am8="), 401, "signed_out")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "bearer x y z",
        "Bearer " + "x" * 5000,
        "Basic am86am8=",
        "Bearer \u00ff\u00fe",
        "\u0001",
        "Digest a=b",
    ],
)
async def test_garbage_as_authorization_is_signed_out(visitor: Visitor, authorization: str):
    response = await visitor.client.get(f"{V1}/account", headers={b"Authorization": authorization.encode("latin-1")})
    assert_problem(response, 401, "signed_out")
