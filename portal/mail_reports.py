"""What mail servers tell later of mails that they had taken: told on to whoever waits for it, once (B5)."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col
from temporalio.service import RPCError, RPCStatusCode

from db import audit
from db.authorization_telling import LINK_MAILS, subject_of
from db.authorizations import AuthorizationRow
from db.mail_reports import MailReportRow
from db.registrations import MailRow
from domain.authorization import MailReported, State
from domain.ports import RecordsUnavailable
from gateways.bounce_mailbox import BounceMailbox
from gateways.delivery_status import DeliveryReport, ReadReports
from ops.logs import logger
from portal.gate import Gate, unavailable
from portal.refusals import Refusal
from workflows import names

_AT_ONCE: Final = 500  # keys in one query
_OF_REQUEST: Final = subject_of("")


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of reports: told on or noted; known from before or no news; of mails that aren't ours."""

    told: int = 0
    known: int = 0
    foreign: int = 0

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(self.told + other.told, self.known + other.known, self.foreign + other.foreign)


async def take(gate: Gate, reports: Iterable[DeliveryReport]) -> Taken:
    """Have each report reach whom it's for. Told again it changes nothing, whoever tells it.

    A mail with the link of a request for access: its workflow is told, and makes a state with a way on of it. Any other
    mail that came back counts as refused, which staff see. Anybody can write a report: all it can do is name a mail's
    Message-ID, which only its sender and recipient know. Raises `Refusal` (`unavailable`) or `RecordsUnavailable`: what
    was told on so far stays so, and the rest is told when the reports come again.
    """
    taken = Taken()
    wanted = list(dict.fromkeys(reports))
    for start in range(0, len(wanted), _AT_ONCE):
        taken += await _take_some(gate, wanted[start : start + _AT_ONCE])
    return taken


async def _take_some(gate: Gate, reports: Sequence[DeliveryReport]) -> Taken:
    keys = {_key_of(report) for report in reports}
    async with gate.database.read() as session:
        found = await session.scalars(select(MailRow).where(col(MailRow.message_key).in_(keys)))
        mails = {row.message_key: row for row in found}
        known_already = await session.scalars(
            select(MailReportRow).where(col(MailReportRow.mail_id).in_([row.id for row in mails.values()]))
        )
        known = {(row.mail_id, row.event) for row in known_already}
    told = again = foreign = 0
    for report in reports:
        mail = mails.get(_key_of(report))
        if mail is None:
            foreign += 1
        elif report.event == "delayed" or (mail.id, report.event) in known:
            again += 1
        else:
            await _tell(gate, mail, report)
            known.add((mail.id, report.event))
            told += 1
    return Taken(told, again, foreign)


def _key_of(report: DeliveryReport) -> str:
    """The left side of the Message-ID, as mails are found by."""
    return report.message_id.removeprefix("<").partition("@")[0]


async def _tell(gate: Gate, mail: MailRow, report: DeliveryReport) -> None:
    """Tell whoever waits for it, then note it: a kill in between makes it be told twice, which the step ignores."""
    is_link = mail.subject.startswith(_OF_REQUEST) and mail.purpose in LINK_MAILS
    if is_link:
        await _signal(gate, mail, report)
    now, event = gate.now(), report.event
    insert = sqlite_insert if gate.database.is_sqlite else postgresql_insert
    async with gate.database.write() as session:
        fresh = await session.scalar(
            insert(MailReportRow)
            .values(mail_id=mail.id, event=event, status=report.status[:12], at=now)
            .on_conflict_do_nothing()
            .returning(col(MailReportRow.mail_id))
        )
        if fresh is None:
            return
        if event == "bounced" and not is_link:
            row = await session.get(MailRow, mail.id, with_for_update=True)
            if row is not None and row.state in {"due", "sent"}:
                row.state, row.settled_at = "refused", now
        await audit.append(
            session, at=now, actor="system", action=f"mail.{event}", subject=mail.subject, purpose=mail.purpose,
            status=report.status[:12],
        )  # fmt: skip


async def _signal(gate: Gate, mail: MailRow, report: DeliveryReport) -> None:
    """A signal: a report isn't sent twice, and must not depend on a worker being up. A request that's over ignores it."""
    async with gate.database.read() as session:
        row = await session.get(AuthorizationRow, UUID(mail.subject.removeprefix(_OF_REQUEST)))
    if row is None or State(row.state).is_final or report.event == "delayed":
        return
    handle = gate.client.get_workflow_handle(names.authorization_id(str(row.id)))
    try:
        await handle.signal(names.MAIL_REPORTED, MailReported(mail_id=mail.id, event=report.event))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended meanwhile
            raise unavailable(error) from error


class BounceReading:
    """Reads the mailbox of bounces again and again; nothing in it is lost while Temporal or the database is away."""

    def __init__(self, gate: Gate, mailbox: BounceMailbox) -> None:
        self._gate = gate
        self._mailbox = mailbox
        self._log = logger("portal.mail_reports")
        self._away = False

    async def once(self) -> tuple[ReadReports, Taken] | None:
        """Read what is there, if anything has come. Raises OSError, and what `take` raises."""
        unread = await asyncio.to_thread(self._mailbox.unread)
        if unread is None:
            return None
        read, mark = unread
        taken = await take(self._gate, read.reports)
        self._mailbox.settle(mark)
        if taken.told:
            self._log.info("delivery reports of mails taken", count=taken.told)
        if read.unreadable:
            self._log.warning("mails in the mailbox of bounces that are no reports", count=read.unreadable)
        return read, taken

    async def for_ever(self, *, every_s: float) -> None:
        """Read until cancelled."""
        while True:
            try:
                await self.once()
                self._away = False
            except (Refusal, RecordsUnavailable, OSError) as error:
                if not self._away:  # one line an outage, not one every few seconds
                    self._log.warning("bounces have to wait", reason=type(error).__name__)
                self._away = True
            except Exception:  # noqa: BLE001 - a defect in one report must not end the reading of all later ones
                self._log.error("unexpected exception", exc_info=True)
            await asyncio.sleep(every_s)
