"""Letters as PDF: US Letter for a #10 window envelope, one page, embedded fonts, the same bytes for the same letter."""

from datetime import date
from io import BytesIO
from typing import Final
from xml.sax.saxutils import escape

import segno
from reportlab.lib.colors import Color, HexColor, black, white
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import LETTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from domain.letters import Letter, Notice
from gateways.letters import address_block as window
from gateways.letters.address_block import INCH, LetterUnprintable, address_block
from gateways.letters.typeface import BOLD, REGULAR, SEMIBOLD, drawable, drawable_prose, load, shortened, width, wrapped

_WIDTH, _HEIGHT = LETTER
_LEFT: Final = 1.0 * INCH
_RIGHT: Final = _WIDTH - 1.0 * INCH
_COLUMN: Final = 5.6 * INCH
_HEAD: Final = 0.9 * INCH
_BODY_TOP: Final = 4.06 * INCH
_BODY_BOTTOM: Final = 10.4 * INCH

_INK: Final = HexColor("#1c1f24")
_QUIET: Final = HexColor("#4d545e")

# Whose name can't be drawn in Latin, Greek or Cyrillic letters is still greeted politely.
_NO_PERSON: Final = "provider portal registrant"
_THAT_PERSON: Final = "the person who asked"
_NO_ORGANIZATION: Final = "your organization"

_QR_SIDE: Final = 1.12 * INCH

# How airy the body is set: the first that fits one page. Only very long names and addresses need the others.
_EASES: Final = (1.0, 0.92, 0.84)


class LetterPdf:
    """Renders letters. `fold_lines` draws folds, address box and window's reach for a look at the page; never for mail."""

    def __init__(self, *, fold_lines: bool = False) -> None:
        self._fold_lines = fold_lines

    def render(self, letter: Letter | Notice) -> bytes:
        """The PDF of this letter: byte-identical for equal letters. Raises `LetterUnprintable`.

        A PIN is on the page only, neither in the metadata nor in the QR code.
        """
        load()
        for ease in _EASES:
            file = BytesIO()
            canvas = Canvas(
                file,
                pagesize=LETTER,
                invariant=1,
                lang="en-US",
                # Otherwise every page names Helvetica, which isn't embedded. (The stubs take the name for a number.)
                initialFontName=REGULAR,  # type: ignore[arg-type]
            )
            canvas.setTitle(f"Letter of {drawable(letter.letterhead.name)}")
            canvas.setAuthor(drawable(letter.letterhead.name))
            canvas.setSubject("Provider portal")
            canvas.setCreator("")
            if _Page(canvas, letter, ease).draw():
                break
        else:
            raise LetterUnprintable("body")
        if self._fold_lines:
            _draw_folds(canvas)
        canvas.showPage()
        canvas.save()
        return file.getvalue()


class _Page:
    """One letter being drawn; `_y` is how far from the top of the page the body has come, in points."""

    def __init__(self, canvas: Canvas, letter: Letter | Notice, ease: float) -> None:
        self._canvas = canvas
        self._letter = letter
        self._head = letter.letterhead
        self._colour = HexColor(letter.letterhead.colour)
        self._person = _limited(letter.person, inches=4.0)
        self._organization = _limited(letter.organization, inches=8.5)
        self._payer = drawable(letter.letterhead.name) or "your health plan"
        self._ease = ease
        self._y = _BODY_TOP

    def draw(self) -> bool:
        """Draw everything; False if the body went beyond its end."""
        self._draw_letterhead()
        self._draw_facts()
        self._draw_recipient()
        match self._letter:
            case Letter():
                self._draw_pin_body(self._letter)
            case Notice():
                self._draw_notice_body(self._letter)
        self._paragraph(f"Provider Services, {escape(self._payer)}", after=0)
        self._draw_footer()
        return self._y <= _BODY_BOTTOM

    # The parts above the fold

    def _draw_letterhead(self) -> None:
        self._canvas.setFillColor(self._colour)
        self._canvas.rect(_LEFT, _HEIGHT - 0.56 * INCH, _RIGHT - _LEFT, 3, stroke=0, fill=1)
        name = shortened(self._payer, BOLD, size=17, room=_COLUMN - _LEFT - 14)
        self._text(name, x=_LEFT, y=_HEAD, font=BOLD, size=17, colour=self._colour)
        y = _HEAD + 17
        for line in self._head.lines[-5:]:
            shown = shortened(drawable(line), REGULAR, size=8.5, room=_COLUMN - _LEFT - 14)
            self._text(shown, x=_LEFT, y=y, font=REGULAR, size=8.5, colour=_QUIET)
            y += 11.5

    def _draw_facts(self) -> None:
        """Date, reference and telephone in a column right of everything the window can reach."""
        y = _HEAD - 8
        facts = (
            ("Date", _long_date(self._letter.dated)),
            ("Reference", self._letter.reference),
            ("Questions? Call", self._head.phone),
        )
        for label, value in facts:
            self._text(label, x=_COLUMN, y=y, font=REGULAR, size=8, colour=_QUIET)
            shown = shortened(drawable(value), SEMIBOLD, size=10.5, room=_RIGHT - _COLUMN)
            self._text(shown, x=_COLUMN, y=y + 13, font=SEMIBOLD, size=10.5, colour=_INK)
            y += 31
        y -= 7
        for line in wrapped(drawable(self._head.hours), REGULAR, size=8, room=_RIGHT - _COLUMN)[:4]:
            self._text(line, x=_COLUMN, y=y, font=REGULAR, size=8, colour=_QUIET)
            y += 10.5

    def _draw_recipient(self) -> None:
        block = address_block(
            person=self._letter.person, organization=self._letter.organization, address=self._letter.address
        )
        y = window.FIRST_BASELINE
        for line in block.lines:
            self._text(line, x=window.LEFT, y=y, font=window.FONT, size=block.size, colour=black)
            y += window.LEADING

    # The body

    def _draw_pin_body(self, letter: Letter) -> None:
        organization, payer, phone = (
            escape(text) for text in (self._organization or _NO_ORGANIZATION, self._payer, drawable(self._head.phone))
        )
        self._paragraph(
            "Your PIN for the provider portal", font=BOLD, size=16, leading=20, colour=self._colour, after=9
        )
        self._paragraph(f"Dear {escape(self._person or _NO_PERSON)},", after=5)
        self._paragraph(
            f"You asked to register <b>{organization}</b> with the provider portal of {payer} by US Mail. "
            "Enter this PIN on the page where you started: it shows us that our letter reached your office.",
            after=10,
        )
        self._draw_pin_panel(letter)
        self._paragraph("What to do", font=SEMIBOLD, size=11.5, leading=15, colour=self._colour, after=3)
        self._steps(
            (
                f"Open <b>{escape(letter.page_address)}</b>, or scan the square code with your phone.",
                (
                    "On a new device, have a link sent to the e-mail address you registered with, or sign in if you have an "
                    f"account. The letter belongs to reference <b>{escape(letter.reference)}</b>."
                ),
                "Enter the PIN, in capital or small letters, with or without the dash.",
            )
        )
        self._paragraph(
            f"<b>Use it by {_long_date(letter.use_by)}.</b> Later, ask for a new letter on the same page. If several "
            "letters reach you, each PIN works until its own time is over.",
            after=6,
        )
        self._paragraph(
            "<b>Keep it to yourself.</b> We never ask for this PIN by phone or e-mail. "
            f"If {escape(self._person or _THAT_PERSON)} no longer works with you, please don’t use it; call us instead.",
            after=11,
        )
        self._draw_warning(
            "<b>You did not ask for this letter?</b> Someone asked for it in your organization’s name. Don’t enter "
            "the PIN and don’t pass it on: without it nothing is opened. Please call us at "
            f"<b>{phone}</b> and tell us the reference {escape(letter.reference)}, so that we can look into it."
        )

    def _draw_notice_body(self, notice: Notice) -> None:
        person = escape(self._person)
        greeting = f"Dear {person}," if person else "To the person in charge of your provider portal accounts:"
        heading = escape(drawable_prose(notice.heading))
        self._paragraph(heading, font=BOLD, size=16, leading=20, colour=self._colour, after=9)
        self._paragraph(greeting, after=6)
        for text in notice.paragraphs:
            self._paragraph(escape(drawable_prose(text)), after=8)
        if notice.page_address:
            self._y += 4
            top = self._draw_panel(notice.page_address)
            room = _RIGHT - _LEFT - _QR_SIDE - 36
            block = Paragraph(
                f"<b>{escape(drawable_prose(notice.action))}</b><br/>Open <b>{escape(notice.page_address)}</b>, "
                f"or scan the square code with your phone. Your reference is <b>{escape(notice.reference)}</b>.",
                _style(REGULAR, 10, 14, _INK),
            )
            _, height = block.wrap(room, _HEIGHT)
            block.drawOn(self._canvas, _LEFT + 14, _HEIGHT - top - (_QR_SIDE + 16 + height) / 2)
        phone = escape(drawable(self._head.phone))
        self._draw_warning(
            f"<b>Questions, or is something wrong?</b> Call us at <b>{phone}</b> and tell us the reference "
            f"{escape(notice.reference)}. We never ask for passwords, codes or PINs by phone or e-mail."
        )

    def _draw_panel(self, page_address: str) -> float:
        """A panel with the page's QR code at its right; how far its top is from the page's."""
        height = _QR_SIDE + 16
        top = self._y
        self._canvas.setFillColor(_tint(self._colour, 0.07))
        self._canvas.setStrokeColor(self._colour)
        self._canvas.setLineWidth(0.8)
        self._canvas.roundRect(_LEFT, _HEIGHT - top - height, _RIGHT - _LEFT, height, 5, stroke=1, fill=1)
        self._draw_qr(page_address, right=_RIGHT - 8, top=top + 8)
        self._y = top + height + 13
        return top

    def _draw_pin_panel(self, letter: Letter) -> None:
        top = self._draw_panel(letter.page_address)
        centre = _LEFT + (_RIGHT - _LEFT - _QR_SIDE - 16) / 2
        self._centred("Your PIN", x=centre, y=top + 30, font=SEMIBOLD, size=10, colour=_QUIET, spacing=0)
        self._centred(letter.pin.shown, x=centre, y=top + 69, font=BOLD, size=34, colour=black, spacing=2.6)

    def _draw_qr(self, page_address: str, *, right: float, top: float) -> None:
        """The QR code of the page's address, with its quiet zone of four modules, on white."""
        matrix = [list(row) for row in segno.make_qr(page_address, error="m", boost_error=False).matrix]
        modules = len(matrix) + 8
        side = _QR_SIDE / modules
        left = right - _QR_SIDE
        self._canvas.setFillColor(white)
        self._canvas.rect(left, _HEIGHT - top - _QR_SIDE, _QR_SIDE, _QR_SIDE, stroke=0, fill=1)
        path = self._canvas.beginPath()
        for row, line in enumerate(matrix):
            for column, dark in enumerate(line):
                if dark:
                    path.rect(left + (column + 4) * side, _HEIGHT - top - (row + 5) * side, side, side)
        self._canvas.setFillColor(black)
        self._canvas.drawPath(path, stroke=0, fill=1)

    def _steps(self, steps: tuple[str, ...]) -> None:
        for number, step in enumerate(steps, 1):
            self._text(f"{number}.", x=_LEFT, y=self._y + 10.4, font=SEMIBOLD, size=10, colour=self._colour)
            self._paragraph(step, indent=16, after=3)
        self._y += 5

    def _draw_warning(self, text: str) -> None:
        paragraph = Paragraph(text, _style(REGULAR, 9.5, 13, _INK))
        _, height = paragraph.wrap(_RIGHT - _LEFT - 24, _HEIGHT)
        box = height + 15
        bottom = _HEIGHT - self._y - box
        self._canvas.setFillColor(_tint(black, 0.045))
        self._canvas.rect(_LEFT, bottom, _RIGHT - _LEFT, box, stroke=0, fill=1)
        self._canvas.setFillColor(self._colour)
        self._canvas.rect(_LEFT, bottom, 3, box, stroke=0, fill=1)
        paragraph.drawOn(self._canvas, _LEFT + 13, bottom + 8)
        self._y += box + 10

    def _draw_footer(self) -> None:
        y = _HEIGHT - 0.42 * INCH
        self._text(f"{self._letter.reference}", x=_LEFT, y=y, font=REGULAR, size=7.5, colour=_QUIET)
        note = "Page 1 of 1"
        self._text(note, x=_RIGHT - width(note, REGULAR, 7.5), y=y, font=REGULAR, size=7.5, colour=_QUIET)

    # Setting type

    def _paragraph(
        self,
        text: str,
        *,
        font: str = REGULAR,
        size: float = 10,
        leading: float = 14,
        colour: Color = _INK,
        indent: float = 0,
        after: float,
    ) -> None:
        """Set text (reportlab's markup; values escaped) below what was set before."""
        paragraph = Paragraph(text, _style(font, size, leading * self._ease, colour))
        _, height = paragraph.wrap(_RIGHT - _LEFT - indent, _HEIGHT)
        paragraph.drawOn(self._canvas, _LEFT + indent, _HEIGHT - self._y - height)
        self._y += height + after * self._ease

    def _text(self, text: str, *, x: float, y: float, font: str, size: float, colour: Color) -> None:
        self._canvas.setFillColor(colour)
        self._canvas.setFont(font, size)
        self._canvas.drawString(x, _HEIGHT - y, text)

    def _centred(self, text: str, *, x: float, y: float, font: str, size: float, colour: Color, spacing: float) -> None:
        self._canvas.setFillColor(colour)
        self._canvas.setFont(font, size)
        whole = width(text, font, size) + spacing * (len(text) - 1)
        self._canvas.drawString(x - whole / 2, _HEIGHT - y, text, charSpace=spacing)


def _limited(name: str, *, inches: float) -> str:
    """The name as the body shows it: as it can be drawn, and not longer than the page has room for."""
    return shortened(drawable(name), SEMIBOLD, size=10, room=inches * INCH)


def _long_date(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _style(font: str, size: float, leading: float, colour: Color) -> ParagraphStyle:
    return ParagraphStyle(
        "letter", fontName=font, fontSize=size, leading=leading, textColor=colour, alignment=TA_LEFT, splitLongWords=1
    )


def _tint(colour: Color, share: float) -> Color:
    """The colour mixed with white, so that nothing on the page is transparent."""
    return Color(*(1 - share * (1 - part) for part in (colour.red, colour.green, colour.blue)))


def _draw_folds(canvas: Canvas) -> None:
    canvas.saveState()
    canvas.setLineWidth(0.5)
    canvas.setDash(4, 3)
    canvas.setStrokeColor(HexColor("#c00000"))
    for fold in (window.FIRST_FOLD, 2 * window.FIRST_FOLD):
        canvas.line(0, _HEIGHT - fold, _WIDTH, _HEIGHT - fold)
    for box, colour in ((window.ADDRESS_BOX, "#008000"), (window.WINDOW_REACH, "#0000c0")):
        canvas.setStrokeColor(HexColor(colour))
        canvas.rect(box.left, _HEIGHT - box.bottom, box.right - box.left, box.bottom - box.top, fill=0)
    canvas.restoreState()
