"""Development only: the mails that were sent, to be read in a browser."""

from pathlib import Path
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ops.mailbox import read_mail, read_mailbox
from portal.refusals import Refusal
from web.letterbox import Letterbox
from web.rendering import MAIL_BODY_HEADERS, MAILBOX_HEADERS
from web.visit import Site, Visit


class MailboxPages:
    """The list, one mail, and a mail's HTML in a frame without rights."""

    def __init__(self, folder: Path, site: Site, letterbox: Letterbox | None = None) -> None:
        self._folder = folder
        self._site = site
        self._letterbox = letterbox

    async def list(self, request: Request) -> Response:
        mails = [
            {
                "href": f"/mailbox/{mail.id}",
                "to": ", ".join(mail.recipients),
                "subject": mail.subject,
                "sent_at": mail.received_at,
            }
            for mail in read_mailbox(self._folder)
        ]
        letters = self._letterbox.shown() if self._letterbox else {}
        return await self._page(request, "mailbox.html", mails=mails, **letters)

    async def mail(self, request: Request) -> Response:
        mail = read_mail(self._folder, request.path_params["mail_id"])
        if mail is None:
            raise Refusal("not_found")
        shown = {
            "subject": mail.subject,
            "sender": mail.sender,
            "to": ", ".join(mail.recipients),
            "sent_at": mail.received_at,
            "message_id": mail.message_id,
            "text": mail.text,
            "html_href": f"/mailbox/{mail.id}/html" if mail.html else None,
        }
        return await self._page(request, "mailbox_mail.html", mail=shown)

    async def body(self, request: Request) -> Response:
        mail = read_mail(self._folder, request.path_params["mail_id"])
        if mail is None or not mail.html:
            raise Refusal("not_found")
        return HTMLResponse(mail.html, headers=dict(MAIL_BODY_HEADERS))

    async def _page(self, request: Request, template: str, **context: object) -> Response:
        person = await Visit(site=self._site, request=request).person()
        framed = {"development": True, "person": person, "idempotency_key": uuid4().hex, **context}
        return HTMLResponse(self._site.renderer.page(template, framed), headers=dict(MAILBOX_HEADERS))
