"""The way from nothing to access, on both databases."""

from sqlalchemy import select
from sqlmodel import col

from db.accounts import Access, Account, Message
from domain.registration import State
from portal.registration_view import view_registration
from tests.house import House, key


async def test_P1_a_check_gives_immediate_access(house_on_both: House):
    house = house_on_both
    clinic = await house.new_clinic()
    email = f"jo-{key()}@clinic.example.org"
    started, _ = await house.registered(clinic, email=email)
    view = await view_registration(house.gate, started.registration_id)
    assert view.state is State.COMPLETED
    async with house.database.read() as session:
        account = (
            await session.scalars(select(Account).join(Access).where(col(Access.organization_id) == clinic.id))
        ).one()
        access = (await session.scalars(select(Access).where(col(Access.organization_id) == clinic.id))).one()
        message = (await session.scalars(select(Message).where(col(Message.account_id) == account.id))).one()
    assert (access.account_id, access.organization_id, access.npi) == (account.id, clinic.id, None)
    assert message.kind == "access_opened"
    welcome = await house.mail(to=email, subject="ready")
    assert clinic.name in (welcome.text or "")
    result = await house.handle(started.registration_id).result()
    assert result.state == State.COMPLETED
