"""Composition root of the worker: settings, adapters, activities, Worker. SIGTERM drains it."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from pydantic_settings import SettingsError
from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from activities.authorization import AuthorizationActivities
from activities.cases import CaseActivities
from activities.colleagues import ColleagueActivities
from activities.departure import DepartureActivities, NewcomerActivities
from activities.grants import GrantActivities
from activities.housekeeping import HousekeepingActivities
from activities.invitation import InvitationActivities
from activities.letters import LetterActivities, PrintShopActivities
from activities.mail import MailActivities
from activities.registration import RegistrationActivities
from activities.request_lists import RequestListActivities
from activities.rulings import RulingActivities
from composition import print_shop_of
from db.authorization_records import SqlAuthorizationRecords
from db.case_records import SqlCaseRecords
from db.colleague_records import SqlColleagueRecords
from db.database import Database
from db.departure_records import SqlDepartureRecords
from db.grant_records import SqlGrantRecords
from db.house_records import SqlHouseRecords
from db.invitation_records import SqlInvitationRecords
from db.letter_desk import SqlLetterDesk
from db.letter_records import SqlLetterRecords
from db.mails import SqlOutbox
from db.newcomers import SqlNewcomerDesk
from db.notice_letter_desk import SqlNoticeLetterDesk
from db.registration_records import SqlRegistrationRecords
from db.ruling_records import SqlRulingRecords
from domain.letters import Letterhead as PrintedLetterhead
from domain.ports import Mailer, Vault
from domain.search_attributes import SEARCH_ATTRIBUTES
from gateways.letters.pdf import LetterPdf
from gateways.mail import Letterhead, SmtpMailer, SmtpRelay
from ops.keys import KeyedVault, Keyring
from ops.leaving import leave
from ops.logs import configure_logs, logger
from ops.schedules import keep_schedule
from ops.settings import Settings, describe_error
from ops.temporal_client import connect, register_search_attributes, worker_runtime
from portal.gate import Gate
from portal.request_lists import ListedRequests
from workflows import names
from workflows.access_review import AccessReview
from workflows.authorization_batch import AuthorizationBatch
from workflows.colleague_change import ColleagueChange
from workflows.delegate_invitation import DelegateInvitation
from workflows.departure_review import DepartureReview
from workflows.housekeeping import Housekeeping, Orphan, Purging, StaffAlert
from workflows.newcomer_ruling import NewcomerRuling
from workflows.provider_authorization import ProviderAuthorization
from workflows.registration import Registration
from workflows.support_case import SupportCase

WORKFLOWS: Sequence[type] = (
    Registration,
    ColleagueChange,
    DelegateInvitation,
    DepartureReview,
    SupportCase,
    ProviderAuthorization,
    AuthorizationBatch,
    AccessReview,
    NewcomerRuling,
    Housekeeping,
    Purging,
    Orphan,
    StaffAlert,
)

# Two processes and two cores: more pollers keep a turn of a workflow from waiting for a poll that is under way.
_POLLERS = 20
_DRAIN = timedelta(seconds=20)
_HOUSEKEEPING_EVERY = timedelta(minutes=10)
_TYPES = {"Keyword": SearchAttributeIndexedValueType.KEYWORD, "Datetime": SearchAttributeIndexedValueType.DATETIME}


def build_mailer(settings: Settings) -> SmtpMailer:
    """The way to the mail server, with the payer's letterhead."""
    password = settings.smtp_password
    relay = SmtpRelay(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=password.get_secret_value() if password else None,
        security=settings.smtp_security,
        sender=settings.smtp_from,
    )
    payer = settings.payer
    letterhead = Letterhead(
        name=payer.name,
        phone=payer.phone,
        hours=payer.hours,
        email=payer.email,
        colour=payer.colour_primary,
        site_url=settings.site_url,
    )
    return SmtpMailer(relay, letterhead)


def build_letterhead(settings: Settings) -> PrintedLetterhead:
    """The payer as its letters show it."""
    payer = settings.payer
    return PrintedLetterhead.of(
        name=payer.name,
        postal_lines=payer.postal_lines,
        phone=payer.phone,
        hours=payer.hours,
        colour=payer.colour_primary,
    )


def build_worker(settings: Settings, *, client: Client, database: Database, vault: Vault, mailer: Mailer) -> Worker:
    """A worker with every workflow and activity; the caller runs it and closes what it gave."""
    zone = ZoneInfo(settings.payer.time_zone)
    letters = LetterActivities(SqlLetterRecords(database, vault, settings.limits, zone))
    desk = SqlLetterDesk(
        database, vault, letterhead=build_letterhead(settings), page_address=f"{settings.site_url}/register/pin"
    )
    printing = PrintShopActivities(desk, LetterPdf(), print_shop_of(settings).shop())
    notice_desk = SqlNoticeLetterDesk(
        database, vault, letterhead=build_letterhead(settings), page_address=f"{settings.site_url}/newcomers",
        objection_address=f"{settings.site_url}/objection", zone=zone,
    )  # fmt: skip
    notice_printing = PrintShopActivities(notice_desk, LetterPdf(), print_shop_of(settings).shop())
    newcomers = NewcomerActivities(SqlNewcomerDesk(database), notice_printing)
    departures = DepartureActivities(SqlDepartureRecords(database, vault, settings.limits, zone=zone))
    records = RegistrationActivities(SqlRegistrationRecords(database, vault, settings.limits, zone))
    invitations = InvitationActivities(SqlInvitationRecords(database, vault, settings.limits, zone=zone))
    colleagues = ColleagueActivities(SqlColleagueRecords(database, vault, settings.limits, zone=zone))
    grants = GrantActivities(SqlGrantRecords(database, vault, settings.limits, zone=zone))
    cases = CaseActivities(SqlCaseRecords(database, vault, settings.limits, zone=zone))
    rulings = RulingActivities(SqlRulingRecords(database, vault))
    house = HousekeepingActivities(
        SqlHouseRecords(database, vault, settings.limits, zone=zone),
        client,
        grace=settings.limits.orphan_grace,
        at_once=settings.limits.orphans_at_once,
    )
    authorizations = AuthorizationActivities(SqlAuthorizationRecords(database, vault, settings.limits, zone))
    # A list's lines are asked for by the portal's own function, so that they come to what a single request comes to.
    gate = Gate(
        client=client,
        database=database,
        vault=vault,
        limits=settings.limits,
        task_queue=settings.task_queue,
        payer_name=settings.payer.name,
    )
    request_lists = RequestListActivities(ListedRequests(gate))
    domain = urlsplit(settings.site_url).hostname or "localhost"
    mail = MailActivities(SqlOutbox(database, vault, message_id_domain=domain), mailer)
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=[
            records.open,
            records.issue_code,
            records.code_sent,
            records.mail_failed,
            records.judge_code,
            records.judge_payment,
            records.judge_billing_service,
            records.reconsider,
            records.set_up_account,
            records.complete,
            records.close,
            records.issue_resume_link,
            records.case_outcome,
            letters.identify,
            letters.request,
            letters.event,
            letters.remind,
            letters.judge_pin,
            printing.hand_over,
            invitations.open,
            invitations.resend,
            invitations.remind,
            invitations.bounced,
            invitations.name_invitee,
            invitations.accept,
            invitations.close,
            invitations.check_inviter,
            colleagues.change,
            cases.open,
            cases.act,
            cases.answer,
            cases.withdraw,
            cases.note,
            cases.look,
            departures.open,
            departures.answer,
            departures.issue_code,
            departures.code_sent,
            departures.window_over,
            departures.decide,
            departures.withdraw,
            grants.open,
            grants.change,
            grants.objected,
            grants.ended,
            newcomers.due,
            newcomers.hand_over,
            authorizations.open,
            authorizations.resend,
            authorizations.correct,
            authorizations.verdict,
            authorizations.remind_contact,
            authorizations.remind_requester,
            authorizations.mail_report,
            authorizations.issue_code,
            authorizations.code_sent,
            authorizations.decide,
            authorizations.close,
            request_lists.go_through,
            rulings.apply,
            house.find_orphans,
            house.end,
            house.find_alerts,
            house.alert,
            house.purge,
            mail.send,
        ],
        max_cached_workflows=2000,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(_POLLERS),
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(_POLLERS),
        graceful_shutdown_timeout=_DRAIN,
    )


async def keep_schedules(client: Client, *, task_queue: str) -> None:
    """Have the rounds of housekeeping go on; each worker makes sure of it at its start."""
    for workflow, every, offset in (
        (names.HOUSEKEEPING, _HOUSEKEEPING_EVERY, timedelta(0)),
        (names.PURGING, timedelta(days=1), timedelta(hours=8, minutes=5)),  # UTC: at night where the payer is
    ):
        await keep_schedule(
            client,
            f"{workflow.lower()}/{task_queue}",
            workflow=workflow,
            task_queue=task_queue,
            every=every,
            offset=offset,
        )


async def run(settings: Settings) -> int:
    """Work until SIGTERM or SIGINT, then finish what is under way. Returns the exit code."""
    log = logger("worker")
    keyring = Keyring.parse(settings.keys.get_secret_value())
    metrics_port = settings.worker_metrics_port
    runtime = worker_runtime(metrics_address=f"{settings.worker_metrics_host}:{metrics_port}" if metrics_port else None)
    client = await connect(keyring=keyring, process="worker", runtime=runtime)
    await register_search_attributes(client, {name: _TYPES[kind] for name, kind in SEARCH_ATTRIBUTES.items()})
    await keep_schedules(client, task_queue=settings.task_queue)
    database = Database(settings.database_url)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    worker = build_worker(
        settings, client=client, database=database, vault=KeyedVault(keyring), mailer=build_mailer(settings)
    )
    async with worker:
        log.info("worker is ready")
        ready_file = os.environ.get("GATEHOUSE_READY_FILE")
        if ready_file:
            Path(ready_file).touch()  # noqa: ASYNC240 - once, at start
        await stopping.wait()
        log.info("worker is draining")
    await database.close()
    log.info("worker has stopped")
    return 0


def main() -> int:
    try:
        settings = Settings.load()
    except (ValidationError, SettingsError) as error:
        print(describe_error(error), file=sys.stderr)
        return 2
    configure_logs(environment=settings.environment)
    try:
        return asyncio.run(run(settings))
    except RuntimeError as error:
        logger("worker").error("worker can't start", failure_type=type(error).__name__)
        print(f"The worker can't start: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    leave(main())
