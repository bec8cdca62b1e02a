"""Demo data: made-up but lifelike files of a payer, the same for the same seed, and which payments to register with.

Nothing in it is real. The files hold the defects that real files have; `example.json` beside them names
payments for every case that a demonstration or a test needs.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from intake.demo_organizations import DemoOrganization, DemoVendor, OrganizationMaker
from intake.demo_remittance import LAYOUTS, PATIENTS, PAYER, DemoPayment, Layout, RemittanceMaker, with_defects
from intake.demo_tables import write_nppes, write_register, write_vendors

__all__ = ["PATIENTS", "PAYER", "DemoSet", "ExamplePayment", "generate"]

UNUSED_CHECKS: Final = 40


@dataclass(frozen=True, slots=True)
class ExamplePayment:
    """One payment as a person at the organization would know it."""

    organization: str
    tin: str
    vendor_number: str | None
    npi: str | None
    document_number: str  # a notice with its NP
    method: str
    amount: str  # as printed: 1,234.56
    amount_cents: int
    issued_on: str  # ISO date
    npis: tuple[str, ...]
    practitioners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DemoSet:
    """The files that were written, in the order to import them, and what they hold."""

    files: tuple[Path, ...]
    check: ExamplePayment  # register with TIN, vendor number or NPI, number and amount
    notice: ExamplePayment  # register with TIN, NPI and the NP number
    special: Mapping[
        str, ExamplePayment
    ]  # by case: eft, tin_level, voided, reissued, replacement, old, closed_vendor, …
    unused_checks: tuple[ExamplePayment, ...]  # at organizations of their own
    defects: Mapping[str, Mapping[str, int]]  # by file name: reason and how many

    def to_json(self) -> str:
        content = asdict(self) | {"files": [path.name for path in self.files], "payer": PAYER}
        return json.dumps(content, indent=1)


def generate(folder: Path, *, today: date, seed: int = 1, organizations: int = 2000) -> DemoSet:
    """Write remittance files, check register, vendor file and NPPES files into the folder, with `example.json`.

    Payments lie within the year before `today`, apart from the old ones. At least 60 organizations.
    """
    folder.mkdir(parents=True, exist_ok=True)
    demo = _Demo(random.Random(seed), today=today)
    demo.make_special()
    demo.make_others(max(organizations, 60))
    result = demo.write(folder)
    (folder / "example.json").write_text(result.to_json() + "\n", encoding="utf-8")
    return result


class _Demo:
    def __init__(self, chance: random.Random, *, today: date) -> None:
        self._chance = chance
        self._today = today
        self._maker = OrganizationMaker(chance, today=today)
        self._organizations: list[DemoOrganization] = []
        self._remitted: list[DemoPayment] = []  # told by the 835 files
        self._registered: list[DemoPayment] = []  # told by the check register
        self._special: dict[str, DemoPayment] = {}
        self._unused: list[DemoPayment] = []
        self._check_serial = chance.randrange(40_000_000, 50_000_000)
        self._notice_serial = chance.randrange(700_000, 800_000)
        self._trace_serial = chance.randrange(10**8, 2 * 10**8)

    def _organization(self, **counts: int) -> DemoOrganization:
        organization = self._maker.make(**counts)
        self._organizations.append(organization)
        return organization

    def _payment(
        self,
        organization: DemoOrganization,
        *,
        method: str = "CHK",
        days_ago: int = -1,
        at_tin_level: bool = False,
        **changes: str,
    ) -> DemoPayment:
        chance = self._chance
        days_ago = days_ago if days_ago >= 0 else chance.randrange(1, 340)
        address = chance.choice(organization.addresses) if organization.addresses else None
        return DemoPayment(
            organization=organization,
            number=self._number(method),
            method=method,
            amount_cents=0 if method == "NON" else chance.randrange(1_500, 900_000),
            issued_on=self._today - timedelta(days=days_ago),
            npi=None if at_tin_level else organization.npis[chance.randrange(len(organization.npis))],
            vendor_number=organization.vendors[0].number,
            address=address,
            **changes,
        )

    def _number(self, method: str) -> str:
        step = self._chance.randrange(1, 60)
        if method == "NON":
            self._notice_serial += step
            return f"NP{self._notice_serial:08d}"
        if method == "ACH":
            self._trace_serial += step
            return f"0710000{self._trace_serial}"
        self._check_serial += step
        return f"{self._check_serial:010d}"

    def make_special(self) -> None:
        """One organization for each case that rules and demonstrations need, none of them with other payments."""
        plain = {"npis": 1, "vendors": 1, "addresses": 1, "practitioners": 1}
        special, remitted, registered = self._special, self._remitted, self._registered

        def organization(**counts: int) -> DemoOrganization:
            return self._organization(**(plain | counts))

        special["check"] = self._payment(organization(), days_ago=9)
        special["notice"] = self._payment(organization(), method="NON", days_ago=12)
        special["eft"] = self._payment(organization(), method="ACH", days_ago=20)
        special["tin_level"] = self._payment(organization(npis=3), days_ago=15, at_tin_level=True)
        special["several_npis"] = self._payment(organization(npis=4, vendors=2), days_ago=18)
        special["no_address"] = self._payment(organization(addresses=0), days_ago=14)
        special["several_locations"] = self._payment(organization(addresses=4, vendors=4), days_ago=16)
        special["year_old"] = self._payment(organization(), days_ago=365)
        closed = organization()
        closed.vendors[:] = [DemoVendor(closed.vendors[0].number, self._today - timedelta(days=45))]
        special["closed_vendor"] = self._payment(closed, days_ago=60)
        inactive = organization()
        inactive.deactivated_npis.append(inactive.npis.pop())
        inactive.npis.append(self._maker.unlisted_npi())
        special["deactivated_npi"] = self._with_npi(self._payment(inactive, days_ago=25), inactive.deactivated_npis[0])
        person = organization()
        special["type_1_npi"] = self._with_npi(self._payment(person, days_ago=22), person.practitioners[0].npi)
        remitted.extend(special.values())

        # The 835 tells that it was issued, the register that it was voided since.
        special["voided"] = self._payment(organization(), days_ago=30)
        remitted.append(special["voided"])
        registered.append(_changed(special["voided"], status="voided"))
        special["reissued"] = self._payment(organization(), days_ago=80)
        special["replacement"] = self._payment(
            special["reissued"].organization, days_ago=10, replaces=special["reissued"].number
        )
        special["old"] = self._payment(organization(), days_ago=420)
        registered.extend((special["replacement"], special["reissued"], special["old"]))

        for at in range(UNUSED_CHECKS):
            payment = self._payment(organization(practitioners=at % 3), days_ago=5 + at)
            self._unused.append(payment)
            (remitted if at % 2 else registered).append(payment)

    @staticmethod
    def _with_npi(payment: DemoPayment, npi: str) -> DemoPayment:
        return _changed(payment, npi=npi)

    def make_others(self, count: int) -> None:
        """The crowd: payments of all kinds at organizations of all sizes."""
        chance = self._chance
        while len(self._organizations) < count:
            organization = self._organization()
            for _ in range(chance.choice((1, 2, 3, 4))):
                draw = chance.random()
                method = "CHK" if draw < 0.5 else "ACH" if draw < 0.85 else "NON"
                payment = self._payment(
                    organization, method=method, at_tin_level=method != "NON" and chance.random() < 0.12
                )
                if chance.random() < 0.07:
                    payment = _changed(payment, address=None)
                self._remitted.append(payment)
            if chance.random() < 0.7:
                draw = chance.random()
                status = "voided" if draw < 0.05 else "reissued" if draw < 0.07 else "issued"
                days_ago = chance.randrange(366, 800) if chance.random() < 0.15 else -1
                self._registered.append(self._payment(organization, days_ago=days_ago, status=status))

    def write(self, folder: Path) -> DemoSet:
        vendors, register = folder / "vendors.csv", folder / "check_register.csv"
        write_vendors(vendors, self._organizations)
        nppes = write_nppes(folder, self._organizations, today=self._today)
        day = self._today.isoformat()
        bad = {
            "Check Number": "90000001",
            "Method": "CHK",
            "Date": day,
            "Amount": "10.00",
            "TIN": "07-1234567",
            "Payee": "Northfield Demo",
        }
        register_defects = (
            bad | {"Date": "02/30/2026"},
            bad | {"TIN": "12345"},
            bad | {"Amount": "ten"},
            bad | {"Status": "lost"},
        )
        write_register(register, self._registered, defects=register_defects)
        remittances = RemittanceMaker(self._chance, today=self._today)
        share = -(-len(self._remitted) // len(LAYOUTS))
        paths = []
        for at, layout in enumerate(LAYOUTS):
            path = folder / f"remittance_{at + 1}.835{'.gz' if layout.compressed else ''}"
            remittances.write(path, self._remitted[at * share : (at + 1) * share], layout)
            paths.append(path)
        broken, reasons = with_defects(remittances, self._payments_for_defects())
        defective = folder / "remittance_with_defects.835"
        remittances.write_transactions(defective, broken, Layout())
        return DemoSet(
            files=(vendors, *nppes, register, *paths, defective),
            check=_example(self._special["check"]),
            notice=_example(self._special["notice"]),
            special={name: _example(payment) for name, payment in self._special.items()},
            unused_checks=tuple(_example(payment) for payment in self._unused),
            defects={
                defective.name: reasons,
                register.name: {"date_impossible": 1, "tin_length": 1, "amount_format": 1, "status_unknown": 1},
            },
        )

    def _payments_for_defects(self) -> list[DemoPayment]:
        return [self._payment(organization) for organization in self._organizations[-40:]]


def _changed(payment: DemoPayment, **changes: object) -> DemoPayment:
    values = {name: getattr(payment, name) for name in DemoPayment.__dataclass_fields__} | changes
    return DemoPayment(**values)


def _example(payment: DemoPayment) -> ExamplePayment:
    organization = payment.organization
    return ExamplePayment(
        organization=organization.name,
        tin=organization.tin,
        vendor_number=payment.vendor_number,
        npi=payment.npi,
        document_number=payment.number,
        method=payment.method,
        amount=f"{payment.amount_cents / 100:,.2f}",
        amount_cents=payment.amount_cents,
        issued_on=payment.issued_on.isoformat(),
        npis=tuple(organization.npis),
        practitioners=tuple(f"{person.first} {person.last}" for person in organization.practitioners),
    )
