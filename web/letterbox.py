"""Development only: the letters that the print shop would print and mail, to be read and played in a browser (P2, B5)."""

from datetime import datetime
from typing import Final
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from domain.print_shop import DeliveryKind
from gateways.letters.spool_desk import SpoolDesk, SpooledLetter, SpoolState
from ops.http import same_origin
from portal.refusals import Refusal
from web.visit import Site, read_form

_STATUS: Final = {
    SpoolState.WAITING: {"label": "To be mailed", "kind": "waiting"},
    SpoolState.MAILED: {"label": "Mailed", "kind": "good"},
    SpoolState.RETURNED: {"label": "Came back", "kind": "stopped"},
}
# Chromium's viewer puts styles of its own around a PDF.
_PDF_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'",
    "Content-Disposition": "inline",
}


class Letterbox:
    """What the mailbox page shows of the spool, and its buttons: they do what a print shop does."""

    def __init__(self, desk: SpoolDesk, site: Site) -> None:
        self._desk = desk
        self._site = site

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/mailbox/letters/{letter_id}", self._pdf, methods=["GET"]),
            Route("/mailbox/letters/{letter_id}/mailed", self._mailed, methods=["POST"]),
            Route("/mailbox/letters/{letter_id}/returned", self._returned, methods=["POST"]),
        ]

    def shown(self) -> dict[str, object]:
        """What the mailbox page needs besides the mails: the letters, the newest mailing day first."""
        rows = [
            {
                "id": letter.letter_id,
                "mailing_on": letter.mailing_on,
                "status": _STATUS[letter.state],
                "pdf_href": f"/mailbox/letters/{letter.letter_id}" if letter.pdf else None,
                "mailed_action": f"/mailbox/letters/{letter.letter_id}/mailed",
                "returned_action": f"/mailbox/letters/{letter.letter_id}/returned",
                "may_be_mailed": letter.state is SpoolState.WAITING,
                "may_come_back": letter.state is not SpoolState.RETURNED,
            }
            for letter in reversed(self._desk.letters())
        ]
        return {"letters": rows, "idempotency_key": uuid4().hex}

    async def _pdf(self, request: Request) -> Response:
        pdf = self._letter(request).pdf
        if pdf is None:
            raise Refusal("not_found")
        return Response(pdf.read_bytes(), media_type="application/pdf", headers=_PDF_HEADERS)

    async def _mailed(self, request: Request) -> Response:
        return await self._tell(request, DeliveryKind.MAILED)

    async def _returned(self, request: Request) -> Response:
        return await self._tell(request, DeliveryKind.RETURNED)

    async def _tell(self, request: Request, kind: DeliveryKind) -> Response:
        if not same_origin(request, self._site.site_url):
            raise Refusal("cross_site")
        await read_form(request)
        now: datetime = self._site.gate.now()
        self._desk.tell(self._letter(request), kind, at=now)
        return Response(status_code=303, headers={"Location": "/mailbox#letters", "Cache-Control": "no-store"})

    def _letter(self, request: Request) -> SpooledLetter:
        letter = self._desk.find(request.path_params["letter_id"])
        if letter is None:
            raise Refusal("not_found")
        return letter
