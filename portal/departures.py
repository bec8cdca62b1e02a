"""Newcomers and those who have accounts: why colleagues can't help, what is said to the notice, and taking a mistake back (P9)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlmodel import col

from db import audit
from db.accounts import Account
from db.departures import ColleagueAnswer, DepartureClaim, DepartureReviewRow, NewcomerNotice
from db.directory import Organization
from db.newcomers import EVERYONE, accounts_with_access
from db.registrations import RegistrationRow
from domain.cases import some_text
from domain.departure import Code, Reason, ReviewResult, State, WithdrawClaim, last_day
from domain.people import masked_address, masked_name
from domain.recording import Payload
from domain.registration import State as RegistrationState
from portal.fields import Fields
from portal.gate import Gate, StandsElsewhere, UnknownWorkflow, remember_key_in, send_update, wrong_state
from portal.refusals import Refusal
from portal.registration_view import view_registration
from portal.sessions import Principal
from workflows import names

_NAMED_IN_AUDIT: Final = 10
_SOMEBODY_LEFT: Final = "Somebody has left."
_SETTING_UP: Final = frozenset({RegistrationState.SETTING_UP_ACCOUNT, RegistrationState.SECURING_ACCOUNT})
SEALED_REASON: Final = "colleague-answer"
NOBODY_KNOWN: Final = "unknown"
"""As `ColleagueWord.about`: the newcomer doesn't know which account it was. Nobody is said to have left then."""


@dataclass(frozen=True, slots=True)
class ExistingAccount:
    """An account that the registrant's organization has, as much of it as a colleague recognises."""

    id: str  # means something within this registration only
    initials: str
    email_masked: str


@dataclass(frozen=True, slots=True)
class ColleagueWord:
    """Why a colleague can't help. `about` is an `ExistingAccount.id`, `NOBODY_KNOWN`, or empty for all that are listed."""

    reason: str
    about: str = ""
    text: str = ""  # needed with the reason "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimView:
    """What a newcomer said of a colleague, and where the review of it stands. `until`: the end of the time to object."""

    review_id: UUID
    organization: str
    colleague: str
    reference: str
    state: State
    until: datetime
    last_day: str  # to object, in words
    is_withdrawn: bool

    @property
    def may_withdraw(self) -> bool:
        return not self.is_withdrawn and not self.state.is_final


# At account set-up.


async def existing_accounts(gate: Gate, registration_id: UUID) -> list[ExistingAccount]:
    """The accounts of the organization that was proved, masked; only while the account is being set up.

    The caller has shown a session of the registration. Raises `Refusal`: `wrong_state`, `registration_…`, `not_found`.
    """
    view = await view_registration(gate, registration_id)
    if view.state not in _SETTING_UP:
        raise wrong_state(view.state)
    return [
        ExistingAccount(
            id=_masked_id(gate, registration_id, account.id),
            initials=masked_name(gate.vault.unseal("name", account.name_sealed)),
            email_masked=masked_address(gate.vault.unseal("email", account.email_sealed)),
        )
        for account in await _existing(gate, registration_id)
    ]


async def colleagues_were_told(gate: Gate, registration_id: UUID) -> bool:
    """Whether anybody had an account there when this newcomer got theirs, and was told."""
    async with gate.database.read() as session:
        found = await session.scalar(
            select(col(NewcomerNotice.id)).where(col(NewcomerNotice.registration_id) == registration_id).limit(1)
        )
    return found is not None


async def answer_for_colleagues(gate: Gate, registration_id: UUID, *, words: Sequence[ColleagueWord], key: str) -> None:
    """Say why existing accounts can't help; one answer for one of them or for all is enough to go on.

    Takes the place of what was said before; kept sealed with the registration, audited, and acted on when the account is
    made. Raises `Refusal`: `invalid_fields`, `wrong_state`, `registration_…`, `not_found`, `key_reused`.
    """
    view = await view_registration(gate, registration_id)
    accounts = {
        _masked_id(gate, registration_id, account.id): account.id for account in await _existing(gate, registration_id)
    }
    parsed = _read(words, accounts)
    now, body = gate.now(), "\0".join(f"{word.about}\0{word.reason}\0{word.text}" for word in words)
    async with gate.database.write() as session:
        fresh = await remember_key_in(session, gate, scope=f"{registration_id}/colleagues", key=key, body=body)
        if not fresh:
            return
        row = await session.get(RegistrationRow, registration_id, with_for_update=True)
        if row is None or RegistrationState(row.state) not in _SETTING_UP:
            raise wrong_state(view.state if row is None else RegistrationState(row.state))
        await session.execute(delete(ColleagueAnswer).where(col(ColleagueAnswer.registration_id) == registration_id))
        for whom, (reason, text) in parsed.items():
            session.add(
                ColleagueAnswer(
                    id=uuid4(),
                    registration_id=registration_id,
                    whom=whom,
                    reason=reason,
                    text_sealed=gate.vault.seal(SEALED_REASON, text) if text else None,
                    at=now,
                )
            )
        reasons: dict[str, str | int] = {
            f"about_{whom or NOBODY_KNOWN}": str(reason) for whom, (reason, _) in parsed.items()
        }
        if len(reasons) > _NAMED_IN_AUDIT:  # an entry has room for a few; the answers themselves have them all
            reasons = dict(Counter(str(reason) for reason, _ in parsed.values()))
        await audit.append(
            session, at=now, actor="registrant", action="registration.colleagues_answered",
            subject=f"registration/{registration_id}", **reasons,
        )  # fmt: skip


async def _existing(gate: Gate, registration_id: UUID) -> Sequence[Account]:
    async with gate.database.read() as session:
        row = await session.get(RegistrationRow, registration_id)
        if row is None or row.organization_id is None or RegistrationState(row.state) not in _SETTING_UP:
            return ()
        return await accounts_with_access(session, row.organization_id)


def _masked_id(gate: Gate, registration_id: UUID, account_id: UUID) -> str:
    return gate.vault.digest("existing-account", f"{registration_id}\0{account_id}")[:24]


def _read(words: Sequence[ColleagueWord], accounts: dict[str, UUID]) -> dict[str, tuple[Reason, str]]:
    """What was said, by account id (empty: it isn't known whom). Raises `Refusal` (`invalid_fields`).

    All are those that are listed now: who joins afterwards was never meant.
    """
    fields, parsed = Fields(), dict[str, tuple[Reason, str]]()
    if not words:
        fields.add("reason", "reason_missing", "Choose why your colleagues can’t help you.")
    for word in words:
        meant = _meant(word.about, accounts)
        if meant is None:
            fields.add("about", "colleague_unknown", "Choose whom you tell us about.")
        if word.reason not in {reason.value for reason in Reason}:
            fields.add("reason", "reason_missing", "Choose why your colleagues can’t help you.")
            continue
        reason = Reason(word.reason)
        missing = "Write why your colleagues can’t help you." if reason is Reason.OTHER else ""

        def read_text(text: str, missing: str = missing) -> str:
            return some_text(text, missing=missing, most=500)

        text = fields.read("text", word.text, read_text)
        if meant is None:
            continue
        if parsed.keys() & set(meant):
            fields.add("about", "colleague_twice", "Say it once for each colleague.")
        if word.about == NOBODY_KNOWN and reason is Reason.LEFT:
            # A departure without a person begins no review: the words are kept, nobody's access is at stake.
            reason, text = Reason.UNKNOWN, f"{_SOMEBODY_LEFT} {text or ''}".strip()
        parsed |= dict.fromkeys(meant, (reason, text or ""))
    fields.check()
    return parsed


def _meant(about: str, accounts: dict[str, UUID]) -> tuple[str, ...] | None:
    if not about:
        return tuple(str(account_id) for account_id in accounts.values())
    if about == NOBODY_KNOWN:
        return (EVERYONE,)
    return (str(accounts[about]),) if about in accounts else None


# What a newcomer said, afterwards.


async def list_claims(gate: Gate, principal: Principal) -> list[ClaimView]:
    """What the signed-in person told of colleagues who have left, the newest first."""
    async with gate.database.read() as session:
        rows = await session.execute(
            select(DepartureClaim, DepartureReviewRow, Organization, Account)
            .join(DepartureReviewRow, col(DepartureReviewRow.id) == col(DepartureClaim.review_id))
            .join(RegistrationRow, col(RegistrationRow.id) == col(DepartureClaim.registration_id))
            .join(Organization, col(Organization.id) == col(DepartureReviewRow.organization_id))
            .join(Account, col(Account.id) == col(DepartureReviewRow.account_id))
            .where(col(RegistrationRow.account_id) == principal.subject_id)
            .order_by(col(DepartureClaim.at).desc(), col(DepartureClaim.id))
        )
        return [
            ClaimView(
                review_id=review.id,
                organization=organization.name,
                colleague=masked_name(gate.vault.unseal("name", account.name_sealed)),
                reference=review.reference,
                state=State(review.state),
                until=review.deadline,
                last_day=last_day(review.deadline.astimezone(gate.zone)),
                is_withdrawn=claim.withdrawn_at is not None,
            )
            for claim, review, organization, account in rows.all()
        ]


async def withdraw_claim(gate: Gate, principal: Principal, review_id: UUID, *, key: str) -> ReviewResult:
    """The newcomer says that it was a mistake: the review is over unless another newcomer says the same.

    Raises `Refusal`: `not_found` for an unknown or foreign one (I15), `departure_over`, `key_reused`, `unavailable`.
    """
    async with gate.database.read() as session:
        found = (
            await session.execute(
                select(DepartureClaim, DepartureReviewRow)
                .join(DepartureReviewRow, col(DepartureReviewRow.id) == col(DepartureClaim.review_id))
                .join(RegistrationRow, col(RegistrationRow.id) == col(DepartureClaim.registration_id))
                .where(
                    col(DepartureClaim.review_id) == review_id, col(RegistrationRow.account_id) == principal.subject_id
                )
                .limit(1)
            )
        ).first()
    if found is None:
        raise Refusal("not_found")
    claim, review = found
    if claim.withdrawn_at is not None:  # done before; again is the same as once
        return ReviewResult(accepted=True, code=Code.OK, state=State(review.state))
    cmd = WithdrawClaim(registration_id=str(claim.registration_id))
    return await send_review_update(gate, review_id, names.WITHDRAW, cmd, by=str(principal.subject_id), key=key)


async def send_review_update(
    gate: Gate, review_id: UUID, update: str, cmd: Payload, *, by: str, key: str
) -> ReviewResult:
    """Send one step to a review and wait for the answer; the same key and body of one sender get the same answer."""
    try:
        result = await send_update(
            gate, names.departure_id(str(review_id)), update, cmd, scope=f"departure/{review_id}/{by}/{update}"[:120],
            key=key, body=cmd.model_dump_json(), result_type=ReviewResult,
        )  # fmt: skip
    except StandsElsewhere:
        raise Refusal("departure_over") from None
    except UnknownWorkflow:
        raise await over_or_away(gate, review_id) from None
    if not result.accepted:
        raise Refusal(result.code, retry_at=result.retry_at)
    return result


async def over_or_away(gate: Gate, review_id: UUID) -> Refusal:
    """Temporal knows no such open review: it's over, or it's about to be started."""
    async with gate.database.read() as session:
        row = await session.get(DepartureReviewRow, review_id)
    if row is None:
        return Refusal("not_found")
    return Refusal("departure_over" if State(row.state).is_final else "unavailable")
