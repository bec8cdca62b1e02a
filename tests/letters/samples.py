"""A made-up payer, a letter and its consignment, to be changed field by field."""

from dataclasses import replace
from datetime import date
from typing import Any

from domain.directory import Address
from domain.letters import Letter, Letterhead, Pin
from domain.print_shop import Consignment

LETTERHEAD = Letterhead.of(
    name="Northwind Health Plan",
    postal_lines=("Northwind Health Plan", "Provider Services", "P.O. Box 1400", "Springfield, IL 62701"),
    phone="800-555-0142",
    hours="Monday to Friday, 8 a.m. to 6 p.m. Central Time",
    colour="#0b4f6c",
)

ADDRESS = Address("1200 LAKESHORE AVE", "STE 300", "SPRINGFIELD", "IL", "62704-1200")

LETTER = Letter(
    letter_id="letter-0001",
    reference="R-7K2M-9QXD",
    person="Thảo Nguyễn",
    organization="Prairie Señora & Őry Orthopedics, PLLC",
    address=ADDRESS,
    pin=Pin("7K2M9QX4DT"),
    dated=date(2026, 11, 24),
    pin_days=30,
    page_address="https://portal.example.org/register/mail",
    letterhead=LETTERHEAD,
)

CONSIGNMENT = Consignment(
    letter_id="letter-0001",
    pdf=b"%PDF-1.4 one letter",
    person="Thảo Nguyễn",
    organization="Prairie Orthopedics, PLLC",
    address=ADDRESS,
    sender=LETTERHEAD,
    mailing_on=date(2026, 11, 24),
)


def letter(**changes: Any) -> Letter:
    return replace(LETTER, **changes)


def consignment(**changes: Any) -> Consignment:
    return replace(CONSIGNMENT, **changes)
