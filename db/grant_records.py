"""The transactional heart of grants: each step is one transaction, and the same step twice is one change (B7)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta, tzinfo
from typing import Final, assert_never
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Account
from db.authorizations import GrantObjection, GrantRow
from db.colleagues import holdings_of
from db.database import Database
from db.departures import NoticeLetterRow
from db.grant_telling import OBJECTED, GrantTelling, subject_of
from db.newcomer_standing import Standing
from db.recording import Change, once
from domain.grant_rights import Rights
from domain.grants import (
    Action,
    Code,
    Ending,
    GrantRecorded,
    GrantStep,
    HeldBy,
    RecordGrantChange,
    RecordGrantEnded,
    RecordObjection,
    RecordReviewOpened,
    State,
    effective,
    is_wider,
    require_legal,
)
from domain.limits import Limits
from domain.ports import Vault
from domain.recording import MailDue

Step = Callable[[AsyncSession, GrantRow], Awaitable[GrantRecorded]]

FARTHEST_END: Final = timedelta(days=10 * 366)
"""How far ahead an end date can be: one farther away is a typing mistake."""


class SqlGrantRecords:
    """The `GrantRecords` port on SQLite and PostgreSQL. `zone` is the payer's: it decides which day it is."""

    def __init__(self, database: Database, vault: Vault, limits: Limits, *, zone: tzinfo) -> None:
        self._database = database
        self._vault = vault
        self._limits = limits
        self._zone = zone

    async def open(self, cmd: RecordReviewOpened) -> GrantRecorded:
        async def step(session: AsyncSession, row: GrantRow) -> GrantRecorded:
            letter_id = await session.scalar(
                select(col(NoticeLetterRow.id)).where(
                    col(NoticeLetterRow.grant_id) == row.id, col(NoticeLetterRow.state) == "due"
                )
            )
            objections = await session.scalars(
                select(col(GrantObjection.id))
                .where(col(GrantObjection.grant_id) == row.id, col(GrantObjection.at) >= row.changed_at)
                .order_by(col(GrantObjection.at), col(GrantObjection.id))
            )
            return self._as_it_is(row).model_copy(
                update={
                    "letter_id": str(letter_id) if letter_id else None,
                    "objections": tuple(str(one) for one in objections),
                }
            )

        return await self._once(cmd, "grant.kept", step, actor="system")

    async def change(self, cmd: RecordGrantChange) -> GrantRecorded:
        async def step(session: AsyncSession, row: GrantRow) -> GrantRecorded:
            refused = await self._refusal(session, row, cmd)
            if refused is not None:
                return refused
            return await self._changed(session, row, cmd)

        action = f"grant.{cmd.change.action}"
        return await self._once(cmd, action, step, actor=f"account/{cmd.change.account_id}")

    async def objected(self, cmd: RecordObjection) -> GrantRecorded:
        async def step(session: AsyncSession, row: GrantRow) -> GrantRecorded:
            objection = await session.get(GrantObjection, UUID(cmd.objection_id))
            if objection is None or objection.grant_id != row.id:
                return self._refused(row, Code.UNKNOWN)
            if effective(State(row.status), row.ends_at, cmd.at).is_final:
                return self._refused(row, Code.ENDED)
            if row.held_by == HeldBy.OBJECTION:
                return self._as_it_is(row)  # whoever was told of the first one was told
            row.status, row.held_by, row.changed_at = State.HELD, HeldBy.OBJECTION, cmd.at
            telling = await self._telling(session, row, cmd)
            by = {"by": self._vault.unseal("name", objection.name_sealed)}
            due = (
                *await telling.tell_provider(OBJECTED, by),
                *await telling.tell_staff("staff_grant_objected"),
                *await telling.tell_service("grant_held", {"why": "Somebody of the provider says that they did not ask for it."}),
            )  # fmt: skip
            return self._as_it_is(row, due)

        return await self._once(cmd, "grant.objected", step, actor="objector")

    async def ended(self, cmd: RecordGrantEnded) -> GrantRecorded:
        async def step(session: AsyncSession, row: GrantRow) -> GrantRecorded:
            if State(row.status).is_final:
                return self._as_it_is(row)
            due = await self._end(session, row, cmd, cmd.ending)
            return self._as_it_is(row, due)

        is_lapsed = cmd.ending is Ending.LAPSED
        return await self._once(cmd, f"grant.{cmd.ending}", step, actor="clock" if is_lapsed else "system")

    # Judging and making a change.

    async def _refusal(self, session: AsyncSession, row: GrantRow, cmd: RecordGrantChange) -> GrantRecorded | None:
        change = cmd.change
        account_id, wanted = UUID(change.account_id), change.ends_at
        is_opening = change.action is Action.RESUME or (
            change.action in {Action.SET_END, Action.CLEAR_END} and is_wider(row.ends_at, wanted)
        )
        rights = Rights.of(await holdings_of(session, row.organization_id), account_id, row.npi)
        closing = rights.may_hold if change.action is Action.HOLD else rights.may_end
        if not (rights.may_open if is_opening else closing):
            return self._refused(row, Code.NOT_ADMINISTRATOR)
        if effective(State(row.status), row.ends_at, cmd.at).is_final:
            return self._refused(row, Code.ENDED)
        if change.action is Action.SET_END and (
            wanted is None or not cmd.at < wanted <= cmd.at + FARTHEST_END
        ):  # fmt: skip
            return self._refused(row, Code.END_DATE)
        if self._stands_already(row, cmd):
            return self._refused(row, Code.UNCHANGED)
        if is_opening:
            standing = Standing(session, row.organization_id, self._limits, at=cmd.at, zone=self._zone)
            wait = await standing.wait_among_others(account_id, row.npi)
            if wait is not None:
                return self._refused(row, Code.NEWCOMER_WAITS).model_copy(update={"retry_at": wait.until})
        return None

    @staticmethod
    def _stands_already(row: GrantRow, cmd: RecordGrantChange) -> bool:
        match cmd.change.action:
            case Action.HOLD:
                return row.status == State.HELD
            case Action.RESUME:
                return row.status == State.OPEN
            case Action.SET_END:
                return row.ends_at == cmd.change.ends_at
            case Action.CLEAR_END:
                return row.ends_at is None
            case Action.REVOKE:
                return False
            case _:
                assert_never(cmd.change.action)

    async def _changed(self, session: AsyncSession, row: GrantRow, cmd: RecordGrantChange) -> GrantRecorded:
        action = cmd.change.action
        if action is Action.REVOKE:
            return self._as_it_is(row, await self._end(session, row, cmd, Ending.REVOKED))
        row.changed_at = cmd.at
        match action:
            case Action.HOLD:
                row.status, row.held_by = State.HELD, HeldBy.PROVIDER
                kind, what = "grant_held", "is on hold"
                more = {"why": "The provider put it on hold."}
            case Action.RESUME:
                row.status, row.held_by = State.OPEN, None
                kind, what, more = "grant_resumed", "is open again", {}
            case Action.SET_END | Action.CLEAR_END:
                row.ends_at = cmd.change.ends_at if action is Action.SET_END else None
                kind, what, more = (
                    "grant_end_date",
                    "has no end date any more",
                    {"when": "It has no end date any more."},
                )
            case _:
                assert_never(action)
        telling = await self._telling(session, row, cmd)
        if row.ends_at is not None and kind == "grant_end_date":
            what, more = f"ends after {telling.values['until']}", {"when": f"It ends after {telling.values['until']}."}
        due = (*await self._tell_administrators(session, telling, cmd, what), *await telling.tell_service(kind, more))
        return self._as_it_is(row, due)

    async def _end(
        self, session: AsyncSession, row: GrantRow, cmd: RecordGrantChange | RecordGrantEnded, ending: Ending
    ) -> tuple[MailDue, ...]:
        row.status, row.held_by, row.closing_code = State.ENDED, None, ending
        # A workflow that was asleep when the moment came records it late; the access ended then.
        row.ended_at = row.ends_at if ending is Ending.LAPSED and row.ends_at is not None else cmd.at
        row.changed_at = cmd.at
        telling = await self._telling(session, row, cmd)
        is_lapsed = ending is Ending.LAPSED
        what = "has ended: its end date has come" if is_lapsed else "was revoked"
        more = {"how": "Its end date has come." if is_lapsed else "The provider revoked it."}
        return (
            *await self._tell_administrators(session, telling, cmd, what),
            *await telling.tell_service("grant_ended", more),
        )

    async def _tell_administrators(
        self, session: AsyncSession, telling: GrantTelling, cmd: RecordGrantChange | RecordGrantEnded, what: str
    ) -> tuple[MailDue, ...]:
        if isinstance(cmd, RecordGrantEnded):
            by = "the end date that was set" if cmd.ending is Ending.LAPSED else "our staff"
            return await telling.tell_provider("grant_changed", {"what": what, "by": by})
        actor = await session.get_one(Account, UUID(cmd.change.account_id))
        more = {"what": what, "by": self._vault.unseal("name", actor.name_sealed)}
        return await telling.tell_provider("grant_changed", more, actor=actor.id)

    # What the steps share.

    async def _telling(self, session: AsyncSession, row: GrantRow, cmd: GrantStep) -> GrantTelling:
        return await GrantTelling.about(session, self._vault, row, step=cmd.revision, at=cmd.at, zone=self._zone)

    @staticmethod
    def _as_it_is(row: GrantRow, due: tuple[MailDue, ...] = ()) -> GrantRecorded:
        held_by = HeldBy(row.held_by) if row.held_by else None
        return GrantRecorded(state=State(row.status), held_by=held_by, ends_at=row.ends_at, mails=due)

    def _refused(self, row: GrantRow, code: Code) -> GrantRecorded:
        return self._as_it_is(row).model_copy(update={"accepted": False, "code": code})

    async def _once(self, cmd: GrantStep, action: str, step: Step, *, actor: str) -> GrantRecorded:
        """Run the step once, within the table of legal transitions."""

        async def lock(session: AsyncSession) -> GrantRow | None:
            return await session.get(GrantRow, UUID(cmd.grant_id), with_for_update=True)

        async def change(session: AsyncSession, row: GrantRow) -> tuple[GrantRecorded, Change]:
            before = State(row.status)
            recorded = await step(session, row)
            require_legal(before, recorded.state)
            details = {"state": str(recorded.state), "code": str(recorded.code)}
            if recorded.ends_at is not None:
                details["ends_at"] = recorded.ends_at.isoformat()
            return recorded, Change(actor=actor, action=action, details=details)

        return await once(
            self._database, cmd, subject=subject_of(cmd.grant_id), result=GrantRecorded, lock=lock, step=change
        )
