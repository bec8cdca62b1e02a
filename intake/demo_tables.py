"""Made-up CSV files of the payer and of NPPES: check register, vendor file, organizations, other names, deactivations."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from intake.demo_organizations import DemoOrganization
from intake.demo_remittance import DemoPayment

_NPPES_COLUMNS: Final = (
    "NPI", "Entity Type Code", "Replacement NPI", "Employer Identification Number (EIN)",
    "Provider Organization Name (Legal Business Name)", "Provider Last Name (Legal Name)", "Provider First Name",
    "Provider Middle Name", "Provider Other Organization Name", "Provider First Line Business Mailing Address",
    "Provider Business Mailing Address City Name", "Provider Business Mailing Address State Name",
    "Provider Business Mailing Address Postal Code", "Provider Enumeration Date", "Last Update Date",
    "NPI Deactivation Reason Code", "NPI Deactivation Date", "NPI Reactivation Date", "Is Sole Proprietor", "Certification Date",
)  # fmt: skip


def write_register(path: Path, payments: Iterable[DemoPayment], *, defects: Sequence[Mapping[str, str]] = ()) -> None:
    """The check register; `defects` are rows to add as they are, by column."""
    columns = ("Check Number", "Method", "Date", "Amount", "Vendor Number", "TIN", "NPI", "Payee", "Address Line 1",
               "Address Line 2", "City", "State", "ZIP", "Status", "Replaces")  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for payment in payments:
            tin, address = payment.organization.tin, payment.address
            place = (address.line1, address.line2, address.city, address.state, address.zip) if address else ("",) * 5
            writer.writerow((
                payment.number, payment.method, payment.issued_on.isoformat(), f"{payment.amount_cents / 100:,.2f}",
                payment.vendor_number or "", f"{tin[:2]}-{tin[2:]}", payment.npi or "", payment.organization.name, *place,
                payment.status, payment.replaces,
            ))  # fmt: skip
        for row in defects:
            writer.writerow([row.get(column, "") for column in columns])


def write_vendors(path: Path, organizations: Iterable[DemoOrganization]) -> None:
    """The vendor file: one line for each vendor number."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(("Vendor Number", "TIN", "Name", "Address Line 1", "Address Line 2", "City", "State", "ZIP",
                         "NPIs", "Practitioners", "Closed Date"))  # fmt: skip
        for organization in organizations:
            npis = ";".join((*organization.npis, *organization.deactivated_npis))
            people = ";".join(f"{person.first} {person.last}" for person in organization.practitioners)
            for at, vendor in enumerate(organization.vendors):
                address = organization.addresses[at % len(organization.addresses)] if organization.addresses else None
                place = (
                    (address.line1, address.line2, address.city, address.state, address.zip) if address else ("",) * 5
                )
                closed = f"{vendor.closed_on:%m/%d/%Y}" if vendor.closed_on else ""
                writer.writerow((vendor.number, organization.tin, organization.name, *place, npis, people, closed))


def write_nppes(folder: Path, organizations: Sequence[DemoOrganization], *, today: date) -> tuple[Path, Path, Path]:
    """NPPES-shaped files (V2): providers, other names, deactivations."""
    providers, names, deactivations = (
        folder / "npidata_pfile.csv",
        folder / "othername_pfile.csv",
        folder / "nppes_deactivated_npis.csv",
    )
    with providers.open("w", newline="", encoding="utf-8") as file:
        # All fields quoted as NPPES has them; joined by hand because it is four times faster than csv's QUOTE_ALL.
        file.write('"' + '","'.join(_NPPES_COLUMNS) + '"\n')
        file.writelines(_provider_lines(organizations, today=today))
    with names.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(("NPI", "Provider Other Organization Name", "Provider Other Organization Name Type Code"))
        for at, organization in enumerate(organizations):
            if at % 5 == 0:
                writer.writerow((organization.npis[0], f"{organization.name.upper()} LLC", "3"))
    with deactivations.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((f"NPPES Deactivated Records as of {today:%b %d %Y}", ""))
        writer.writerow(("NPI", "NPPES Deactivation Date"))
        writer.writerows(
            (npi, f"{today - timedelta(days=120):%m/%d/%Y}")
            for organization in organizations
            for npi in organization.deactivated_npis
        )
    return providers, names, deactivations


def _provider_lines(organizations: Sequence[DemoOrganization], *, today: date) -> Iterable[str]:
    since = f"{today - timedelta(days=3000):%m/%d/%Y}"
    updated = f"{today - timedelta(days=200):%m/%d/%Y}"
    gone, back = f"{today - timedelta(days=900):%m/%d/%Y}", f"{today - timedelta(days=700):%m/%d/%Y}"
    for at, organization in enumerate(organizations):
        address = organization.addresses[0] if organization.addresses else None
        place = (address.line1.upper(), address.city.upper(), address.state, address.zip) if address else ("",) * 4
        for npi in organization.npis:
            # Now and then one that was deactivated and came back.
            dates = (gone, back) if at % 40 == 39 else ("", "")
            yield _quoted(
                (
                    npi,
                    "2",
                    "",
                    "<UNAVAIL>",
                    organization.name.upper(),
                    "",
                    "",
                    "",
                    "",
                    *place,
                    since,
                    updated,
                    "",
                    *dates,
                    "",
                    updated,
                )
            )
        for npi in organization.deactivated_npis:
            yield _quoted((npi, *("",) * 15, f"{today - timedelta(days=120):%m/%d/%Y}", "", "", ""))
        for person in organization.practitioners:
            name = (person.last.upper(), person.first.upper(), "")
            yield _quoted((person.npi, "1", "", "", "", *name, "", *place, since, updated, "", "", "", "N", updated))


def _quoted(values: Sequence[str]) -> str:
    return '"' + '","'.join(values) + '"\n'
