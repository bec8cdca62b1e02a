"""People at a clinic of whom one has left: who registered, who comes after, and what becomes of the review."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyotp
import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.client import WorkflowHandle
from temporalio.testing import TimeSkipper

from db.accounts import Access, Account, SessionRow
from db.audit import AuditEntry
from db.departures import DepartureReviewRow
from db.registrations import MailRow
from domain.departure import ReviewResult, ReviewStatus, State
from ops.mailbox import Fault
from portal import account, departure_desk, departures, newcomers, staff
from portal.departures import ColleagueWord
from portal.newcomers import NoticeView
from portal.registering import Started
from portal.registration_view import view_registration
from portal.staff import StaffMember, StaffRole
from tests.by_mail.conftest import until
from tests.colleagues.office import Office, Person, new_address
from tests.house import PASSWORD, Clinic, House, code_in, key
from workflows.departure_review import DepartureReview

LEFT = [ColleagueWord(reason="left")]


@dataclass(frozen=True, kw_only=True)
class Successor:
    """Somebody who registered where there were accounts."""

    started: Started
    person: Person


class Practice(Office):
    """What happens at a clinic when people come and go."""

    async def arriving(
        self, clinic: Clinic, *, words: Sequence[ColleagueWord] | None = None, notice: bool = False
    ) -> Started:
        """Somebody who has proved the clinic, with a payment or a notice, and told of the colleagues."""
        email = new_address()
        started = await self.house.confirmed(email=email)
        prove = self.house.prove_notice if notice else self.house.prove
        result = await prove(started, clinic)
        assert result.accepted, result
        if words:
            await departures.answer_for_colleagues(self.gate, started.registration_id, words=words, key=key())
        return started

    async def successor(
        self, clinic: Clinic, *, words: Sequence[ColleagueWord] = tuple(LEFT), notice: bool = True
    ) -> Successor:
        """Register after somebody else did; by the notice, because the check is used."""
        started = await self.arriving(clinic, words=words, notice=notice)
        secret = await self.house.secured(started)
        view = await view_registration(self.gate, started.registration_id)
        assert view.account_id is not None
        return Successor(started=started, person=await self.signed_in(view.account_id, email=view.email, secret=secret))

    async def reviews(self, departed: Person) -> list[DepartureReviewRow]:
        async with self.house.database.read() as session:
            found = await session.scalars(
                select(DepartureReviewRow)
                .where(col(DepartureReviewRow.account_id) == departed.account_id)
                .order_by(col(DepartureReviewRow.announced_at))
            )
            return list(found)

    async def review(self, departed: Person) -> DepartureReviewRow:
        """The one review of this person, once its window is open."""

        async def opened() -> DepartureReviewRow | None:
            rows = await self.reviews(departed)
            assert len(rows) == 1
            return rows[0] if rows[0].revision else None

        return await until(opened)

    async def stands(self, review_id: UUID, state: State) -> DepartureReviewRow:
        """The review, as soon as it stands here."""

        async def there() -> DepartureReviewRow | None:
            async with self.house.database.read() as session:
                row = await session.get_one(DepartureReviewRow, review_id)
            return row if row.state == state else None

        return await until(there)

    def review_handle(self, review_id: UUID) -> WorkflowHandle:
        return self.house.client.get_workflow_handle_for(DepartureReview.run, f"departure/{review_id}")

    async def review_status(self, review_id: UUID) -> ReviewStatus:
        return await self.review_handle(review_id).query(DepartureReview.status)

    async def skip_to(self, review_id: UUID, *, before: timedelta = timedelta(0)) -> None:
        """Go to this long before the end of the window, in the review's time."""
        handle = self.review_handle(review_id)
        status = await self.review_status(review_id)
        assert status.deadline is not None
        await TimeSkipper(self.house.client).fast_forward(handle, status.deadline - before - datetime.now(UTC))

    async def review_over(self, review_id: UUID) -> None:
        """Wait until the review's workflow has ended, its mails sent."""
        await asyncio.wait_for(self.review_handle(review_id).result(), 20)

    async def notice(self, person: Person, *, of: Successor | None = None) -> NoticeView:
        """The notice that somebody got, of this newcomer or the newest."""
        found = await newcomers.list_notices(self.gate, person.principal)
        reference = of and of.started.reference
        return next(one for one in found if reference in (None, one.reference))

    async def says(self, person: Person, choice: str, *, of: Successor | None = None) -> NoticeView:
        """Answer the notice with one's account."""
        notice = await self.notice(person, of=of)
        return await newcomers.answer(self.gate, person.principal, notice.id, choice=choice, key=key())

    async def code(self, person: Person, link: str, *, after: int = 0) -> str:
        """Have a code sent from the notice's page, and read it in the mailbox."""
        await newcomers.send_code(self.gate, link, key=key())
        return code_in(await self.house.mail(to=person.email, subject="Your code to answer", after=after))

    async def decide(self, review_id: UUID, verdict: str) -> ReviewResult:
        member = await self.staff_member()
        return await departure_desk.decide(
            self.gate, member, review_id, verdict=verdict, reason="Called the office.", key=key()
        )

    async def access_of(self, person: Person) -> list[str]:
        async with self.house.database.read() as session:
            found = await session.scalars(select(col(Access.status)).where(col(Access.account_id) == person.account_id))
            return list(found)

    async def account_of(self, person: Person) -> Account:
        async with self.house.database.read() as session:
            return await session.get_one(Account, person.account_id)

    async def open_sessions(self, person: Person) -> int:
        async with self.house.database.read() as session:
            found = await session.scalars(
                select(SessionRow).where(
                    col(SessionRow.subject_id) == person.account_id, col(SessionRow.revoked_at).is_(None)
                )
            )
            return len(found.all())

    async def due_mails(self, purpose: str, *, to: Person) -> int:
        """How many mails of this purpose were made due to somebody."""
        async with self.house.database.read() as session:
            found = await session.scalars(
                select(MailRow).where(col(MailRow.purpose) == purpose, col(MailRow.id).contains(str(to.account_id)))
            )
            return len(found.all())

    async def notice_link(self, person: Person, *, after: int = 0) -> str:
        """The token in the newest mail that tells of a newcomer."""
        mail = await self.house.mail(to=person.email, subject="Someone", after=after)
        found = re.search(r"/newcomer/([\w-]{43})\b", mail.text or "")
        assert found, mail.text
        return found[1]

    async def staff_member(self) -> StaffMember:
        email = f"sam.{key()[:8]}@plan.example.org"
        link = await staff.add_staff(self.gate, name="Sam Staff", email=email, role=StaffRole.AGENT)
        token = await staff.choose_password(self.gate, link_token=link, password=PASSWORD, key=key(), client="test")
        pending = await staff.pending_staff(self.gate, token)
        secret = (await staff.factor_to_set_up(self.gate, pending)).secret
        token = await staff.finish_set_up(self.gate, pending, code=pyotp.TOTP(secret).now(), client="test")
        return await staff.authenticate(self.gate, token)

    async def kinds(self, person: Person) -> list[str]:
        return [one.kind for one in await account.list_messages(self.gate, person.principal)]

    async def audited(self, subject: str) -> list[AuditEntry]:
        return list(await self.audit(subject))


@pytest.fixture
def house(sqlite_house: House) -> Iterator[House]:
    yield sqlite_house
    sqlite_house.sink.fault = Fault.NONE


@pytest.fixture
def practice(house: House) -> Practice:
    return Practice(house)


@pytest.fixture(params=["sqlite", "postgresql"])
def practice_on_both(request: pytest.FixtureRequest) -> Practice:
    return Practice(request.getfixturevalue(f"{request.param}_house"))
