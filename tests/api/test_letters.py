"""Registering by US Mail over the API (P2, B3, B5, B6)."""

import pytest

from db.counting import count
from db.registrations import Counter
from domain.print_shop import DeliveryKind
from portal.registering import Started
from tests.api.visitor import Visitor, assert_problem, new_clinic
from tests.by_mail.conftest import PostOffice, pin_on, until, wrong
from tests.house import PASSWORD, Clinic, House, key


@pytest.fixture
def post(house: House) -> PostOffice:
    return PostOffice(house)


def typed(clinic: Clinic, **changes: str) -> dict[str, str]:
    return {"tin": clinic.tin, "vendor": clinic.vendor, **changes}


async def asked(visitor: Visitor, clinic: Clinic) -> None:
    """Choose the first address and ask for a letter."""
    addresses = (await visitor.post("letter-addresses", typed(clinic))).json()["addresses"]
    response = await visitor.post("letters", {"location_id": addresses[0]["id"]})
    assert (response.status_code, response.json()["state"]) == (200, "awaiting_pin"), response.text


async def printed(visitor: Visitor, house: House) -> tuple[dict[str, object], str]:
    """The newest letter as the API tells it, and its PIN, once the print shop has it."""
    folder = house.settings.data_dir / "letters" / "batches"

    async def look() -> tuple[dict[str, object], str] | None:
        letter = (await visitor.get("letters")).json()["letters"][0]
        found = list(folder.glob(f"*/{letter['id']}.pdf"))
        return (letter, pin_on(found[0])) if letter["state"] == "handed_over" and found else None

    return await until(look)


async def test_P2_from_the_masked_addresses_to_the_account(house: House, visitor: Visitor, post: PostOffice):
    clinic = await new_clinic(house)
    await visitor.confirmed(house)
    response = await visitor.post("letter-addresses", typed(clinic))
    assert response.status_code == 200
    answer = response.json()
    assert [one["masked"] for one in answer["addresses"]] == ["1•• M••• St, Springfield, IL 627••"]
    assert answer["state"] == "proving"
    assert (await visitor.get("letters")).json() == {"letters": []}
    response = await visitor.post("letters", {"location_id": answer["addresses"][0]["id"]})
    assert response.json() == {
        "state": "awaiting_pin",
        "open_steps": ["pin", "payment-proof", "letter-addresses", "letters", "billing-service", "withdrawal"],
    }
    letter, pin = await printed(visitor, house)
    assert pin.replace("-", "") not in str(letter).upper()
    started = Started(id_of(visitor), "", "", None)  # type: ignore[arg-type]
    view, _ = await post.letter(started)
    await post.mailed(started, view)
    letter = (await visitor.get("letters")).json()["letters"][0]
    assert letter["state"] == "mailed"
    assert letter["expires_at"] > letter["mailed_at"]
    response = await visitor.post("pin", {"pin": pin.lower().replace("-", " ")})
    assert (response.status_code, response.json()["state"]) == (200, "setting_up_account")
    assert (await visitor.post("account", {"name": "Jo Example", "password": PASSWORD})).status_code == 200


def id_of(visitor: Visitor):
    from uuid import UUID

    return UUID(visitor.id)


async def test_P2_wrong_pins_are_counted_and_paused(house: House, visitor: Visitor):
    clinic = await new_clinic(house)
    await visitor.confirmed(house)
    await asked(visitor, clinic)
    _, pin = await printed(visitor, house)
    found = assert_problem(await visitor.post("pin", {"pin": "123"}), 422, "invalid_fields")
    assert found["fields"][0]["code"] == "pin_length"
    for left in (4, 3, 2, 1, 0):
        found = assert_problem(await visitor.post("pin", {"pin": wrong(pin)}), 422, "pin_wrong")
        assert (found["tries_left"], found["state"]) == (left, "awaiting_pin")
    found = assert_problem(await visitor.post("pin", {"pin": pin}), 429, "pin_paused")
    assert found["retry_at"]


async def test_P2_letters_have_their_time(house: House, visitor: Visitor):
    clinic = await new_clinic(house)
    await visitor.confirmed(house)
    await asked(visitor, clinic)
    addresses = (await visitor.post("letter-addresses", typed(clinic))).json()["addresses"]
    response = await visitor.post("letters", {"location_id": addresses[0]["id"]})
    assert assert_problem(response, 429, "letters_limit")["retry_at"]
    assert len((await visitor.get("letters")).json()["letters"]) == 1


async def test_P2_a_mismatch_reads_like_any_other(house: House, visitor: Visitor):
    clinic, other = await new_clinic(house), await new_clinic(house)
    await visitor.confirmed(house)
    found = [
        assert_problem(await visitor.post("letter-addresses", typed(clinic, **changes)), 422, "organization_no_match")
        for changes in ({"vendor": other.vendor}, {"tin": "009999998"}, {"vendor": "", "npi": other.npi})
    ]
    assert [one.pop("tries_left") for one in found] == [4, 3, 2]
    for one in found:
        one.pop("request_id")
    assert found[0] == found[1] == found[2]


async def test_I15_an_address_of_another_organization_gets_no_letter(house: House, visitor: Visitor, other: Visitor):
    clinic, foreign = await new_clinic(house), await new_clinic(house)
    await visitor.confirmed(house)
    await other.confirmed(house)
    location = (await other.post("letter-addresses", typed(foreign))).json()["addresses"][0]["id"]
    await visitor.post("letter-addresses", typed(clinic))
    for identifier in (location, "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f4f", "x"):
        found = assert_problem(await visitor.post("letters", {"location_id": identifier}), 409, "no_usable_address")
        assert found["state"] == "proving"


async def test_P2_no_pin_is_taken_before_a_letter_was_asked_for(house: House, visitor: Visitor):
    await visitor.confirmed(house)
    assert assert_problem(await visitor.post("pin", {"pin": "7K3M9-QXW4T"}), 409, "wrong_state")["state"] == "proving"


async def test_I2_asked_twice_with_one_key_is_one_letter(house: House, visitor: Visitor):
    clinic = await new_clinic(house)
    await visitor.confirmed(house)
    addresses = (await visitor.post("letter-addresses", typed(clinic))).json()["addresses"]
    again, body = key(), {"location_id": addresses[0]["id"]}
    answers = [await visitor.post("letters", body, idempotency_key=again) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert len((await visitor.get("letters")).json()["letters"]) == 1
    assert_problem(await visitor.post("letters", {"location_id": "other"}, idempotency_key=again), 422, "key_reused")


async def test_B5_a_returned_letter_is_told_and_a_payment_goes_on(house: House, visitor: Visitor, post: PostOffice):
    clinic = await new_clinic(house)
    await visitor.confirmed(house)
    await asked(visitor, clinic)
    _, pin = await printed(visitor, house)
    view, _ = await post.letter(Started(id_of(visitor), "", "", None))  # type: ignore[arg-type]
    await post.tell(view, DeliveryKind.RETURNED)

    async def returned() -> bool | None:
        return (await visitor.get("letters")).json()["letters"][0]["state"] == "returned" or None

    await until(returned)
    assert assert_problem(await visitor.post("pin", {"pin": pin}), 422, "pin_letters_locked")["state"] == "proving"
    proof = {**typed(clinic), "document": clinic.check, "amount": clinic.amount}
    assert (await visitor.post("payment-proof", proof)).json()["state"] == "setting_up_account"


async def test_P2_letters_that_can_never_work_are_refused_with_a_way_on(house: House, visitor: Visitor):
    clinic = await new_clinic(house)
    await visitor.confirmed(house)
    await asked(visitor, clinic)
    _, pin = await printed(visitor, house)
    async with house.database.write() as session:
        await count(session, "pin-life", visitor.id, at=house.gate.now())
        (await session.get_one(Counter, ("pin-life", visitor.id))).count = house.gate.limits.pin_tries_in_life - 1
    responses = [
        await visitor.post("pin", {"pin": wrong(pin)}),
        await visitor.post("letter-addresses", typed(clinic)),
        await visitor.post("letters", {"location_id": "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f4f"}),
    ]
    for response in responses:
        found = assert_problem(response, 409, "pin_tries_used")
        assert found["state"] == "proving"
        assert not any("letter" in step.lower() for step in found["next"])
    assert (await visitor.get("")).json()["open_steps"] == ["payment-proof", "billing-service", "withdrawal"]
