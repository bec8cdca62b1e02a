"""Whose name and whose mailbox: a person's own, never an office's (rules P6, P7)."""

import re
import unicodedata
from typing import Final

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from domain.identifiers import IdentifierError


class PersonError(IdentifierError):
    """A name or an address that can't be one person's own; `code` is stable, `message` says why and what to do."""


_TITLES: Final = frozenset(
    [
        "dr",
        "doctor",
        "md",
        "do",
        "dds",
        "dmd",
        "phd",
        "np",
        "pa",
        "rn",
        "mr",
        "mrs",
        "ms",
        "mx",
        "prof",
        "jr",
        "sr",
        "ii",
        "iii",
    ]
)
# Titles that are people's names as well: Đỗ and Hmong Pa.
_TITLES_AND_NAMES: Final = frozenset(["do", "pa"])
# A name made only of these words is an office's, not a person's.
_OFFICE_WORDS: Final = frozenset(
    [
        "access",
        "account",
        "accounting",
        "accounts",
        "admin",
        "administration",
        "administrator",
        "and",
        "appointment",
        "appointments",
        "assistant",
        "authorization",
        "authorizations",
        "backoffice",
        "billing",
        "business",
        "cardiology",
        "care",
        "case",
        "center",
        "central",
        "claims",
        "clerk",
        "clinic",
        "coder",
        "coding",
        "collections",
        "contact",
        "coordination",
        "coordinator",
        "credentialing",
        "credentials",
        "customer",
        "cycle",
        "department",
        "dept",
        "desk",
        "emergency",
        "enrollment",
        "finance",
        "financial",
        "front",
        "frontdesk",
        "frontoffice",
        "general",
        "group",
        "health",
        "help",
        "helpdesk",
        "hospital",
        "human",
        "info",
        "insurance",
        "intake",
        "laboratory",
        "main",
        "management",
        "manager",
        "medical",
        "medicine",
        "nurse",
        "nursing",
        "of",
        "office",
        "operations",
        "outpatient",
        "patient",
        "patients",
        "payable",
        "payments",
        "pharmacy",
        "physician",
        "physicians",
        "pool",
        "portal",
        "practice",
        "prior",
        "provider",
        "providers",
        "radiology",
        "receivable",
        "reception",
        "receptionist",
        "records",
        "referrals",
        "registration",
        "relations",
        "representative",
        "resources",
        "revenue",
        "scheduling",
        "secretary",
        "service",
        "services",
        "specialist",
        "staff",
        "supervisor",
        "support",
        "surgery",
        "team",
        "the",
        "urgent",
        "user",
        "utilization",
        "web",
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
# Anything a mail program would turn into a link: "Dr.Li" and "J.Li" are names, "bit.ly" isn't.
_URL: Final = re.compile(
    r"https?:|www\.|://"
    r"|\.(?:app|biz|care|click|clinic|com|dev|doctor|email|example|health|info|link|live|net|online|org|shop|site|top|xyz)\b"
    r"|(?!\b(?:dr|mr|mrs|ms|mx|prof|st|sr|jr)\.)\b[^\W\d_]{2,}\.[^\W\d_]{2}\b",
    re.IGNORECASE,
)
# Letters and marks that draw nothing (Unicode's Default_Ignorable_Code_Point outside the control characters).
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_MARKS_IN_A_ROW: Final = 5  # no script needs more; stacks of them cover the lines around a name
_APOSTROPHES_AND_HYPHENS: Final = " .,'’‘ʼ-‐‑·"
# Letters whose stroke or second half isn't an accent that could be taken off.
_BASE_LETTERS: Final = str.maketrans(
    {"đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ø": "o", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
)


def person_name(text: str) -> str:
    """The full name as the person writes it, white space tidied, NFC.

    One word and any script are fine (P7). Raises `PersonError` (`name_missing`, `name_length`, `name_characters`,
    `name_link`, `name_not_personal`).
    """
    if holds_hidden_characters(text):
        raise PersonError("name_characters", "A name can't hold control or invisible characters. Type it again.")
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise PersonError("name_missing", "Enter your full name.")
    if len(name) > 100:
        raise PersonError("name_length", "A name has at most 100 characters here.")
    if holds_link(name):
        raise PersonError("name_link", "Enter your name only, without a web or e-mail address.")
    if not _is_written_as_name(name):
        raise PersonError("name_characters", "A name has letters, spaces, hyphens and apostrophes only.")
    if _is_office(comparable_name(name).split()):
        raise PersonError(
            "name_not_personal",
            "Enter your own name. An account belongs to one person, not to a department or an office.",
        )
    return name


def holds_hidden_characters(text: str) -> bool:
    """Whether control, bidirectional or invisible characters stand in it, line ends around it apart."""
    return any(
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for character in text.strip()
    ) or bool(_INVISIBLE.search(text))


def holds_link(text: str) -> bool:
    """Whether a mail program may make a link of some of it, or it holds an e-mail address."""
    return bool(_URL.search(text)) or "@" in text


def _is_written_as_name(name: str) -> bool:
    categories = [unicodedata.category(character) for character in name]
    if not all(
        category[0] in "LM" or character in _APOSTROPHES_AND_HYPHENS
        for category, character in zip(categories, name, strict=True)
    ):
        return False
    if name[0] in ".,-‐‑·" or categories[0][0] == "M" or not any(c[0] == "L" and c != "Lm" for c in categories):
        return False
    return not passes_for_another(name)


def passes_for_another(name: str) -> bool:
    """Whether look-alike letters of another alphabet stand in one word, or marks are stacked over each other (P7)."""
    kinds = "".join(unicodedata.category(character)[0] for character in name)
    if "M" * (_MARKS_IN_A_ROW + 1) in kinds:
        return True
    return any(_mixes_alphabets(word) for word in re.split(r"[\s\-‐‑]", name))


def _mixes_alphabets(word: str) -> bool:
    alphabets = {unicodedata.name(character, "").partition(" ")[0] for character in word}
    return len(alphabets & {"LATIN", "CYRILLIC", "GREEK"}) > 1


def _is_office(words: list[str]) -> bool:
    """Whether an office goes by these words: "Front Desk", "Front Desk B", "Dr."; a "J. Price" is a person."""
    told = [word for word in words if len(word) > 1]
    return set(told if len(told) > 1 else words) <= _OFFICE_WORDS | (_TITLES - _TITLES_AND_NAMES)


def _unaccented(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold().translate(_BASE_LETTERS))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def comparable_name(name: str) -> str:
    """A name reduced to what tells people apart: no case, accents, punctuation, order, titles; for comparing only."""
    plain = re.sub(r"\bpa-c\b", "pa", _unaccented(name).replace("&", " and "))
    plain = re.sub(r"\.(?=[^\W\d_]{2})", " ", plain)  # "Dr.Doe" is two words, "Ph.D." one
    words = ("".join(c for c in word if unicodedata.category(c)[0] in "LMN") for word in re.split(r"[\s,\-‐–]+", plain))
    named = sorted(filter(None, words))
    return " ".join([word for word in named if word not in _TITLES] or named)


def search_key(text: str) -> str:
    """A name in lower case without accents, white space tidied: to search and sort by, also an organization's."""
    return " ".join(_unaccented(text).split())


def same_name(one: str, other: str) -> bool:
    """Whether two names are one person's or one office's, however they were typed (P7)."""
    return comparable_name(one) == comparable_name(other) != ""


def personal_address(text: str) -> str:
    """The e-mail address in its normal form (NFC, domain lower case and IDNA-checked), for sending.

    Raises `PersonError` (`email_missing`, `email_invalid`, `email_shared`). No look-up on the network.
    """
    if not text.strip():
        raise PersonError("email_missing", "Enter your e-mail address.")
    checked = _checked_address(text)
    if _is_shared_mailbox(checked.local_part):
        raise PersonError(
            "email_shared",
            "This looks like a mailbox that several people read. Use your own: accounts can't be shared.",
        )
    return _reached(checked)


def business_address(text: str) -> str:
    """The e-mail address of a provider's business contact, in the normal form of `personal_address` (T1).

    It may be an office's (`office@`): the decision names the person who takes it. Raises `PersonError`
    (`email_missing`, `email_invalid`). No look-up on the network.
    """
    if not text.strip():
        raise PersonError("email_missing", "Enter the contact's e-mail address.")
    return _reached(_checked_address(text))


def _checked_address(text: str) -> ValidatedEmail:
    try:
        return validate_email(text.strip(), check_deliverability=False, allow_smtputf8=True, strict=True)
    except EmailNotValidError:
        raise PersonError("email_invalid", "Enter an e-mail address such as name@example.org.") from None


def _reached(checked: ValidatedEmail) -> str:
    """The normal form of an address that our mail reaches: not every relay takes other letters than ASCII's before the @."""
    if checked.ascii_email is None:
        raise PersonError(
            "email_invalid",
            "Our mail doesn't reach addresses with accents or letters from outside the English alphabet before the @. Enter another one.",
        )
    return checked.normalized


def relayed_address(address: str) -> str | None:
    """The address in the form that every mail server takes: its domain with `xn--`. None if it has no such form."""
    if address.isascii():
        return address
    try:
        return validate_email(address, check_deliverability=False, allow_smtputf8=True).ascii_email
    except EmailNotValidError:
        return None


def _is_shared_mailbox(local_part: str) -> bool:
    words = re.findall(r"[a-z]+", _unaccented(local_part.partition("+")[0]))
    mailbox = "".join(words)
    if mailbox in _SHARED_MAILBOXES:
        return len(mailbox) > 2 or len(words) == 1  # "a.r@" has a person's initials
    return len(words) > 1 and set(words) <= _SHARED_MAILBOXES | _OFFICE_WORDS


def mailbox_key(address: str) -> str:
    """What makes two addresses one mailbox: the address without regard to case, for "one account per address"."""
    return unicodedata.normalize("NFKC", address).casefold()


def limit_key(address: str) -> str:
    """What limits per address count by: `mailbox_key` without a `+tag`, which anyone can vary and one mailbox gets.

    Only for counting: where tags mean nothing, two people's addresses may share a count, never an account.
    """
    local, at, domain = mailbox_key(address).rpartition("@")
    return f"{local.partition('+')[0] or local}{at}{domain}"


def masked_address(address: str) -> str:
    """`j•••@example.org`: enough for its owner to recognise, not enough to learn it."""
    local, at, domain = address.rpartition("@")
    if not at:
        return "•••"
    return f"{local[:1]}•••@{domain}"


def masked_name(name: str) -> str:
    """`J••• D•••`: initials only; nothing of a word that is one character long, such as most Chinese names."""
    return " ".join(f"{word[0]}•••" if len(word) > 1 else "•••" for word in name.split())
