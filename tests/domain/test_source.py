"""What the source promises about itself: small files that say what they are, and rules without a clock or the world."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "activities",
    "api",
    "bench",
    "db",
    "domain",
    "gateways",
    "intake",
    "ops",
    "portal",
    "tests",
    "web",
    "workflows",
)
MOST_LINES = 450


def sources() -> list[Path]:
    inside = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") if "versions" not in file.parts]
    return sorted(file for file in [*ROOT.glob("*.py"), *inside] if file.read_text().strip())


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


SOURCES = sources()
RULES = [file for file in SOURCES if file.is_relative_to(ROOT / "domain")]


def test_the_source_is_found():
    assert {"domain/matching.py", "workflows/registration.py", "worker.py", "tests/domain/test_source.py"} <= set(
        map(name_of, SOURCES)
    )


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_every_file_is_short_and_says_what_it_is(file: Path):
    text = file.read_text()
    assert len(text.splitlines()) <= MOST_LINES, "this is two files"
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring, "the first line of a file says what it is"
    assert docstring.partition("\n\n")[0].endswith((".", ":", "?"))


# Everything a rule may lean on. None of them reads a clock, rolls dice or touches the world by being called as the
# rules call them; what is new here is looked at before it's added.
ALLOWED = {
    "abc", "collections", "dataclasses", "datetime", "decimal", "enum", "functools", "hashlib", "itertools", "math", "operator",
    "re", "string", "types", "typing", "unicodedata", "zoneinfo", "domain", "email_validator", "pydantic", "zxcvbn",
}  # fmt: skip
ALLOWED_NAMES = {"uuid.UUID"}  # the type; making one is for others
CLOCKS = {"now", "utcnow", "today", "fromtimestamp", "astimezone"}
WORLD = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint", "globals"}


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("file", RULES, ids=name_of)
def test_the_rules_import_nothing_that_reaches_the_world(file: Path):
    found = {name for name in imported(ast.parse(file.read_text())) if name.partition(".")[0] not in ALLOWED}
    assert found <= ALLOWED_NAMES


@pytest.mark.parametrize("file", RULES, ids=name_of)
def test_the_rules_read_no_clock_and_touch_nothing(file: Path):
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Call(func=ast.Attribute(attr="astimezone"), args=[_]):
                pass  # to a zone that was given; without one it's the machine's
            case ast.Call(func=ast.Attribute(attr=name)):
                assert name not in CLOCKS, f"line {node.lineno}: the time is passed in"
            case ast.Call(func=ast.Name(id=name)):
                assert name not in WORLD, f"line {node.lineno}"
            case ast.Global() | ast.AsyncFunctionDef(body=[*_, ast.Return()]):
                raise AssertionError(f"line {node.lineno}: rules keep no state and wait for nothing")
            case _:
                pass


def test_everything_allowed_from_the_standard_library_is_part_of_it():
    assert ALLOWED - set(sys.stdlib_module_names) == {"domain", "email_validator", "pydantic", "zxcvbn"}
