"""The demo generator: repeatable, invented, and with an example for every case."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from db.directory_store import DirectoryStore
from domain.identifiers import DocumentNumber, Ledger, Npi, Tin
from intake.command import main
from intake.demo import PATIENTS, UNUSED_CHECKS, DemoSet, ExamplePayment, generate
from tests.intake.samples import VAULT, rows

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoSet:
    return generate(tmp_path_factory.mktemp("demo"), today=TODAY, organizations=300)


def test_the_same_seed_makes_the_same_files_and_another_seed_others(tmp_path: Path, demo: DemoSet):
    same = generate(tmp_path / "same", today=TODAY, organizations=300)
    other = generate(tmp_path / "other", today=TODAY, organizations=300, seed=2)
    assert [path.read_bytes() for path in same.files] == [path.read_bytes() for path in demo.files]
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(demo.files, other.files, strict=True))


def test_nothing_generated_can_be_a_real_organization(demo: DemoSet):
    for example in (demo.check, demo.notice, *demo.special.values(), *demo.unused_checks):
        assert Tin.parse(example.tin).has_unassigned_prefix
        assert all(Npi.parse(npi).digits.startswith("2") for npi in example.npis)
        assert not any(name.casefold() in example.organization.casefold() for name in PATIENTS)


def test_example_json_says_the_same_as_the_result(demo: DemoSet):
    content = json.loads((demo.files[0].parent / "example.json").read_text())
    assert content == json.loads(demo.to_json())
    assert set(content["special"]) == {
        "check", "notice", "eft", "tin_level", "several_npis", "no_address", "several_locations", "year_old", "closed_vendor",
        "deactivated_npi", "type_1_npi", "voided", "reissued", "replacement", "old",
    }  # fmt: skip
    assert len({example["tin"] for example in content["unused_checks"]}) == UNUSED_CHECKS
    assert DocumentNumber.parse(content["notice"]["document_number"]).ledger is Ledger.NOTICE


def test_the_imported_directory_holds_what_each_example_says(
    demo: DemoSet, sqlite_url: str, opened: Callable[[str], DirectoryStore]
):
    assert main(demo.files, writer=opened(sqlite_url)) == 0
    owners = {row["tin_digest"]: row for row in rows(sqlite_url, "organization")}
    payments = {(row["ledger"], row["number"], row["organization_id"]): row for row in rows(sqlite_url, "payment")}
    vendors = {row["number"]: row for row in rows(sqlite_url, "vendor")}
    npis = {row["npi"]: row for row in rows(sqlite_url, "npi_record")}
    locations = [row["organization_id"] for row in rows(sqlite_url, "location")]

    def stored(example: ExamplePayment) -> dict[str, Any]:
        number = DocumentNumber.parse(example.document_number)
        row = payments[number.ledger.value, number.number, owners[VAULT.digest("tin", example.tin)]["id"]]
        assert (row["amount_cents"], row["npi"], row["vendor_number"]) == (
            example.amount_cents,
            example.npi,
            example.vendor_number,
        )
        assert owners[VAULT.digest("tin", example.tin)]["name"] == example.organization
        return row

    special = demo.special
    usable = [
        demo.check,
        demo.notice,
        *demo.unused_checks,
        *(special[name] for name in ("eft", "tin_level", "replacement", "no_address")),
    ]
    for example in usable:
        row = stored(example)
        assert row["status"] == "issued"
        assert timedelta(0) <= TODAY - row["issued_on"] < timedelta(days=90)
        assert vendors[example.vendor_number]["closed_on"] is None
        for npi in example.npis:
            assert (npis[npi]["entity_type"], npis[npi]["deactivated_on"]) == ("2", None)
    assert stored(special["voided"])["status"] == "voided"
    assert stored(special["reissued"])["status"] == "reissued"
    assert TODAY - stored(special["old"])["issued_on"] > timedelta(days=365)
    assert TODAY - stored(special["year_old"])["issued_on"] == timedelta(days=365)
    assert stored(special["tin_level"])["npi"] is None
    assert vendors[special["closed_vendor"].vendor_number]["closed_on"] is not None
    assert npis[special["type_1_npi"].npi]["entity_type"] == "1"
    assert npis[special["deactivated_npi"].npi]["deactivated_on"] is not None
    assert len(special["several_npis"].npis) == 4
    assert locations.count(stored(special["several_locations"])["organization_id"]) == 4
    assert stored(special["no_address"])["organization_id"] not in locations
