"""Adding a Tax ID or NPI to an account over the API (P10)."""

from tests.api.visitor import V1, Visitor, assert_problem, claim, new_clinic
from tests.house import House, key

ADDITIONS = f"{V1}/access-additions"


async def begun(visitor: Visitor) -> tuple[str, str]:
    """Begin an addition; returns its id and its token."""
    response = await visitor.post(ADDITIONS)
    assert response.status_code == 201, response.text
    answer = response.json()
    assert response.headers["location"] == f"{V1}/registrations/{answer['id']}"
    assert (answer["state"], "payment-proof" in answer["open_steps"]) == ("proving", True)
    return answer["id"], answer["token"]


async def test_P10_a_tax_id_is_added_with_a_payment(house: House, visitor: Visitor):
    await visitor.signed_in(house)
    account = visitor.token
    clinic = await new_clinic(house)
    addition, token = await begun(visitor)
    listed = (await visitor.get(ADDITIONS)).json()["additions"]
    assert [(one["id"], one["state"], one["organization"]) for one in listed] == [(addition, "proving", None)]
    visitor.token, visitor.id = token, addition
    response = await visitor.post("payment-proof", claim(clinic))
    assert (response.status_code, response.json()["state"]) == (200, "completed")
    visitor.token = account
    assert (await visitor.get(ADDITIONS)).json() == {"additions": []}
    rows = (await visitor.get(f"{V1}/access")).json()["access"]
    assert clinic.name in {row["organization"] for row in rows}


async def test_P10_a_letter_is_asked_for_and_the_addition_waits(house: House, visitor: Visitor):
    await visitor.signed_in(house)
    account = visitor.token
    clinic = await new_clinic(house)
    visitor.id, visitor.token = await begun(visitor)
    addresses = (await visitor.post("letter-addresses", {"tin": clinic.tin, "npi": clinic.npi})).json()["addresses"]
    response = await visitor.post("letters", {"location_id": addresses[0]["id"]})
    assert response.json()["state"] == "awaiting_pin"
    visitor.token = account
    (listed,) = (await visitor.get(ADDITIONS)).json()["additions"]
    assert (listed["organization"], listed["open_steps"][0]) == (clinic.name, "pin")


async def test_P10_what_is_there_already_is_refused_and_uses_up_nothing(house: House, visitor: Visitor):
    clinic = await new_clinic(house)
    await visitor.registered(house, clinic)
    await visitor.sign_in((await visitor.get("recovery-codes")).json()["codes"][0])
    visitor.id, visitor.token = await begun(visitor)
    notice = {"tin": clinic.tin, "npi": clinic.npi, "document": clinic.notice}
    found = assert_problem(await visitor.post("payment-proof", notice), 409, "access_open_already")
    assert found["state"] == "proving"
    typed = {"tin": clinic.tin, "vendor": clinic.vendor}
    assert_problem(await visitor.post("letter-addresses", typed), 409, "access_open_already")


async def test_I2_one_key_begins_one_addition(house: House, visitor: Visitor):
    await visitor.signed_in(house)
    again = key()
    answers = [await visitor.post(ADDITIONS, idempotency_key=again) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len((await visitor.get(ADDITIONS)).json()["additions"]) == 1


async def test_P10_only_so_many_are_open(house: House, visitor: Visitor):
    await visitor.signed_in(house)
    for _ in range(house.gate.limits.additions_open):
        await begun(visitor)
    assert_problem(await visitor.post(ADDITIONS), 409, "too_many_open")


async def test_I15_nobody_sees_or_takes_anothers_addition(house: House, visitor: Visitor, other: Visitor):
    await visitor.signed_in(house)
    addition, _ = await begun(visitor)
    await other.signed_in(house)
    assert (await other.get(ADDITIONS)).json() == {"additions": []}
    _, other.token = await begun(other)
    assert_problem(await other.get(f"{V1}/registrations/{addition}"), 404, "not_found")
    assert_problem(await other.post(f"{V1}/registrations/{addition}/pin", {"pin": "7K3M9-QXW4T"}), 404, "not_found")
