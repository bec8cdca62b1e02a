"""Who of a provider sees a billing service's access, who is told of it, and what each of them may do to it (B7, I20).

An access to all of a Tax ID includes each of its NPIs: who has access to one of these sees it and can close it, never open it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from domain.colleagues import Holding
from domain.grants import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What an account may do to an access. Who may open may do the rest as well, and who may end may hold."""

    may_hold: bool
    may_end: bool  # revoke it, or have it end sooner
    may_open: bool  # resume it, or have it go on for longer
    is_led: bool  # whether anybody may open it

    @classmethod
    def of(cls, holdings: Iterable[Holding], account_id: UUID, npi: str | None) -> Self:
        """Opening takes an administrator of all that's open. An administrator of a part of it can put it on hold.

        Ending it for good is theirs, too, where there is no administrator of all of it: otherwise nobody could.
        """
        leading = [one for one in holdings if one.is_administrator and touches(one, npi)]
        own = [one for one in leading if one.account_id == account_id]
        may_open = any(one.covers(npi) for one in own)
        is_led = any(one.covers(npi) for one in leading)
        may_end = may_open or (bool(own) and not is_led)
        return cls(may_hold=bool(own), may_end=may_end, may_open=may_open, is_led=is_led)


def touches(holding: Holding, npi: str | None) -> bool:
    """Whether an access of that scope shows something of what this row opens."""
    return npi is None or holding.covers(npi)


def partial_npis(own: Iterable[Holding], npi: str | None) -> tuple[str, ...]:
    """The NPIs of somebody who sees no more than these of an access to all of a Tax ID; none for anybody else."""
    npis = {one.npi for one in own}
    return () if npi is not None or None in npis else tuple(sorted(one for one in npis if one))


def concerned(holdings: Iterable[Holding], npi: str | None) -> list[UUID]:
    """Whom to tell, the longest-serving first: administrators of all of it, else of a part of it, else whoever sees it."""
    touching = [one for one in holdings if touches(one, npi)]
    leading = [one for one in touching if one.is_administrator]
    told = [one for one in leading if one.covers(npi)] or leading or touching
    return list(dict.fromkeys(one.account_id for one in told))


# What a message says that its reader can do; never what they can't.

_CALL = "call us and have the reference ready."


def all_of(npi: str | None) -> str:
    """What an administrator has to look after to open an access of that scope, within a sentence."""
    return f"NPI {npi}" if npi else "all of the Tax ID"


def ways_to_answer(*, may_decide: bool, npi: str | None) -> dict[str, str]:
    """For a request that waits: `can`, a sentence, and `remedy`, what goes on after "I did not ask for this:"."""
    if may_decide:
        can = "You can answer yourself: sign in and approve or decline the request."
        return {"can": can, "remedy": f"sign in and decline the request, or {_CALL}"}
    can = f"The business contact can answer, or an administrator of {all_of(npi)}. You can look at the request."
    return {"can": can, "remedy": _CALL}


def ways_once_open(rights: Rights) -> dict[str, str]:
    """For an access that was just opened; as `ways_to_answer`. Its mail has a link to object besides."""
    if rights.may_end:
        can = "Under Billing services you can put the access on hold, end it or set an end date at any time."
        return {"can": can, "remedy": f"put it on hold or revoke it under Billing services, or {_CALL}"}
    can = "Under Billing services you can look at the access."
    return {"can": can, "remedy": f"use the link in the e-mail that we sent you about it, or {_CALL}"}


def ways_after_objection(rights: Rights, npi: str | None) -> dict[str, str]:
    """For an access that an objection put on hold; as `ways_to_answer`."""
    stays = "Until then it stays on hold."
    if rights.may_open:
        can = f"Is the access right? Resume it under Billing services. Is it not? Revoke it there. {stays}"
    elif rights.may_end:
        can = f"You can revoke it under Billing services. Only an administrator of {all_of(npi)} can resume it. {stays}"
    else:
        can = f"Only an administrator of {all_of(npi)} can resume or revoke it. {stays}"
    remedy = f"sign in and revoke the access under Billing services, or {_CALL}" if rights.may_end else _CALL
    return {"can": can, "remedy": remedy}


def ways_after_change(rights: Rights, state: State) -> dict[str, str]:
    """For an access that was changed and stands like this now: `remedy` alone."""
    what = ""
    if state is State.OPEN and rights.may_hold:
        what = "put it on hold or revoke it" if rights.may_end else "put it on hold"
    elif state is State.HELD and rights.may_end:
        what = "resume or revoke it" if rights.may_open else "revoke it"
    return {"remedy": f"sign in and {what} under Billing services, or {_CALL}" if what else _CALL}
