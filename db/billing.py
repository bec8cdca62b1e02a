"""Billing services: what there is to know of one beside its organization's row, and whose addresses are theirs (T3, T4)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from db.accounts import Access, Account
from db.columns import UtcDateTime
from db.directory import Organization
from domain.independence import same_mailbox_key
from domain.mail_domains import domain_of, is_free_mail
from domain.ports import Vault


class BillingService(SQLModel, table=True):
    """A third party that bills for providers, registered with its own TIN (T3). Nothing but its people's word proves it."""

    __tablename__ = "billing_service"

    organization_id: UUID = Field(primary_key=True, foreign_key="organization.id")
    registration_id: UUID | None = Field(default=None, foreign_key="registration.id")  # None: made by staff
    registered_at: datetime = Field(sa_type=UtcDateTime)
    open_limit: int | None = None  # most open requests, where staff have raised it


async def belongs_to_billing_service(session: AsyncSession, vault: Vault, address: str) -> bool:
    """Whether somebody with open access to a billing service has this mailbox, or an address of the same domain (T4).

    A free-mail domain tells nothing of who shares it: there only the mailbox itself counts. Addresses are sealed, so those
    of all billing services' people are read, some hundredths of a second per thousand. Whoever asks counts the question
    first: the answer tells of people elsewhere (I16).
    """
    people = await session.scalars(
        select(col(Account.email_sealed)).where(
            col(Account.closed_at).is_(None),
            col(Account.id).in_(
                select(col(Access.account_id))
                .join(Organization, col(Organization.id) == col(Access.organization_id))
                .where(col(Organization.kind) == "billing", col(Access.status) == "open")
            ),
        )
    )
    mailbox, domain = same_mailbox_key(address), domain_of(address)
    shares_nothing = is_free_mail(domain)
    for sealed in people:
        theirs = vault.unseal("email", sealed)
        if same_mailbox_key(theirs) == mailbox or (not shares_nothing and domain_of(theirs) == domain):
            return True
    return False
