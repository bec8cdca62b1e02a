"""Registering through the API, from a name to access."""

import asyncio
from collections import Counter

import pyotp

from db.registrations import Counter as CounterRow
from tests.api.visitor import V1, Visitor, assert_problem, claim, new_clinic
from tests.house import PASSWORD, House, code_in, key


async def test_P1_a_check_registers_a_person_step_by_step(house: House, visitor: Visitor):
    clinic = await new_clinic(house)
    begun = await visitor.start()
    assert begun.status_code == 201
    assert begun.headers["location"] == f"{V1}/registrations/{visitor.id}"
    assert begun.json()["state"] == "confirming_email"
    assert begun.json()["reference"].startswith("R-")
    code = code_in(await house.mail(to=visitor.email, subject="code"))
    assert (await visitor.post("email-confirmation", {"code": code})).json()["state"] == "proving"
    proved = await visitor.post("payment-proof", claim(clinic))
    assert proved.json() == {"state": "setting_up_account", "open_steps": ["account", "reconsider", "withdrawal"]}
    shown = (await visitor.get("")).json()
    assert (shown["organization"], shown["name"], shown["tin_masked"][-4:]) == (
        clinic.name,
        "Jo Example",
        clinic.tin[-4:],
    )
    account = await visitor.post("account", {"name": "Jo Example", "password": PASSWORD})
    assert account.json()["state"] == "securing_account"
    factor = (await visitor.get("second-factor")).json()
    assert factor["secret"] in factor["uri"]
    done = await visitor.post("second-factor", {"code": pyotp.TOTP(factor["secret"]).now()})
    assert done.json()["state"] == "completed"
    codes = (await visitor.get("recovery-codes")).json()["codes"]
    assert len(set(codes)) == 10
    for _ in range(2):
        assert (await visitor.post("recovery-codes/saved")).status_code == 204
    assert_problem(await visitor.get("recovery-codes"), 404, "not_found")


async def test_P3_a_notice_needs_its_prefix_and_the_npi(house: House, visitor: Visitor):
    clinic = await new_clinic(house)
    await visitor.confirmed(house)
    with_vendor = await visitor.post("payment-proof", claim(clinic, document=clinic.notice))
    found = assert_problem(with_vendor, 422, "invalid_fields")
    assert [(one["field"], one["code"]) for one in found["fields"]] == [("npi", "notice_needs_npi")]
    notice = {"tin": clinic.tin, "npi": clinic.npi, "document": clinic.notice.lower()}
    assert (await visitor.post("payment-proof", notice)).json()["state"] == "setting_up_account"


async def test_P1_a_mismatch_is_counted_and_never_says_which_field(house: House, visitor: Visitor, other: Visitor):
    clinic = await new_clinic(house)
    await visitor.confirmed(house)
    wrong = {}
    for name, changes in {
        "amount": {"amount": "9.99"},
        "document": {"document": "777"},
        "vendor": {"vendor": "V0"},
    }.items():
        found = assert_problem(await visitor.post("payment-proof", claim(clinic, **changes)), 422, "payment_no_match")
        wrong[name] = found.pop("tries_left")
        found.pop("request_id")
        assert found == {**found, "state": "proving"}
        assert name not in found["detail"]
    assert wrong == {"amount": 4, "document": 3, "vendor": 2}


async def test_I2_a_step_sent_twice_with_one_key_is_one_step(house: House, visitor: Visitor):
    clinic = await new_clinic(house)
    await visitor.confirmed(house)
    one = key()
    answers = [await visitor.post("payment-proof", claim(clinic, amount="1"), idempotency_key=one) for _ in range(3)]
    assert {answer.json()["tries_left"] for answer in answers} == {4}
    answers = await asyncio.gather(
        *(visitor.post("payment-proof", claim(clinic, amount="2"), idempotency_key="k" * 16) for _ in range(5))
    )
    assert {answer.json()["tries_left"] for answer in answers} == {3}
    assert_problem(await visitor.post("payment-proof", claim(clinic), idempotency_key=one), 422, "key_reused")
    assert (await visitor.get("")).json()["state"] == "proving"


async def test_I2_beginning_twice_with_one_key_is_one_registration(house: House, visitor: Visitor):
    one = key()
    first, second = [await visitor.start(idempotency_key=one) for _ in range(2)]
    assert first.json() == second.json()
    assert_problem(await visitor.start(name="Ann Other", idempotency_key=one), 422, "key_reused")
    await house.mail(to=visitor.email, subject="code")
    assert len(house.mails(to=visitor.email)) == 1


async def test_I13_fifty_parallel_wrong_proofs_count_exactly(house: House, visitor: Visitor):
    clinic = await new_clinic(house)
    await visitor.confirmed(house)

    async def prove(number: int) -> str:
        one, code = key(), "unavailable"
        while code == "unavailable":  # Temporal takes ten at once from one registration; the same request comes again
            response = await visitor.post("payment-proof", claim(clinic, amount=f"{number}.00"), idempotency_key=one)
            code = response.json()["code"]
        return code

    codes = Counter(await asyncio.gather(*(prove(number) for number in range(1, 51))))
    tries = house.settings.limits.payment_tries
    assert codes == {"payment_no_match": tries, "payment_paused": 50 - tries}
    async with house.database.read() as session:
        counted = await session.get_one(CounterRow, ("payment", visitor.id))
    assert counted.count == 50


async def test_a_step_in_another_state_says_where_the_registration_stands(house: House, visitor: Visitor):
    await visitor.start()
    found = assert_problem(await visitor.post("payment-proof", claim(await new_clinic(house))), 409, "wrong_state")
    assert found["state"] == "confirming_email"
    found = assert_problem(await visitor.get("second-factor"), 409, "wrong_state")
    assert found["state"] == "confirming_email"


async def test_a_wrong_code_is_counted_and_a_new_one_can_be_had(house: House, visitor: Visitor):
    await visitor.start()
    code = code_in(await house.mail(to=visitor.email, subject="code"))
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    found = assert_problem(await visitor.post("email-confirmation", {"code": wrong}), 422, "code_wrong")
    assert found["tries_left"] == 4
    assert_problem(await visitor.post("email-confirmation", {"code": "12"}), 422, "invalid_fields")
    assert (await visitor.post("email-code")).json()["state"] == "confirming_email"
    newer = code_in(await house.mail(to=visitor.email, subject="code", after=1))
    assert (await visitor.post("email-confirmation", {"code": f" {newer[:3]} {newer[3:]} "})).json()[
        "state"
    ] == "proving"


async def test_a_withdrawn_registration_is_gone(house: House, visitor: Visitor):
    await visitor.confirmed(house)
    one = key()
    assert (await visitor.post("withdrawal", idempotency_key=one)).json() == {"state": "withdrawn", "open_steps": []}
    found = assert_problem(
        await visitor.post("payment-proof", claim(await new_clinic(house))), 410, "registration_withdrawn"
    )
    assert found["state"] == "withdrawn"
    assert (await visitor.get("")).json()["state"] == "withdrawn"


async def test_too_many_registrations_from_one_address_have_to_wait(visitor: Visitor, house: House):
    for _ in range(house.settings.limits.registrations_per_address):
        assert (await visitor.start()).status_code == 201
    found = assert_problem(await visitor.start(), 429, "too_many_tries")
    assert "retry_at" in found


async def test_I16_a_resume_link_is_answered_the_same_for_everybody(house: House, visitor: Visitor, other: Visitor):
    await visitor.confirmed(house)
    known = await other.post(f"{V1}/resume-links", {"email": visitor.email})
    unknown = await other.post(f"{V1}/resume-links", {"email": "nobody@clinic.example.org"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (202, b'{"accepted":true}')
    mail = await house.mail(to=visitor.email, after=1)
    token = _token_in(mail.text or "")
    reference = (await visitor.get("")).json()["reference"]
    for typed in (reference.lower().replace("-", " "), "R-0000-0000-0000"):
        named = await other.post(f"{V1}/resume-links", {"email": typed})
        assert (named.status_code, named.content) == (known.status_code, known.content)
    assert "/resume/" in ((await house.mail(to=visitor.email, after=2)).text or ""), "to its own address"
    found = assert_problem(await other.post(f"{V1}/resume-links", {"email": "R-12"}), 422, "invalid_fields")
    assert found["fields"][0]["code"] == "email_or_reference"
    one = key()
    first = await other.post(f"{V1}/resume", {"token": token}, idempotency_key=one)
    assert first.json()["id"] == visitor.id
    again = await other.post(f"{V1}/resume", {"token": token}, idempotency_key=one)
    assert again.json() == first.json()
    assert_problem(await other.post(f"{V1}/resume", {"token": token}), 410, "link_dead")
    other.id, other.token = visitor.id, first.json()["token"]
    assert (await other.get("")).json()["state"] == "proving"


async def test_I2_a_resume_link_asked_for_twice_with_one_key_is_mailed_once(house: House, visitor: Visitor):
    await visitor.confirmed(house)
    one = key()
    for _ in range(3):
        assert (
            await visitor.post(f"{V1}/resume-links", {"email": visitor.email}, idempotency_key=one)
        ).status_code == 202
    await house.mail(to=visitor.email, after=1)
    await visitor.post("withdrawal")  # the last step that could mail anything is over
    assert len(house.mails(to=visitor.email)) == 2


def _token_in(text: str) -> str:
    link = next(word for word in text.split() if "/resume" in word)
    return link.rstrip(".").rpartition("/")[2].rpartition("#")[2].rpartition("=")[2]
