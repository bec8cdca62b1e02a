"""The pages as an application: routes, who may send forms, and what a refusal looks like."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final
from uuid import uuid4

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from domain.ports import RecordsUnavailable
from ops.http import facts, same_origin
from portal import registering as portal_registering
from portal.refusals import Refusal
from web import registering, signed_in
from web.mailbox import MailboxPages
from web.rendering import PAGE_HEADERS
from web.visit import Site, Visit, read_form

Handler = Callable[[Visit], Awaitable[Response]]

_STATUS: Final = {
    "idempotency_key_missing": HTTPStatus.BAD_REQUEST,
    "key_reused": HTTPStatus.CONFLICT,
    "wrong_state": HTTPStatus.CONFLICT,
    "not_found": HTTPStatus.NOT_FOUND,
    "signed_out": HTTPStatus.UNAUTHORIZED,
    "too_many_tries": HTTPStatus.TOO_MANY_REQUESTS,
    "codes_limit": HTTPStatus.TOO_MANY_REQUESTS,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}
_RETRY_AFTER_S: Final = 5


def create_pages(site: Site, *, mailbox_dir: Path | None = None) -> Starlette:
    """The application at `/`. The mailbox's pages exist only with a `mailbox_dir` (development)."""

    def page(path: str, handler: Handler) -> Route:
        async def get(request: Request) -> Response:
            return await handler(Visit(site=site, request=request))

        return Route(path, get, methods=["GET"], name=f"GET {path}")

    def form(path: str, handler: Handler) -> Route:
        async def post(request: Request) -> Response:
            if not same_origin(request, site.site_url):
                raise HTTPException(HTTPStatus.FORBIDDEN)
            return await handler(Visit(site=site, request=request, form=await read_form(request)))

        return Route(path, post, methods=["POST"], name=f"POST {path}")

    async def send_resume_link(visit: Visit) -> Response:
        response, address = await registering.send_resume_link(visit)
        if address is not None:
            response.background = BackgroundTask(portal_registering.mail_resume_links, visit.gate, email=address)
        return response

    async def theme(_request: Request) -> Response:
        return Response(
            site.renderer.theme, media_type="text/css", headers={"Cache-Control": "public, max-age=31536000, immutable"}
        )

    routes: list[Route | Mount] = [
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
        page("/register/account", registering.account),
        form("/register/account", registering.set_up_account),
        page("/register/second-factor", registering.second_factor),
        form("/register/second-factor", registering.confirm_second_factor),
        page("/register/recovery-codes", registering.recovery_codes),
        form("/register/recovery-codes", registering.recovery_codes_saved),
        page("/register/done", registering.done),
        page("/register/closed", registering.closed),
        page("/register/withdraw", registering.withdraw),
        form("/register/withdraw", registering.confirm_withdrawal),
        page("/resume", registering.resume_request),
        form("/resume", send_resume_link),
        form("/resume/go", registering.redeem_resume_link),
        page("/resume/{token}", registering.resume),
        page("/sign-in", signed_in.sign_in),
        form("/sign-in", signed_in.check_password),
        page("/sign-in/code", signed_in.sign_in_code),
        form("/sign-in/code", signed_in.check_code),
        form("/sign-out", signed_in.sign_out),
        page("/access", signed_in.access),
        page("/messages", signed_in.messages),
        page("/messages/{message_id}", signed_in.message),
        form("/messages/{message_id}/read", signed_in.mark_read),
        page("/security", signed_in.security),
        form("/security/sessions/end", signed_in.end_session),
        form("/security/sessions/end-others", signed_in.end_other_sessions),
        form("/security/recovery-codes", signed_in.new_recovery_codes),
        form("/security/recovery-codes/saved", signed_in.new_recovery_codes_saved),
        Route("/theme.css", theme),
        Mount("/static", site.renderer.static),
    ]
    if mailbox_dir is not None:
        mailbox = MailboxPages(mailbox_dir, site.renderer)
        routes += [
            Route("/mailbox", mailbox.list),
            Route("/mailbox/{mail_id}", mailbox.mail),
            Route("/mailbox/{mail_id}/html", mailbox.body),
        ]
    answers = _Answers(site)
    return Starlette(
        routes=routes,
        exception_handlers={
            Refusal: answers.refusal,
            RecordsUnavailable: answers.unavailable,
            HTTPException: answers.http,
        },
    )


class _Answers:
    """Pages for what can't be answered with a form."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def refusal(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)  # noqa: S101 - registered for nothing else
        if error.code == "signed_out":
            return self._signed_out(request)
        status = (
            HTTPStatus.GONE if error.code.startswith("registration_") else _STATUS.get(error.code, HTTPStatus.CONFLICT)
        )
        answer = error.answer
        onward: dict[str, object] = {}
        if error.state is not None:
            onward = {"continue_href": registering.page_of(error.state), "continue_text": "Continue"}
            if status is HTTPStatus.CONFLICT:
                # Done already, perhaps in another tab: the open step is the better answer than a refusal.
                return Visit(site=self._site, request=request).to(registering.page_of(error.state))
        problem = {"status": status, "title": answer.title, "detail": answer.detail, "next": list(answer.next_steps)}
        return self._page(request, status, problem=problem, retry_at=error.retry_at, **onward)

    async def unavailable(self, request: Request, _error: Exception) -> Response:
        return await self.refusal(request, Refusal("unavailable"))

    async def http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
        return self._page(request, error.status_code, problem={"status": error.status_code})

    def _signed_out(self, request: Request) -> Response:
        visit = Visit(site=self._site, request=request)
        if request.url.path.startswith("/register"):
            return visit.to("/resume")
        if request.url.path.startswith("/sign-in"):
            return visit.to("/sign-in")
        return visit.to(f"/sign-in?next={request.url.path}" if request.method == "GET" else "/sign-in")

    def _page(self, request: Request, status: int, **context: object) -> Response:
        content = self._site.renderer.page(
            "problem.html",
            {
                "idempotency_key": uuid4().hex,
                "incident": facts(request.scope).request_id,
                "development": self._site.development,
                **context,
            },
        )
        headers = dict(PAGE_HEADERS)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = str(_RETRY_AFTER_S)
        return HTMLResponse(content, status_code=status, headers=headers)
