"""Whatever the delimiters, line ends and chunk boundaries: what was written is what is read."""

import unicodedata
from dataclasses import dataclass
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.directory import PaymentFact, PaymentMethod
from domain.identifiers import DocumentNumber, Npi, Tin, VendorNumber, npi_with_check_digit
from tests.intake.samples import interchange, payment, read, transaction

# Anything a sender could choose that doesn't occur in the texts written here.
ELEMENT_OR_COMPONENT = "*|:>^~!#%+=;<?@_`{}\x1c\x1d\x1e\x1f\x01\t"
TERMINATORS = "~'\n\r\x1c\x1e!#%;"
LETTERS = st.characters(categories=["Lu", "Ll", "Nd"])


@dataclass(frozen=True)
class Delimiters:
    element: str
    component: str
    segment: str
    line_end: str


@st.composite
def delimiters(draw: st.DrawFn) -> Delimiters:
    segment = draw(st.sampled_from(TERMINATORS))
    element, component = draw(
        st.lists(
            st.sampled_from([c for c in ELEMENT_OR_COMPONENT if c != segment]), min_size=2, max_size=2, unique=True
        )
    )
    return Delimiters(
        element, component, segment, draw(st.sampled_from(["", "\n", "\r\n", "\n\n"])) if segment not in "\r\n" else ""
    )


names = st.text(LETTERS, min_size=1, max_size=30)


@st.composite
def payments(draw: st.DrawFn) -> PaymentFact:
    notice = draw(st.booleans())
    number = draw(st.integers(1, 10**12))
    return payment(
        "1",
        document=DocumentNumber.parse(f"NP{number}" if notice else str(number)),
        method=PaymentMethod.NON_PAYMENT if notice else draw(st.sampled_from([m for m in PaymentMethod if m != "NON"])),
        amount_cents=0 if notice else draw(st.integers(1, 10**11 - 1)),
        issued_on=draw(st.dates(min_value=date(1990, 1, 1), max_value=date(2099, 12, 31))),
        tin=Tin(f"07{draw(st.integers(0, 9_999_998)):07d}"),
        payee=draw(names),
        npi=draw(st.none() | st.integers(0, 10**8 - 1).map(lambda n: Npi(npi_with_check_digit(f"2{n:08d}").digits))),
        vendor_number=draw(st.none() | st.integers(1, 10**9).map(lambda n: VendorNumber(str(n)))),
        address=None,
    )


def written(fact: PaymentFact, *, control: str) -> str:
    references = [f"REF*PQ*{fact.vendor_number.value}"] if fact.vendor_number else []
    references += [f"REF*TJ*{fact.tin.digits}"] if fact.npi else []
    return transaction(
        control=control,
        bpr=f"BPR*I*{fact.amount_cents // 100}.{fact.amount_cents % 100:02d}*C*{fact.method.value}************{fact.issued_on:%Y%m%d}",
        trn=f"TRN*1*{fact.document}*1070000001",
        payee=f"N1*PE*{fact.payee}*XX*{fact.npi.digits}" if fact.npi else f"N1*PE*{fact.payee}*FI*{fact.tin.digits}",
        more="~".join(references),
    )


def encoded(text: str, how: Delimiters) -> str:
    changes: dict[str, str | int | None] = {
        "*": how.element,
        ":": how.component,
        "~": how.segment + how.line_end,
        "^": "\x02",
    }
    return text.translate(str.maketrans(changes))


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(st.tuples(st.lists(payments(), max_size=4), delimiters()), min_size=1, max_size=3),
    chunk=st.integers(1, 400),
)
def test_any_delimiters_line_ends_and_chunks_give_the_same_payments(
    parts: list[tuple[list[PaymentFact], Delimiters]], chunk: int
):
    text, expected = "", []
    for facts, how in parts:
        text += encoded(interchange(*(written(fact, control=f"{at:04d}") for at, fact in enumerate(facts))), how)
        expected += facts
    found = read(text, chunk=chunk)
    assert [told(fact) for fact in found] == [told(fact) for fact in expected]


def told(fact: object) -> tuple[object, ...]:
    assert isinstance(fact, PaymentFact), fact
    return (
        fact.document,
        fact.method,
        fact.amount_cents,
        fact.issued_on,
        fact.tin,
        " ".join(unicodedata.normalize("NFC", fact.payee).split()),
        fact.npi,
        fact.vendor_number,
    )


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=600), chunk=st.integers(1, 100), at=st.integers(0, 900))
def test_no_bytes_whatever_raise_or_hang(content: bytes, chunk: int, at: int):
    text = interchange(transaction(), transaction()).encode()
    read(text[:at] + content + text[at:], chunk=chunk)
