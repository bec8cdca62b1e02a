"""What staff do with a request for access: verdicts of two people on its contact, the mail sent again, another contact (T2, T7, B11)."""

from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col

from db import audit
from db.authorization_telling import subject_of
from db.authorizations import AuthorizationRow, ReviewVerdict
from domain.authorization import AuthorizationResult, ByPerson, Code, CorrectContact, GiveVerdict, State
from domain.cases import some_text
from domain.client_words import ClientStatus, status_of_request
from domain.people import business_address
from domain.recording import Payload
from portal.contact_desk import SEALED_REASON, Verdict, request_row
from portal.fields import Fields
from portal.gate import Gate, StandsElsewhere, UnknownWorkflow, remember_key, send_update
from portal.refusals import Refusal
from portal.staff import StaffMember
from portal.staff import subject_of as staff_subject
from workflows import names

_REASON_LENGTH: Final = 1000
_OVER: Final = {
    State.APPROVED: "authorization_decided",
    State.DECLINED: "authorization_decided",
    State.EXPIRED: "authorization_expired",
    State.CANCELLED: "authorization_cancelled",
}


async def give_verdict(
    gate: Gate,
    staff: StaffMember,
    authorization_id: UUID,
    *,
    contact_version: int,
    verdict: str,
    reason: str,
    key: str,
) -> AuthorizationResult:
    """Say whether the contact may be asked: two different people's `send` have the mail sent, one `refuse` ends the request.

    The verdict is of the contact that this person saw, and is written under their session before the workflow is told.
    Raises `Refusal`: `invalid_fields`, `not_found`, `contact_review_changed`, `contact_review_same_person`,
    `authorization_not_in_review`, `authorization_decided`, `authorization_expired`, `authorization_cancelled`,
    `authorization_stopped`, `key_reused`, `unavailable`.
    """
    fields = Fields()
    if verdict not in {one.value for one in Verdict}:
        fields.add("verdict", "verdict_missing", "Choose whether the contact may be asked.")
    why = fields.read(
        "reason", reason, lambda text: some_text(text, missing="Write what you found out.", most=_REASON_LENGTH)
    )
    fields.check()
    row = await request_row(gate, authorization_id)
    verdict_id = UUID(hex=gate.vault.digest("contact-verdict", f"{row.id}\0{staff.id}\0{key}")[:32])
    await remember_key(
        gate, scope=f"{row.id}/{staff.id.hex}/verdict", key=key, body=f"{contact_version}\0{verdict}\0{why}"
    )
    async with gate.database.read() as session:
        written = await session.get(ReviewVerdict, verdict_id)
    if written is None:
        _require_open(row)
        if row.contact_version != contact_version:
            raise Refusal("contact_review_changed")
        if row.state != State.IN_REVIEW:
            raise Refusal(Code.NOT_IN_REVIEW)
        written = await _write_verdict(gate, staff, row, verdict_id, verdict=verdict, reason=why or "")
    elif row.state != State.IN_REVIEW:  # the request came before, and its answer was lost
        return AuthorizationResult(accepted=True, code=Code.OK, state=State(row.state))
    # Named by the verdict: told again, the workflow answers what it answered, and one that never heard of it hears now.
    result = await _step(
        gate, row, names.GIVE_VERDICT, GiveVerdict(authorization_id=str(row.id), verdict_id=str(written.id)),
        scope=f"{row.id}/verdict", key=written.id.hex, body=str(written.id),
    )  # fmt: skip
    if not result.accepted:
        raise Refusal("contact_review_changed" if result.code == Code.VOID else result.code)
    if written.id != verdict_id and result.state is State.IN_REVIEW:
        raise Refusal("contact_review_same_person")
    return result


async def _write_verdict(
    gate: Gate, staff: StaffMember, row: AuthorizationRow, verdict_id: UUID, *, verdict: str, reason: str
) -> ReviewVerdict:
    """Write it down, or find what this person has said of this contact before.

    Raises `Refusal` (`contact_review_same_person`) where that was something else.
    """
    insert = sqlite_insert if gate.database.is_sqlite else postgresql_insert
    now = gate.now()
    async with gate.database.write() as session:
        made = await session.scalar(
            insert(ReviewVerdict)
            .values(
                id=verdict_id, authorization_id=row.id, contact_version=row.contact_version, staff_id=staff.id,
                verdict=verdict, reason_sealed=gate.vault.seal(SEALED_REASON, reason), at=now,
            )
            .on_conflict_do_nothing()
            .returning(col(ReviewVerdict.id))
        )  # fmt: skip
        standing = await session.scalar(
            select(ReviewVerdict).where(
                col(ReviewVerdict.authorization_id) == row.id,
                col(ReviewVerdict.contact_version) == row.contact_version,
                col(ReviewVerdict.staff_id) == staff.id,
            )
        )
        assert standing is not None  # noqa: S101 - just written, or the one that was in the way
        if made is not None:
            await audit.append(
                session, at=now, actor=staff_subject(staff.id), action="authorization.verdict_written",
                subject=subject_of(row.id), verdict=verdict, contact_version=row.contact_version,
            )  # fmt: skip
    if standing.verdict != verdict:
        raise Refusal("contact_review_same_person")
    return standing


async def resend(gate: Gate, staff: StaffMember, authorization_id: UUID, *, key: str) -> AuthorizationResult:
    """Have the mail with a link sent again, as often as it takes; deadline and earlier links stay as they are (T7, I9).

    Raises `Refusal`: `not_found`, `authorization_in_review`, `authorization_decided`, `authorization_expired`,
    `authorization_cancelled`, `authorization_stopped`, `key_reused`, `unavailable`.
    """
    row = await request_row(gate, authorization_id)
    cmd = ByPerson(authorization_id=str(row.id), staff_id=str(staff.id))
    return await _staff_step(gate, staff, row, names.RESEND, cmd, key=key, body="")


async def correct_contact(
    gate: Gate, staff: StaffMember, authorization_id: UUID, *, contact: str, reason: str, key: str
) -> AuthorizationResult:
    """Have another address asked; it's judged like any other, and links to the old one are dead at once (I9).

    With a `reason`, staff look at an address of the service's own domain. Raises `Refusal` as `resend` does, and
    `invalid_fields`, `contact_own_person`, `contact_own_domain`, `authorization_contact_limit`.
    """
    fields = Fields()
    address = fields.read("contact", contact, business_address)
    why = fields.read("reason", reason, lambda text: some_text(text, most=500))
    fields.check()
    assert address is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    row = await request_row(gate, authorization_id)
    cmd = CorrectContact(
        authorization_id=str(row.id), staff_id=str(staff.id), contact=address, review_reason=why or None
    )
    return await _staff_step(gate, staff, row, names.CORRECT_CONTACT, cmd, key=key, body=f"{address}\0{why or ''}")


# What these share.


def _require_open(row: AuthorizationRow) -> None:
    """Raises the refusal that says how the request has ended: one that nobody cancelled was stopped."""
    state = State(row.state)
    if state.is_final:
        is_stopped = status_of_request(state, row.closing_code) is ClientStatus.STOPPED
        raise Refusal("authorization_stopped" if is_stopped else _OVER[state], for_staff=True)


async def _staff_step(
    gate: Gate, staff: StaffMember, row: AuthorizationRow, update: str, cmd: Payload, *, key: str, body: str
) -> AuthorizationResult:
    _require_open(row)
    result = await _step(gate, row, update, cmd, scope=f"{row.id}/{staff.id.hex}/{update}", key=key, body=body)
    if not result.accepted:
        raise Refusal(result.code, retry_at=result.retry_at, for_staff=True)
    return result


async def _step(
    gate: Gate, row: AuthorizationRow, update: str, cmd: Payload, *, scope: str, key: str, body: str
) -> AuthorizationResult:
    """Send one step to the request's workflow and wait for the answer."""
    try:
        return await send_update(
            gate, names.authorization_id(str(row.id)), update, cmd, scope=scope, key=key, body=body,
            result_type=AuthorizationResult,
        )  # fmt: skip
    except StandsElsewhere as error:
        _require_open(await request_row(gate, row.id))
        raise Refusal(_OVER[State(error.state)], for_staff=True) from None
    except UnknownWorkflow:
        now = await request_row(gate, row.id)
        _require_open(now)
        raise Refusal("not_found") from None
