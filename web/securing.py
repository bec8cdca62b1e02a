"""What setting up a second factor shows, whoever's it is: the picture to scan, and the codes that stand in for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import segno
from starlette.responses import Response

from portal.account_setup import SecondFactor
from portal.gate import Gate
from portal.refusals import Refusal
from web.visit import Visit


def factor_to_scan(visit: Visit, factor: SecondFactor, *, owner: str) -> dict[str, str]:
    """What a page needs to show the second factor of `owner`, as the app will name it."""
    picture = segno.make(factor.uri, error="m").svg_data_uri(scale=5, border=2, omitsize=True, title="QR code")
    return {
        "qr_data_uri": picture,
        "secret": factor.secret,
        "account_label": f"{visit.gate.payer_name}: {owner}",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodePages:
    """The recovery codes of an account that was just made, shown until their owner says that they are saved.

    `owner` finds whose they are, or None for a browser where the account isn't signed in: a session that came with a mailed
    link must not show what stands in for the second factor.
    """

    owner: Callable[[Visit], Awaitable[UUID | None]]
    codes: Callable[[Gate, UUID], Awaitable[list[str]]]
    forget: Callable[[Gate, UUID], Awaitable[None]]
    action: str
    done: str
    signed_up: bool

    async def show(self, visit: Visit) -> Response:
        """The codes; once they are saved, the page that follows."""
        owner = await self.owner(visit)
        if owner is None:
            return visit.to(self.done)
        try:
            return await self._page(visit, owner)
        except Refusal as refusal:
            if refusal.code == "not_found":  # saved already
                return visit.to(self.done)
            raise

    async def saved(self, visit: Visit) -> Response:
        """The owner says that they are saved: they are forgotten."""
        owner = await self.owner(visit)
        if owner is None:
            return visit.to(self.done)
        if not visit.text("saved"):
            return await self._page(visit, owner, errors={"saved": "Save the codes first, then tick the box."})
        await self.forget(visit.gate, owner)
        return visit.to(self.done)

    async def _page(self, visit: Visit, owner: UUID, **context: object) -> Response:
        codes = await self.codes(visit.gate, owner)
        return visit.page(
            "recovery_codes.html", action=self.action, codes=codes, signed_up=self.signed_up,
            person=await visit.person(), **context,
        )  # fmt: skip
