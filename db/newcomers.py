"""A newcomer got access to an organization that has accounts: everyone there is told, and who is said to have left is reviewed (P9)."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.account_opening import tell
from db.accounts import Access, Account
from db.colleagues import lock_organization
from db.database import Database
from db.departures import (
    ColleagueAnswer,
    DepartureClaim,
    DepartureReviewRow,
    NewcomerNotice,
    NoticeLetterRow,
)
from db.notice_letter_desk import plan_letter
from db.registrations import MailRow, RegistrationRow
from domain.departure import (
    FindNewcomerDue,
    NewcomerDue,
    Reason,
    StartDepartureReview,
    State,
    last_day,
    objection_deadline,
)
from domain.limits import Limits
from domain.people import masked_name
from domain.ports import Vault
from domain.recording import MailDue

LINK: Final = "notice"
"""The purpose of the secret in a notice's mail."""
PURPOSES: Final = ("someone_registered", "departure_claimed")
"""The mails that tell of a newcomer: to a colleague, and to who is said to have left."""
EVERYONE: Final = ""
"""For whom an answer is that was given for all existing accounts."""


async def accounts_with_access(
    session: AsyncSession, organization_id: UUID, *, but: UUID | None = None
) -> Sequence[Account]:
    """The open accounts with open access to an organization, the oldest first."""
    holders = select(col(Access.account_id)).where(
        col(Access.organization_id) == organization_id, col(Access.status) == "open"
    )
    found = await session.scalars(
        select(Account)
        .where(col(Account.id).in_(holders), col(Account.closed_at).is_(None), col(Account.id).is_distinct_from(but))
        .order_by(col(Account.created_at), col(Account.id))
    )
    return found.all()


async def has_answered(session: AsyncSession, row: RegistrationRow) -> bool:
    """Whether the registrant has said why existing accounts can't help; true as well when there are none."""
    assert row.organization_id is not None  # noqa: S101 - narrows the type; only proved registrations ask
    existing = {str(account.id) for account in await accounts_with_access(session, row.organization_id)}
    answers = await session.scalars(
        select(col(ColleagueAnswer.whom)).where(col(ColleagueAnswer.registration_id) == row.id)
    )
    return not existing or any(whom == EVERYONE or whom in existing for whom in answers)


async def tell_existing_accounts(
    session: AsyncSession, vault: Vault, limits: Limits, *, row: RegistrationRow, at: datetime, zone: tzinfo
) -> bool:
    """Tell everyone who has access already, have a letter printed, and begin or join a review of each who is said to have left.

    Within the transaction that opened the newcomer's access, so that each is told exactly once. False where there is nobody to tell.
    """
    assert row.organization_id is not None  # noqa: S101 - narrows the type; the registration is completed
    assert row.account_id is not None  # noqa: S101 - as above
    # Two newcomers at one moment come after one another: the second one finds the first, and its reviews.
    organization = await lock_organization(session, row.organization_id)
    existing = await accounts_with_access(session, organization.id, but=row.account_id)
    if not existing:
        return False
    deadline = objection_deadline(at.astimezone(zone), business_days=limits.objection_business_days)
    newcomer = await session.get_one(Account, row.account_id)
    left = await _said_to_have_left(session, row.id)
    subject = f"registration/{row.id}"
    values = {
        "organization": organization.name,
        "newcomer": masked_name(vault.unseal("name", newcomer.name_sealed)),  # in mails; messages are read signed in
        "reference": row.reference,
    }
    for number, colleague in enumerate(existing, start=1):
        is_claimed, until = EVERYONE in left or str(colleague.id) in left, deadline
        if is_claimed:
            review = await _review_of(session, row, colleague.id, at=at, deadline=deadline)
            session.add(DepartureClaim(review_id=review.id, registration_id=row.id, at=at))
            until = review.deadline
        session.add(
            NewcomerNotice(
                registration_id=row.id, number=number, account_id=colleague.id, organization_id=organization.id,
                at=at, until=until,
            )
        )  # fmt: skip
        kind = "departure_claimed" if is_claimed else "someone_registered"
        told = {
            **values,
            "name": vault.unseal("name", colleague.name_sealed),
            "until": last_day(until.astimezone(zone)),
        }
        named = {**told, "newcomer": vault.unseal("name", newcomer.name_sealed)}
        tell(session, vault, account_id=colleague.id, cause=f"{subject}:notice", kind=kind, values=named, at=at)
        mails.make_due(
            session,
            vault,
            subject=subject,
            purpose=kind,
            generation=str(colleague.id),
            recipient=vault.unseal("email", colleague.email_sealed),
            values=told,
            at=at,
            secret=mails.issue_secret(session, vault, subject=subject, purpose=LINK, generation=number),
        )
    await _letter(session, row, names_departed=bool(left), at=at, until=deadline, zone=zone)
    if left:
        tell(
            session, vault, account_id=newcomer.id, cause=f"{subject}:departures", kind="departure_opened",
            values={**values, "until": last_day(deadline.astimezone(zone))}, at=at,
        )  # fmt: skip
    return True


async def _said_to_have_left(session: AsyncSession, registration_id: UUID) -> set[str]:
    found = await session.scalars(
        select(col(ColleagueAnswer.whom)).where(
            col(ColleagueAnswer.registration_id) == registration_id, col(ColleagueAnswer.reason) == Reason.LEFT
        )
    )
    return set(found)


async def _review_of(
    session: AsyncSession, row: RegistrationRow, account_id: UUID, *, at: datetime, deadline: datetime
) -> DepartureReviewRow:
    """The open review of this account, or a new one."""
    review = await session.scalar(
        select(DepartureReviewRow).where(
            col(DepartureReviewRow.organization_id) == row.organization_id,
            col(DepartureReviewRow.account_id) == account_id,
            col(DepartureReviewRow.state).in_([State.OPEN, State.CONTESTED]),
        )
    )
    if review is not None:
        return review
    assert row.organization_id is not None  # noqa: S101 - narrows the type; the caller has looked
    review = DepartureReviewRow(
        id=uuid4(),
        reference=row.reference,
        revision=0,
        state=State.OPEN,
        organization_id=row.organization_id,
        account_id=account_id,
        announced_at=at,
        updated_at=at,
        deadline=deadline,
    )
    session.add(review)
    await session.flush()
    return review


async def _letter(
    session: AsyncSession, row: RegistrationRow, *, names_departed: bool, at: datetime, until: datetime, zone: tzinfo
) -> None:
    assert row.organization_id is not None  # noqa: S101 - narrows the type; the caller has looked
    letter = await plan_letter(session, row.organization_id, at=at, zone=zone)
    if letter is not None:
        letter.registration_id, letter.names_departed, letter.until = row.id, names_departed, until


class SqlNewcomerDesk:
    """The `NewcomerDesk` port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, cmd: FindNewcomerDue) -> NewcomerDue:
        registration_id = UUID(cmd.registration_id)
        async with self._database.read() as session:
            told = await session.execute(
                select(col(MailRow.id), col(MailRow.purpose))
                .where(col(MailRow.subject) == f"registration/{registration_id}", col(MailRow.purpose).in_(PURPOSES))
                .order_by(col(MailRow.id))
            )
            # Also one that another newcomer is about to start: whoever comes second finds it started.
            reviews = await session.scalars(
                select(DepartureReviewRow)
                .join(DepartureClaim, col(DepartureClaim.review_id) == col(DepartureReviewRow.id))
                .where(col(DepartureClaim.registration_id) == registration_id, col(DepartureReviewRow.revision) == 0)
                .order_by(col(DepartureReviewRow.id))
            )
            letter_id = await session.scalar(
                select(col(NoticeLetterRow.id)).where(col(NoticeLetterRow.registration_id) == registration_id)
            )
            return NewcomerDue(
                mails=tuple(MailDue(mail_id=mail_id, purpose=purpose) for mail_id, purpose in told.all()),
                reviews=tuple(StartDepartureReview(review_id=str(one.id), reference=one.reference) for one in reviews),
                letter_id=str(letter_id) if letter_id else None,
            )
