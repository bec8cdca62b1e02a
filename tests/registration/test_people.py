"""P6, P7: one person, one mailbox, one account, in the person's own name."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from db.accounts import Access, Account
from db.directory import NpiRecord, OrganizationNpi
from db.registrations import Evidence, RegistrationRow
from domain.identifiers import npi_with_check_digit
from domain.people import comparable_name, same_name
from domain.registration import ATTESTATION_VERSION, Code, State
from portal import account_setup, registering
from portal.refusals import Refusal
from portal.registration_view import view_registration
from tests.house import PASSWORD, House, code_in, key
from tests.registration.test_notices_and_payees import change_directory


async def name_answer(house: House, name: str, clinic, *, attests: bool = False):
    started = await house.proved(clinic)
    return await account_setup.set_up_account(
        house.gate, started.registration_id, name=name, password=PASSWORD, attests_own_name=attests, key=key()
    )


async def start_defects(house: House, **changes: object) -> list[tuple[str, str]]:
    form: dict[str, Any] = {"name": "Jo Example", "email": f"jo-{key()}@clinic.example.org", "attested": True}
    with pytest.raises(Refusal) as refused:
        await registering.start(house.gate, **{**form, **changes}, key=key(), caller=key(), client="test")
    return [(defect.field, defect.code) for defect in refused.value.fields]


@pytest.mark.parametrize(
    "mailbox",
    ["billing", "Info", "front.desk", "front-desk", "billing2", "billing+jo", "CREDENTIALING", "office_manager"],
)
async def test_P6_a_shared_mailbox_is_refused_with_the_reason(house: House, mailbox: str):
    assert await start_defects(house, email=f"{mailbox}@clinic.example.org") == [("email", "email_shared")]


async def test_P6_an_account_begins_with_the_attestation(house: House):
    assert await start_defects(house, attested=False) == [("attested", "attestation_missing")]


async def test_P6_the_attestation_is_stored_with_its_version_and_time(house: House):
    clinic = await house.new_clinic()
    before = datetime.now(UTC)
    started, _ = await house.registered(clinic)
    async with house.database.read() as session:
        row = await session.get_one(RegistrationRow, started.registration_id)
        account = await session.get_one(Account, row.account_id)
    assert row.attestation_version == account.attestation_version == ATTESTATION_VERSION
    assert before <= account.attested_at == row.started_at <= account.created_at


async def test_P6_an_address_with_an_account_gets_the_same_answers_but_no_code(house: House):
    """Only the mailbox learns of the account: every answer and every view is the same as for a new address (I16)."""
    email, new = f"has-{key()}@clinic.example.org", f"new-{key()}@clinic.example.org"
    await house.registered(await house.new_clinic(), email=email)
    known, unknown = await house.start(email=email), await house.start(email=new)
    assert known.result == unknown.result
    mail = await house.mail(to=email, subject="About your registration")
    await house.mail(to=new, subject="code")
    assert "account already" in mail.text
    assert not [one for one in house.mails(to=email, subject="code") if one.received_at > mail.received_at]
    views = []
    for started in (known, unknown):
        await house.quiet(started.registration_id)
        view = await view_registration(house.gate, started.registration_id)
        views.append((view.state, view.code_expires_at is None, view.mail_failed))
    assert views == [(State.CONFIRMING_EMAIL, False, False)] * 2
    for step in range(6):
        wrong = [
            await registering.confirm_email(house.gate, started.registration_id, code="000000", key=key())
            for started in (known, unknown)
        ]
        assert wrong[0] == wrong[1], step
    again = [await registering.send_code(house.gate, one.registration_id, key=key()) for one in (known, unknown)]
    assert again[0] == again[1]
    await house.mail(to=email, subject="About your registration", after=1)


@pytest.mark.parametrize("same", ["{}", "{} ", "{upper}"])
async def test_P6_one_address_is_one_account_however_its_written(house: House, same: str):
    email = f"dana-{key()[:8]}@clinic.example.org"
    await house.registered(await house.new_clinic(), email=email)
    await house.start(email=same.format(email, upper=email.upper()))
    await house.mail_for(email, "About your registration")


async def test_P6_of_two_registrations_of_one_address_the_second_to_complete_is_rejected(house: House):
    email = f"twice-{key()}@clinic.example.org"
    clinic, other = await house.new_clinic(), await house.new_clinic()
    first = await house.proved(clinic, email=email)
    second = await house.start(email=email)
    code = code_in(await house.mail(to=email, subject="code", after=1))
    await registering.confirm_email(house.gate, second.registration_id, code=code, key=key())
    assert (await house.prove(second, other)).accepted
    await house.secured(first)
    result = await house.try_to_secure(second)
    assert (result.accepted, result.code, result.state) == (False, Code.EMAIL_TAKEN, State.REJECTED)
    async with house.database.read() as session:
        held = await session.scalar(select(Evidence).where(col(Evidence.registration_id) == second.registration_id))
        accounts = await session.scalar(
            select(func.count())
            .select_from(Account)
            .where(col(Account.email_digest) == house.vault.digest("email", email))
        )
    assert held is not None
    assert held.released_at is not None
    assert accounts == 1
    assert (await house.prove(await house.confirmed(), other)).accepted


async def test_P6_one_person_at_two_organizations_signs_in_and_adds_the_second(house: House):
    """A second registration of the same address leads to the account; it opens nothing by itself."""
    email = f"both-{key()}@clinic.example.org"
    await house.registered(await house.new_clinic(), email=email)
    await house.start(email=email)
    mail = await house.mail(to=email, subject="About your registration")
    assert "Sign in and add it there" in mail.text


@pytest.mark.parametrize("name", ["Front Desk", "Billing Department", "front-desk", "The Billing Team", "Info", "Dr."])
async def test_P7_a_departments_name_is_refused(house: House, name: str):
    assert await start_defects(house, name=name) == [("name", "name_not_personal")]


@pytest.mark.parametrize(
    "name",
    [
        "Suharto",
        "Zoë",
        "李小龙",
        "Ngũgĩ wa Thiong’o",
        "Dr. Jo Example",
        "María-José O'Neill",
        "Jo Example, MD",
        "Ibn ʼAbd",
    ],
)
async def test_P7_one_word_and_names_of_any_script_are_fine(house: House, name: str):
    email = f"any-{key()}@clinic.example.org"
    started = await house.start(name=name, email=email)
    view = await view_registration(house.gate, started.registration_id)
    assert view.name == name
    assert name in (await house.mail(to=email)).text


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "name_missing"), (" \t ", "name_missing"), ("x" * 101, "name_length"), ("Jo\u202eelpmaxE", "name_characters"),
        ("Jo\r\nBcc: x", "name_characters"), ("=cmd()", "name_characters"), ("Jo 4", "name_characters"),
        ("www.example.org", "name_link"), ("Jo at clinic.com", "name_link"), ("jo@clinic", "name_link"), ("-Jo", "name_characters"),
        ("'' ''", "name_characters"),
    ],
)  # fmt: skip
async def test_P7_what_isnt_a_name_is_refused(house: House, name: str, code: str):
    assert await start_defects(house, name=name) == [("name", code)]


@pytest.mark.parametrize("name", ["{0}", "{1}", "{2}", "Dr. {0}", "  {0} "])
async def test_P7_the_organizations_name_is_refused(house: House, name: str):
    clinic = await house.new_clinic(
        name=f"Südpark Clinic {key()[:6].translate(str.maketrans('0123456789', 'ghijklmnop'))}"
    )
    plain = clinic.name.replace("ü", "u")
    result = await name_answer(house, name.format(clinic.name, clinic.name.upper(), plain), clinic, attests=True)
    assert (result.accepted, result.code) == (False, Code.NAME_IS_ORGANIZATION)


async def test_P7_other_names_that_nppes_knows_are_refused_too(house: House):
    clinic = await house.new_clinic()
    await change_directory(
        house,
        NpiRecord(npi=clinic.other_npi, entity_type="2", name="LAKESIDE CARE", other_names="Harbor Kids\nQuay Care"),
    )
    for name in ("Lakeside Care", "quay care", "HARBOR KIDS"):
        assert (await name_answer(house, name, clinic)).code is Code.NAME_IS_ORGANIZATION
        house_clinic = await house.new_clinic()  # each proof needs a payment of its own
        await change_directory(
            house,
            NpiRecord(
                npi=house_clinic.other_npi, entity_type="2", name="LAKESIDE CARE", other_names="Harbor Kids\nQuay Care"
            ),
        )
        clinic = house_clinic


@pytest.mark.parametrize(
    "name", ["Ada Example", "Dr. Ada Example", "ADA EXAMPLE M.D.", "Example, Ada", "Áda Example MD"]
)
async def test_P7_a_practitioners_name_needs_the_attestation(house: House, name: str):
    clinic = await house.new_clinic(practitioner="Ada Example")
    assert (await name_answer(house, name, clinic)).code is Code.NAME_NEEDS_ATTESTATION
    assert (await name_answer(house, name, await house.new_clinic(practitioner="Ada Example"), attests=True)).accepted


async def test_P7_a_sole_proprietors_own_name_needs_the_attestation(house: House):
    clinic = await house.new_clinic(name="Priya Example")
    await change_directory(house, *(NpiRecord(npi=npi, entity_type="1") for npi in (clinic.npi, clinic.other_npi)))
    assert (await name_answer(house, "Priya Example", clinic)).code is Code.NAME_NEEDS_ATTESTATION
    started_again = await house.new_clinic(name="Priya Example")
    await change_directory(
        house, *(NpiRecord(npi=npi, entity_type="1") for npi in (started_again.npi, started_again.other_npi))
    )
    assert (await name_answer(house, "Priya Example", started_again, attests=True)).accepted


async def test_P7_a_clinic_that_is_paid_under_a_doctors_npi_too_isnt_a_sole_proprietor(house: House):
    clinic = await house.new_clinic(name="Riverside Women’s Care")
    rendering = npi_with_check_digit(f"18{clinic.tin[-7:]}").digits
    await change_directory(
        house, NpiRecord(npi=rendering, entity_type="1"), OrganizationNpi(organization_id=clinic.id, npi=rendering)
    )
    result = await name_answer(house, "Riverside Women’s Care", clinic, attests=True)
    assert result.code is Code.NAME_IS_ORGANIZATION


def test_P7_names_are_compared_without_titles_accents_and_order():
    assert same_name("Dr. José Example, M.D.", "example jose")
    assert same_name("Jo Example M.D", "Jo Example")
    assert same_name("Jo Example Ph.D", "Jo Example")
    assert not same_name("Jo Example", "Joe Example")
    assert not same_name("Dr.", "Prof.")
    assert comparable_name("Zoë van der Berg") == "berg der van zoe"


async def test_P6_existing_accounts_are_told_once_with_the_newcomers_initials(house_on_both: House):
    house = house_on_both
    clinic = await house.new_clinic()
    old, new = f"old-{key()}@clinic.example.org", f"new-{key()}@clinic.example.org"
    await house.registered(clinic, email=old)
    started = await house.confirmed(email=new)
    assert (await house.prove_notice(started, clinic)).accepted
    await house.secured(started, name="Dana Newcomer")
    await house.handle(started.registration_id).result()
    told = house.mails(to=old, subject="Someone registered")
    assert len(told) == 1
    assert "D••• N•••" in told[0].text
    assert "Newcomer" not in told[0].text
    assert not house.mails(to=new, subject="Someone registered")
    async with house.database.read() as session:
        accounts = (await session.scalars(select(Access).where(col(Access.organization_id) == clinic.id))).all()
        kinds = await house.messages(session, [access.account_id for access in accounts])
    assert sorted(kinds) == ["access_opened", "access_opened", "someone_registered"]
