"""A support case: its kinds and states, which may follow which, and the messages that move it (P8, P10)."""

import re
import unicodedata
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.identifiers import IdentifierError
from domain.recording import Payload

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class CaseKind(StrEnum):
    """Why a case was opened."""

    NOT_LISTED = "not_listed"  # the organization isn't in the directory (P8)
    HELP = "help"  # "contact us": access without a check number, or any other question (P10)


class CaseState(StrEnum):
    """Where a case stands. `new`, `contacted` and `waiting_for_registrant` are open; the others are final."""

    NEW = "new"
    CONTACTED = "contacted"
    WAITING_FOR_REGISTRANT = "waiting_for_registrant"
    LISTED = "listed"
    DECLINED = "declined"
    ANSWERED = "answered"
    ACCESS_GIVEN = "access_given"
    WITHDRAWN = "withdrawn"
    UNREACHABLE = "unreachable"

    @property
    def is_final(self) -> bool:
        return not LEGAL[self]


_FINAL: Final = frozenset(
    {
        CaseState.LISTED, CaseState.DECLINED, CaseState.ANSWERED, CaseState.ACCESS_GIVEN, CaseState.WITHDRAWN,
    }
)  # fmt: skip

LEGAL: Final[dict[CaseState, frozenset[CaseState]]] = {
    CaseState.NEW: _FINAL | {CaseState.CONTACTED, CaseState.WAITING_FOR_REGISTRANT},
    CaseState.CONTACTED: _FINAL | {CaseState.WAITING_FOR_REGISTRANT},
    CaseState.WAITING_FOR_REGISTRANT: _FINAL | {CaseState.CONTACTED, CaseState.UNREACHABLE},
    **{state: frozenset() for state in (*_FINAL, CaseState.UNREACHABLE)},
}

OPEN: Final = frozenset({CaseState.NEW, CaseState.CONTACTED, CaseState.WAITING_FOR_REGISTRANT})


class IllegalCaseTransition(Exception):
    """A step that the table of legal transitions doesn't have: a defect, never a person's doing."""

    def __init__(self, current: CaseState, wanted: CaseState) -> None:
        super().__init__(f"a case can't go from {current} to {wanted}")


def require_legal(current: CaseState, wanted: CaseState) -> None:
    """Raise `IllegalCaseTransition` unless `wanted` is `current` or may follow it."""
    if wanted is not current and wanted not in LEGAL[current]:
        raise IllegalCaseTransition(current, wanted)


class StaffAction(StrEnum):
    """What staff can do with a case."""

    TAKE = "take"
    REASSIGN = "reassign"
    CONTACTED = "contacted"
    ASK_MORE = "ask_more"
    LISTED = "listed"
    DECLINE = "decline"
    ANSWER = "answer"
    PROPOSE_ACCESS = "propose_access"
    CONFIRM_ACCESS = "confirm_access"
    REJECT_ACCESS = "reject_access"


_WITH_STAFF: Final = frozenset({CaseState.NEW, CaseState.CONTACTED})

ACTION_STATES: Final[dict[StaffAction, frozenset[CaseState]]] = {
    StaffAction.TAKE: OPEN,
    StaffAction.REASSIGN: OPEN,
    StaffAction.CONTACTED: _WITH_STAFF,
    StaffAction.ASK_MORE: _WITH_STAFF,
    StaffAction.LISTED: OPEN,
    StaffAction.DECLINE: OPEN,
    StaffAction.ANSWER: OPEN,
    StaffAction.PROPOSE_ACCESS: OPEN,
    StaffAction.CONFIRM_ACCESS: OPEN,
    StaffAction.REJECT_ACCESS: OPEN,
}
"""In which states an action is possible; the workflow refuses it in any other."""

ACTION_KINDS: Final[dict[StaffAction, frozenset[CaseKind]]] = {
    **dict.fromkeys(StaffAction, frozenset(CaseKind)),
    StaffAction.LISTED: frozenset({CaseKind.NOT_LISTED}),
    StaffAction.ANSWER: frozenset({CaseKind.HELP}),
    StaffAction.PROPOSE_ACCESS: frozenset({CaseKind.HELP}),
    StaffAction.CONFIRM_ACCESS: frozenset({CaseKind.HELP}),
    StaffAction.REJECT_ACCESS: frozenset({CaseKind.HELP}),
}
"""For which kinds of case an action makes sense."""

NEEDS_TEXT: Final = frozenset(
    {
        StaffAction.ASK_MORE, StaffAction.DECLINE, StaffAction.ANSWER, StaffAction.PROPOSE_ACCESS, StaffAction.REJECT_ACCESS,
    }
)  # fmt: skip
"""Actions that are nothing without words: what is asked, answered or the reason."""


class CaseCode(StrEnum):
    """What became of a step, as clients see it; stable."""

    OK = "ok"
    NOT_IN_DIRECTORY = "case_not_in_directory"
    WRONG_KIND = "case_wrong_kind"
    STAFF_UNKNOWN = "case_staff_unknown"
    NOT_YOURS = "case_not_yours"
    NO_PROPOSAL = "case_no_proposal"
    SAME_PERSON = "case_same_person"
    ACCESS_EXISTS = "case_access_exists"
    EVIDENCE_MISSING = "case_evidence_missing"


class CaseForm(Payload):
    """What the person wrote, well formed. `tin` are nine digits; in a help case it may be empty."""

    organization: str = ""
    tin: str = ""
    npi: str = ""
    address: str = ""
    telephone: str = ""
    best_time: str = ""
    note: str = ""


class StartCase(Payload):
    """A person asks staff for help: opens a case. It belongs to a registration or to an account, never to both."""

    case_id: str
    number: str
    kind: CaseKind
    registration_id: str | None = None
    account_id: str | None = None
    form: CaseForm
    look_every: timedelta = timedelta(hours=24)


class CaseResult(Payload):
    """The answer to a step. `accepted` is false for a refusal that was looked at; `code` says which."""

    accepted: bool
    code: CaseCode
    state: CaseState


class AskCase(Payload):
    """A message that carries nothing but that it's genuine: only who holds the keys can seal one for this case."""

    case_id: str


class AnswerQuestion(Payload):
    """What the person answers to staff's question, or adds by themselves."""

    text: str


class ActOnCase(Payload):
    """One action of one member of staff. `decision_id` names the row that proves a decision about access (I3)."""

    action: StaffAction
    staff_id: str
    text: str = ""
    assignee_id: str | None = None
    decision_id: str | None = None


class CaseEvidence(Payload):
    """What a case tells its registration when it ends; the registration's own step reads the database again.

    With `listed` and `declined` the id is the case's, whose row names the organization; with `access_given` it's
    that of the evidence row that two people of staff made.
    """

    evidence_id: str


class CaseStatus(Payload):
    """What the workflow knows of itself; for staff and tests. Pages read the database."""

    state: CaseState
    revision: int
    overdue: bool
    mails_pending: int


def case_number(opaque: UUID) -> str:
    """How people name a case on the telephone: `C-` and eight Crockford base-32 characters of its id."""
    letters = "".join(_ALPHABET[opaque.int >> (5 * place) & 31] for place in range(8))
    return f"C-{letters[:4]}-{letters[4:]}"


class CaseFieldError(IdentifierError):
    """A field of a case's form that can't be meant; `code` is stable."""


_TELEPHONE: Final = re.compile(r"\+?[0-9 ().\-/]+(?:\s*(?:x|ext\.?)\s*[0-9]{1,6})?", re.IGNORECASE)


def one_line(text: str, *, missing: str = "", most: int = 200) -> str:
    """A line as it was typed, white space tidied, NFC.

    `missing` are the words for an empty one; without them it may be empty. Raises `CaseFieldError`
    (`missing`, `too_long`, `characters`).
    """
    return _checked(" ".join(unicodedata.normalize("NFC", text).split()), missing=missing, most=most)


def some_text(text: str, *, missing: str = "", most: int = 2000) -> str:
    """Like `one_line`, but of several lines; more than one empty line in a row becomes one."""
    lines = [" ".join(line.split()) for line in unicodedata.normalize("NFC", text).splitlines()]
    return _checked(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), missing=missing, most=most)


def telephone(text: str) -> str:
    """A telephone number as people write it, with ten to fifteen digits. Raises `CaseFieldError` (`missing`, `telephone`)."""
    typed = one_line(text, missing="Enter a telephone number at which we can reach you.", most=40)
    digits = sum(character.isdigit() for character in re.split(r"x|ext", typed, flags=re.IGNORECASE)[0])
    if not typed.isascii() or not _TELEPHONE.fullmatch(typed) or not 10 <= digits <= 15:
        raise CaseFieldError("telephone", "Enter a telephone number with its area code, such as 217-555-0142.")
    return typed


def _checked(text: str, *, missing: str, most: int) -> str:
    if missing and not text:
        raise CaseFieldError("missing", missing)
    if len(text) > most:
        raise CaseFieldError("too_long", f"Use at most {most} characters.")
    # Control and invisible characters could hide what staff read, or turn it round.
    if any(
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"} and character != "\n" for character in text
    ):
        raise CaseFieldError("characters", "This holds characters that can't be seen. Type it again.")
    return text
