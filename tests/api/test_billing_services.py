"""Registering a billing service over the API, and going from one path to the other (T3, T4, B6)."""

import pyotp

from tests.api.visitor import V1, Visitor, assert_problem, new_clinic
from tests.billing.conftest import Service, new_service
from tests.house import PASSWORD, House


def told(service: Service, **changes: str) -> dict[str, str]:
    return {"name": service.name, "tin": service.tin, **changes}


async def test_T3_a_billing_service_registers_to_the_end(house: House, visitor: Visitor):
    service = new_service()
    visitor.email = service.email
    await visitor.confirmed(house)
    assert "billing-service" in (await visitor.get("")).json()["open_steps"]
    response = await visitor.post("billing-service", told(service))
    assert response.json() == {"state": "setting_up_account", "open_steps": ["account", "reconsider", "withdrawal"]}
    found = (await visitor.get("")).json()
    assert (found["organization"], found["is_billing"], found["npi"]) == (service.name, True, None)
    assert found["tin_masked"].endswith(service.tin[-4:])
    assert service.tin not in str(found)
    assert (await visitor.post("account", {"name": "Jo Example", "password": PASSWORD})).status_code == 200
    secret = (await visitor.get("second-factor")).json()["secret"]
    assert (await visitor.post("second-factor", {"code": pyotp.TOTP(secret).now()})).json()["state"] == "completed"
    await visitor.sign_in((await visitor.get("recovery-codes")).json()["codes"][0])
    [row] = (await visitor.get(f"{V1}/access")).json()["access"]
    assert (row["kind"], row["via"], row["npi"], row["organization"]) == ("billing", "billing", None, service.name)


async def test_B6_a_providers_tin_is_refused_with_what_to_do_now(house: House, visitor: Visitor):
    clinic, service = await new_clinic(house), new_service()
    await visitor.confirmed(house)
    found = assert_problem(await visitor.post("billing-service", told(service, tin=clinic.tin)), 422, "tin_is_provider")
    assert (found["state"], found["tries_left"]) == ("proving", 4)
    assert clinic.name not in str(found)
    assert clinic.tin not in str(found)
    found = assert_problem(
        await visitor.post("billing-service", told(service, tin="1", name="=1+1")), 422, "invalid_fields"
    )
    assert {defect["field"] for defect in found["fields"]} == {"tin", "name"}


async def test_T4_reconsidering_opens_the_other_path(house: House, visitor: Visitor):
    clinic, service = await new_clinic(house), new_service()
    visitor.email = service.email
    await visitor.proved(house, clinic)
    response = await visitor.post("reconsider")
    assert (response.status_code, response.json()["state"]) == (200, "proving")
    assert (await visitor.get("")).json()["name"] == "Jo Example"
    assert_problem(await visitor.post("reconsider"), 409, "wrong_state")
    assert (await visitor.post("billing-service", told(service))).json()["state"] == "setting_up_account"


async def test_T4_a_billing_services_person_is_not_invited_by_a_provider(
    house: House, visitor: Visitor, other: Visitor
):
    service = new_service()
    other.email = service.email
    await other.confirmed(house)
    await other.post("billing-service", told(service))
    await other.post("account", {"name": "Jo Example", "password": PASSWORD})
    secret = (await other.get("second-factor")).json()["secret"]
    await other.post("second-factor", {"code": pyotp.TOTP(secret).now()})
    await visitor.signed_in(house)
    organization = (await visitor.get(f"{V1}/colleagues")).json()["organizations"][0]
    body = {"access_id": organization["inviting"][0]["access_id"], "email": f"kim@{service.domain}"}
    found = assert_problem(await visitor.post(f"{V1}/invitations", body), 409, "invitee_bills")
    assert any("register their billing service" in step for step in found["next"])
