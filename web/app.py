"""The pages as an application: routes, who may send forms, and what a refusal looks like."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.ports import RecordsUnavailable
from gateways.letters.spool_desk import SpoolDesk
from ops.http import facts, same_origin
from portal.refusals import Kind, Refusal
from web import (
    accepting,
    account_setup,
    adding,
    at_desk,
    billing_desk,
    cases,
    client_requests,
    clients,
    colleagues,
    contact_desk,
    deciding,
    departures,
    granting,
    letters,
    objecting,
    registering,
    registering_billing,
    resuming,
    signed_in,
    signing_in,
    staff,
)
from web.letterbox import Letterbox
from web.mailbox import MailboxPages
from web.visit import STATUS, TOLD, Reply, Site, Visit, panel, read_form, read_upload

Handler = Callable[[Visit], Awaitable[Response]]

# The words of these are for programs; people get those of the problem page.
_FOR_PROGRAMS: Final = frozenset({Kind.UNREADABLE, Kind.FOREIGN, Kind.DEFECT})

_SEND_UTF8: Final = "Go back, type it again and send it with the page’s own button. A program has to send UTF-8."


def create_pages(site: Site, *, mailbox_dir: Path | None = None, spool: SpoolDesk | None = None) -> Starlette:
    """The application at `/`. The mailbox's pages exist only with a `mailbox_dir` (development); `spool` adds the letters."""

    def page(path: str, handler: Handler) -> Route:
        async def get(request: Request) -> Response:
            return await handler(Visit(site=site, request=request))

        return Route(path, get, methods=["GET"], name=f"GET {path}")

    form, upload = _posting(site, _without_file), _posting(site, read_upload)

    async def theme(_request: Request) -> Response:
        return Response(
            site.renderer.theme, media_type="text/css", headers={"Cache-Control": "public, max-age=31536000, immutable"}
        )

    routes: list[BaseRoute] = [
        page("/", registering.start),
        page("/register", registering.who_you_are),
        form("/register", registering.begin),
        page("/register/email", registering.email),
        form("/register/email", registering.confirm_email),
        form("/register/email/resend", registering.resend_code),
        page("/register/organization", registering.organization),
        form("/register/organization", registering.keep_organization),
        page("/register/payment", registering.payment),
        form("/register/payment", registering.prove_payment),
        page("/register/account", account_setup.account),
        form("/register/account", account_setup.set_up_account),
        page("/register/second-factor", account_setup.second_factor),
        form("/register/second-factor", account_setup.confirm_second_factor),
        page("/register/recovery-codes", account_setup.RECOVERY_CODES.show),
        form("/register/recovery-codes", account_setup.RECOVERY_CODES.saved),
        page("/register/done", account_setup.done),
        page("/register/closed", registering.closed),
        page("/register/withdraw", registering.withdraw),
        form("/register/withdraw", registering.confirm_withdrawal),
        page("/resume", resuming.resume_request),
        form("/resume", resuming.send_resume_link),
        form("/resume/go", resuming.redeem_resume_link),
        page("/resume/{token}", resuming.resume),
        page("/sign-in", signing_in.sign_in),
        form("/sign-in", signing_in.check_password),
        page("/sign-in/code", signing_in.sign_in_code),
        form("/sign-in/code", signing_in.check_code),
        form("/sign-out", signing_in.sign_out),
        page("/access", signed_in.access),
        page("/messages", signed_in.messages),
        page("/messages/{message_id}", signed_in.message),
        form("/messages/{message_id}/read", signed_in.mark_read),
        page("/security", signed_in.security),
        form("/security/sessions/end", signed_in.end_session),
        form("/security/sessions/end-others", signed_in.end_other_sessions),
        form("/security/recovery-codes", signed_in.new_recovery_codes),
        form("/security/recovery-codes/saved", signed_in.new_recovery_codes_saved),
        *accepting.routes(page, form),
        *adding.routes(page, form),
        *cases.routes(page, form),
        *letters.routes(page, form),
        *registering_billing.routes(page, form),
        *client_requests.routes(page, form, upload),
        *clients.routes(page, form),
        *colleagues.routes(page, form),
        *deciding.routes(page, form),
        *departures.routes(page, form),
        *granting.routes(page, form),
        *objecting.routes(page, form),
        *staff.routes(page, form),
        *contact_desk.routes(page, form),
        *billing_desk.routes(page, form),
        Route("/theme.css", theme),
        Mount("/static", site.renderer.static),
    ]
    if mailbox_dir is not None:
        letterbox = Letterbox(spool, site) if spool else None
        mailbox = MailboxPages(mailbox_dir, site, letterbox)
        routes += [
            *(letterbox.routes() if letterbox else []),
            Route("/mailbox", mailbox.list),
            Route("/mailbox/{mail_id}", mailbox.mail),
            Route("/mailbox/{mail_id}/html", mailbox.body),
        ]
    answers = _Answers(site)
    pages = Starlette(
        routes=routes,
        exception_handlers={
            Refusal: answers.refusal,
            RecordsUnavailable: answers.unavailable,
            HTTPException: answers.http,
        },
    )
    # A redirect would name the host that the request claims to be for.
    pages.router.redirect_slashes = False
    pages.state.site = site
    return pages


async def _without_file(request: Request) -> tuple[dict[str, str], bytes]:
    return await read_form(request), b""


def _posting(
    site: Site, read: Callable[[Request], Awaitable[tuple[dict[str, str], bytes]]]
) -> Callable[[str, Handler], Route]:
    """How routes for our own forms are made; `read` gives the fields and the file of what was sent."""

    def route(path: str, handler: Handler) -> Route:
        async def post(request: Request) -> Response:
            if not same_origin(request, site.site_url):
                raise Refusal("cross_site")
            sent, file = await read(request)
            return await handler(Visit(site=site, request=request, form=sent, file=file))

        return Route(path, post, methods=["POST"], name=f"POST {path}")

    return route


def problem_page(pages: Starlette, status: HTTPStatus) -> ASGIApp:
    """An application that answers everything with one problem, in the look of `pages`, without database and Temporal."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        page = _problem(Visit(site=pages.state.site, request=Request(scope, receive)), Reply(status=status))
        await page(scope, receive, send)

    return answer


class _Answers:
    """Pages for what can't be answered with a form."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def refusal(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)  # noqa: S101 - registered for nothing else
        visit = Visit(site=self._site, request=request)
        if error.kind is Kind.SIGNED_OUT:
            return _signed_out(visit)
        if error.kind is Kind.UNKNOWN and at_desk.is_desk(visit):
            return await _nothing_at_desk(visit)
        if error.state is not None:
            # Done already, perhaps in another tab, or over: the page where it stands is a better answer than a refusal.
            told = error.code if error.code in TOLD else ""
            return visit.to(registering.page_of(error.state), told=told)
        reply = Reply(status=STATUS[error.kind], retry_at=error.retry_at)
        words = {} if error.kind in _FOR_PROGRAMS else panel(error)
        if error.kind is Kind.UNREADABLE and error.fields:
            words = {"detail": error.fields[0].message, "next": [_SEND_UTF8]}
        person = None if error.kind is Kind.AWAY else await visit.person()
        if person is not None and error.kind is Kind.UNKNOWN:
            words["next"] = _ways_from_nothing(visit)
        return _problem(visit, reply, person=person, **words)

    async def unavailable(self, request: Request, _error: Exception) -> Response:
        return await self.refusal(request, Refusal("unavailable"))

    async def http(self, request: Request, error: Exception) -> Response:
        """What Starlette itself refuses: an unknown address, a method that an address doesn't have."""
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
        visit = Visit(site=self._site, request=request)
        if error.status_code == HTTPStatus.NOT_FOUND and at_desk.is_desk(visit):
            return await _nothing_at_desk(visit)
        response = _problem(visit, Reply(status=HTTPStatus(error.status_code)), person=await visit.person())
        response.headers.update(error.headers or {})
        return response


def _problem(visit: Visit, reply: Reply, *, person: object = None, **words: object) -> Response:
    incident = facts(visit.request.scope).request_id if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
    return visit.page(
        "problem.html", reply, problem={"status": int(reply.status), **words}, person=person, incident=incident
    )


def _ways_from_nothing(visit: Visit) -> list[object]:
    """Where somebody signed in goes on from what isn't there, or isn't theirs: both are told alike (I15)."""
    ways: list[object] = ["Check the address.", "Is it another account’s? Sign out, and sign in with that one."]
    if visit.request.url.path.startswith("/requests/"):
        back = "Did you come from our mail about a request? Go back to its page, or open the mail’s link once more."
        ways.append({"text": back, "href": "/answer"})
    return [*ways, {"text": "Go to your start page, Tax ID & NPI access.", "href": "/access"}]


async def _nothing_at_desk(visit: Visit) -> Response:
    try:
        return await at_desk.nothing_there(visit)
    except Refusal:
        return _signed_out(visit)


def _signed_out(visit: Visit) -> Response:
    """The way back in: a new link for a registration, signing in for everything else; staff have a sign-in of their own."""
    path = visit.request.url.path
    if path.startswith("/register"):
        return visit.to("/resume", said="unknown-here")
    if path.startswith("/sign-in"):
        return visit.to("/sign-in", said="sign-in-again", next=visit.asked("next"))
    sign_in = "/staff/sign-in" if at_desk.is_desk(visit) else "/sign-in"
    if visit.request.method == "POST":
        return visit.to(sign_in, said="sign-in-first")
    query = visit.request.url.query
    return visit.to(sign_in, said="sign-in-first", next=f"{path}?{query}" if query else path)
