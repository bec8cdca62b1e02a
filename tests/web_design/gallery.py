"""Serves the catalogue on loopback with the headers of the real site, so that a browser judges pages as people get them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from tests.web_design.catalogue import CATALOGUE
from tests.web_design.made_up import PAYER
from web.rendering import MAIL_BODY_HEADERS, MAILBOX_HEADERS, PAGE_HEADERS, Renderer

MAIL_BODY = "<!doctype html><html lang=en><title>Mail</title><body style='font-family:sans-serif'><h1>Your code is 482 913</h1><script>document.title='ran'</script>"


def gallery(renderer: Renderer) -> Starlette:
    """`/page/<name>` for each state of the catalogue; a form sent anywhere answers with what it sent."""
    states = {state.name: state for state in CATALOGUE}

    async def page(request: Request) -> Response:
        state = states[request.path_params["name"]]
        headers = MAILBOX_HEADERS if state.in_mailbox else PAGE_HEADERS
        return HTMLResponse(renderer.page(state.template, state.context), headers=dict(headers))

    async def theme(_: Request) -> Response:
        return Response(renderer.theme, media_type="text/css")

    async def mail_body(_: Request) -> Response:
        return HTMLResponse(MAIL_BODY, headers=dict(MAIL_BODY_HEADERS))

    async def echo(request: Request) -> Response:
        form = await request.form()
        sent = "".join(f"<li>{name}</li>" for name, value in form.multi_items() if value)
        return HTMLResponse(
            f"<!doctype html><html lang=en><title>sent</title><ul>{sent}</ul>", headers=dict(PAGE_HEADERS)
        )

    return Starlette(
        routes=[
            Route("/page/{name}", page),
            Route("/theme.css", theme),
            Route("/mail-body", mail_body),
            Mount("/static", renderer.static),
            Route("/{path:path}", echo, methods=["GET", "POST"]),
        ]
    )


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """Runs `app` on a free loopback port and yields its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", lifespan="off"))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await running


def new_renderer() -> Renderer:
    return Renderer(payer=PAYER)
