"""Every setting of Gatehouse, read from `GATEHOUSE_*` variables and checked before anything starts."""

import itertools
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from domain.limits import Limits
from ops.keys import Keyring

PREFIX: Final = "GATEHOUSE_"

# What the all-in-one `up` keeps of its own settings, so that other commands on the same data folder find them.
DEVELOPMENT_FILE: Final = "development.env"

_PLACEHOLDER: Final = re.compile(
    r"change.?(me|this|it)|placeholder|password|passw0rd|secret|example|insert|your.?(key|token)|todo|^(test|admin|root|gatehouse)$",
    re.IGNORECASE,
)

Port = Annotated[int, Field(ge=1, le=65535)]


def _contrast_with_white(colour: str) -> float:
    """The WCAG 2.2 contrast ratio of a `#rrggbb` colour against white, from 1 to 21."""
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _readable_colour(colour: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ValueError("must be a colour such as #0b5394")
    if _contrast_with_white(colour) < 4.5:
        raise ValueError("is too light: white text on it needs a contrast of at least 4.5 to 1; choose a darker one")
    return colour.lower()


def _origin(address: str) -> str:
    parts = urlsplit(address)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.path.strip("/")
        or parts.query
        or parts.username
    ):
        raise ValueError("must be an address without a path, such as https://portal.example.org")
    return address.rstrip("/")


def _mail_address(address: str) -> str:
    if not re.fullmatch(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+", address):
        raise ValueError("must be one e-mail address, such as portal@example.org")
    return address


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be addresses or networks separated by commas, such as 10.0.0.0/8,192.0.2.7") from None


Colour = Annotated[str, AfterValidator(_readable_colour)]


class Payer(BaseModel):
    """Whose portal this is: what pages, mails and letters show as name, contact and colours."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, extra="forbid")

    name: str = Field("Northwind Health Plan", min_length=1, max_length=80, description="The payer's full name.")
    short_name: str = Field(
        "Northwind", min_length=1, max_length=30, description="The payer's name where space is short."
    )
    phone: str = Field("800-555-0142", min_length=1, max_length=40, description="Telephone number of provider support.")
    hours: str = Field(
        "Monday to Friday, 8 a.m. to 6 p.m. Central Time",
        max_length=120,
        description="When provider support answers the telephone.",
    )
    email: Annotated[str, AfterValidator(_mail_address)] = Field(
        "help@example.org", description="E-mail address of provider support."
    )
    postal_address: str = Field(
        "Northwind Health Plan; Provider Services; P.O. Box 1400; Springfield, IL 62701",
        description="Postal address of provider support; a semicolon starts a new line.",
    )
    time_zone: str = Field("America/Chicago", description="Time zone in which pages show times, as in the tz database.")
    colour_primary: Colour = Field(
        "#0b4f6c",
        description="Colour of headings, buttons and links, as #rrggbb; dark enough for white text (4.5 to 1).",
    )
    colour_accent: Colour = Field(
        "#8a3b12",
        description="Second colour, for what needs attention, as #rrggbb; dark enough for white text (4.5 to 1).",
    )

    @property
    def postal_lines(self) -> tuple[str, ...]:
        """The postal address, line by line."""
        return tuple(line.strip() for line in self.postal_address.split(";") if line.strip())


class Settings(BaseSettings):
    """All settings of all processes. Built by the composition roots (`Settings.load()`), never at import."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        hide_input_in_errors=True,
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
    )

    environment: Literal["development", "production"] = Field(
        "production",
        description="`development` allows the mailbox page and throw-away secrets; anything else is `production`.",
    )
    data_dir: Path = Field(
        Path("data"), description="Folder for everything that is kept in files: database, mailbox, logs."
    )
    database_url: str = Field(
        "",
        repr=False,
        description="Where the database is: `sqlite+aiosqlite:///FILE` or `postgresql+psycopg://…`. Default: gatehouse.db in the data folder.",
    )
    keys: SecretStr = Field(
        description="The keyring: `id:base64 of 32 random bytes`, separated by commas, the current key first. Required."
    )
    site_url: Annotated[str, AfterValidator(_origin)] = Field(
        "http://localhost:8080",
        description="The address people type to reach the site, without a path. Links in mails start with it.",
    )
    listen_host: str = Field("127.0.0.1", description="Address on which the pages and the API listen.")
    listen_port: Port = Field(8080, description="Port on which the pages and the API listen.")
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)] = Field(
        (),
        description="Addresses or networks of reverse proxies whose X-Forwarded-* headers are believed, separated by commas. Default: none.",
    )
    smtp_host: str = Field("localhost", description="Mail server that takes the outgoing mail.")
    smtp_port: Port = Field(25, description="Port of the mail server.")
    smtp_username: str | None = Field(None, description="Name to sign in to the mail server with, if it asks for one.")
    smtp_password: SecretStr | None = Field(None, description="Password to sign in to the mail server with.")
    smtp_security: Literal["none", "starttls", "tls"] = Field(
        "none", description="How the connection to the mail server is protected: `none`, `starttls` or `tls`."
    )
    smtp_from: Annotated[str, AfterValidator(_mail_address)] = Field(
        "portal@example.org", description="Sender address of all mail."
    )
    print_shop: Literal["spool", "lob", "postgrid"] = Field(
        "spool", description="Who prints and mails letters: a `spool` folder, or the API of `lob` or `postgrid`."
    )
    print_shop_dir: Path | None = Field(
        None, description="The spool folder that the print shop reads. Default: letters in the data folder."
    )
    print_shop_url: str = Field("", description="Address of the print shop's API; empty: the shop's own.")
    print_shop_key: SecretStr | None = Field(None, description="Key of the print shop's API.")
    print_shop_webhook_secrets: SecretStr | None = Field(
        None, description="Secrets that sign the print shop's calls, separated by commas; two while one is exchanged."
    )
    bounce_mailbox: Path | None = Field(
        None,
        description="Mailbox to which the mail server delivers bounces: an mbox file or a maildir. It's read and left as it is.",
    )
    mail_webhook_secret: SecretStr | None = Field(
        None,
        description="Secret that signs the mail relay's calls to /api/v1/webhooks/mail; two, with a comma, while it's exchanged.",
    )
    mailbox_dir: Path | None = Field(
        None, description="Folder of the development mailbox; its page exists only when this is set. Development only."
    )
    task_queue: str = Field(
        "gatehouse",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="Temporal task queue shared by worker and API. Readable in Temporal.",
    )
    temporal_ui_url: str = Field(
        "",
        description="Address of Temporal's UI, for links that staff follow; empty: no links. Where Temporal is: TEMPORAL_*.",
    )
    codec_server_host: str = Field(
        "127.0.0.1", description="Address on which the codec server for Temporal's UI listens."
    )
    codec_server_port: Port = Field(8234, description="Port on which the codec server listens.")
    codec_server_token: SecretStr | None = Field(
        None, description="Token a caller of the codec server has to show; without one it does not start."
    )
    worker_metrics_host: str = Field("127.0.0.1", description="Address on which the worker serves Prometheus metrics.")
    worker_metrics_port: int = Field(
        9464, ge=0, le=65535, description="Port on which the worker serves Prometheus metrics; 0 switches them off."
    )
    payer: Payer = Field(default_factory=Payer, description="Whose portal this is: name, contact, colours.")
    limits: Limits = Field(
        default_factory=Limits, description="The numbers of the rules: how often, how long, how many."
    )

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The settings of this process: the environment first, then what `up` keeps in the data folder.

        Raises `ValidationError` or `SettingsError`; `describe_error` turns both into lines for people.
        """
        folder = Path((os.environ if environ is None else environ).get(PREFIX + "DATA_DIR") or "data")
        return cls(_env_file=folder / DEVELOPMENT_FILE, _env_file_encoding="utf-8")

    @model_validator(mode="after")
    def _complete_and_consistent(self) -> Self:
        if not self.database_url:
            # The model is frozen for everyone else; this is its own construction.
            object.__setattr__(
                self, "database_url", f"sqlite+aiosqlite:///{(self.data_dir / 'gatehouse.db').absolute()}"
            )
        if self.smtp_password is not None and self.smtp_username is None:
            raise _wrong("smtp_username", "is missing although a password is set")
        if self.print_shop != "spool" and self.print_shop_key is None:
            raise _wrong("print_shop_key", f"is missing although letters go to {self.print_shop}")
        _check_keys(self.keys.get_secret_value(), strict=self.environment != "development")
        if self.environment != "development":
            self._check_production()
        return self

    def _check_production(self) -> None:
        if self.mailbox_dir is not None:
            raise _wrong("mailbox_dir", "is for development only; unset it, or set GATEHOUSE_ENVIRONMENT=development")
        site = urlsplit(self.site_url)
        if site.scheme != "https" and site.hostname not in _LOOPBACK:
            raise _wrong("site_url", "must start with https:// in production")
        if self.smtp_username is not None and self.smtp_security == "none" and self.smtp_host not in _LOOPBACK:
            raise _wrong("smtp_security", "must be starttls or tls when the mail server asks for a password")
        if self.smtp_password is not None and _PLACEHOLDER.search(self.smtp_password.get_secret_value()):
            raise _wrong("smtp_password", "looks like a placeholder; set the real one")
        if self.mail_webhook_secret is not None:
            for secret in self.mail_webhook_secret.get_secret_value().split(","):
                _check_secret("mail_webhook_secret", secret.strip())
        if self.codec_server_token is not None:
            _check_secret("codec_server_token", self.codec_server_token.get_secret_value())
        if self.database_url.startswith("postgresql"):
            password = urlsplit(self.database_url).password
            if password is not None and _PLACEHOLDER.search(unquote(password)):
                raise _wrong("database_url", "holds a placeholder as password; set the real one")


_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def _wrong(field: str, text: str) -> ValueError:
    """An error of one field found while looking at several; `describe_error` finds the field again by the mark."""
    return ValueError(f"{field}\0{text}")


def _check_secret(field: str, secret: str) -> None:
    if len(secret) < 24 or len(set(secret)) < 8 or _PLACEHOLDER.search(secret):
        raise _wrong(field, "is too easy to guess; make one with `openssl rand -hex 32`")


def _check_keys(text: str, *, strict: bool) -> None:
    try:
        keyring = Keyring.parse(text)
    except ValueError as error:
        raise _wrong("keys", f"can't be read: {error}; make a key with `echo k1:$(openssl rand -base64 32)`") from None
    if not strict:
        return
    for key_id, key in keyring.keys.items():
        steps = {(later - earlier) % 256 for earlier, later in itertools.pairwise(key)}
        # 32 random bytes have fewer than 16 different values, or only printable ones, less than once in 10^12 keys.
        if len(steps) == 1 or len(set(key)) < 16 or all(32 <= byte < 127 for byte in key):
            raise _wrong("keys", f"has a key ({key_id}) that isn't random; make one with `openssl rand -base64 32`")


def describe_error(error: ValidationError | SettingsError) -> str:
    """One line per bad setting for people: the variable, what is wrong, what it is for. Never its value."""
    if isinstance(error, SettingsError):
        name = re.search(r'field "(\w+)"', str(error))
        variable = PREFIX + name[1].upper() if name else "a setting"
        return f"{variable} can't be read: it isn't what this setting expects"
    lines = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        location = [part for part in problem["loc"] if isinstance(part, str)]
        text = problem["msg"].removeprefix("Value error, ")
        if "\0" in text:
            field, _, text = text.partition("\0")
            location = [field]
        if problem["type"] == "missing":
            text = "is missing"
        elif problem["type"].startswith("time_delta"):
            text = "is wrong: a duration is seconds, such as 90, or ISO 8601, such as PT90S or P30D"
        elif problem["type"] != "value_error":
            text = "is wrong: " + text[:1].lower() + text[1:]
        variable = PREFIX + "__".join(location).upper()
        purpose = _description(location)
        lines.append(f"{variable} {text}." + (f" ({purpose})" if purpose else ""))
    return "\n".join(lines)


def _description(location: list[str]) -> str:
    model: type[BaseModel] = Settings
    description = ""
    for part in location:
        field = model.model_fields.get(part)
        if field is None:
            break
        description = field.description or ""
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            model = field.annotation
    return description


@dataclass(frozen=True)
class DocumentedSetting:
    """One setting as the documentation shows it."""

    variable: str
    default: str
    description: str


def documented_settings(model: type[BaseModel] = Settings, prefix: str = PREFIX) -> list[DocumentedSetting]:
    """Every setting, those of nested models one by one."""
    found: list[DocumentedSetting] = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += documented_settings(field.annotation, f"{prefix}{name.upper()}__")
        else:
            default = "required" if field.is_required() else _shown(field.get_default(call_default_factory=True))
            found.append(DocumentedSetting(prefix + name.upper(), default, field.description or ""))
    return found


def _shown(default: object) -> str:
    if isinstance(default, tuple) and default:
        return ", ".join(map(_shown, default))
    if isinstance(default, timedelta):
        hours, rest = divmod(int(default.total_seconds()), 3600)
        days, hours = divmod(hours, 24)
        parts = ((days, "d"), (hours, "h"), (rest // 60, "min"))
        return " ".join(f"{number} {unit}" for number, unit in parts if number)
    return "none" if default in (None, "", ()) else f"`{default}`"


def settings_table() -> str:
    """All settings as a table in Markdown."""
    rows = [
        f"| `{setting.variable}` | {setting.default} | {setting.description} |" for setting in documented_settings()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


if __name__ == "__main__":
    sys.stdout.write(settings_table() + "\n")
