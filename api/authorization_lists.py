"""Many requests for access in one file: sending it, how far it is, and the lines to correct."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response, status

from api.authorization_models import AuthorizationListAnswer, AuthorizationListMade
from api.dependencies import GateDep, Key, NoBody, SignedIn
from api.problems import problems
from api.registrations import POSTED
from portal import request_lists
from portal.gate import remember_key
from portal.refusals import Refusal

PATH: Final = "/api/v1/authorization-lists"

router = APIRouter(prefix=PATH, tags=["Clients"])

_EXAMPLE: Final = (
    "Tax ID,NPI,Provider name,Contact e-mail\r\n00-1234567,1234567893,Northfield Clinic,office@clinic.example.org\r\n"
)
_CSV: Final = {"text/csv": {"schema": {"type": "string"}, "example": _EXAMPLE}}
_OWN: Final = ("signed_out", "not_found")


class CsvFile(Response):
    """An answer that is a CSV file."""

    media_type = "text/csv"


ListId = Annotated[UUID, Path(description="The list's id.")]


@router.post(
    "", summary="Send a file of requests", status_code=status.HTTP_202_ACCEPTED,
    responses=problems(*POSTED, "signed_out", "cross_site", "not_billing_service", "not_found", "too_many_tries"),
    openapi_extra={"requestBody": {
        "required": True, "content": _CSV,
        "description": "CSV in UTF-8, at most 256 KB and 1,000 lines; the first line has the titles. NPI may be left out.",
    }},
)  # fmt: skip
async def send_authorization_list(
    *,
    request: Request,
    response: Response,
    principal: SignedIn,
    gate: GateDep,
    key: Key,
    billing_id: Annotated[
        UUID | None, Query(description="For which of your billing services; needed if you belong to several.")
    ] = None,
) -> AuthorizationListMade:
    """Its lines are gone through one by one, each as a request of its own; the list says what became of each."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/csv":
        raise Refusal("unsupported_media_type")
    file = await request.body()
    batch_id = await request_lists.send_list(gate, principal, billing_id=billing_id, file=file, key=key)
    response.headers["Location"] = f"{PATH}/{batch_id}"
    return AuthorizationListMade(id=batch_id)


@router.get("/{list_id}", summary="See how far a file is", responses=problems(*_OWN, "invalid_fields"))
async def show_authorization_list(
    *,
    list_id: ListId,
    principal: SignedIn,
    gate: GateDep,
    rejected: Annotated[bool, Query(description="Only the lines that led to nothing.")] = False,
    page: Annotated[int, Query(ge=1, le=1000, description="A hundred lines on a page.")] = 1,
) -> AuthorizationListAnswer:
    """Ask again while lines are waiting."""
    found = await request_lists.view_list(gate, principal, list_id, rejected_only=rejected, page=page)
    return AuthorizationListAnswer.of(found)


@router.get(
    "/{list_id}/rejected", summary="Get the lines to correct",
    responses={200: {"description": "The lines that led to nothing, with the reason of each.", "content": _CSV}, **problems(*_OWN)},
    response_class=CsvFile,
)  # fmt: skip
async def get_rejected_lines(list_id: ListId, principal: SignedIn, gate: GateDep) -> Response:
    """As a file that can be corrected and sent again: the columns for number and reason are left out then."""
    text = await request_lists.rejected_file(gate, principal, list_id)
    return csv_file(text)


@router.post(
    "/{list_id}/continuation", summary="Go on with a file that stands still", status_code=status.HTTP_204_NO_CONTENT,
    dependencies=[NoBody], responses=problems(*POSTED, *_OWN, "cross_site"),
)  # fmt: skip
async def continue_authorization_list(list_id: ListId, principal: SignedIn, gate: GateDep, key: Key) -> None:
    """Where it's at work already, nothing happens."""
    await remember_key(gate, scope=f"{list_id}/continuation", key=key, body="")
    await request_lists.go_on(gate, principal, list_id)


def csv_file(text: str) -> Response:
    """The file with the byte order mark that spreadsheets need, to be saved and not shown."""
    return Response(
        text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="rejected-lines.csv"'},
    )  # fmt: skip
