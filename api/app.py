"""The API as an ASGI application: routes, problems, OpenAPI and its reference page."""

from typing import Final

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from api import (
    accepting,
    account,
    additions,
    answers,
    authorization_lists,
    authorizations,
    billing_desk,
    cases,
    colleagues,
    contact_desk,
    departure_desk,
    departures,
    grants,
    health,
    letters,
    mail_events,
    print_shop,
    reference,
    registrations,
    resuming,
    sessions,
    staff,
)
from api.bodies import JsonBodies
from api.openapi import add_description
from api.problems import add_problems, answering
from domain.print_shop import DeliveryWebhook
from gateways.mail_webhook import MailWebhook
from ops.http import Cookies
from portal.gate import Gate

OPENAPI_PATH: Final = "/api/v1/openapi.json"


_MODULES: Final = (
    registrations, letters, resuming, sessions, account, additions, answers, authorizations, authorization_lists, colleagues, accepting, cases, departures, departure_desk, contact_desk, billing_desk, grants, staff, print_shop, mail_events, reference,
    health,
)  # fmt: skip


def create_api(
    gate: Gate,
    *,
    site_url: str,
    print_shop_webhook: DeliveryWebhook | None = None,
    mail_webhook: MailWebhook | None = None,
) -> FastAPI:
    """The application for everything under `/api`, and for `/livez` and `/readyz`. Wrap it with `ops.http.guard`.

    Without `print_shop_webhook` there is no address for the print shop's calls, without `mail_webhook` none for the mail relay's.
    """
    app = FastAPI(
        title="Gatehouse",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.gate = gate
    app.state.site_url = site_url
    app.state.cookies = Cookies.of(site_url)
    app.state.print_shop_webhook = print_shop_webhook
    app.state.mail_webhook = mail_webhook
    for module in _MODULES:
        app.include_router(module.router)
    add_problems(app)
    add_description(app)

    @app.get(OPENAPI_PATH, include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    app.add_middleware(
        JsonBodies,
        wrong_type=answering("unsupported_media_type", app),
        malformed=answering("malformed_body", app),
        raw=frozenset({print_shop.PATH, mail_events.PATH, authorization_lists.PATH}),
    )
    app.add_middleware(HeadAsGet)
    return app


class HeadAsGet:
    """Answers HEAD like GET, without the body; the server leaves that out by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope["method"] = "GET"
        await self._app(scope, receive, send)
