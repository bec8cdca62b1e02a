"""The matcher: the true combination matches, anything else doesn't, and nothing but a boolean comes out."""

import dataclasses
import inspect
import re
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identifiers import Amount, DocumentNumber, Ledger, Npi, Tin, VendorNumber, npi_with_check_digit
from domain.matching import PaymentClaim, PaymentFacts, PaymentStatus, matches

TODAY = date(2026, 11, 23)
MAX_AGE = timedelta(days=365)
TINS = ["070000001", "070000002"]
VENDORS = ["4711", "4712", "V9"]
NPIS = [npi_with_check_digit(f"20000000{number}").digits for number in range(3)]


@st.composite
def payments(draw: st.DrawFn) -> PaymentFacts:
    """A payment that may prove something: issued, of the last year, to a payee with vendor numbers and NPIs."""
    vendors = draw(st.frozensets(st.sampled_from(VENDORS)))
    npis = draw(st.frozensets(st.sampled_from(NPIS)))
    return PaymentFacts(
        payee_tin=Tin(draw(st.sampled_from(TINS))),
        payee_vendors=vendors,
        payee_npis=npis,
        ledger=draw(st.sampled_from(list(Ledger))),
        number=draw(st.sampled_from(["123", "124", "A7"])),
        amount=Amount(draw(st.integers(1, 3)) * 100),
        issued_on=TODAY - timedelta(days=draw(st.integers(0, 365))),
        status=PaymentStatus.ISSUED,
        vendor=draw(st.none() | st.sampled_from(VENDORS)),
        npi=draw(st.none() | st.sampled_from(NPIS)),
    )


@st.composite
def claims(draw: st.DrawFn) -> PaymentClaim:
    """Whatever may be typed, right or wrong, also what the forms would refuse."""
    return PaymentClaim(
        tin=Tin(draw(st.sampled_from(TINS))),
        vendor=draw(st.none() | st.sampled_from(VENDORS).map(VendorNumber)),
        npi=draw(st.none() | st.sampled_from(NPIS).map(Npi)),
        document=DocumentNumber(draw(st.sampled_from(list(Ledger))), draw(st.sampled_from(["123", "124", "A7"]))),
        amount=draw(st.none() | st.integers(1, 3).map(lambda dollars: Amount(dollars * 100))),
    )


def true_claims(facts: PaymentFacts) -> list[PaymentClaim]:
    """Every claim that proves this payment, listed from the rules rather than judged field by field."""
    document = DocumentNumber(facts.ledger, facts.number)
    npis = [npi for npi in facts.payee_npis if facts.npi in {None, npi}]
    vendors = [number for number in facts.payee_vendors if facts.vendor in {None, number}]
    if facts.ledger is Ledger.NOTICE:
        return [
            PaymentClaim(tin=facts.payee_tin, vendor=None, npi=Npi(npi), document=document, amount=None) for npi in npis
        ]
    by_npi = [
        PaymentClaim(tin=facts.payee_tin, vendor=None, npi=Npi(npi), document=document, amount=facts.amount)
        for npi in npis
    ]
    by_vendor = [
        PaymentClaim(tin=facts.payee_tin, vendor=VendorNumber(number), npi=None, document=document, amount=facts.amount)
        for number in vendors
    ]
    return by_npi + by_vendor


def proves(claim: PaymentClaim, facts: PaymentFacts, *, today: date = TODAY) -> bool:
    return matches(claim, facts, today=today, max_age=MAX_AGE)


CHECK = PaymentFacts(
    payee_tin=Tin(TINS[0]), payee_vendors=frozenset(VENDORS[:2]), payee_npis=frozenset(NPIS[:2]),
    ledger=Ledger.PAYMENT, number="123", amount=Amount(12345), issued_on=TODAY, status=PaymentStatus.ISSUED,
    vendor=VENDORS[0], npi=NPIS[0],
)  # fmt: skip
BY_VENDOR = PaymentClaim(
    tin=Tin(TINS[0]), vendor=VendorNumber(VENDORS[0]), npi=None,
    document=DocumentNumber(Ledger.PAYMENT, "123"), amount=Amount(12345),
)  # fmt: skip
BY_NPI = dataclasses.replace(BY_VENDOR, vendor=None, npi=Npi(NPIS[0]))
NOTICE = dataclasses.replace(CHECK, ledger=Ledger.NOTICE, amount=Amount(0))
OF_NOTICE = dataclasses.replace(BY_NPI, document=DocumentNumber(Ledger.NOTICE, "123"), amount=None)


@given(payments())
def test_P1_every_true_claim_matches(facts: PaymentFacts):
    for claim in true_claims(facts):
        assert proves(claim, facts) is True


@given(claims(), payments())
def test_P1_nothing_but_a_true_claim_matches(claim: PaymentClaim, facts: PaymentFacts):
    if facts.ledger is Ledger.NOTICE:
        claim = dataclasses.replace(claim, amount=None)
    assert proves(claim, facts) is (claim in true_claims(facts))


def changed(claim: PaymentClaim, field: str, value: object) -> PaymentClaim:
    values: dict[str, Any] = {name.name: getattr(claim, name.name) for name in dataclasses.fields(claim)}
    return PaymentClaim(**values | {field: value})


OTHERS: dict[str, object] = {
    "tin": Tin(TINS[1]),
    "vendor": VendorNumber(VENDORS[1]),
    "npi": Npi(NPIS[1]),
    "document": DocumentNumber(Ledger.PAYMENT, "124"),
    "amount": Amount(12346),
}


@pytest.mark.parametrize("claim", [BY_VENDOR, BY_NPI])
@pytest.mark.parametrize("field", sorted(OTHERS))
def test_P1_no_claim_with_one_wrong_field_matches(claim: PaymentClaim, field: str):
    assert proves(claim, CHECK)
    assert not proves(changed(claim, field, OTHERS[field]), CHECK)


@pytest.mark.parametrize("claim", [BY_VENDOR, BY_NPI])
@pytest.mark.parametrize("field", ["vendor", "npi", "amount"])
def test_P1_no_claim_that_leaves_something_out_matches(claim: PaymentClaim, field: str):
    assert not proves(dataclasses.replace(claim, vendor=None, npi=None, amount=None), CHECK)
    if getattr(claim, field) is not None:
        assert not proves(changed(claim, field, None), CHECK)


@pytest.mark.parametrize("status", [PaymentStatus.VOIDED, PaymentStatus.REISSUED])
@pytest.mark.parametrize("facts", [CHECK, NOTICE])
def test_P1_a_voided_or_reissued_payment_proves_nothing(facts: PaymentFacts, status: PaymentStatus):
    claim = OF_NOTICE if facts is NOTICE else BY_NPI
    assert proves(claim, facts)
    assert not proves(claim, dataclasses.replace(facts, status=status))


@pytest.mark.parametrize(
    ("age", "good"), [(-2, False), (-1, True), (0, True), (364, True), (365, True), (366, False), (4_000, False)]
)
def test_P1_a_payment_proves_for_a_year_and_not_before_it_is_issued(age: int, good: bool):
    assert proves(BY_VENDOR, dataclasses.replace(CHECK, issued_on=TODAY - timedelta(days=age))) is good


def test_P1_dates_at_the_ends_of_the_calendar_are_no_error():
    assert not proves(BY_VENDOR, dataclasses.replace(CHECK, issued_on=date.min))
    assert not proves(BY_VENDOR, dataclasses.replace(CHECK, issued_on=date.max))


def test_P3_np_prefix_is_required():
    assert proves(OF_NOTICE, NOTICE)
    assert not proves(dataclasses.replace(OF_NOTICE, document=DocumentNumber(Ledger.PAYMENT, "123")), NOTICE)
    assert not proves(dataclasses.replace(BY_NPI, document=DocumentNumber(Ledger.NOTICE, "123")), CHECK)


def test_P3_a_notice_needs_the_npi():
    by_vendor = dataclasses.replace(OF_NOTICE, vendor=VendorNumber(VENDORS[0]), npi=None)
    assert not proves(by_vendor, NOTICE)
    assert not proves(by_vendor, dataclasses.replace(NOTICE, npi=None, vendor=None))


def test_P4_vendor_number_and_npi_together_prove_nothing():
    assert not proves(dataclasses.replace(BY_VENDOR, npi=Npi(NPIS[0])), CHECK)
    assert not proves(dataclasses.replace(OF_NOTICE, vendor=VendorNumber(VENDORS[0])), NOTICE)


def test_P4_a_vendor_number_that_the_payment_does_not_name_proves_nothing():
    other_open_one = dataclasses.replace(BY_VENDOR, vendor=VendorNumber(VENDORS[1]))
    assert not proves(other_open_one, CHECK)
    assert proves(other_open_one, dataclasses.replace(CHECK, vendor=None))


def test_P4_a_closed_vendor_number_proves_nothing_even_if_the_payment_names_it():
    assert not proves(BY_VENDOR, dataclasses.replace(CHECK, payee_vendors=frozenset()))


def test_P5_a_wrong_npi_of_the_right_tax_id_is_like_any_other_mismatch():
    assert not proves(dataclasses.replace(BY_NPI, npi=Npi(NPIS[1])), CHECK)


@pytest.mark.parametrize("npi", NPIS[:2])
def test_P5_a_payment_to_the_tax_id_takes_any_npi_of_the_payee(npi: str):
    issued_to_tin = dataclasses.replace(CHECK, npi=None)
    assert proves(dataclasses.replace(BY_NPI, npi=Npi(npi)), issued_to_tin)
    assert not proves(dataclasses.replace(BY_NPI, npi=Npi(NPIS[2])), issued_to_tin)


def test_P5_an_npi_that_the_payee_lost_proves_nothing_even_if_the_payment_names_it():
    assert not proves(BY_NPI, dataclasses.replace(CHECK, payee_npis=frozenset(NPIS[1:])))


@given(claims(), payments())
def test_I16_the_matcher_tells_a_boolean_and_nothing_else(claim: PaymentClaim, facts: PaymentFacts):
    before = (dataclasses.replace(claim), dataclasses.replace(facts))
    assert isinstance(proves(claim, facts), bool)
    assert (claim, facts) == before
    assert inspect.signature(matches).return_annotation in {bool, "bool"}


@given(claims(), payments())
def test_I12_neither_a_claim_nor_a_payment_prints_what_it_holds(claim: PaymentClaim, facts: PaymentFacts):
    for printed in (repr(claim), str(facts), f"{claim} {facts}"):
        assert not any(character.isdigit() for character in re.sub(r"0x[0-9a-fA-F]+", "", printed))
