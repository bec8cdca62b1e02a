"""The recipient's address in the window of a #10 envelope: at most four lines, and what to give up when there are more.

All lengths are points from the top left corner of US Letter paper.
"""

from dataclasses import dataclass
from typing import Final

from domain.directory import Address
from gateways.letters.typeface import REGULAR, drawable, shortened, width, wrapped

INCH: Final = 72.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the page."""

    left: float
    top: float
    right: float
    bottom: float


FIRST_FOLD: Final = 3.9375 * INCH
ADDRESS_BOX: Final = Box(1.000 * INCH, 2.625 * INCH, 4.250 * INCH, 3.3125 * INCH)
"""What shows in the window wherever the sheet has slid to inside the envelope; the address stays in here."""

WINDOW_REACH: Final = Box(0.0, 2.3125 * INCH, 5.375 * INCH, 3.625 * INCH)
"""What can show in the window at all.

The window is 4.5 by 1.125 in, 0.875 in from the left and 0.5 in from the bottom of an envelope of 9.5 by 4.125 in;
the folded sheet (8.5 by 3.9375 in) has 1 in of play sideways and 0.1875 in upwards. Nothing but the address is
printed in here.
"""

FONT: Final = REGULAR
SIZES: Final = (9.0, 8.0, 7.0, 6.0)
"""Point sizes to try; everything but the longest delivery lines is set in the first."""

_MOST_LINES: Final = 4
_INSET: Final = 2.0
ROOM: Final = ADDRESS_BOX.right - ADDRESS_BOX.left - 2 * _INSET
LEADING: Final = 11.0
FIRST_BASELINE: Final = ADDRESS_BOX.top + 10.5
LEFT: Final = ADDRESS_BOX.left + _INSET


class LetterUnprintable(ValueError):
    """This letter can't be set on its page; the text names the part, never its content."""


@dataclass(frozen=True, slots=True)
class AddressBlock:
    """The lines in the window and their size in points."""

    lines: tuple[str, ...]
    size: float


def address_block(*, person: str, organization: str, address: Address) -> AddressBlock:
    """The lines of the window, upper case as USPS Publication 28 prefers: person, organization, delivery line, last line.

    The delivery and last lines are never shortened. A secondary unit stands on the delivery line, or above it when
    both don't fit; when four lines aren't enough, person and organization share one. Names are shortened
    with an ellipsis (the letter itself has more of them). Raises `LetterUnprintable` for an address that doesn't
    fit even so, which `domain.letters.mailing_address` doesn't give.
    """
    street, unit = drawable(address.line1), drawable(address.line2)
    last = f"{drawable(address.city)} {address.state}  {address.zip}"
    if not street or not drawable(address.city):
        raise LetterUnprintable("address")
    for size in SIZES:
        delivery = _delivery_lines(street, unit, size)
        if len(delivery) <= _MOST_LINES - 2 and width(last, FONT, size) <= ROOM:
            break
    else:
        raise LetterUnprintable("address")
    names = [name for name in (drawable(person).upper(), drawable(organization).upper()) if name]
    if len(names) + len(delivery) + 1 > _MOST_LINES:
        # The person matters to whoever sorts the organization's mail, the organization to the carrier.
        names = [", ".join((shortened(names[0], FONT, size=size, room=ROOM * 0.55), names[1]))]
    lines = [shortened(name, FONT, size=size, room=ROOM) for name in names]
    return AddressBlock((*lines, *delivery, last), size)


def _delivery_lines(street: str, unit: str, size: float) -> list[str]:
    one = f"{street} {unit}".strip()
    if width(one, FONT, size) <= ROOM:
        return [one]
    if unit and width(street, FONT, size) <= ROOM and width(unit, FONT, size) <= ROOM:
        return [unit, street]
    return wrapped(one, FONT, size=size, room=ROOM)
