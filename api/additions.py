"""Adding a Tax ID or NPI to one's account: begin it, and list what is open. It's proved on the routes of a registration."""

from fastapi import APIRouter, Response, status

from api.dependencies import ClientName, GateDep, Key, NoBody, SignedIn
from api.letter_models import AdditionAnswer, AdditionsAnswer
from api.models import RegistrationStarted
from api.problems import problems
from api.registrations import POSTED
from portal import adding

router = APIRouter(prefix="/api/v1/access-additions", tags=["Account"])


@router.post(
    "", summary="Begin to add a Tax ID or NPI", status_code=status.HTTP_201_CREATED, dependencies=[NoBody],
    responses=problems(*POSTED, "signed_out", "cross_site", "too_many_open"),
)  # fmt: skip
async def start_addition(
    *, principal: SignedIn, response: Response, gate: GateDep, key: Key, client: ClientName
) -> RegistrationStarted:
    """The answer's token is for the registration's routes: prove the organization there by payment, notice or letter, and its access opens."""
    started = await adding.start_addition(gate, principal, key=key, client=client)
    response.headers["Location"] = f"/api/v1/registrations/{started.registration_id}"
    return RegistrationStarted.of(started)


@router.get("", summary="List what you are adding", responses=problems("signed_out"))
async def list_additions(principal: SignedIn, gate: GateDep) -> AdditionsAnswer:
    """Each with its own status and its own time."""
    return AdditionsAnswer(additions=[AdditionAnswer.of(view) for view in await adding.list_additions(gate, principal)])
