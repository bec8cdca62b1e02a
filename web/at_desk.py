"""Who is at staff's desk: the member of staff whose session it is, and what the frame of the pages shows of them (B11)."""

from http import HTTPStatus

from starlette.responses import Response

from portal import staff
from portal.refusals import Refusal
from portal.staff import StaffMember
from web.visit import Reply, Visit


async def member_of(visit: Visit) -> StaffMember:
    """Who is signed in as staff.

    Ask before anything is looked up. Raises `Refusal` (`signed_out`), which leads to staff's sign-in and back: whatever is
    at the address, and whether anything is, an answer without a session is the same (I16).
    """
    try:
        return await staff.authenticate(visit.gate, visit.request.cookies.get(visit.site.cookies.staff))
    except Refusal:
        raise Refusal("signed_out") from None


async def nothing_there(visit: Visit) -> Response:
    """What staff get at an address of the desk that leads to nothing. Raises `Refusal` (`signed_out`) for anybody else."""
    member = await member_of(visit)
    return visit.page("staff_problem.html", Reply(status=HTTPStatus.NOT_FOUND), staff=frame_of(member))


def is_desk(visit: Visit) -> bool:
    """Whether an address is one of the desk's."""
    path = visit.request.url.path
    return path == "/staff" or path.startswith("/staff/")


def frame_of(member: StaffMember) -> dict[str, str]:
    """The `staff` of a page."""
    return {"name": member.name, "role": str(member.role)}
