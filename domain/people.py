"""Whose name and whose mailbox: a person's own, never an office's (rules P6, P7)."""

import re
import unicodedata
from typing import Final

from email_validator import EmailNotValidError, validate_email

from domain.identifiers import IdentifierError


class PersonError(IdentifierError):
    """A name or an address that can't be one person's own; `code` is stable, `message` says why and what to do."""


_TITLES: Final = frozenset(
    [
        "dr",
        "dr.",
        "doctor",
        "md",
        "m.d.",
        "do",
        "d.o.",
        "dds",
        "d.d.s.",
        "dmd",
        "phd",
        "ph.d.",
        "np",
        "pa",
        "pa-c",
        "rn",
        "mr",
        "mr.",
        "mrs",
        "mrs.",
        "ms",
        "ms.",
        "mx",
        "mx.",
        "prof",
        "prof.",
        "jr",
        "sr",
        "ii",
        "iii",
    ]
)
# A name made only of these words is an office's, not a person's.
_OFFICE_WORDS: Final = frozenset(
    [
        "account",
        "accounting",
        "accounts",
        "admin",
        "administration",
        "administrator",
        "and",
        "assistant",
        "billing",
        "center",
        "claims",
        "clerk",
        "clinic",
        "contact",
        "credentialing",
        "department",
        "dept",
        "desk",
        "finance",
        "financial",
        "front",
        "group",
        "health",
        "help",
        "hospital",
        "info",
        "insurance",
        "intake",
        "manager",
        "medical",
        "nurse",
        "office",
        "operations",
        "patient",
        "payable",
        "payments",
        "physician",
        "portal",
        "practice",
        "provider",
        "receivable",
        "reception",
        "receptionist",
        "records",
        "referrals",
        "registration",
        "revenue",
        "scheduling",
        "service",
        "services",
        "staff",
        "supervisor",
        "support",
        "team",
        "user",
        "web",
        "the",
        "of",
    ]
)
_SHARED_MAILBOXES: Final = frozenset(
    [
        "accounting",
        "accountspayable",
        "accountsreceivable",
        "admin",
        "administration",
        "administrator",
        "ap",
        "ar",
        "appointments",
        "billing",
        "claims",
        "contact",
        "contactus",
        "credentialing",
        "customerservice",
        "office",
        "desk",
        "donotreply",
        "finance",
        "frontdesk",
        "frontoffice",
        "hello",
        "help",
        "helpdesk",
        "hr",
        "info",
        "information",
        "insurance",
        "intake",
        "it",
        "mail",
        "mailbox",
        "manager",
        "medicalrecords",
        "medrecords",
        "noreply",
        "officemanager",
        "patientaccounts",
        "payments",
        "postmaster",
        "reception",
        "receptionist",
        "records",
        "referrals",
        "registration",
        "rcm",
        "revenue",
        "scheduling",
        "secretary",
        "service",
        "staff",
        "support",
        "team",
        "webmaster",
    ]
)
_URL: Final = re.compile(r"https?:|www\.|://|\.(?:com|org|net|info|io|example)\b", re.IGNORECASE)


def person_name(text: str) -> str:
    """The full name as the person writes it, white space tidied, NFC.

    One word and any script are fine (P7). Raises `PersonError` (`name_missing`, `name_length`, `name_characters`,
    `name_link`, `name_not_personal`).
    """
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for character in text.strip()):
        raise PersonError("name_characters", "A name can't hold control or invisible characters. Type it again.")
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise PersonError("name_missing", "Enter your full name.")
    if len(name) > 100:
        raise PersonError("name_length", "A name has at most 100 characters here.")
    if _URL.search(name) or "@" in name:
        raise PersonError("name_link", "Enter your name only, without a web or e-mail address.")
    if (
        not all(unicodedata.category(character)[0] in "LM" or character in " .,'’-·ʼ" for character in name)
        or name[0] in ".,-·"
    ):
        raise PersonError("name_characters", "A name has letters, spaces, hyphens and apostrophes only.")
    if not any(unicodedata.category(character)[0] == "L" for character in name):
        raise PersonError("name_characters", "A name has letters, spaces, hyphens and apostrophes only.")
    if set(comparable_name(name).split()) <= _OFFICE_WORDS:
        raise PersonError(
            "name_not_personal",
            "Enter your own name. An account belongs to one person, not to a department or an office.",
        )
    return name


def comparable_name(name: str) -> str:
    """A name reduced to what tells people apart: no case, accents, punctuation, titles; for comparing only."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    if "," in plain:  # "Doe, Jane" is "Jane Doe"; "Jane Doe, MD" stays.
        last, _, rest = plain.partition(",")
        plain = f"{rest} {last}"
    words = (word for word in re.split(r"[\s,\-]+", plain) if word and word not in _TITLES)
    words = (re.sub(r"[^\w]", "", word) for word in words)
    return " ".join(sorted(filter(None, words)))


def same_name(one: str, other: str) -> bool:
    """Whether two names are one person's or one office's, however they were typed (P7)."""
    return comparable_name(one) == comparable_name(other) != ""


def personal_address(text: str) -> str:
    """The e-mail address in its normal form (NFC, domain lower case and IDNA-checked), for sending.

    Raises `PersonError` (`email_missing`, `email_invalid`, `email_shared`). No look-up on the network.
    """
    stripped = text.strip()
    if not stripped:
        raise PersonError("email_missing", "Enter your e-mail address.")
    try:
        checked = validate_email(stripped, check_deliverability=False, allow_smtputf8=True)
    except EmailNotValidError:
        raise PersonError("email_invalid", "Enter an e-mail address such as name@example.org.") from None
    mailbox = re.sub(r"[^a-z]", "", checked.local_part.partition("+")[0].lower())
    if mailbox in _SHARED_MAILBOXES:
        raise PersonError(
            "email_shared",
            "This looks like a mailbox that several people read. Use your own: accounts can't be shared.",
        )
    return checked.normalized


def mailbox_key(address: str) -> str:
    """What makes two addresses one mailbox: the address without regard to case, for "one account per address"."""
    return unicodedata.normalize("NFKC", address).casefold()


def masked_address(address: str) -> str:
    """`j•••@example.org`: enough for its owner to recognise, not enough to learn it."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def masked_name(name: str) -> str:
    """`J••• D•••`: initials only."""
    return " ".join(f"{word[0]}•••" for word in name.split())
