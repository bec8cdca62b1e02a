"""Account set-up where the organization has accounts: masked, with a reason, and nothing inherited (P9, I15)."""

import pytest
from sqlalchemy import select
from sqlmodel import col

from db.accounts import Access
from db.departures import ColleagueAnswer
from db.registrations import Evidence
from domain.registration import Code, State, StepResult
from portal import account_setup, departures
from portal.departures import SEALED_REASON, ColleagueWord
from portal.refusals import Refusal
from tests.colleagues.office import new_address
from tests.departures.conftest import Practice
from tests.house import PASSWORD, key


async def answers(practice: Practice, registration_id: object) -> list[ColleagueAnswer]:
    async with practice.house.database.read() as session:
        found = await session.scalars(
            select(ColleagueAnswer).where(col(ColleagueAnswer.registration_id) == registration_id)
        )
        return list(found)


async def test_P9_existing_accounts_are_shown_masked_once_the_organization_is_proved(practice: Practice):
    clinic = await practice.house.new_clinic()
    colleague = await practice.administrator(clinic, email=f"ada.{key()}@clinic.example.org")
    started = await practice.house.confirmed()
    with pytest.raises(Refusal) as refused:
        await departures.existing_accounts(practice.gate, started.registration_id)
    assert refused.value.code == "wrong_state"
    await practice.house.prove_notice(started, clinic)
    shown = await departures.existing_accounts(practice.gate, started.registration_id)
    assert [(one.initials, one.email_masked) for one in shown] == [("J••• E•••", "a•••@clinic.example.org")]
    assert str(colleague.account_id) not in repr(shown)


async def test_P9_without_a_reason_the_account_is_not_set_up(practice: Practice):
    clinic = await practice.house.new_clinic()
    await practice.administrator(clinic)
    started = await practice.arriving(clinic, notice=True)
    rid = started.registration_id

    async def set_up() -> StepResult:
        return await account_setup.set_up_account(
            practice.gate, rid, name="Kim New", password=PASSWORD, attests_own_name=False, key=key()
        )

    result = await set_up()
    assert (result.accepted, result.code, result.state) == (
        False,
        Code.COLLEAGUES_UNANSWERED,
        State.SETTING_UP_ACCOUNT,
    )
    assert Refusal(result.code).answer.next_steps
    await departures.answer_for_colleagues(practice.gate, rid, words=[ColleagueWord(reason="on_leave")], key=key())
    assert (await set_up()).accepted


async def test_P9_where_there_are_no_accounts_nothing_is_asked(practice: Practice):
    clinic = await practice.house.new_clinic()
    started = await practice.arriving(clinic)
    assert await departures.existing_accounts(practice.gate, started.registration_id) == []
    result = await account_setup.set_up_account(
        practice.gate, started.registration_id, name="Kim New", password=PASSWORD, attests_own_name=False, key=key()
    )
    assert result.accepted


@pytest.mark.parametrize(
    ("words", "defect"),
    [
        ([], "reason_missing"),
        ([ColleagueWord(reason="")], "reason_missing"),
        ([ColleagueWord(reason="fired")], "reason_missing"),
        ([ColleagueWord(reason="other")], "missing"),
        ([ColleagueWord(reason="other", text="x" * 501)], "too_long"),
        ([ColleagueWord(reason="left", about="0" * 24)], "colleague_unknown"),
        ([ColleagueWord(reason="left"), ColleagueWord(reason="unknown")], "colleague_twice"),
    ],
)
async def test_P9_a_reason_that_cannot_be_meant_is_refused(practice: Practice, words: list[ColleagueWord], defect: str):
    clinic = await practice.house.new_clinic()
    await practice.administrator(clinic)
    started = await practice.arriving(clinic, notice=True)
    with pytest.raises(Refusal) as refused:
        await departures.answer_for_colleagues(practice.gate, started.registration_id, words=words, key=key())
    assert refused.value.code == "invalid_fields"
    assert [field.code for field in refused.value.fields] == [defect]
    assert await answers(practice, started.registration_id) == []


@pytest.mark.parametrize("reason", ["left", "on_leave", "other_role", "not_responding", "unknown", "other"])
async def test_P9_each_reason_is_kept_sealed_and_audited(practice_on_both: Practice, reason: str):
    practice = practice_on_both
    clinic = await practice.house.new_clinic()
    colleague = await practice.administrator(clinic)
    started = await practice.arriving(clinic, notice=True)
    shown = await departures.existing_accounts(practice.gate, started.registration_id)
    words = [ColleagueWord(reason=reason, about=shown[0].id, text="Moved to Springfield in May.")]
    same = key()
    for _ in range(2):
        await departures.answer_for_colleagues(practice.gate, started.registration_id, words=words, key=same)
    (kept,) = await answers(practice, started.registration_id)
    assert (kept.whom, kept.reason) == (str(colleague.account_id), reason)
    assert kept.text_sealed is not None
    assert b"Springfield" not in kept.text_sealed
    assert practice.gate.vault.unseal(SEALED_REASON, kept.text_sealed) == "Moved to Springfield in May."
    entries = await practice.audited(f"registration/{started.registration_id}")
    told = [entry for entry in entries if entry.action == "registration.colleagues_answered"]
    assert len(told) == 1  # I17, also when it was sent twice
    assert reason in told[0].details
    assert "Springfield" not in told[0].details


async def test_P9_all_of_them_are_those_who_were_shown(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    started = await practice.arriving(clinic, words=[ColleagueWord(reason="left")], notice=True)
    invited = await practice.colleague(departed)  # joins before the newcomer's account is made
    assert [one.whom for one in await answers(practice, started.registration_id)] == [str(departed.account_id)]
    await practice.house.secured(started)
    assert len(await practice.reviews(departed)) == 1
    assert await practice.reviews(invited) == []


@pytest.mark.parametrize("reason", ["left", "on_leave"])
async def test_P9_who_does_not_know_the_account_declares_nobody_departed(practice: Practice, reason: str):
    clinic = await practice.house.new_clinic()
    colleague = await practice.administrator(clinic)
    words = [ColleagueWord(reason=reason, about=departures.NOBODY_KNOWN)]
    started = await practice.arriving(clinic, words=words, notice=True)
    (kept,) = await answers(practice, started.registration_id)
    assert kept.whom == ""
    if reason == "left":
        assert kept.text_sealed is not None
        assert practice.gate.vault.unseal(SEALED_REASON, kept.text_sealed) == "Somebody has left."
    await practice.house.secured(started)
    assert await practice.reviews(colleague) == []
    assert "someone_registered" in await practice.kinds(colleague)


async def test_I2_the_same_key_with_another_answer_is_refused(practice: Practice):
    clinic = await practice.house.new_clinic()
    await practice.administrator(clinic)
    started = await practice.arriving(clinic, notice=True)
    same = key()
    gate, rid = practice.gate, started.registration_id
    await departures.answer_for_colleagues(gate, rid, words=[ColleagueWord(reason="unknown")], key=same)
    with pytest.raises(Refusal) as refused:
        await departures.answer_for_colleagues(gate, rid, words=[ColleagueWord(reason="left")], key=same)
    assert refused.value.code == "key_reused"
    assert [one.reason for one in await answers(practice, rid)] == ["unknown"]


async def test_I15_an_account_is_named_within_one_registration_only(practice: Practice):
    clinic, elsewhere = await practice.house.new_clinic(), await practice.house.new_clinic()
    await practice.administrator(clinic)
    await practice.administrator(elsewhere)
    started, stranger = (
        await practice.arriving(clinic, notice=True),
        await practice.arriving(elsewhere, notice=True),
    )
    shown = await departures.existing_accounts(practice.gate, started.registration_id)
    with pytest.raises(Refusal) as refused:
        await departures.answer_for_colleagues(
            practice.gate,
            stranger.registration_id,
            words=[ColleagueWord(reason="left", about=shown[0].id)],
            key=key(),
        )
    assert [field.code for field in refused.value.fields] == ["colleague_unknown"]


async def test_P9_the_newcomer_inherits_nothing(practice: Practice):
    clinic, other = await practice.house.new_clinic(), await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.invited(departed, new_address())
    async with practice.house.database.write() as session:  # the departed person sees another organization, too
        evidence = Evidence(kind="staff", organization_id=other.id, matched_at=practice.gate.now())
        session.add(evidence)
        await session.flush()
        session.add(
            Access(
                account_id=departed.account_id, organization_id=other.id, evidence_id=evidence.id, via="staff",
                opened_at=practice.gate.now(),
            )
        )  # fmt: skip
    successor = await practice.successor(clinic)
    (access,) = await practice.access(successor.person)
    async with practice.house.database.read() as session:
        evidence = await session.get_one(Evidence, access.evidence_id)
    assert (access.organization_id, evidence.kind) == (clinic.id, "notice")  # their own proof, and this one only
    assert evidence.registration_id == successor.started.registration_id
