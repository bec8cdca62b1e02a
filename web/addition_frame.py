"""What tells the pages of an addition from those of a registration: their frame, where they end, and their words (P10)."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from domain.registration import State, StepResult
from portal.registration_view import RegistrationView
from web.visit import Visit

# The answers of `domain.answers` speak of registering; here an account is there already.
CLOSED: Final[Mapping[State, Mapping[str, object]]] = {
    State.EXPIRED: {
        "title": "This has expired",
        "detail": "Adding a Tax ID or NPI closes some time after its last step. The access you have isn’t touched by it.",
        "next": ["Begin again; it is proved anew."],
    },
    State.WITHDRAWN: {
        "title": "You have stopped adding this",
        "detail": "Nothing of it is open any more. The access you have isn’t touched by it.",
        "next": ["Begin again whenever you like; a payment you used here works there, too."],
    },
    State.LOCKED: {
        "title": "This is locked",
        "detail": "There were too many wrong proofs in it. The access you have isn’t touched by it.",
        "next": ["Call provider support; they can see what happened.", "Begin again."],
    },
}


async def frame(visit: Visit, view: RegistrationView) -> dict[str, object]:
    """For the pages that registrations and additions share: an addition has no step indicator, and its person is signed in."""
    return {"addition": view.is_addition, "person": await visit.person() if view.is_addition else None}


def after_proof(visit: Visit, view: RegistrationView, result: StepResult, path: str) -> Response:
    """Where a proof leads: an addition is complete with it, a registration goes on at `path`."""
    if view.is_addition and result.state is State.COMPLETED:
        return visit.to("/access", said="added")
    return visit.to(path)
