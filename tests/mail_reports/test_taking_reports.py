"""Reports of real mail servers reach the requests that wait for them, once, however they come (B5)."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlmodel import col
from starlette.types import ASGIApp

from db.accounts import Message
from db.audit import AuditEntry
from db.authorizations import AuthorizationRow
from db.mail_reports import MailReportRow
from db.registrations import MailRow
from gateways.bounce_mailbox import BounceMailbox
from gateways.delivery_status import read_mail
from ops.keys import Keyring
from ops.loopback import free_port
from ops.mailbox import Mail
from ops.temporal_client import connect
from portal.mail_reports import BounceReading, Taken, take
from portal.refusals import Refusal
from serve import bounce_reading, build_app
from tests.api.visitor import V1, Visitor, assert_problem, visiting
from tests.authorization.scenes import Request, decided, new_billing_service, requested, row_of, state_of
from tests.house import House
from tests.mail_reports.conftest import as_mbox, report_on
from tests.mail_reports.test_mail_webhook import signed

SECRET = "b41f09c5e2d7438f9a6c0e1d"


async def mailed(house: House) -> tuple[Request, Mail]:
    """A request whose mail has left and is noted as sent."""
    service = await new_billing_service(house)
    request = await requested(house, service)
    mail = await house.mail(to=request.contact)
    await delivery_is(house, request, "sent")
    return request, mail


async def delivery_is(house: House, request: Request, wanted: str) -> AuthorizationRow:
    async with asyncio.timeout(20):
        while (row := await row_of(house, request)).delivery != wanted:
            await asyncio.sleep(0.05)
    return row


async def told(house: House, *mails: bytes) -> Taken:
    return await take(house.gate, [report for mail in mails for report in read_mail(mail).reports])


async def actions(house: House, subject: str) -> list[str]:
    async with house.database.read() as session:
        found = await session.scalars(
            select(AuditEntry).where(col(AuditEntry.subject) == subject).order_by(col(AuditEntry.position))
        )
        return [entry.action for entry in found]


async def test_B5_a_bounce_makes_the_request_undeliverable_and_its_requester_is_told(house: House):
    request, mail = await mailed(house)
    assert await told(house, report_on(mail)) == Taken(told=1)
    row = await state_of(house, request, wanted="undeliverable")
    assert row.delivery == "bounced"
    assert "authorization.mail_bounced" in await actions(house, f"authorization/{request.id}")
    async with house.database.read() as session:
        kinds = (
            await session.scalars(select(col(Message.kind)).where(col(Message.account_id) == row.requester_id))
        ).all()
        note = await session.scalar(
            select(MailReportRow).where(col(MailReportRow.event) == "bounced").order_by(col(MailReportRow.at).desc())
        )
    assert kinds.count("authorization_undeliverable") == 1
    assert note is not None
    assert note.status == "5.1.1"


async def test_B5_a_delivery_is_shown_and_changes_nothing_else(house: House):
    request, mail = await mailed(house)
    assert await told(house, report_on(mail, "postfix_delivered")) == Taken(told=1)
    assert (await delivery_is(house, request, "delivered")).state == "sent"


async def test_B5_a_repeated_report_is_told_on_once(house: House):
    request, mail = await mailed(house)
    assert await told(house, report_on(mail), report_on(mail)) == Taken(told=1)
    await state_of(house, request, wanted="undeliverable")
    assert await told(house, report_on(mail)) == Taken(known=1)
    await asyncio.gather(*(told(house, report_on(mail)) for _ in range(5)))
    subject = f"authorization/{request.id}"
    assert (await actions(house, subject)).count("authorization.mail_bounced") == 1
    assert (await actions(house, subject)).count("mail.bounced") == 1


async def test_B5_reports_of_foreign_mails_and_delays_change_nothing(house: House):
    request, mail = await mailed(house)
    delayed = report_on(mail, "postfix_delayed")
    assert await told(house, report_on("<nobodys@portal.example.org>"), delayed) == Taken(known=1, foreign=1)
    assert (await row_of(house, request)).delivery == "sent"


async def test_B5_a_report_on_a_request_that_is_over_is_noted_and_moves_nothing(house: House):
    request, mail = await mailed(house)
    await decided(house, request, choice="decline")
    await state_of(house, request, wanted="declined")
    await request.handle.result()
    assert await told(house, report_on(mail)) == Taken(told=1)
    assert (await row_of(house, request)).state == "declined"


async def test_B5_any_other_mail_that_came_back_counts_as_refused(house: House):
    started = await house.start(email="gone.for.good@clinic.example.org")
    mail = await house.mail(to="gone.for.good@clinic.example.org")
    await house.quiet(started.registration_id)
    assert await told(
        house,
        report_on(mail, "gmail_like_bounce").replace(b"<gmail-bounce@portal.example.org>", mail.message_id.encode()),
    ) == Taken(told=1)
    subject = f"registration/{started.registration_id}"
    async with house.database.read() as session:
        rows = (await session.scalars(select(MailRow).where(col(MailRow.subject) == subject))).all()
    assert [row.state for row in rows] == ["refused"]
    assert (await actions(house, subject)).count("mail.bounced") == 1


async def test_B5_while_temporal_is_away_the_report_is_not_used_up(house: House, keyring: Keyring):
    request, mail = await mailed(house)
    away = await connect(
        keyring=keyring, process="api", lazy=True, environ={"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}
    )
    reports = read_mail(report_on(mail)).reports
    with pytest.raises(Refusal) as refused:
        await take(replace(house.gate, client=away), reports)
    assert refused.value.code == "unavailable"
    assert await take(house.gate, reports) == Taken(told=1)
    await state_of(house, request, wanted="undeliverable")


# The mailbox of the relay.


async def test_B5_an_mbox_with_several_reports_is_read_once_and_again_when_more_has_come(house: House, tmp_path: Path):
    (first, first_mail), (second, second_mail) = await mailed(house), await mailed(house)
    box = tmp_path / "bounces"
    reading = BounceReading(house.gate, BounceMailbox(box))
    assert await reading.once() is None
    answer = (Path(__file__).parent / "mails" / "answer_of_a_person.eml").read_bytes()
    box.write_bytes(as_mbox(report_on(first_mail), answer, report_on("<x@portal.example.org>")))
    found = await reading.once()
    assert found is not None
    assert (found[0].unreadable, found[1]) == (1, Taken(told=1, foreign=1))
    assert await reading.once() is None
    with box.open("ab") as file:
        file.write(as_mbox(report_on(second_mail)))
    found = await reading.once()
    assert found is not None
    assert found[1] == Taken(told=1, known=1, foreign=1)
    for request in (first, second):
        await state_of(house, request, wanted="undeliverable")
    # Another process begins at the start of the mailbox, and tells nothing twice.
    found = await BounceReading(house.gate, BounceMailbox(box)).once()
    assert found is not None
    assert found[1] == Taken(known=2, foreign=1)


async def test_B5_a_maildir_is_read_too(house: House, tmp_path: Path):
    request, mail = await mailed(house)
    for name in ("tmp", "new", "cur"):
        (tmp_path / name).mkdir()
    (tmp_path / "tmp" / "1.half").write_bytes(report_on(mail)[:200])
    reading = BounceReading(house.gate, BounceMailbox(tmp_path))
    first = await reading.once()
    assert first is None or first[1] == Taken()
    (tmp_path / "new" / "1795631405.M1.mx").write_bytes(report_on(mail))
    found = await reading.once()
    assert found is not None
    assert found[1] == Taken(told=1)
    (tmp_path / "new" / "1795631405.M1.mx").rename(tmp_path / "cur" / "1795631405.M1.mx:2,S")
    assert await reading.once() is None
    await state_of(house, request, wanted="undeliverable")


# The relay's own calls.


@pytest.fixture
def app(house: House) -> ASGIApp:
    settings = house.settings.model_copy(update={"mail_webhook_secret": SecretStr(f"old-{SECRET}, {SECRET}")})
    return build_app(settings, house.gate)


@pytest.fixture
async def relay(app: ASGIApp) -> AsyncIterator[Visitor]:
    async with visiting(app) as one:
        yield one


async def call(relay: Visitor, *events: object, secret: str = SECRET, body: bytes | None = None):
    body = body or json.dumps({"events": events}).encode()
    headers = {"Content-Type": "application/json", **signed(body, secret=secret, at=datetime.now(UTC))}
    return await relay.client.post(f"{V1}/webhooks/mail", content=body, headers=headers)


async def test_B5_the_relays_call_tells_of_a_bounce_at_once(house: House, relay: Visitor):
    request, mail = await mailed(house)
    event = {"message_id": mail.message_id, "event": "bounced", "status": "5.1.1"}
    for _ in range(2):
        response = await call(relay, event, {"message_id": "<nobodys@example.org>", "event": "bounced"})
        assert response.status_code == 204, response.text
    await state_of(house, request, wanted="undeliverable")
    assert (await actions(house, f"authorization/{request.id}")).count("mail.bounced") == 1


async def test_B5_a_forged_call_says_nothing(house: House, relay: Visitor):
    request, mail = await mailed(house)
    event = {"message_id": mail.message_id, "event": "bounced"}
    assert_problem(await call(relay, event, secret="guessed"), 401, "webhook_forged")
    unsigned = await relay.client.post(f"{V1}/webhooks/mail", json={"events": [event]})
    assert_problem(unsigned, 401, "webhook_forged")
    assert_problem(await call(relay, body=b"no json"), 400, "webhook_unreadable")
    assert_problem(await call(relay, event, {"event": "eaten"}), 400, "webhook_unreadable")
    assert (await row_of(house, request)).delivery == "sent"


async def test_B5_without_a_secret_there_is_no_such_address(house: House):
    async with visiting(build_app(house.settings, house.gate)) as stranger:
        assert_problem(await call(stranger), 404, "not_found")


async def test_B5_the_site_reads_the_mailbox_again_and_again(house: House, tmp_path: Path):
    request, mail = await mailed(house)
    box = tmp_path / "bounces"
    assert bounce_reading(house.settings, house.gate) is None
    reading = bounce_reading(house.settings.model_copy(update={"bounce_mailbox": box}), house.gate)
    assert reading is not None
    box.write_bytes(as_mbox(b"Subject: nothing of ours\n\nHello.\n"))
    going_on = asyncio.create_task(reading.for_ever(every_s=0.02))
    try:
        with box.open("ab") as file:
            file.write(as_mbox(report_on(mail)))
        await state_of(house, request, wanted="undeliverable")
        assert not going_on.done()
    finally:
        going_on.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going_on
