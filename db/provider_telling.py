"""A provider hears of every billing service that asks for access, and of every access that was opened (B7)."""

from datetime import datetime, tzinfo
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.account_opening import tell
from db.accounts import Account
from db.authorizations import AuthorizationRow, DecisionRow, GrantRow
from db.colleagues import administrators, holdings_of
from db.directory import Organization
from db.grant_letter import OBJECTION, issue_code
from db.grant_telling import OPENED, scope_in_words, subject_of
from db.notice_letter_desk import plan_letter
from db.registrations import MailRow
from domain.colleagues import administers
from domain.grant_rights import Rights, concerned, ways_once_open, ways_to_answer
from domain.identifiers import Tin
from domain.people import masked_address
from domain.ports import Vault
from domain.recording import MailDue
from domain.time_words import moment_in_words

ASKED: Final = "provider_asked"
"""The kind of the messages and mails that tell a provider's people of a request."""


async def tell_provider_of_request(
    session: AsyncSession, vault: Vault, *, row: AuthorizationRow, at: datetime, zone: tzinfo
) -> tuple[MailDue, ...]:
    """Tell whom it concerns at the provider that a billing service asks; nobody where the directory knows none.

    Each hears of a request once, also where it's sent a second time.
    """
    provider = await session.scalar(
        select(Organization).where(col(Organization.tin_digest) == row.tin_digest, col(Organization.kind) == "provider")
    )
    if provider is None:
        return ()
    subject = f"authorization/{row.id}"
    told = set(
        await session.scalars(
            select(col(MailRow.id)).where(col(MailRow.subject) == subject, col(MailRow.purpose) == ASKED)
        )
    )
    values = await _values(session, vault, row, provider)
    values |= {"until": moment_in_words(row.deadline, zone), "page": f"requests/{row.id}"}
    due, holdings = [], await holdings_of(session, provider.id)
    for account_id in concerned(holdings, row.npi):
        if f"{subject}:{ASKED}:{account_id}" in told:
            continue
        values |= ways_to_answer(may_decide=administers(holdings, account_id, row.npi), npi=row.npi)
        tell(
            session, vault, account_id=account_id, cause=f"{subject}:{ASKED}", kind=ASKED, values=values, at=at
        )  # fmt: skip
        account = await session.get_one(Account, account_id)
        due.append(
            mails.make_due(
                session, vault, subject=subject, purpose=ASKED, generation=str(account_id),
                recipient=vault.unseal("email", account.email_sealed),
                values={**values, "name": vault.unseal("name", account.name_sealed)}, at=at,
            )
        )  # fmt: skip
    return tuple(due)


def who_approved(vault: Vault, decision: DecisionRow, *, organization: str) -> str:
    """The name of whoever approved, and how far it's known: that of an account, or one that was typed."""
    known = (
        f"administrator of {organization}, signed in" if decision.via == "account" else "name given with the approval"
    )
    return f"{vault.unseal('name', decision.name_sealed)} ({known})"


async def tell_provider_of_grant(
    session: AsyncSession, vault: Vault, *, row: AuthorizationRow, grant: GrantRow, at: datetime, zone: tzinfo
) -> tuple[MailDue, ...]:
    """Tell whom it concerns at the provider that an access was opened, each with a link of their own to object.

    Where nobody administers all that was opened, a letter to the address of record is made due, too; the access's workflow
    hands it over.
    """
    holdings = await holdings_of(session, grant.organization_id)
    if not administrators(holdings, grant.npi):
        letter = await plan_letter(session, grant.organization_id, at=at, zone=zone)
        if letter is not None:
            letter.grant_id = grant.id
            issue_code(session, vault, grant)
    provider = await session.get_one(Organization, grant.organization_id)
    decision = await session.get_one(DecisionRow, grant.decision_id)
    values = {
        **await _values(session, vault, row, provider),
        "decided_by": who_approved(vault, decision, organization=provider.name),
        "page": f"billing-services/{grant.id}",
    }
    subject, due = subject_of(grant.id), []
    for number, account_id in enumerate(concerned(holdings, grant.npi), start=1):
        values |= ways_once_open(Rights.of(holdings, account_id, grant.npi))
        tell(
            session, vault, account_id=account_id, cause=f"{subject}:{OPENED}", kind=OPENED, values=values, at=at
        )  # fmt: skip
        account = await session.get_one(Account, account_id)
        due.append(
            mails.make_due(
                session, vault, subject=subject, purpose=OPENED, generation=str(account_id),
                recipient=vault.unseal("email", account.email_sealed),
                values={**values, "name": vault.unseal("name", account.name_sealed)}, at=at,
                secret=mails.issue_secret(
                    session, vault, subject=subject, purpose=OBJECTION, generation=number
                ),
            )
        )  # fmt: skip
    return tuple(due)


async def _values(session: AsyncSession, vault: Vault, row: AuthorizationRow, provider: Organization) -> dict[str, str]:
    service = await session.get_one(Organization, row.billing_id)
    return {
        "organization": provider.name,
        "organization_tin": Tin(vault.unseal("tin", provider.tin_sealed)).masked,
        "service": service.name,
        "scope": scope_in_words(row.npi),
        "contact": masked_address(vault.unseal("email", row.contact_sealed)),
        "reference": row.reference,
    }
