"""What a provider's administrators do to a billing service's access: at once, told to both sides once, and nobody else may (B7)."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlmodel import col

from db.accounts import Access
from db.authorizations import GrantRow
from domain.grants import Action, ChangeGrant, GrantResult, State
from portal import granting
from portal.refusals import Refusal
from tests.colleagues.office import new_address
from tests.grants.scenes import Granted, Provider, later, lead
from tests.house import key
from workflows import names


async def forged(provider: Provider, granted: Granted, action: Action, *, account_id: object) -> GrantResult:
    """A change sent by hand, past the portal."""
    return await provider.review(granted).execute_update(
        names.CHANGE_GRANT,
        ChangeGrant(grant_id=str(granted.id), account_id=str(account_id), action=action),
        result_type=GrantResult,
    )


async def test_B7_a_provider_holds_resumes_and_revokes(provider_on_both: Provider):
    provider = provider_on_both
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)

    held = await granting.hold(provider.gate, boss.principal, granted.id, key=key())
    assert (held.state, (await provider.grant(granted)).status) == (State.HELD, "held")
    resumed = await granting.resume(provider.gate, boss.principal, granted.id, key=key())
    assert (resumed.state, (await provider.grant(granted)).status) == (State.OPEN, "open")
    revoked = await granting.revoke(provider.gate, boss.principal, granted.id, key=key())
    row = await provider.grant(granted)
    assert (revoked.state, row.status, row.closing_code) == (State.ENDED, "ended", "revoked")
    assert row.ended_at is not None
    assert [one.action for one in await provider.steps(granted) if not one.action.startswith("mail.")] == [
        "grant.kept", "grant.hold", "grant.resume", "grant.revoke",
    ]  # fmt: skip
    row = await provider.over(granted)
    assert row.revision == 4

    with pytest.raises(Refusal) as over:
        await granting.resume(provider.gate, boss.principal, granted.id, key=key())
    assert over.value.code == "grant_ended"


async def test_T6_each_change_makes_exactly_one_message_for_each_side(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    member = await provider.colleague(boss)
    granted = await provider.granted(clinic)
    name = key()
    for _ in range(3):  # the same request, sent three times
        await granting.hold(provider.gate, boss.principal, granted.id, key=name)
    await granting.resume(provider.gate, boss.principal, granted.id, key=key())
    await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=later(30), key=key())
    await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on="", key=key())
    await granting.revoke(provider.gate, boss.principal, granted.id, key=key())
    await provider.over(granted)

    assert await provider.told(lead(granted).account_id, about=granted) == [
        "grant_held", "grant_resumed", "grant_end_date", "grant_end_date", "grant_ended",
    ]  # fmt: skip
    assert await provider.told(boss.account_id, about=granted) == ["provider_grant_opened", *["grant_changed"] * 5]
    assert await provider.told(member.account_id, about=granted) == []
    mails = await provider.mailed(granted)
    assert {state for _, state in mails} == {"sent"}
    # Who did it has a message and no mail; with nobody else there, the provider's only mail is the first one.
    assert [purpose for purpose, _ in mails if purpose.startswith(("provider", "grant_changed"))] == [
        "provider_grant_opened"
    ]


async def test_B7_another_administrator_hears_by_mail_and_can_object(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    other = await provider.colleague(boss, role="administrator")
    granted = await provider.granted(clinic)
    await granting.hold(provider.gate, boss.principal, granted.id, key=key())
    mail = await provider.house.mail(to=other.email, subject="A billing service's access has changed")
    assert "is on hold" in (mail.text or "")
    assert "I did not ask for this" in (mail.text or "")
    assert f"/billing-services/{granted.id}" in (mail.text or "")
    mail = await provider.house.mail(to=lead(granted).email, subject="on hold")
    assert "The provider put it on hold." in (mail.text or "")


async def test_B7_an_access_stands_as_it_stands_only_once(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    with pytest.raises(Refusal) as refused:
        await granting.resume(provider.gate, boss.principal, granted.id, key=key())
    assert refused.value.code == "grant_unchanged"
    # Twenty at one moment are one change and nineteen that find it made.
    answers = await asyncio.gather(
        *(granting.hold(provider.gate, boss.principal, granted.id, key=key()) for _ in range(9)), return_exceptions=True
    )
    assert sum(isinstance(answer, GrantResult) for answer in answers) == 1
    assert {answer.code for answer in answers if isinstance(answer, Refusal)} == {"grant_unchanged"}
    assert (await provider.told(lead(granted).account_id, about=granted)) == ["grant_held"]


async def test_I15_who_has_no_business_there_finds_nothing(provider: Provider):
    granted = await provider.granted()
    stranger = await provider.administrator()
    for change in (granting.hold, granting.resume, granting.revoke):
        with pytest.raises(Refusal) as refused:
            await change(provider.gate, stranger.principal, granted.id, key=key())
        assert refused.value.code == "not_found"
        with pytest.raises(Refusal) as unknown:
            await change(provider.gate, stranger.principal, uuid4(), key=key())
        assert unknown.value.code == "not_found"
    with pytest.raises(Refusal) as refused:
        await granting.view_grant(provider.gate, stranger.principal, granted.id)
    assert refused.value.code == "not_found"
    assert await granting.list_grants(provider.gate, stranger.principal) == []


async def test_B7_a_member_sees_and_does_not_act(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    member = await provider.colleague(boss)
    granted = await provider.granted(clinic)
    [view] = await granting.list_grants(provider.gate, member.principal)
    assert (view.id, view.service, view.may_change) == (granted.id, granted.service.name, False)
    with pytest.raises(Refusal) as refused:
        await granting.hold(provider.gate, member.principal, granted.id, key=key())
    assert refused.value.code == "not_administrator"


async def test_B7_colleagues_of_one_npi_see_and_change_what_covers_theirs(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    part = await provider.colleague(boss, role="administrator")
    async with provider.house.database.write() as session:
        await session.execute(update(Access).where(col(Access.account_id) == part.account_id).values(npi=clinic.npi))
    whole = await provider.granted(clinic)
    own = await provider.granted(clinic, npi=clinic.npi)
    other = await provider.granted(clinic, npi=clinic.other_npi)
    seen = {view.id: view for view in await granting.list_grants(provider.gate, part.principal)}
    assert seen.keys() == {whole.id, own.id}  # all of the Tax ID shows their NPI, too
    assert (seen[whole.id].own_npis, seen[own.id].own_npis) == ((clinic.npi,), ())
    assert {view.id for view in await granting.list_grants(provider.gate, boss.principal)} == {
        whole.id, own.id, other.id,
    }  # fmt: skip
    await granting.hold(provider.gate, part.principal, own.id, key=key())
    with pytest.raises(Refusal) as refused:
        await granting.hold(provider.gate, part.principal, other.id, key=key())
    assert refused.value.code == "not_found"

    # What others have, too, they put on hold; to end it or open it again is for who looks after all of it.
    view = seen[whole.id]
    assert (view.may_hold, view.may_end, view.may_change) == (True, False, False)
    await granting.hold(provider.gate, part.principal, whole.id, key=key())
    for change in (granting.resume, granting.revoke):
        with pytest.raises(Refusal) as refused:
            await change(provider.gate, part.principal, whole.id, key=key())
        assert refused.value.code == "not_administrator"
    with pytest.raises(Refusal) as refused:
        await granting.set_end_date(provider.gate, part.principal, whole.id, ends_on=later(10), key=key())
    assert refused.value.code == "not_administrator"
    mail = await provider.house.mail(to=boss.email, subject="A billing service's access has changed")
    assert "I did not ask for this: sign in and resume or revoke it" in " ".join((mail.text or "").split())
    await granting.resume(provider.gate, boss.principal, whole.id, key=key())
    assert (await provider.grant(whole)).status == "open"


async def test_I3_a_change_sent_by_hand_changes_nothing(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    await granting.hold(provider.gate, boss.principal, granted.id, key=key())
    for account_id in (uuid4(), lead(granted).account_id):
        result = await forged(provider, granted, Action.RESUME, account_id=account_id)
        assert (result.accepted, result.code) == (False, "not_administrator")
    assert (await provider.grant(granted)).status == "held"


async def test_I20_who_lost_access_can_open_nothing_any_more(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    await granting.hold(provider.gate, boss.principal, granted.id, key=key())
    async with provider.house.database.write() as session:
        await session.execute(update(Access).where(col(Access.account_id) == boss.account_id).values(status="ended"))
    result = await forged(provider, granted, Action.RESUME, account_id=boss.account_id)
    assert (result.accepted, result.code) == (False, "not_administrator")


async def test_B7_whoever_came_after_others_waits_with_opening_not_with_closing(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    email = new_address()
    started = await provider.house.confirmed(email=email)
    result = await provider.house.prove_notice(started, clinic)
    assert result.accepted, result
    secret = await provider.house.secured(started)
    account = await provider.account(email)
    assert account is not None
    newcomer = await provider.signed_in(account.id, email=email, secret=secret)
    granted = await provider.granted(clinic, npi=clinic.npi)  # what the notice proved

    await granting.hold(provider.gate, newcomer.principal, granted.id, key=key())
    with pytest.raises(Refusal) as refused:
        await granting.resume(provider.gate, newcomer.principal, granted.id, key=key())
    assert refused.value.code == "newcomer_waits"
    assert refused.value.retry_at is not None
    await granting.resume(provider.gate, boss.principal, granted.id, key=key())
    await granting.set_end_date(provider.gate, newcomer.principal, granted.id, ends_on=later(10), key=key())
    for longer in (later(20), ""):
        with pytest.raises(Refusal) as refused:
            await granting.set_end_date(provider.gate, newcomer.principal, granted.id, ends_on=longer, key=key())
        assert refused.value.code == "newcomer_waits"
    await granting.revoke(provider.gate, newcomer.principal, granted.id, key=key())


@pytest.mark.parametrize(
    ("typed", "code"),
    [("yesterday", "date_format"), ("2020-01-01", "date_past"), ("9999-12-31", "date_format"), ("2026-02-30", "date_format")],
)  # fmt: skip
async def test_B7_an_end_date_has_to_be_one(provider: Provider, typed: str, code: str):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    with pytest.raises(Refusal) as refused:
        await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=typed, key=key())
    assert [defect.code for defect in refused.value.fields] == [code]


@pytest.mark.parametrize("before_s", [1, 0, -1])
async def test_B7_an_access_ends_exactly_with_its_last_day(provider: Provider, before_s: int):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    ends_on = later(40)
    result = await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=ends_on, key=key())
    assert result.ends_at is not None
    [view] = await granting.list_grants(provider.gate, boss.principal)
    assert view.last_day is not None
    assert view.last_day.isoformat() == ends_on
    local = (result.ends_at - timedelta(microseconds=1)).astimezone(provider.gate.zone)
    assert local.date().isoformat() == ends_on

    await provider.skip_to_end(granted, before=timedelta(seconds=before_s))
    if before_s > 0:
        held = await granting.hold(provider.gate, boss.principal, granted.id, key=key())
        assert held.state is State.HELD
        await provider.skip_to_end(granted)
    else:
        with pytest.raises(Refusal) as refused:
            await granting.hold(provider.gate, boss.principal, granted.id, key=key())
        assert refused.value.code == "grant_ended"
    row = await provider.over(granted)
    assert (row.status, row.closing_code, row.ended_at) == ("ended", "lapsed", result.ends_at)
    assert (await provider.told(lead(granted).account_id, about=granted))[-1] == "grant_ended"
    assert (await provider.told(boss.account_id, about=granted))[-1] == "grant_changed"
    mail = await provider.house.mail(to=boss.email, subject="A billing service's access has changed")
    assert "its end date has come" in (mail.text or "")


async def test_B7_another_end_date_takes_the_place_of_the_first(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    for ends_on in (later(10), later(60)):
        await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=ends_on, key=key())
    await provider.skip_to_end(granted, before=timedelta(days=30))
    assert (await provider.settled(granted)).state is State.OPEN
    await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on="", key=key())
    row = await provider.grant(granted)
    assert (row.status, row.ends_at) == ("open", None)


async def test_I20_an_end_date_ends_it_also_while_no_worker_is_up(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=later(10), key=key())
    row = await provider.grant(granted)
    assert row.ends_at is not None
    async with provider.house.database.write() as session:  # as if those days were over and nothing had been at work
        await session.execute(
            update(GrantRow).where(col(GrantRow.id) == granted.id).values(ends_at=row.ends_at - timedelta(days=12))
        )
    view = await granting.view_grant(provider.gate, boss.principal, granted.id)
    assert (view.state, view.ending, view.may_change) == (State.ENDED, "lapsed", False)


async def test_I1_a_review_cancelled_from_temporals_side_ends_the_access(provider: Provider):
    granted = await provider.granted()
    await provider.review(granted).cancel()
    row = await provider.over(granted)
    assert (row.status, row.closing_code) == ("ended", "revoked")
    assert await provider.told(lead(granted).account_id, about=granted) == ["grant_ended"]


async def test_I18_an_access_whose_workflow_was_terminated_can_still_be_revoked(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    await provider.settled(granted)
    await provider.review(granted).terminate("by hand, in Temporal's UI")
    revoked = await granting.revoke(provider.gate, boss.principal, granted.id, key=key())
    assert revoked.state is State.ENDED
    assert (await provider.over(granted)).closing_code == "revoked"
