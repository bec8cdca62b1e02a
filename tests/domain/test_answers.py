"""What a refusal says: every code has words and a next step, and none tells a stranger anything."""

import ast
import importlib
import re
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from pathlib import Path

import pytest

from domain import colleagues, departure, invitation, registration
from domain.answers import ANSWERS, NOTICE_HINT, STAFF_ANSWERS
from domain.registration import Code, State

ROOT = Path(__file__).parents[2]
CODES = sorted(ANSWERS)


def refusals(tree: ast.Module) -> Iterator[ast.expr]:
    """The first argument of each `Refusal(…)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Refusal":
            yield node.args[0]


def code_class(tree: ast.Module) -> type[StrEnum]:
    """What `Code` is in a file: each process has codes of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and any(name.name == "Code" for name in node.names):
            found: type[StrEnum] = importlib.import_module(node.module).Code
            return found
    return Code


def codes_of(expression: ast.expr, codes: type[StrEnum]) -> set[str]:
    """The codes that an expression may come to; empty for a variable, whose values are found where it is made."""
    match expression:
        case ast.Constant(value=str(code)):
            return {code}
        case ast.IfExp(body=one, orelse=other):
            return codes_of(one, codes) | codes_of(other, codes)
        case ast.Attribute(value=ast.Name(id="Code"), attr=name):
            return {codes[name].value}
        case ast.JoinedStr(values=[ast.Constant(value="registration_"), _]):
            return {f"registration_{state}" for state in State if state.is_final}
        case _:
            return set()


def used_codes() -> set[str]:
    files = chain.from_iterable((ROOT / folder).rglob("*.py") for folder in ("portal", "api", "web"))
    trees = [ast.parse(file.read_text()) for file in files]
    return {code for tree in trees for found in refusals(tree) for code in codes_of(found, code_class(tree))}


def test_the_codes_in_the_source_are_found():
    assert {
        "invalid_fields",
        "sign_in_failed",
        "key_reused",
        "registration_expired",
        "wrong_state",
        "not_found",
    } <= used_codes()


def test_B6_every_code_a_refusal_uses_has_an_answer():
    assert used_codes() - set(ANSWERS) == set()


@pytest.mark.parametrize(
    "code", [code for of in (registration, colleagues, departure, invitation) for code in of.Code if code != "ok"]
)
def test_B6_every_outcome_of_a_step_has_an_answer(code: StrEnum):
    assert code.value in ANSWERS


@pytest.mark.parametrize("state", [state for state in State if state.is_final])
def test_B6_every_end_of_a_registration_has_an_answer(state: State):
    assert f"registration_{state}" in ANSWERS


@pytest.mark.parametrize("code", CODES)
def test_B6_every_answer_says_what_happened_and_what_to_do_now(code: str):
    answer = ANSWERS[code]
    assert re.fullmatch("[a-z]+(_[a-z]+)*", code)
    assert answer.title.strip()
    assert not answer.title.endswith(".")
    assert answer.detail.endswith((".", "?"))
    assert answer.next_steps
    assert all(step.endswith((".", "?")) for step in answer.next_steps)
    assert len(set(answer.next_steps)) == len(answer.next_steps)


@pytest.mark.parametrize("code", CODES)
def test_B6_an_answer_is_plain_words(code: str):
    answer = ANSWERS[code]
    for text in (answer.title, answer.detail, *answer.next_steps):
        assert not re.search(r"[<>{}%]|\b(?:null|None|exception|workflow|Temporal)\b", text)
        assert len(text) <= 200


def words(code: str) -> str:
    answer = ANSWERS[code]
    return " ".join((answer.title, answer.detail, *answer.next_steps))


def test_P1_a_failed_payment_never_says_which_field_was_wrong():
    text = words("payment_no_match")
    said = re.sub(r"Check the Tax ID, the number and the amount[^.]*\.", "", text)
    # Whatever is named elsewhere is advice that stands there for everybody, never a finding.
    assert not re.search(
        r"(?i)\b(?:tax id|tin|amount|npi|vendor number|number)\b[^.]*\b(?:wrong|differs?|unknown|invalid|not found|doesn't|isn't)\b",
        said,
    )
    assert "don't say which" in text
    assert re.search(r"the Tax ID, the number and the amount", text)  # all of them, or none


def test_P3_the_hint_on_notices_is_shown_on_every_failed_payment():
    assert NOTICE_HINT in ANSWERS["payment_no_match"].next_steps
    assert NOTICE_HINT in ANSWERS["payment_paused"].next_steps
    assert "NP" in NOTICE_HINT


def test_P5_a_failed_payment_always_suggests_the_vendor_number_and_the_letter():
    text = words("payment_no_match")
    assert "vendor number" in text
    assert "US Mail" in text


@pytest.mark.parametrize("code", ["payment_paused", "payment_letter_only"])
def test_P2_when_payments_are_paused_the_letter_is_still_offered(code: str):
    assert "US Mail" in words(code)


def test_I16_a_failed_sign_in_never_says_whether_the_address_is_known():
    assert not re.search(
        r"(?i)no account (?:with|has|for)|unknown|not registered|doesn't exist", words("sign_in_failed")
    )
    assert "don't say which" in ANSWERS["sign_in_failed"].detail


def test_I15_something_of_others_reads_like_something_that_is_not_there():
    assert "or it isn't yours" in ANSWERS["not_found"].detail


@pytest.mark.parametrize("code", sorted(STAFF_ANSWERS))
def test_B6_staff_get_words_of_their_own_with_a_next_step(code: str):
    answer = STAFF_ANSWERS[code]
    assert answer != ANSWERS[code]
    assert answer.next_steps
    words = " ".join((answer.title, answer.detail, *answer.next_steps)).casefold()
    assert "you, your" not in words
    assert "your own" not in words
    assert "links" not in words  # nothing may have been mailed
