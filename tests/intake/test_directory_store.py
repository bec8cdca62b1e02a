"""The bulk writer on SQLite and PostgreSQL: what supersedes what, what is added, and that repeating changes nothing."""

import threading
from collections.abc import Callable
from datetime import date
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from db.directory_store import DirectoryStore
from domain.directory import Address, Fact, FileKind, FileTotals, NpiFact, SetAside, VendorFact, Written
from domain.identifiers import DocumentNumber, Npi, Tin, VendorNumber
from domain.matching import PaymentStatus
from domain.ports import RecordsUnavailable
from tests.intake.samples import NPI, OTHER_NPI, TIN, VAULT, contents, payment, rows

PLACE = Address("12 MAIN ST", "", "FAIRHAVEN", "OH", "43901")


def vendor(number: str = "12345", **changes: Any) -> VendorFact:
    values: dict[str, Any] = {"number": VendorNumber(number), "tin": Tin(TIN), "name": "Northfield Family Clinic"}
    return VendorFact(**(values | changes))


def the_payment(url: str, number: str = "778899") -> dict[str, Any]:
    (row,) = (row for row in rows(url, "payment") if row["number"] == number)
    return row


def test_a_payment_brings_its_organization_npi_vendor_number_and_address(store: DirectoryStore, database_url: str):
    assert store.write([payment(address=PLACE)]) == Written(loaded=1)
    (organization,) = rows(database_url, "organization")
    assert organization["tin_digest"] == VAULT.digest("tin", TIN)
    assert VAULT.unseal("tin", bytes(organization["tin_sealed"])) == TIN
    assert organization["name"] == "Northfield Family Clinic"
    assert [(row["organization_id"], row["npi"]) for row in rows(database_url, "organization_npi")] == [
        (organization["id"], NPI)
    ]
    assert [(row["number"], row["organization_id"]) for row in rows(database_url, "vendor")] == [
        ("12345", organization["id"])
    ]
    (location,) = rows(database_url, "location")
    assert (location["line1"], location["zip"], location["organization_id"]) == (
        "12 MAIN ST",
        "43901",
        organization["id"],
    )
    found = the_payment(database_url)
    assert (found["ledger"], found["method"], found["amount_cents"], found["issued_on"]) == (
        "payment",
        "CHK",
        125_040,
        date(2026, 1, 5),
    )
    assert (found["npi"], found["vendor_number"], found["status"], found["source"]) == (NPI, "12345", "issued", "test")


def test_I12_no_tax_id_stands_in_any_table_in_clear(store: DirectoryStore, database_url: str):
    store.write([payment(address=PLACE), vendor(practitioners=("Avery Holloway",))])
    assert TIN not in repr(contents(database_url))


def test_the_same_facts_twice_change_nothing(store: DirectoryStore, database_url: str):
    facts: list[Fact] = [
        payment(address=PLACE),
        vendor(address=PLACE, npis=(Npi(OTHER_NPI),), practitioners=("A B",)),
        NpiFact(Npi(NPI), "2", "N"),
    ]
    assert store.write(facts) == Written(loaded=3)
    before = contents(database_url)
    assert store.write(facts) == Written(unchanged=3)
    assert store.write([*facts, *facts]) == Written(unchanged=6)
    assert contents(database_url) == before


def test_P1_a_newer_issue_date_supersedes_and_an_older_one_never_does(store: DirectoryStore, database_url: str):
    newer = payment(issued_on=date(2026, 2, 1), amount_cents=500, npi=None, vendor_number=None)
    assert store.write([payment(), newer]) == Written(loaded=2)
    assert store.write([payment()]) == Written(unchanged=1)
    found = the_payment(database_url)
    assert (found["issued_on"], found["amount_cents"], found["npi"], found["vendor_number"]) == (
        date(2026, 2, 1),
        500,
        None,
        None,
    )


def test_a_later_file_of_the_same_date_corrects_and_completes_but_forgets_nothing(
    store: DirectoryStore, database_url: str
):
    store.write([payment(vendor_number=None)])
    store.write([payment(npi=None, vendor_number=VendorNumber("9"), amount_cents=7)])
    found = the_payment(database_url)
    assert (found["npi"], found["vendor_number"], found["amount_cents"]) == (NPI, "9", 7)


def test_one_number_of_two_organizations_is_two_payments(store: DirectoryStore, database_url: str):
    store.write([payment(), payment(tin=Tin("080000456"), amount_cents=9)])
    assert sorted(row["amount_cents"] for row in rows(database_url, "payment")) == [9, 125_040]


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_P1_a_voided_payment_stays_voided_whichever_file_came_first(
    store: DirectoryStore, database_url: str, order: tuple[int, ...]
):
    facts = [payment(), payment(status=PaymentStatus.VOIDED)]
    for at in order:
        store.write([facts[at]])
    assert the_payment(database_url)["status"] == "voided"
    store.write([payment(issued_on=date(2027, 1, 5))])  # the number used again, a year later
    assert the_payment(database_url)["status"] == "issued"


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_P1_a_replaced_payment_is_reissued_whatever_the_order(
    store: DirectoryStore, database_url: str, order: tuple[int, ...], together: bool
):
    replacement = payment("800", issued_on=date(2026, 3, 1), replaces=DocumentNumber.parse("778899"))
    unrelated = payment(tin=Tin("080000456"))  # the same number at another organization
    facts = [(payment(), replacement, unrelated)[at] for at in order]
    for batch in [facts] if together else [[fact] for fact in facts]:
        store.write(batch)
    found = {(row["number"], row["organization_id"]): row["status"] for row in rows(database_url, "payment")}
    assert sorted(found.values()) == ["issued", "issued", "reissued"]
    owner = {row["tin_digest"]: row["id"] for row in rows(database_url, "organization")}[VAULT.digest("tin", TIN)]
    assert found["778899", owner] == "reissued"
    before = contents(database_url)
    assert store.write(facts) == Written(unchanged=3)
    assert contents(database_url) == before


def test_a_number_used_again_after_its_replacement_is_a_payment_of_its_own(store: DirectoryStore, database_url: str):
    store.write([payment(), payment("800", issued_on=date(2026, 3, 1), replaces=DocumentNumber.parse("778899"))])
    store.write([payment(issued_on=date(2027, 3, 1))])
    assert the_payment(database_url)["status"] == "issued"


def test_P4_the_vendor_file_decides_over_payments_and_closes_and_reopens(store: DirectoryStore, database_url: str):
    other = Tin("080000456")
    store.write([payment(tin=other, payee="Someone Else")])
    assert store.write([vendor(closed_on=date(2026, 1, 1))]) == Written(loaded=1)
    owners = {row["id"]: row["tin_digest"] for row in rows(database_url, "organization")}
    (found,) = rows(database_url, "vendor")
    assert (owners[found["organization_id"]], found["closed_on"]) == (VAULT.digest("tin", TIN), date(2026, 1, 1))
    store.write([payment("5", tin=other)])
    assert rows(database_url, "vendor") == [found]
    store.write([vendor()])
    assert rows(database_url, "vendor")[0]["closed_on"] is None


def test_the_name_comes_from_the_vendor_file_or_the_first_payment_that_has_one(
    store: DirectoryStore, database_url: str
):
    def name() -> str:
        return str(rows(database_url, "organization")[0]["name"])

    store.write([payment(payee="")])
    assert name() == ""
    store.write([payment("2", payee="NORTHFIELD FAMILY"), payment("3", payee="OTHER SPELLING")])
    assert name() == "NORTHFIELD FAMILY"
    store.write([vendor(name="Northfield Family Clinic")])
    store.write([payment("4", payee="NORTHFIELD")])
    assert name() == "Northfield Family Clinic"


def test_P2_one_address_with_and_without_zip_plus_four_is_one_location(store: DirectoryStore, database_url: str):
    longer = Address("12 MAIN ST", "", "FAIRHAVEN", "OH", "43901-1234")
    suite = Address("12 MAIN ST", "SUITE 4", "FAIRHAVEN", "OH", "43901")
    store.write([payment("1", address=PLACE), payment("2", address=longer), payment("3", address=suite)])
    store.write([payment("4", address=PLACE)])
    found = sorted((row["line2"], row["zip"]) for row in rows(database_url, "location"))
    assert found == [("", "43901-1234"), ("SUITE 4", "43901")]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_nppes_files_complete_each_other_in_any_order(store: DirectoryStore, database_url: str, order: tuple[int, ...]):
    facts = [
        NpiFact(Npi(NPI), "2", "NORTHFIELD", ("B",), date(2020, 1, 1), date(2021, 1, 1)),
        NpiFact(Npi(NPI), deactivated_on=date(2019, 5, 5)),
        NpiFact(Npi(NPI), other_names=("A",)),
        NpiFact(Npi(NPI), deactivated_on=date(2020, 1, 1)),
    ]
    for at in order:
        store.write([facts[at]])
    (found,) = rows(database_url, "npi_record")
    assert (found["entity_type"], found["name"], found["other_names"]) == ("2", "NORTHFIELD", "A\nB")
    assert found["deactivated_on"] is None
    store.write([NpiFact(Npi(NPI), deactivated_on=date(2024, 1, 1))])
    assert rows(database_url, "npi_record")[0]["deactivated_on"] == date(2024, 1, 1)


def test_other_names_that_do_not_fit_are_dropped_the_same_way_in_any_order(store: DirectoryStore, database_url: str):
    facts = [NpiFact(Npi(NPI), other_names=(f"{at:03d}" + "X" * 190,)) for at in range(20)]
    store.write(facts)
    first = rows(database_url, "npi_record")
    assert len(first[0]["other_names"]) <= 2000
    assert store.write(list(reversed(facts))).loaded == 0
    assert rows(database_url, "npi_record") == first


def test_a_file_is_begun_until_it_is_finished_and_its_rejects_are_kept(store: DirectoryStore, database_url: str):
    sha256 = "a" * 64
    assert store.begin(sha256=sha256, name="x.835", kind=FileKind.REMITTANCE)
    store.set_aside(sha256, [SetAside("transaction 1", "BPR16", "date_impossible")] * 2)
    assert store.begin(sha256=sha256, name="x.835", kind=FileKind.REMITTANCE)
    assert rows(database_url, "intake_reject") == []
    store.set_aside(sha256, [SetAside("transaction 1", "BPR16", "date_impossible")])
    store.finish(sha256, FileTotals(5, 6, {"date_impossible": 1}))
    assert not store.begin(sha256=sha256, name="y.835", kind=FileKind.REMITTANCE)
    (file,) = rows(database_url, "intake_file")
    assert (file["name"], file["loaded"], file["unchanged"], file["set_aside"]) == ("x.835", 5, 6, 1)
    assert len(rows(database_url, "intake_reject")) == 1


def test_two_imports_at_once_end_like_one_after_the_other(
    database_url: str, opened: Callable[[str], DirectoryStore], store: DirectoryStore
):
    facts = [payment(str(at), tin=Tin(f"07{at % 40:07d}"), address=PLACE) for at in range(1, 1200)]
    totals: list[Written] = []

    def load(own: DirectoryStore, mine: list[Any]) -> None:
        totals.extend(own.write(mine[at : at + 100]) for at in range(0, len(mine), 100))

    threads = [
        threading.Thread(target=load, args=(own, mine))
        for own, mine in ((opened(database_url), facts), (store, facts[::-1]))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(written.loaded for written in totals) == len(facts)
    assert len(rows(database_url, "payment")) == len(facts)
    assert len(rows(database_url, "organization")) == 40


def test_a_database_without_tables_is_refused_in_words_that_quote_no_row(tmp_path: object):
    store = DirectoryStore(f"sqlite+aiosqlite:///{tmp_path}/empty.db", VAULT)
    with pytest.raises(RecordsUnavailable) as refused:
        store.write([payment()])
    store.close()
    assert "Northfield" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_the_running_system_can_write_while_an_import_goes_on(sqlite_url: str, opened: Callable[[str], DirectoryStore]):
    store = opened(sqlite_url)
    facts = [payment(str(at), tin=Tin(f"07{at:07d}"), address=PLACE) for at in range(1, 8000)]
    done = threading.Event()

    def load() -> None:
        for at in range(0, len(facts), 1000):
            store.write(facts[at : at + 1000])
        done.set()

    thread = threading.Thread(target=load)
    thread.start()
    engine = create_engine(sqlite_url.replace("+aiosqlite", ""), connect_args={"timeout": 5})
    written = 0
    while not done.wait(0.01):  # a hundred writes a second, more than people cause
        with engine.begin() as connection:  # raises if it can't get the lock in five seconds
            connection.execute(
                text("INSERT INTO npi_record (npi, name, other_names) VALUES (:npi, '', '')"), {"npi": f"x{written}"}
            )
        written += 1
    thread.join()
    engine.dispose()
    assert written > 0
    assert len(rows(sqlite_url, "payment")) == len(facts)
