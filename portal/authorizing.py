"""Asking for access: what a person of a billing service does to get, and keep track of, a provider's yes (T1, T5, T7)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Access, Account
from db.authorization_asking import Asking, Room
from db.authorization_asking import room_of as _room_of
from db.authorizations import AuthorizationRow
from db.directory import Organization
from domain.authorization import (
    NEVER_SENT,
    AskAuthorization,
    AuthorizationResult,
    AuthorizationTerms,
    ByPerson,
    Code,
    CorrectContact,
    StartAuthorization,
    State,
)
from domain.cases import some_text
from domain.identifiers import Npi, Tin
from domain.organization_name import organization_name
from domain.people import business_address
from domain.recording import Payload
from portal.fields import Fields
from portal.gate import Gate, StandsElsewhere, UnknownWorkflow, remember_key, send_update
from portal.refusals import Refusal
from portal.registering import reference_of
from portal.sessions import Principal
from portal.starting import start_and_ask
from workflows import names

_REASON_LENGTH: Final = 500
_SEALED_REASON: Final = "review-reason"
_OVER: Final = {
    State.APPROVED: "authorization_decided",
    State.DECLINED: "authorization_decided",
    State.EXPIRED: "authorization_expired",
    State.CANCELLED: "authorization_cancelled",
}
"""What a step of a request is refused with once the request has ended (T7: after a decision 409)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingServiceView:
    """A billing service that a person belongs to."""

    id: UUID
    name: str
    tin_masked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """One request as somebody typed it: whom to ask for access to which provider, all of its TIN or one Type 2 NPI."""

    tin: str
    npi: str = ""
    provider_name: str
    contact: str
    review_reason: str = ""


@dataclass(frozen=True, slots=True)
class Requested:
    """A new request, or the refusal of one. Where another one stands in the way, `result.standing_id` names it (T5)."""

    authorization_id: UUID
    reference: str
    result: AuthorizationResult


@dataclass(frozen=True, slots=True)
class _Asked:
    """An `AccessRequest`, well formed."""

    tin: Tin
    npi: Npi | None
    provider_name: str
    contact: str
    review_reason: str | None

    @property
    def body(self) -> str:
        npi = self.npi.digits if self.npi else ""
        return "\0".join((self.tin.digits, npi, self.provider_name, self.contact, self.review_reason or ""))


async def list_services(gate: Gate, account_id: UUID) -> Sequence[BillingServiceView]:
    """The billing services that an account has open access to, in the order of their names."""
    async with gate.database.read() as session:
        rows = await session.scalars(
            select(Organization)
            .join(Access, col(Access.organization_id) == col(Organization.id))
            .join(Account, col(Account.id) == col(Access.account_id))
            .where(
                col(Access.account_id) == account_id,
                col(Access.status) == "open",
                col(Account.closed_at).is_(None),
                col(Organization.kind) == "billing",
            )
            .distinct()
            .order_by(col(Organization.name), col(Organization.id))
        )
        return [
            BillingServiceView(
                id=row.id, name=row.name, tin_masked=Tin(gate.vault.unseal("tin", row.tin_sealed)).masked
            )
            for row in rows
        ]


async def require_services(gate: Gate, account_id: UUID) -> Sequence[BillingServiceView]:
    """`list_services`; raises `Refusal` (`not_billing_service`) when there is none."""
    services = await list_services(gate, account_id)
    if not services:
        raise Refusal(Code.NOT_BILLING)
    return services


async def room_of(gate: Gate, service: BillingServiceView) -> Room:
    """How many requests of the billing service are open, and how many may be; support can raise that."""
    async with gate.database.read() as session:
        return await _room_of(session, gate.limits, service.id)


async def request_access(
    gate: Gate,
    principal: Principal,
    *,
    billing_id: UUID | None,
    tin: str,
    npi: str,
    provider_name: str,
    contact: str,
    review_reason: str,
    key: str,
) -> Requested:
    """Ask a provider's business contact for access. The same key and body ask once.

    `billing_id` may be left out by somebody of one billing service only. Nothing of the directory is looked at (I16).
    Comes back as a result when it was looked at: `authorization_open`, `authorization_granted`, `authorization_cool_down`,
    `authorizations_open_limit`, `authorizations_limit`, `authorization_contact_limit`, `authorization_own_tin`,
    `contact_own_person`, `contact_own_domain`, `not_billing_service`. Raises `Refusal`: `invalid_fields`, `not_billing_service`, `not_found`, `key_reused`,
    `unavailable`.
    """
    request = AccessRequest(tin=tin, npi=npi, provider_name=provider_name, contact=contact, review_reason=review_reason)
    return await ask_for(gate, principal.subject_id, billing_id=billing_id, request=request, key=key)


async def ask_for(
    gate: Gate, account_id: UUID, *, billing_id: UUID | None, request: AccessRequest, key: str
) -> Requested:
    """`request_access` for an account whose session was looked at before: also each line of a list of its own."""
    asked, billing_id = await _read(gate, account_id, billing_id, request)
    is_new = await remember_key(gate, scope=f"{account_id}/authorizations", key=key, body=f"{billing_id}\0{asked.body}")
    authorization_id = UUID(hex=gate.vault.digest("authorization-id", f"{account_id}\0{key}")[:32])
    reference = reference_of(authorization_id, letter="A")
    if not is_new and (made := await _made(gate, authorization_id)) is not None:
        return Requested(authorization_id, reference, made)
    start = StartAuthorization(
        authorization_id=str(authorization_id),
        reference=reference,
        billing_id=str(billing_id),
        requester_id=str(account_id),
        tin=asked.tin.digits,
        npi=asked.npi.digits if asked.npi else None,
        provider_name=asked.provider_name,
        contact=asked.contact,
        review_reason=asked.review_reason,
        terms=AuthorizationTerms(
            life=gate.limits.authorization_life,
            contact_reminders=gate.limits.authorization_reminders,
            requester_reminders=gate.limits.authorization_requester_reminders,
            code_life=gate.limits.code_life,
        ),
    )
    refused = await _refused_already(gate, start)
    return Requested(authorization_id, reference, refused or await _start(gate, start))


async def _read(gate: Gate, account_id: UUID, billing_id: UUID | None, request: AccessRequest) -> tuple[_Asked, UUID]:
    """Whose request it is and what it says. A billing service that isn't one's own looks unknown (I15)."""
    services = await require_services(gate, account_id)
    fields = Fields()
    if billing_id is None and len(services) > 1:
        fields.add("billing_id", "billing_missing", "Choose for which of your billing services you ask.")
    asked = read_request(fields, request)
    billing_id = billing_id or services[0].id
    if billing_id not in {service.id for service in services}:
        raise Refusal("not_found")
    return asked, billing_id


def read_request(fields: Fields, request: AccessRequest) -> _Asked:
    """Every field is looked at, and all defects are told at once. Raises `Refusal` (`invalid_fields`)."""
    provider_name = fields.read("provider_name", request.provider_name, organization_name)
    tin = fields.read("tin", request.tin, Tin.parse)
    npi = fields.read("npi", request.npi, Npi.parse) if request.npi.strip() else None
    contact = fields.read("contact", request.contact, business_address)
    reason = fields.read("review_reason", request.review_reason, lambda text: some_text(text, most=_REASON_LENGTH))
    fields.check()
    # A check that passed left every field in place.
    assert tin is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    assert provider_name is not None  # noqa: S101 - as above
    assert contact is not None  # noqa: S101 - as above
    return _Asked(tin, npi, provider_name, contact, reason or None)


async def _refused_already(gate: Gate, start: StartAuthorization) -> AuthorizationResult | None:
    """What the first step would refuse anyway, before a workflow begins: asked for, granted, declined lately, too many."""
    vault = gate.vault
    probe = AuthorizationRow(
        id=uuid4(), reference="", revision=0, state="new", billing_id=UUID(start.billing_id),
        requester_id=UUID(start.requester_id), tin_digest=vault.digest("tin", start.tin), tin_sealed=b"", npi=start.npi,
        scope=start.npi or "", provider_name="", provider_key="", contact_digest="", contact_sealed=b"",
        contact_rule="", requested_at=gate.now(), updated_at=gate.now(), deadline=gate.now(),
    )  # fmt: skip
    async with gate.database.read() as session:
        # A request that was begun with this very key isn't in its own way.
        if await session.get(AuthorizationRow, UUID(start.authorization_id)) is not None:
            return None
        refusal = await Asking(session, vault, gate.limits, probe, at=gate.now()).refusal()
    return refusal.result() if refusal else None


async def _start(gate: Gate, start: StartAuthorization) -> AuthorizationResult:
    return await start_and_ask(
        gate,
        names.PROVIDER_AUTHORIZATION,
        start,
        workflow_id=names.authorization_id(start.authorization_id),
        ask=AskAuthorization(authorization_id=start.authorization_id),
        result_type=AuthorizationResult,
        summary=f"Request for access {start.reference}",
        reference=start.reference,
        state=State.SENT,
        made=lambda: _made(gate, UUID(start.authorization_id)),
    )


async def _made(gate: Gate, authorization_id: UUID) -> AuthorizationResult | None:
    """How a request that was sent before was answered, for when Temporal can't say any more."""
    async with gate.database.read() as session:
        row = await session.get(AuthorizationRow, authorization_id)
        if row is None:
            return None
        if row.closing_code not in NEVER_SENT:
            return AuthorizationResult(accepted=True, code=Code.OK, state=State(row.state))
        refusal = await Asking(session, gate.vault, gate.limits, row, at=gate.now()).refusal()
    standing_id = refusal.standing_id if refusal and refusal.code == row.closing_code else None
    return AuthorizationResult(
        accepted=False, code=Code(row.closing_code), state=State(row.state), standing_id=standing_id
    )


async def own_row(gate: Gate, principal: Principal, authorization_id: UUID) -> AuthorizationRow:
    """A request of one of the person's billing services, whoever of it asked.

    Raises `Refusal` (`not_found`) for any other one, and for one that was refused before it was a request (I15).
    """
    services = {service.id for service in await list_services(gate, principal.subject_id)}
    async with gate.database.read() as session:
        row = await _find(session, authorization_id)
    if row is None or row.billing_id not in services:
        raise Refusal("not_found")
    return row


async def _find(session: AsyncSession, authorization_id: UUID) -> AuthorizationRow | None:
    row = await session.get(AuthorizationRow, authorization_id)
    return None if row is None or row.closing_code in NEVER_SENT else row


async def resend(gate: Gate, principal: Principal, authorization_id: UUID, *, key: str) -> AuthorizationResult:
    """Have the mail with a link sent again; the deadline and earlier links stay as they are (T7, I9).

    Comes back as a result when it was looked at: `authorization_resend_limit`, `authorization_resend_pause`,
    `authorization_in_review`, `not_billing_service`. Raises `Refusal`: `not_found`, `authorization_decided`,
    `authorization_expired`, `authorization_cancelled`, `key_reused`, `unavailable`.
    """
    row = await own_row(gate, principal, authorization_id)
    cmd = ByPerson(authorization_id=str(row.id), account_id=str(principal.subject_id))
    return await _step(gate, row, names.RESEND, cmd, key=key, body=str(principal.subject_id))


async def cancel(gate: Gate, principal: Principal, authorization_id: UUID, *, key: str) -> AuthorizationResult:
    """End the request; its links are dead at once. Comes back and raises as `resend` does."""
    row = await own_row(gate, principal, authorization_id)
    cmd = ByPerson(authorization_id=str(row.id), account_id=str(principal.subject_id))
    return await _step(gate, row, names.CANCEL, cmd, key=key, body=str(principal.subject_id))


async def correct_contact(
    gate: Gate, principal: Principal, authorization_id: UUID, *, contact: str, review_reason: str, key: str
) -> AuthorizationResult:
    """Have another address asked instead; links to the old one are dead at once, the deadline stays (T7, I9).

    Comes back as a result also with what a new request's contact can be refused for, and with
    `contact_unchanged` and `authorization_corrections_limit`. Raises `Refusal` as `resend` does, and `invalid_fields`.
    """
    fields = Fields()
    address = fields.read("contact", contact, business_address)
    reason = fields.read("review_reason", review_reason, lambda text: some_text(text, most=_REASON_LENGTH))
    fields.check()
    assert address is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    row = await own_row(gate, principal, authorization_id)
    cmd = CorrectContact(
        authorization_id=str(row.id),
        account_id=str(principal.subject_id),
        contact=address,
        review_reason=reason or None,
    )
    body = f"{principal.subject_id}\0{address}\0{reason or ''}"
    return await _step(gate, row, names.CORRECT_CONTACT, cmd, key=key, body=body)


async def request_again(
    gate: Gate, principal: Principal, authorization_id: UUID, *, contact: str = "", key: str
) -> Requested:
    """Ask once more for what this request was for, linked to it; also with another `contact` (T7).

    For one that expired, was declined or cancelled, or whose access has ended. Comes back and raises as
    `request_access` does: while it's open, `authorization_open`.
    """
    row = await own_row(gate, principal, authorization_id)
    request = typed_before(gate, row)
    if contact.strip():
        request = replace(request, contact=contact)
    return await ask_for(gate, principal.subject_id, billing_id=row.billing_id, request=request, key=key)


def typed_before(gate: Gate, row: AuthorizationRow) -> AccessRequest:
    """What was typed for an earlier request, to ask again."""
    reason = row.review_reason_sealed
    return AccessRequest(
        tin=gate.vault.unseal("tin", row.tin_sealed),
        npi=row.npi or "",
        provider_name=row.provider_name,
        contact=gate.vault.unseal("email", row.contact_sealed),
        review_reason=gate.vault.unseal(_SEALED_REASON, reason) if reason else "",
    )


async def _step(
    gate: Gate, row: AuthorizationRow, update: str, cmd: Payload, *, key: str, body: str
) -> AuthorizationResult:
    """Send one step to the request's workflow and wait for the answer."""
    try:
        return await send_update(
            gate, names.authorization_id(str(row.id)), update, cmd, scope=f"{row.id}/{update}", key=key, body=body,
            result_type=AuthorizationResult,
        )  # fmt: skip
    except StandsElsewhere as error:
        raise Refusal(_OVER[State(error.state)]) from None
    except UnknownWorkflow:
        async with gate.database.read() as session:
            now = await session.get_one(AuthorizationRow, row.id)
        # Closed, and perhaps forgotten by Temporal: the database says how it ended.
        if State(now.state).is_final:
            raise Refusal(_OVER[State(now.state)]) from None
        raise Refusal("not_found") from None
