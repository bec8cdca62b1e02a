"""How pages are rendered: the Jinja2 environment and its filters, the payer's theme, asset versions and the headers every page carries."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from domain.mail_domains import spelled_out
from domain.time_words import clock_in_words, moment_in_words

TEMPLATES: Final = Path(__file__).parent / "templates"
STATIC: Final = Path(__file__).parent / "static"

# No page needs an inline style, an inline script, another host or a frame around it; whatever slips past the escaping
# therefore can't run, load or send anything.
CSP_PAGE: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The development mailbox shows a mail's HTML in a frame without rights; the frame is the only addition.
CSP_MAILBOX: Final = f"{CSP_PAGE}; frame-src 'self'"
# The framed mail itself: mails carry their styles inline, and may do nothing else.
CSP_MAIL_BODY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"

PAGE_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CSP_PAGE,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
MAILBOX_HEADERS: Final[Mapping[str, str]] = {**PAGE_HEADERS, "Content-Security-Policy": CSP_MAILBOX}
MAIL_BODY_HEADERS: Final[Mapping[str, str]] = {
    **PAGE_HEADERS,
    "Content-Security-Policy": CSP_MAIL_BODY,
    "X-Frame-Options": "SAMEORIGIN",
}

# Where the header and the footer link to. A renderer may be given others.
DEFAULT_LINKS: Final[Mapping[str, str]] = {
    "start": "/",
    "sign_in": "/sign-in",
    "sign_out": "/sign-out",
    "resume": "/resume",
    "access": "/access",
    "clients": "/clients",
    "billing_services": "/billing-services",
    "colleagues": "/colleagues",
    "newcomers": "/newcomers",
    "messages": "/messages",
    "security": "/security",
    "mailbox": "/mailbox",
}

# What a page may leave out. Everything else in a template's header comment is required: a missing one raises.
OPTIONAL_CONTEXT: Final[Mapping[str, object]] = {
    "errors": {},
    "values": {},
    "problem": None,
    "notice": None,
    "person": None,
    "reference": None,
    "back": None,
    "development": False,
}

_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")
_WHITE: Final = "#ffffff"
_BLACK: Final = "#000000"


@dataclass(frozen=True, slots=True)
class Payer:
    """The health plan as pages show it. Colours are `#rrggbb`; another form raises `ValueError`, because they become CSS."""

    name: str
    short_name: str
    phone: str
    hours: str
    email: str
    address_lines: tuple[str, ...]
    colour: str = "#0b4f6c"
    accent: str = "#8a3b12"
    time_zone: str = "America/Chicago"

    def __post_init__(self) -> None:
        for colour in (self.colour, self.accent):
            if not _HEX.fullmatch(colour):
                raise ValueError(f"a theme colour is #rrggbb, not {colour!r}")


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _mixed(colour: str, other: str, share: float) -> str:
    """`colour` with `share` (0 to 1) of `other` in it."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def contrast(colour: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""

    def luminance(value: str) -> float:
        linear = [
            c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in _channels(value)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(colour), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def theme_css(payer: Payer) -> str:
    """The payer's colours as CSS custom properties, for the `/theme.css` route.

    A payer's colour can be too light to read: it is darkened until white text on it, and it on its own tint, reach 5.5 : 1
    (WCAG 2.2 AA asks for 4.5). The accent is decoration only and is never text.
    """
    brand = payer.colour.lower()
    tint = _mixed(payer.colour, _WHITE, 0.93)
    while min(contrast(brand, _WHITE), contrast(brand, tint)) < 5.5:
        brand = _mixed(brand, _BLACK, 0.08)
    # The accent also stands on the brand colour, in the mark: there it has to be light enough to be seen (3 : 1, better 4).
    light_accent = payer.accent.lower()
    while contrast(light_accent, brand) < 4:
        light_accent = _mixed(light_accent, _WHITE, 0.08)
    properties = {
        "--brand": brand,
        "--brand-dark": _mixed(brand, _BLACK, 0.32),
        "--brand-deep": _mixed(brand, "#0a1116", 0.55),
        "--brand-tint": tint,
        "--brand-wash": _mixed(payer.colour, _WHITE, 0.86),
        "--brand-line": _mixed(payer.colour, _WHITE, 0.70),
        "--accent": payer.accent.lower(),
        "--accent-light": light_accent,
    }
    return ":root {\n" + "".join(f"  {name}: {value};\n" for name, value in properties.items()) + "}\n"


def _tree_version(folder: Path) -> str:
    """One hash over every file's name and content, so that a changed file changes the address of all of them."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


class VersionedStaticFiles(StaticFiles):
    """`/static/<version>/<path>`: the version stands before the path, so that modules import each other by relative names.

    The current version may be cached for ever; an earlier one (a page still open during a deploy) gets today's file, uncached.
    """

    def __init__(self, folder: Path = STATIC) -> None:
        super().__init__(directory=folder)
        self.version = _tree_version(folder)

    def url(self, path: str) -> str:
        return f"/static/{self.version}/{path}"

    async def get_response(self, path: str, scope: Scope) -> Response:
        version, _, rest = Path(path).as_posix().partition("/")
        response = await super().get_response(rest, scope)
        current = version == self.version
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if current else "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def zone_named(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return UTC


@dataclass(frozen=True, slots=True)
class TimeFilters:
    """Times as `<time>` elements in the payer's zone; a script rewrites them into the reader's own zone where that differs."""

    zone: tzinfo

    def moment(self, value: datetime) -> Markup:
        """“November 23, 2026, 3:45 PM CST”. `value` must carry a time zone."""
        return self._element(value, "moment", moment_in_words(value, self.zone))

    def short_moment(self, value: datetime) -> Markup:
        """“Nov 23, 2026, 3:45 PM CST”, for lists. `value` must carry a time zone."""
        local = value.astimezone(self.zone)
        return self._element(value, "short", f"{local:%b} {local.day}, {local.year}, {clock_in_words(local)}")

    def clock(self, value: datetime) -> Markup:
        """“3:45 PM CST”, for a time within the next hours."""
        return self._element(value, "clock", clock_in_words(value.astimezone(self.zone)))

    def day(self, value: date) -> Markup:
        """“Nov 23, 2026”. A moment is shown as its day in the payer's zone, a date as it is."""
        day = value.astimezone(self.zone).date() if isinstance(value, datetime) else value
        return Markup('<time datetime="{}">{}</time>').format(day.isoformat(), f"{day:%b} {day.day}, {day.year}")

    def iso(self, value: datetime) -> str:
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _element(self, value: datetime, shape: str, text: str) -> Markup:
        return Markup('<time datetime="{}" data-local="{}">{}</time>').format(self.iso(value), shape, text)


def grouped(text: str, size: int = 4) -> str:
    """A long code in groups, for reading aloud and typing: `JBSWY3DP` becomes `JBSW Y3DP`."""
    return " ".join(text[start : start + size] for start in range(0, len(text), size))


def telephone(text: str) -> str:
    """The `tel:` address of a telephone number as people write it."""
    return "tel:" + re.sub(r"[^0-9+]", "", text)


def phrase(number: int, one: str, many: str) -> str:
    """“1 try”, “3 tries”."""
    return f"{number} {one if number == 1 else many}"


@dataclass(frozen=True)
class Renderer:
    """Renders pages for one payer. Build it once at start and share it."""

    payer: Payer
    static: VersionedStaticFiles = field(default_factory=VersionedStaticFiles)
    links: Mapping[str, str] = field(default_factory=lambda: DEFAULT_LINKS)
    environment: Environment = field(init=False)
    theme: str = field(init=False)

    def __post_init__(self) -> None:
        theme = theme_css(self.payer)
        object.__setattr__(self, "theme", theme)
        object.__setattr__(self, "environment", self._environment(theme))

    def page(self, template: str, context: Mapping[str, object]) -> str:
        """The page as HTML. A variable that the template requires and `context` lacks raises `jinja2.UndefinedError`."""
        return self.environment.get_template(template).render(**context)

    def _environment(self, theme: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        times = TimeFilters(zone_named(self.payer.time_zone))
        environment.filters.update(
            moment=times.moment,
            short_moment=times.short_moment,
            clock=times.clock,
            day=times.day,
            iso=times.iso,
            grouped=grouped,
            telephone=telephone,
            phrase=phrase,
            spelled_out=spelled_out,
        )
        environment.globals.update(
            OPTIONAL_CONTEXT,
            payer=self.payer,
            links={**DEFAULT_LINKS, **self.links},
            asset=self.static.url,
            theme_url=f"/theme.css?v={hashlib.sha256(theme.encode()).hexdigest()[:12]}",
        )
        return environment
