"""Having support look when no letter can be mailed or work: a case with what was entered already (P2)."""

from uuid import UUID

from domain.cases import CaseKind
from domain.registration import State
from portal.cases import CaseParty, OpenedCase, open_case
from portal.gate import Gate, wrong_state
from portal.refusals import Refusal
from portal.registering import keep_organization, kept_organization
from portal.registration_view import view_registration


async def ask_about_letters(gate: Gate, registration_id: UUID, *, telephone: str, key: str) -> OpenedCase:
    """Open a "Contact us" case about the organization that was entered; what was entered stays for a payment.

    Raises `Refusal` as `open_case` does, and `wrong_state` while no organization was entered.
    """
    view = await view_registration(gate, registration_id)
    typed = await kept_organization(gate, registration_id)
    if not typed.is_complete:
        raise wrong_state(view.state) if not view.state.is_final else Refusal(f"registration_{view.state}")
    why = (
        "I can’t use letters with a PIN any more: PINs were tried too often in this registration."
        if view.letters_over
        else "I asked for a letter with a PIN, and no address in your records can be used for it."
    )
    number = f"Type 2 NPI {typed.npi}" if typed.npi else f"vendor number {typed.vendor}"
    opened = await open_case(
        gate,
        CaseParty(registration_id=registration_id),
        kind=CaseKind.HELP,
        key=key,
        tin=typed.tin,
        npi=typed.npi,
        telephone_number=telephone,
        note=f"{why} With the Tax ID I entered the {number}.",
    )
    if view.state in {State.PROVING, State.AWAITING_PIN}:
        # A case keeps the numbers of its own form; the vendor number isn't among them.
        await keep_organization(gate, registration_id, tin=typed.tin, vendor=typed.vendor, npi=typed.npi)
    return opened
