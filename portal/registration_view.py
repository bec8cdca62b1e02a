"""A registration as the person in it sees it; read from the database, so also while Temporal is away."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db.directory import Organization
from db.letters import pin_tries_used
from db.registrations import RegistrationRow
from domain.identifiers import Tin
from domain.registration import State
from portal.gate import Gate
from portal.refusals import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationView:
    """Where a registration stands. Times are UTC."""

    id: UUID
    reference: str
    state: State
    name: str
    email: str
    started_at: datetime
    deadline: datetime
    code_expires_at: datetime | None  # None until the newest code has left
    mail_failed: bool
    paused_until: datetime | None
    organization: str | None  # once proved, or once a billing service named itself
    tin_masked: str | None
    npi: str | None
    closing_code: str | None
    account_id: UUID | None  # once completed
    is_addition: bool  # to an account that there is (P10)
    letters_over: bool  # its PINs were tried too often: no letter can prove it any more
    is_billing: bool  # registers a billing service (T3); tells nothing before that is accepted


async def view_registration(gate: Gate, registration_id: UUID) -> RegistrationView:
    """The registration. The caller has shown a session of it. Raises `Refusal` (`not_found`)."""
    async with gate.database.read() as session:
        row = await session.get(RegistrationRow, registration_id)
        if row is None:
            raise Refusal("not_found")
        organization = await session.get(Organization, row.organization_id) if row.organization_id else None
        letters_over = await pin_tries_used(session, gate.limits, row.id)
    tin_sealed = organization.tin_sealed if organization else row.billing_tin_sealed
    return RegistrationView(
        id=row.id,
        reference=row.reference,
        state=State(row.state),
        name=gate.vault.unseal("name", row.name_sealed),
        email=gate.vault.unseal("email", row.email_sealed),
        started_at=row.started_at,
        deadline=row.deadline,
        code_expires_at=row.code_expires_at,
        mail_failed=row.mail_failed,
        paused_until=row.paused_until,
        organization=organization.name if organization else row.billing_name,
        tin_masked=Tin(gate.vault.unseal("tin", tin_sealed)).masked if tin_sealed else None,
        npi=row.npi,
        closing_code=row.closing_code,
        account_id=row.account_id,
        letters_over=letters_over,
        is_addition=row.for_account_id is not None,
        is_billing=row.billing_tin_digest is not None,
    )
