"""Made-up organizations for demonstrations and tests: unassigned EIN prefixes, NPIs starting with 2, invented names."""

# ruff: noqa: SIM905 - word lists read best as text.

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import product
from typing import Final

from domain.identifiers import npi_with_check_digit

_PLACES: Final = (
    "Northfield Oakhollow Brookmere Stonebridge Willowbend Fairhaven Larkspur Maplecrest Cedarvale Pinehurst Riverton Lakemont "
    "Silverpine Goldenrod Westbrook Eastgate Highmeadow Foxglove Ashbourne Elmstead Birchwood Hartwell Kingsford Millbrook "
    "Summerfield Winterbourne Clearwater Greenbriar Redstone Bluewater Harborview Hilltop Meadowbrook Orchard Parkside "
    "Prairie Ridgeway Rosewood Sandhill Springdale Sycamore Thornbury Valleyview Whitfield Woodlawn Amberly Beaconsfield "
    "Copperfield Driftwood Evermont Glenrock Ironwood Juniper Kestrel Lindenhall Marlowe Newbrook Overlook Quarry Tamarack"
).split()  # fmt: skip
_PRACTICES: Final = (
    "Family Clinic|Pediatrics|Dental Group|Physical Therapy|Orthopedics|Cardiology Associates|Maternity Care|Eye Center|"
    "Dermatology|Urgent Care|Community Hospital|Behavioral Health|Internal Medicine|Radiology|Surgery Center|Home Care|"
    "Medical Group|Oncology Partners|Primary Care|Sleep Center|Allergy Clinic|Foot and Ankle|Kidney Care|Rehabilitation|"
    "Health Partners|Laboratory|Pain Clinic|Neurology|Hospice|Speech and Hearing|Wellness Center|Ear Nose and Throat|"
    "Anesthesia Services|Infusion Center|Diagnostic Imaging|Midwifery|Gastroenterology|Pulmonary Associates|Pharmacy|Podiatry"
).split("|")  # fmt: skip
_STREETS: Final = (
    "Main St|Oak Ave|Mill Rd|Church St|Lakeview Dr|Second St|Park Blvd|Station Rd|College Ave|Meadow Ln".split("|")
)
_TOWNS: Final = (
    ("Fairhaven", "OH", "439"), ("Brookmere", "IL", "618"), ("Stonebridge", "PA", "158"), ("Larkspur", "WI", "547"),
    ("Cedarvale", "MI", "489"), ("Maplecrest", "IN", "469"), ("Lakemont", "MN", "562"), ("Riverton", "IA", "516"),
    ("Pinehurst", "KY", "418"), ("Westbrook", "MO", "647"), ("Hartwell", "TN", "385"), ("Elmstead", "VA", "246"),
)  # fmt: skip
_FIRST_NAMES: Final = (
    "Avery Blair Casey Devon Ellis Finley Harper Jordan Kendall Logan Marley Noel Parker Quinn Reese Rowan".split()
)
_LAST_NAMES: Final = (
    "Abernathy Ballantyne Castellano Dunmore Eastwick Fairbairn Greenhalgh Holloway Ingersoll Jessop Kirkbride Lockhart "
    "Merriweather Nightingale Okonjo Pemberton Ravenscroft Sandoval Trelawney Underhill Vasquez Whitcombe Yarborough Zielinski"
).split()  # fmt: skip
_EIN_PREFIXES: Final = "07 08 09 17 18 19 28 29 49 69 70 78 79 89 96 97".split()


@dataclass(frozen=True, slots=True)
class DemoVendor:
    """A vendor number of a made-up organization."""

    number: str
    closed_on: date | None = None


@dataclass(frozen=True, slots=True)
class DemoAddress:
    """A made-up postal address; the first line says which street, none of them is real."""

    line1: str
    line2: str
    city: str
    state: str
    zip: str


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A made-up practitioner with a Type 1 NPI."""

    first: str
    last: str
    npi: str


@dataclass(slots=True)
class DemoOrganization:
    """A made-up provider organization."""

    name: str
    tin: str
    npis: list[str]
    vendors: list[DemoVendor]
    addresses: list[DemoAddress]
    practitioners: list[DemoPerson] = field(default_factory=list)
    deactivated_npis: list[str] = field(default_factory=list)


class OrganizationMaker:
    """Makes organizations one after the other; the same seed makes the same ones."""

    def __init__(self, chance: random.Random, *, today: date) -> None:
        self._chance = chance
        self._today = today
        names = [f"{place} {practice}" for place, practice in product(_PLACES, _PRACTICES)]
        chance.shuffle(names)
        self._names = names
        self._made = 0
        self._npi_serial = chance.randrange(10_000_000, 20_000_000)
        self._vendor_serial = chance.randrange(1_000_000, 2_000_000)
        self._tin_serial = chance.randrange(1_000_000, 3_000_000)

    def make(
        self, *, npis: int = 0, vendors: int = 0, addresses: int = -1, practitioners: int = -1
    ) -> DemoOrganization:
        """One more organization; a number not given is drawn."""
        chance = self._chance
        round_, at = divmod(self._made, len(self._names))
        name = self._names[at] + (f" of {_TOWNS[round_ % len(_TOWNS)][0]}" if round_ else "")
        self._made += 1
        self._tin_serial += chance.randrange(1, 1500)
        people = practitioners if practitioners >= 0 else chance.choice((0, 0, 0, 1, 2))
        organization = DemoOrganization(
            name=name,
            tin=_EIN_PREFIXES[self._made % len(_EIN_PREFIXES)] + f"{self._tin_serial % 10_000_000:07d}",
            npis=[self._npi("2") for _ in range(npis or chance.choice((1, 1, 1, 2, 3)))],
            vendors=[DemoVendor(self._vendor_number()) for _ in range(vendors or chance.choice((1, 1, 2)))],
            addresses=[self._address() for _ in range(addresses if addresses >= 0 else chance.choice((1, 1, 1, 2, 3)))],
            practitioners=[self._person() for _ in range(people)],
        )
        draw = chance.random()
        if not vendors and draw < 0.06:
            closed = DemoVendor(self._vendor_number(), self._today - timedelta(days=chance.randrange(20, 900)))
            organization.vendors.append(closed)
        if not npis and draw > 0.96:
            organization.deactivated_npis.append(self._npi("2"))
        return organization

    def unlisted_npi(self) -> str:
        """An organization's NPI that no file lists."""
        return self._npi("2")

    def _npi(self, first: str) -> str:
        self._npi_serial += self._chance.randrange(1, 40)
        return npi_with_check_digit(f"{first}{self._npi_serial:08d}").digits

    def _vendor_number(self) -> str:
        self._vendor_serial += self._chance.randrange(1, 90)
        return str(self._vendor_serial)

    def _address(self) -> DemoAddress:
        chance = self._chance
        town, state, prefix = chance.choice(_TOWNS)
        suite = f"Suite {chance.randrange(100, 900)}" if chance.random() < 0.3 else ""
        line1 = f"{chance.randrange(1, 9900)} {chance.choice(_STREETS)}"
        extension = f"{chance.randrange(1000, 9000)}" if chance.random() < 0.5 else ""
        return DemoAddress(line1, suite, town, state, f"{prefix}{chance.randrange(10, 99)}{extension}")

    def _person(self) -> DemoPerson:
        return DemoPerson(self._chance.choice(_FIRST_NAMES), self._chance.choice(_LAST_NAMES), self._npi("1"))
