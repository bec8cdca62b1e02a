"""What a signed-in person sees: the account, the access it has, and the message center."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, status

from api.dependencies import GateDep, Key, NoBody, SignedIn
from api.models import AccessAnswer, AccessRow, AccountAnswer, MessageAnswer, MessagesAnswer
from api.problems import problems
from api.registrations import POSTED
from portal import account
from portal.account import AccessOrder
from portal.gate import remember_key

router = APIRouter(prefix="/api/v1", tags=["Account"])

MessageId = Annotated[UUID, Path(description="The message's id.")]


@router.get("/account", summary="See your account", responses=problems("signed_out"))
async def show_account(principal: SignedIn, gate: GateDep) -> AccountAnswer:
    """Name, address, and what is left to look at."""
    return AccountAnswer.of(await account.view_account(gate, principal))


@router.get(
    "/access", summary="List Tax IDs and NPIs with their status", responses=problems("signed_out", "invalid_fields")
)
async def list_access(
    *,
    principal: SignedIn,
    gate: GateDep,
    search: Annotated[
        str, Query(max_length=100, description="Part of an organization's name or NPI, or the last digits of a Tax ID.")
    ] = "",
    status: Annotated[Literal["", "open", "ended"], Query(description="Only rows of this status.")] = "",
    sort: Annotated[AccessOrder, Query(description="What to sort by.")] = AccessOrder.ORGANIZATION,
    descending: Annotated[bool, Query(description="The other way round.")] = False,
) -> AccessAnswer:
    """Your own rows only."""
    rows = await account.list_access(gate, principal, search=search, status=status, order=sort, descending=descending)
    return AccessAnswer(access=[AccessRow.of(row) for row in rows])


@router.get("/messages", summary="List your messages", responses=problems("signed_out", "invalid_fields"))
async def list_messages(
    principal: SignedIn, gate: GateDep, unread: Annotated[bool, Query(description="Only unread ones.")] = False
) -> MessagesAnswer:
    """The newest first."""
    messages = await account.list_messages(gate, principal, unread_only=unread)
    return MessagesAnswer(messages=[MessageAnswer.of(message) for message in messages])


@router.get("/messages/{message_id}", summary="Read a message", responses=problems("signed_out", "not_found"))
async def show_message(message_id: MessageId, principal: SignedIn, gate: GateDep) -> MessageAnswer:
    """Looking at it doesn't mark it as read."""
    return MessageAnswer.of(await account.view_message(gate, principal, message_id))


@router.post(
    "/messages/{message_id}/read", summary="Mark a message as read", status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(*POSTED, "signed_out", "cross_site", "not_found"), dependencies=[NoBody],
)  # fmt: skip
async def mark_message_read(message_id: MessageId, principal: SignedIn, gate: GateDep, key: Key) -> None:
    """Again is the same as once."""
    await remember_key(gate, scope=f"{principal.subject_id}/read", key=key, body=str(message_id))
    await account.mark_read(gate, principal, message_id)
