"""A provider's business contact at work: reads the mail, follows the link, answers, and types the code."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from db.audit import AuditEntry
from db.authorizations import DecisionRow, GrantRow
from ops.mailbox import Mail
from portal import answer_sheet, deciding, sessions
from portal.answer_sheet import AnswerSheet
from portal.sessions import Principal, SessionKind
from portal.sitting import Sitting
from tests.authorization.scenes import Request
from tests.house import House, code_in, key

Found = TypeVar("Found")
CODE_MAIL = "Your code to confirm your answer"


async def until(look: Callable[[], Awaitable[Found | None]]) -> Found:
    """What is looked for, as soon as it's there."""
    async with asyncio.timeout(20):
        while (found := await look()) is None:
            await asyncio.sleep(0.05)
    return found


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Who reads one mailbox."""

    house: House
    email: str
    name: str = "Kim Contact"
    role: str = "Office manager"

    async def mail(self, *, subject: str = "A billing service asks for access", after: int = 0) -> Mail:
        return await self.house.mail(to=self.email, subject=subject, after=after)

    async def link(self, request: Request) -> str:
        """The token in the first mail about this request."""
        await self.mail()

        async def there() -> str | None:
            for mail in self.house.mails(to=self.email):
                found = re.search(r"/answer/(\S+)", mail.text or "")
                if found and request.reference in (mail.text or ""):
                    return found[1]
            return None

        return await until(there)

    async def sheet(self, request: Request) -> AnswerSheet:
        return await answer_sheet.follow_link(self.house.gate, await self.link(request))

    async def begin(
        self,
        request: Request,
        choice: str = "approve",
        *,
        others: Mapping[UUID, str] | None = None,
        idempotency_key: str | None = None,
        link: str | None = None,
    ) -> Principal:
        """Send the form; the code is on its way then."""
        token = await deciding.begin_sitting(
            self.house.gate,
            link or await self.link(request),
            answers={str(request.id): choice, **{str(one): other for one, other in (others or {}).items()}},
            name=self.name,
            role=self.role,
            attested=True,
            client="test",
            key=idempotency_key or key(),
        )
        return await sessions.authenticate(self.house.gate, token, SessionKind.SITTING)

    def codes_sent(self) -> int:
        return len(self.house.mails(to=self.email, subject=CODE_MAIL))

    async def code(self, *, after: int = 0) -> str:
        return code_in(await self.mail(subject=CODE_MAIL, after=after))

    async def begun(self, request: Request, choice: str = "approve", **options: object) -> tuple[Principal, str]:
        """Send the form and read the code."""
        before = self.codes_sent()
        sitting = await self.begin(request, choice, **options)  # type: ignore[arg-type]  # passed on as they are
        return sitting, await self.code(after=before)

    async def answers(self, request: Request, choice: str = "approve", **options: object) -> Sitting:
        """Answer from the mail to the outcome."""
        sitting, code = await self.begun(request, choice, **options)
        return await deciding.confirm(self.house.gate, sitting, code=code, key=key())


async def decisions_of(house: House, request: Request) -> list[DecisionRow]:
    async with house.database.read() as session:
        found = await session.scalars(select(DecisionRow).where(col(DecisionRow.authorization_id) == request.id))
        return list(found)


async def outcomes_of(house: House, request: Request) -> dict[str, str]:
    """What became of each choice, once every confirmed decision has an outcome."""

    async def settled() -> dict[str, str] | None:
        rows = [row for row in await decisions_of(house, request) if row.confirmed_at]
        return {row.choice: row.outcome for row in rows if row.outcome} if all(row.outcome for row in rows) else None

    return await until(settled)


async def grants_of(house: House, request: Request) -> int:
    async with house.database.read() as session:
        query = select(func.count()).select_from(GrantRow).where(col(GrantRow.authorization_id) == request.id)
        return await session.scalar(query) or 0


async def audited(house: House, request: Request) -> list[str]:
    """The actions that the audit has of a request, in their order."""
    async with house.database.read() as session:
        found = await session.scalars(
            select(col(AuditEntry.action))
            .where(col(AuditEntry.subject) == f"authorization/{request.id}")
            .order_by(col(AuditEntry.position))
        )
        return list(found)


def another(code: str) -> str:
    """A code that is well formed and wrong."""
    return f"{(int(code) + 1) % 1_000_000:06}"
