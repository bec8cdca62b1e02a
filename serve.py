"""Composition root of the site: settings, adapters, API and pages, uvicorn. SIGTERM drains it."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from zoneinfo import ZoneInfo

import uvicorn
import uvloop
from pydantic import ValidationError
from pydantic_settings import SettingsError
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from temporalio.client import Client

from api.app import create_api
from api.problems import answering
from composition import print_shop_of
from db.database import Database
from gateways.bounce_mailbox import BounceMailbox
from gateways.letters.spool_desk import SpoolDesk
from gateways.mail_webhook import MailWebhook
from ops.connections import BoundedConnection
from ops.http import Cookies, EdgeAnswers, guard
from ops.keys import KeyedVault, Keyring
from ops.leaving import leave
from ops.logs import configure_logs, logger
from ops.settings import Settings, describe_error
from ops.temporal_client import connect
from portal.delivery_reports import DeliveryReading
from portal.gate import Gate
from portal.mail_reports import BounceReading
from web.app import create_pages, problem_page
from web.rendering import Payer, Renderer
from web.visit import Site

_DRAIN_S = 15
_REPORTS_EVERY_S = 2.0  # a report is a file that is looked for: reading an empty folder costs next to nothing


def build_gate(settings: Settings, *, client: Client, database: Database, keyring: Keyring) -> Gate:
    """What the portal needs, from the settings; the caller closes what it gave."""
    return Gate(
        client=client,
        database=database,
        vault=KeyedVault(keyring),
        limits=settings.limits,
        task_queue=settings.task_queue,
        payer_name=settings.payer.name,
        zone=ZoneInfo(settings.payer.time_zone),
    )


def build_app(settings: Settings, gate: Gate, pages: Starlette | None = None) -> ASGIApp:
    """The whole site: the API, the probes, and `pages` for every other address."""
    webhook = print_shop_of(settings).webhook()
    api = create_api(
        gate, site_url=settings.site_url, print_shop_webhook=webhook, mail_webhook=mail_webhook_of(settings)
    )

    def refusing(code: str, status: HTTPStatus) -> ASGIApp:
        answer = answering(code, api)
        return _ByAddress(answer, problem_page(pages, status) if pages else answer)

    return guard(
        _ByAddress(api, pages or api),
        site_url=settings.site_url,
        trusted_proxies=settings.trusted_proxies,
        loopback=settings.environment == "development",
        answers=EdgeAnswers(
            too_slow=refusing("request_timeout", HTTPStatus.REQUEST_TIMEOUT),
            too_large=refusing("body_too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
            # Never a page: its links would lead where the wrong name leads.
            wrong_host=answering("wrong_host", api),
            failed=refusing("internal_error", HTTPStatus.INTERNAL_SERVER_ERROR),
        ),
    )


def build_pages(settings: Settings, gate: Gate) -> Starlette:
    """The pages, in the payer's name and colours; with the mailbox in development."""
    payer = settings.payer
    theme = Payer(
        name=payer.name,
        short_name=payer.short_name,
        phone=payer.phone,
        hours=payer.hours,
        email=payer.email,
        address_lines=payer.postal_lines,
        colour=payer.colour_primary,
        accent=payer.colour_accent,
        time_zone=payer.time_zone,
    )
    site = Site(
        gate=gate,
        renderer=Renderer(payer=theme),
        cookies=Cookies.of(settings.site_url),
        site_url=settings.site_url,
        development=settings.mailbox_dir is not None,
    )
    return create_pages(site, mailbox_dir=settings.mailbox_dir, spool=spool_desk_of(settings))


def spool_desk_of(settings: Settings) -> SpoolDesk | None:
    """The spool to be looked at in a browser: in development only, where the mailbox is the letter box, too."""
    if settings.mailbox_dir is None or settings.print_shop != "spool":
        return None
    return SpoolDesk(print_shop_of(settings).folder, arrivals=settings.mailbox_dir / "letters")


def delivery_reading(settings: Settings, gate: Gate) -> DeliveryReading | None:
    """What reads the print shop's files; None when it calls instead."""
    choice = print_shop_of(settings)
    reports, spool = choice.reports(), choice.spool()
    return DeliveryReading(gate, reports, scrub=spool.scrub) if reports and spool else None


def mail_webhook_of(settings: Settings) -> MailWebhook | None:
    """What reads the mail relay's calls; None without a secret that they are signed with."""
    secrets = settings.mail_webhook_secret
    return MailWebhook([one.strip() for one in secrets.get_secret_value().split(",")]) if secrets else None


def bounce_reading(settings: Settings, gate: Gate) -> BounceReading | None:
    """What reads the mailbox of bounces; None when the relay has none, or calls instead."""
    return BounceReading(gate, BounceMailbox(settings.bounce_mailbox)) if settings.bounce_mailbox else None


class _ByAddress:
    """Sends each request to the API or to the pages, by its address."""

    def __init__(self, api: ASGIApp, pages: ASGIApp) -> None:
        self._api = api
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        of_api = path.startswith("/api/") or path in {"/api", "/livez", "/readyz"}
        await (self._api if of_api else self._pages)(scope, receive, send)


class _Server(uvicorn.Server):
    """uvicorn, told to stop by us: its own signal handling would end the process with the signal instead of 0."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


async def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, then finish the requests that are under way. Returns the exit code."""
    log = logger("serve")
    try:
        listener = _listen(settings.listen_host, settings.listen_port)
    except OSError as error:
        print(
            f"Can't listen on {settings.listen_host}:{settings.listen_port}: {os.strerror(error.errno or 0)}.",
            file=sys.stderr,
        )
        return 1
    keyring = Keyring.parse(settings.keys.get_secret_value())
    client = await connect(keyring=keyring, process="api", lazy=True)
    database = Database(settings.database_url)
    gate = build_gate(settings, client=client, database=database, keyring=keyring)
    app = build_app(settings, gate, build_pages(settings, gate))
    server = _Server(
        uvicorn.Config(
            app,
            http=BoundedConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # ops.http reads them, from trusted proxies only
            timeout_graceful_shutdown=_DRAIN_S,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: setattr(server, "should_exit", True))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await server.listening.wait()
    log.info("site is ready")
    ready_file = os.environ.get("GATEHOUSE_READY_FILE")
    if ready_file:
        Path(ready_file).touch()  # noqa: ASYNC240 - once, at start
    readings = (delivery_reading(settings, gate), bounce_reading(settings, gate))
    reading = [asyncio.create_task(one.for_ever(every_s=_REPORTS_EVERY_S)) for one in readings if one]
    await serving
    for one in reading:
        one.cancel()
        with suppress(asyncio.CancelledError):
            await one
    await database.close()
    log.info("site has stopped")
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address[:2], family=family, backlog=512)


def main() -> int:
    try:
        settings = Settings.load()
    except (ValidationError, SettingsError) as error:
        print(describe_error(error), file=sys.stderr)
        return 2
    configure_logs(environment=settings.environment)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run(settings))


if __name__ == "__main__":
    leave(main())
