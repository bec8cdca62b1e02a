"""The way back into a registration: asking for a link by mail, and following it."""

from datetime import timedelta
from http import HTTPStatus

from starlette.background import BackgroundTask
from starlette.responses import Response

from portal import repeating, resuming
from portal.health import look_around
from portal.refusals import Refusal
from portal.registration_view import view_registration
from web.cases import open_request
from web.registering import where_it_stopped
from web.visit import Reply, Visit, panel


async def _request_page(visit: Visit, reply: Reply | None = None) -> Response:
    return visit.page("resume_request.html", reply, action="/resume", person=await visit.person())


async def resume_request(visit: Visit) -> Response:
    return await _request_page(visit)


async def send_resume_link(visit: Visit) -> Response:
    """The same page for any address or reference; the look-up happens after it was sent (I16)."""
    try:
        sought = await resuming.check_resume_request(visit.gate, email=visit.text("email"), caller=visit.caller)
        # Asked for all alike: afterwards nobody could be told that no link can be sent just now.
        if (await look_around(visit.gate))["temporal"] != "ok":
            raise Refusal("unavailable")
    except Refusal as refusal:
        return await _request_page(visit, visit.again(refusal))
    hours = int(visit.gate.limits.resume_link_life / timedelta(hours=1))
    response = visit.page(
        "resume_sent.html",
        email=visit.text("email").strip(),
        by_reference=sought.reference,
        link_hours=hours,
        person=await visit.person(),
    )
    response.background = BackgroundTask(
        resuming.mail_resume_links, visit.gate, email=sought.email, reference=sought.reference
    )
    return response


async def _link_page(visit: Visit, reply: Reply | None = None, *, token: str = "") -> Response:
    return visit.page("resume.html", reply, action="/resume/go", token=token, person=await visit.person())


async def resume(visit: Visit) -> Response:
    """Where the mailed link leads. Opening it changes nothing; its button does (B2, I14)."""
    return await _link_page(visit, token=visit.request.path_params["token"])


async def redeem_resume_link(visit: Visit) -> Response:
    try:
        registration_id, session = await repeating.redeem_resume_link_once(
            visit.gate, link_token=visit.text("token"), key=visit.key, client=visit.client
        )
    except Refusal as refusal:
        if refusal.code != "link_dead":
            raise
        problem = {**panel(refusal), "next": [{"text": "Ask for a new link", "href": "/resume"}]}
        return await _link_page(visit, Reply(status=HTTPStatus.GONE, context={"problem": problem}))
    view = await view_registration(visit.gate, registration_id)
    waiting = await open_request(visit, registration_id)
    # Staff's question can wait for longer than a session lives: whoever has one is led to it (P8).
    onward = waiting.href if waiting and waiting.waits else await where_it_stopped(visit, view)
    response = visit.to(onward)
    cookies = visit.site.cookies
    cookies.put(response, cookies.registration, session, life=visit.gate.limits.registration_session_life)
    return response
