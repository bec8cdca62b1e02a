"""The payer, people and organizations that the pages of the catalogue show."""

from datetime import UTC, datetime

from web.rendering import Payer

PAYER = Payer(
    name="Northwind Health Plan",
    short_name="Northwind",
    phone="800-555-0142",
    hours="Monday to Friday, 8 a.m. to 6 p.m. Central Time",
    email="help@example.org",
    address_lines=("Northwind Health Plan", "Provider Services", "P.O. Box 1400", "Springfield, IL 62701"),
)

NOW = datetime(2026, 11, 23, 15, 40, tzinfo=UTC)
KEY = "6b1f6c1e-6d0e-4c57-9a36-8d6a5a3f1c11"
REFERENCE = "R-7K3M-9QXD-2FHT"
PERSON = {"name": "Jordan Ellis", "unread": 2}
EMAIL = "jordan.ellis@maplestreet.example.org"
ATTESTATION = {
    "text": "I am the person named above. I will not share this account, and I will use what I see only for my work.",
    "version": "2026-1",
}
MISMATCH = {
    "title": "We could not match these numbers",
    "detail": "Together, what you entered does not fit a payment or notice that we can use. For security we don’t say which part.",
    "next": [
        "Check each number against the check or notice, and the amount to the cent.",
        "Not sure which NPI was paid? Use the vendor number on the check instead.",
        "Non-payment notices start with NP; include it.",
        {"text": "No payment at hand? Register with U.S. Mail.", "href": "/register/letter"},
        {"text": "Contact us, and we look at it together.", "href": "#contact-us"},
    ],
}
ORGANIZATION = {"tin_masked": "•••••6789", "identifier_label": "Vendor number", "identifier": "V0073154"}
LONG_NAME = "The Very Reverend Wilhelmina-Alexandrina Featherstonehaugh-Cholmondeley"
LONG_ORGANIZATION = "Saint Bartholomew’s Interdenominational Otorhinolaryngological & Gastroenterological Associates of Greater Springfield, P.L.L.C."
