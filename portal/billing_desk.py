"""Billing services for staff: more open requests than the setting says."""

from typing import Final
from uuid import UUID

from db import audit
from db.billing import BillingService
from db.billing_desk import OpenLimitChange
from domain.cases import some_text
from domain.identifiers import IdentifierError
from portal.contact_desk import SEALED_REASON, open_limit_of
from portal.fields import Fields
from portal.gate import Gate, remember_key
from portal.refusals import Refusal
from portal.staff import StaffMember
from portal.staff import subject_of as staff_subject

MOST_OPEN: Final = 5_000
"""The highest limit of open requests that staff can give to one billing service."""

_REASON_LENGTH: Final = 1000


async def raise_limit(gate: Gate, staff: StaffMember, billing_id: UUID, *, limit: str, reason: str, key: str) -> int:
    """Let a billing service have this many open requests, 1 to 5,000; returns the limit.

    No workflow has a part in it: the next request reads it. Raises `Refusal`: `invalid_fields`, `not_found`, `key_reused`.
    """
    fields = Fields()
    most = fields.read("limit", limit, _limit)
    why = fields.read(
        "reason",
        reason,
        lambda text: some_text(text, missing="Write why this billing service needs it.", most=_REASON_LENGTH),
    )
    fields.check()
    assert most is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    await remember_key(gate, scope=f"{billing_id}/{staff.id.hex}/limit", key=key, body=f"{most}\0{why}")
    change_id = UUID(hex=gate.vault.digest("limit-change", f"{billing_id}\0{staff.id}\0{key}")[:32])
    now = gate.now()
    async with gate.database.write() as session:
        service = await session.get(BillingService, billing_id, with_for_update=True)
        if service is None:
            raise Refusal("not_found")
        if await session.get(OpenLimitChange, change_id) is not None:
            return most
        before = await open_limit_of(gate, session, billing_id)
        service.open_limit = most
        session.add(
            OpenLimitChange(
                id=change_id, billing_id=billing_id, staff_id=staff.id, before=before, after=most,
                reason_sealed=gate.vault.seal(SEALED_REASON, why or ""), at=now,
            )
        )  # fmt: skip
        await audit.append(
            session, at=now, actor=staff_subject(staff.id), action="billing.open_limit_set",
            subject=f"billing/{billing_id}", before=before, after=most,
        )  # fmt: skip
    return most


def _limit(text: str) -> int:
    digits = text.strip().replace(",", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 6 and 1 <= int(digits) <= MOST_OPEN):
        raise IdentifierError("limit_out_of_range", f"Enter a whole number from 1 to {MOST_OPEN:,}.")
    return int(digits)
