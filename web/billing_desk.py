"""Staff's page of providers that bill for others: proposing one, and deciding as the second person (T3, B11)."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from portal import billing_proposals
from portal.refusals import Kind, Refusal
from portal.staff import StaffMember
from web.at_desk import frame_of, member_of
from web.visit import STATUS, Reply, Visit, panel

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

_PATH = "/staff/billing-services"


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of this page."""
    return [page(_PATH, show), form(_PATH, act)]


async def show(visit: Visit) -> Response:
    return await _page(visit, await member_of(visit))


async def _page(visit: Visit, member: StaffMember, reply: Reply | None = None) -> Response:
    return visit.page(
        "staff_billing.html",
        reply,
        rows=await billing_proposals.list_proposals(visit.gate, member),
        action=_PATH,
        opened=visit.text("action"),
        staff=frame_of(member),
    )


async def act(visit: Visit) -> Response:
    member = await member_of(visit)
    choice, _, opaque = visit.text("action").partition(":")
    try:
        said = await _act(visit, member, choice, opaque)
    except Refusal as refusal:
        if refusal.code in {"not_found", "bad_request"}:
            raise
        if refusal.kind in {Kind.ELSEWHERE, Kind.OVER}:
            reply = Reply(status=STATUS[refusal.kind], context={"problem": panel(refusal), "values": visit.form})
        else:
            reply = visit.again(refusal, fields={} if choice == "propose" else {"reason": "decision_reason"})
        return await _page(visit, member, reply)
    return visit.to(_PATH, said=said)


async def _act(visit: Visit, member: StaffMember, choice: str, opaque: str) -> str:
    """Do what the form asks for; returns what is said of it on the next page."""
    if choice == "propose":
        await billing_proposals.propose(
            visit.gate, member, tin=visit.text("tin"), name=visit.text("name"), email=visit.text("email"),
            reason=visit.text("reason"), key=visit.key,
        )  # fmt: skip
        return "billing-proposed"
    try:
        proposal_id = UUID(opaque)
    except ValueError:
        raise Refusal("bad_request") from None
    await billing_proposals.decide(
        visit.gate, member, proposal_id, choice=choice, reason=visit.text("decision_reason"), key=visit.key
    )
    return "billing-decided"
