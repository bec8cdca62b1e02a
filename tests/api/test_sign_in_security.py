"""What someone who doesn't hold the second factor can't do: keep a link's session, guess one password from everywhere."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from portal import account, resuming, sessions, signing_in
from portal.refusals import Refusal
from portal.sessions import SessionKind
from tests.api.visitor import V1, Visitor, assert_problem, new_clinic
from tests.house import CAREFUL_HASHER, PASSWORD, House, key


async def test_I20_a_session_of_a_mailed_link_ends_when_somebody_else_confirms_the_second_factor(
    house: House, visitor: Visitor, other: Visitor
):
    await visitor.proved(house, await new_clinic(house))
    await resuming.mail_resume_links(house.gate, email=visitor.email)
    text = (await house.mail(to=visitor.email, subject="Go on with")).text or ""
    link = next(word for word in text.split() if "/resume" in word).rstrip(".").rpartition("/")[2]
    other.id = visitor.id
    other.token = (await other.post(f"{V1}/resume", {"token": link})).json()["token"]
    assert (await other.get("")).json()["state"] == "setting_up_account"
    assert (await visitor.post("account", {"name": "Jo Example", "password": PASSWORD})).status_code == 200
    secret = (await visitor.get("second-factor")).json()["secret"]
    wrong = await visitor.post("second-factor", {"code": pyotp.TOTP(secret).at(0)})
    assert_problem(wrong, 422, "second_factor_wrong")
    assert (await other.get("")).status_code == 200  # nobody has shown the factor yet
    assert (await visitor.post("second-factor", {"code": pyotp.TOTP(secret).now()})).status_code == 200
    assert_problem(await other.get("recovery-codes"), 401, "signed_out")
    assert_problem(await other.post("recovery-codes/saved"), 401, "signed_out")
    assert len((await visitor.get("recovery-codes")).json()["codes"]) == 10


async def _guess(house: House, email: str, callers: range) -> list[str]:
    """A wrong password from each of these network addresses; returns the codes of the answers."""
    return [await _sign_in(house, email, "not the password", f"caller-{email}-{number}") for number in callers]


async def _sign_in(house: House, email: str, password: str, caller: str) -> str:
    try:
        await signing_in.sign_in(house.gate, email=email, password=password, caller=caller, client="test")
    except Refusal as refusal:
        return refusal.code if refusal.retry_at is None else f"{refusal.code} until later"
    return "signed_in"


async def test_I13_twenty_wrong_passwords_from_everywhere_close_an_address_for_an_hour(house: House, visitor: Visitor):
    await visitor.registered(house, await new_clinic(house))
    nobody = f"nobody-{key()}@clinic.example.org"
    for email in (visitor.email, nobody):  # the same for an address that nobody has (I16)
        assert await _guess(house, email, range(20)) == ["sign_in_failed"] * 20
        assert await _sign_in(house, email, PASSWORD, key()) == "too_many_tries until later"
    later = replace(house.gate, now=lambda: datetime.now(UTC) + timedelta(hours=1))
    await signing_in.sign_in(later, email=visitor.email, password=PASSWORD, caller=key(), client="test")


async def test_a_right_password_doesnt_count_towards_the_limit_of_its_address(house: House, visitor: Visitor):
    await visitor.registered(house, await new_clinic(house))
    assert await _guess(house, visitor.email, range(19)) == ["sign_in_failed"] * 19
    for _ in range(3):
        assert await _sign_in(house, visitor.email, PASSWORD, key()) == "signed_in"
    assert await _sign_in(house, visitor.email, "not the password", key()) == "sign_in_failed"
    assert await _sign_in(house, visitor.email, PASSWORD, key()) == "too_many_tries until later"


async def test_new_recovery_codes_need_the_second_factor_and_are_told(house: House, visitor: Visitor):
    secret = await visitor.registered(house, await new_clinic(house))
    codes = (await visitor.get("recovery-codes")).json()["codes"]
    await visitor.sign_in(codes[0])
    gate, me = house.gate, await sessions.authenticate(house.gate, visitor.token, SessionKind.ACCOUNT)
    for code in (codes[0], pyotp.TOTP(secret).at(0)):  # used up, and wrong
        with pytest.raises(Refusal, match="second_factor_wrong"):
            await account.new_recovery_codes(gate, me, code=code)
    assert (await account.view_account(gate, me)).recovery_codes_left == 9
    fresh = await account.new_recovery_codes(gate, me, code=codes[1])
    assert (len(fresh), set(fresh) & set(codes)) == (10, set())
    assert "recovery_codes_made" in [message.kind for message in await account.list_messages(gate, me)]
    for number in range(2):
        with pytest.raises(Refusal, match="too_many_tries" if number else "second_factor_wrong"):
            await account.new_recovery_codes(gate, me, code=codes[2])


async def test_an_address_with_a_missing_slash_leads_to_no_other_host(visitor: Visitor):
    response = await visitor.get("/static", Host="evil.example.org")
    assert (response.status_code, response.headers.get("location")) == (421, None)
    assert (await visitor.get("/static")).headers.get("location") is None


def test_passwords_are_hashed_with_the_low_memory_parameters_of_rfc_9106():
    kept = CAREFUL_HASHER.hash(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    # An address that nobody has takes as long to refuse as one that somebody has.
    assert signing_in._NOBODY.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
