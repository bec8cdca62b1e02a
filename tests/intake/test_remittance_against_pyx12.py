"""pyx12, an independent and complete X12 reader, reads the generated files and must agree on every field."""

import gzip
import io
import logging
from datetime import date
from pathlib import Path

import pytest
from pyx12.error_handler import errh_null
from pyx12.params import params
from pyx12.x12context import X12ContextReader
from pyx12.x12n_document import x12n_document

from domain.directory import PaymentFact
from intake.demo import DemoSet, generate
from intake.remittance import read_remittances
from intake.source import Source

HEADER = "/ISA_LOOP/GS_LOOP/ST_LOOP/HEADER"
Payment = dict[str, str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoSet:
    return generate(tmp_path_factory.mktemp("demo"), today=date(2026, 11, 23), seed=7, organizations=400)


def text_of(path: Path) -> str:
    content = path.read_bytes()
    return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()


def remittances(demo: DemoSet) -> list[Path]:
    return [path for path in demo.files if ".835" in path.name and path.name not in demo.defects]


def by_pyx12(path: Path) -> list[Payment]:
    payments: list[Payment] = []
    for node in X12ContextReader(params(), errh_null(), io.StringIO(text_of(path))).iter_segments():
        segment, where = node.seg_data, node.cur_path

        def value(name: str, segment=segment) -> str:
            return segment.get_value(name) or ""

        if node.id == "ST":
            payments.append({})
        elif where.startswith(f"{HEADER}/BPR"):
            payments[-1] |= {"amount": value("BPR02"), "method": value("BPR04"), "date": value("BPR16")}
        elif where.startswith(f"{HEADER}/TRN"):
            payments[-1]["number"] = value("TRN02")
        elif where == f"{HEADER}/1000B/N1":
            payments[-1] |= {"payee": value("N102"), value("N103"): value("N104")}
        elif where == f"{HEADER}/1000B/N3":
            payments[-1] |= {"line1": value("N301"), "line2": value("N302")}
        elif where == f"{HEADER}/1000B/N4":
            payments[-1] |= {"city": value("N401"), "state": value("N402"), "zip": value("N403")}
        elif where.startswith(f"{HEADER}/1000B/REF"):
            payments[-1][value("REF01")] = value("REF02")
    return payments


def as_pyx12_says(fact: PaymentFact, said: Payment) -> Payment:
    """The fact in the words of the file; leading zeros, which the fact drops, are taken over where the number is the same."""
    number = (
        said["number"] if said["number"].removeprefix("NP").lstrip("0") == fact.document.number else str(fact.document)
    )
    result = {
        "amount": "",
        "method": fact.method.value,
        "date": f"{fact.issued_on:%Y%m%d}",
        "number": number,
        "payee": fact.payee,
    }
    result["amount"] = f"{fact.amount_cents / 100:.2f}".rstrip("0").rstrip(".")
    result |= {"XX": fact.npi.digits, "TJ": fact.tin.digits} if fact.npi else {"FI": fact.tin.digits}
    if fact.vendor_number:
        same = said.get("PQ", "").lstrip("0") == fact.vendor_number.value
        result["PQ"] = said["PQ"] if same else fact.vendor_number.value
    if fact.address:
        result |= {"line1": fact.address.line1, "line2": fact.address.line2, "city": fact.address.city}
        result |= {"state": fact.address.state, "zip": fact.address.zip.replace("-", "")}
    return result


def test_pyx12_agrees_on_every_field_of_every_generated_payment(demo: DemoSet):
    compared = 0
    for path in remittances(demo):
        with Source(path) as source:
            facts = list(read_remittances(source.chunks(), name=path.name))
        said = by_pyx12(path)
        assert len(facts) == len(said)
        for fact, payment in zip(facts, said, strict=True):
            assert isinstance(fact, PaymentFact)
            assert as_pyx12_says(fact, payment) == payment
            assert payment["number"].startswith("NP") == (fact.document.ledger == "notice")
            compared += 1
    assert compared > 800


def test_pyx12_finds_no_error_in_what_is_generated_as_valid(demo: DemoSet, caplog: pytest.LogCaptureFixture):
    for path in remittances(demo)[:2]:
        with caplog.at_level(logging.WARNING):
            assert x12n_document(params(), io.StringIO(text_of(path)), fd_997=None, fd_html=None)
        assert [record.message for record in caplog.records if "999" not in record.message] == []


def test_pyx12_refuses_the_file_with_defects_and_each_defect_is_set_aside(
    demo: DemoSet, caplog: pytest.LogCaptureFixture
):
    (path,) = (path for path in demo.files if path.name in demo.defects and ".835" in path.name)
    assert not x12n_document(params(), io.StringIO(text_of(path)), fd_997=None, fd_html=None)
    with Source(path) as source:
        found = [getattr(record, "reason", "ok") for record in read_remittances(source.chunks(), name=path.name)]
    assert {reason: found.count(reason) for reason in found} == demo.defects[path.name]
