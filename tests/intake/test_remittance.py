"""What the remittance reader takes from a file, and what it sets aside and why."""

import gzip
from datetime import date
from pathlib import Path

import pytest

from domain.directory import Address, PaymentFact, PaymentMethod, SetAside
from domain.identifiers import Ledger, Npi, Tin, VendorNumber
from intake.reasons import WHAT_TO_DO
from intake.remittance import read_remittances
from intake.source import Source
from intake.x12 import LONGEST_SEGMENT
from tests.intake.samples import ISA, NPI, OTHER_NPI, TIN, interchange, read, read_one, transaction

FILES = Path(__file__).parent / "files"


def reasons(results: list[PaymentFact | SetAside]) -> list[str]:
    return [result.reason if isinstance(result, SetAside) else "ok" for result in results]


def test_every_header_fact_is_read_from_its_element():
    found = read_one(interchange(transaction()))
    assert found == PaymentFact(
        document=found.document,
        method=PaymentMethod.CHECK,
        amount_cents=125_040,
        issued_on=date(2026, 1, 5),
        tin=Tin(TIN),
        payee="NORTHFIELD FAMILY CLINIC",
        npi=Npi(NPI),
        vendor_number=VendorNumber("12345"),
        address=Address("12 MAIN ST", "SUITE 4", "FAIRHAVEN", "OH", "43901-1234"),
        source="test.835, transaction 1 (ST02 0001)",
    )
    assert (found.document.ledger, found.document.number) == (Ledger.PAYMENT, "778899")


def test_P3_a_notice_goes_to_the_ledger_of_notices():
    text = transaction(bpr="BPR*H*0*C*NON************20260105", trn="TRN*1*NP00123*1070000001")
    found = read_one(interchange(text))
    assert (found.document.ledger, found.document.number, found.amount_cents) == (Ledger.NOTICE, "123", 0)
    assert found.method is PaymentMethod.NON_PAYMENT


def test_P5_a_payment_at_tin_level_has_no_npi():
    found = read_one(interchange(transaction(payee=f"N1*PE*NORTHFIELD*FI*{TIN}", more="REF*PQ*77")))
    assert (found.npi, found.tin, found.address) == (None, Tin(TIN), None)


BROKEN = {
    "npi_check_digit": ("N104", transaction(payee="N1*PE*X*XX*2123456785")),
    "npi_length": ("N104", transaction(payee="N1*PE*X*XX*212345678")),
    "npi_missing": ("N104", transaction(payee="N1*PE*X*XX")),
    "date_impossible": ("BPR16", transaction(bpr="BPR*I*10*C*CHK************20260230")),
    "date_missing": ("BPR16", transaction(bpr="BPR*I*10*C*CHK")),
    "payee_repeated": ("N1*PE", transaction(more=f"REF*TJ*{TIN}~N1*PE*OTHER*XX*{OTHER_NPI}")),
    "payee_missing": ("N1*PE", transaction(payee="", more="")),
    "tin_missing": ("REF*TJ", transaction(more="REF*PQ*77")),
    "tin_length": ("REF*TJ", transaction(more="REF*TJ*7000012")),
    "tin_conflict": ("REF*TJ", transaction(more=f"REF*TJ*{TIN}~REF*TJ*070000124")),
    "vendor_characters": ("REF*PQ", transaction(more=f"REF*PQ*12/34~REF*TJ*{TIN}")),
    "vendor_conflict": ("REF*PQ", transaction(more=f"REF*PQ*12~REF*PQ*13~REF*TJ*{TIN}")),
    "amount_format": ("BPR02", transaction(bpr="BPR*I*1O*C*CHK************20260105")),
    "amount_missing": ("BPR02", transaction(bpr="BPR*I**C*CHK************20260105")),
    "amount_negative": ("BPR02", transaction(bpr="BPR*I*-7*C*CHK************20260105")),
    "amount_zero": ("BPR02", transaction(bpr="BPR*I*0*C*CHK************20260105")),
    "amount_debit": ("BPR03", transaction(bpr="BPR*I*7*D*ACH************20260105")),
    "method_unknown": ("BPR04", transaction(bpr="BPR*I*7*C*XYZ************20260105")),
    "prenotification": ("BPR01", transaction(bpr="BPR*P*0*C*ACH************20260105")),
    "payment_missing": ("BPR", transaction(bpr="")),
    "payment_repeated": ("BPR", transaction(bpr="BPR*I*7*C*CHK************20260105~BPR*I*8*C*CHK************20260105")),
    "number_missing": ("TRN", transaction(trn="")),
    "number_repeated": ("TRN", transaction(trn="TRN*1*5~TRN*1*6")),
    "document_missing": ("TRN02", transaction(trn="TRN*1**1070000001")),
    "document_characters": ("TRN02", transaction(trn="TRN*1*12_34*1070000001")),
    "np_without_notice": ("TRN02", transaction(trn="TRN*1*NP5*1070000001")),
    "notice_without_np": ("TRN02", transaction(bpr="BPR*H*0*C*NON************20260105")),
    "notice_with_amount": ("BPR02", transaction(bpr="BPR*H*5*C*NON************20260105", trn="TRN*1*NP5*1")),
    "segment_count": ("SE01", transaction(count=12)),
    "control_number": ("SE02", transaction()[:-5] + "0002~"),
    "not_835": ("ST01", transaction(kind="837")),
}


@pytest.mark.parametrize("reason", BROKEN)
def test_a_broken_payment_is_set_aside_with_its_element_and_the_rest_is_loaded(reason: str):
    element, broken = BROKEN[reason]
    before, aside, after = read(interchange(transaction(control="0007"), broken, transaction(control="0009")))
    assert isinstance(before, PaymentFact)
    assert aside == SetAside("transaction 2 (ST02 0001)", element, reason)
    assert isinstance(after, PaymentFact)
    assert reason in WHAT_TO_DO


def test_a_payment_of_a_test_interchange_proves_nothing():
    aside = read_one(interchange(transaction(), isa=ISA.replace("*P*", "*T*")))
    assert aside == SetAside("transaction 1 (ST02 0001)", "ISA15", "test_interchange")


@pytest.mark.parametrize("cut", ["SE*", "LX*1", "N3*12", "TRN*", "FAMILY"])
def test_a_transaction_that_breaks_off_takes_no_other_with_it(cut: str):
    broken = transaction()
    broken = broken[: broken.index(cut)]
    broken += "~" if cut == "FAMILY" else ""
    assert reasons(read(interchange(broken, transaction(), transaction()))) == ["transaction_truncated", "ok", "ok"]


def test_a_file_cut_in_a_transaction_loads_what_came_before():
    text = interchange(transaction(), transaction())
    for end in range(text.rindex("ST*835"), text.rindex("SE*") + 8):
        found = read(text[:end])
        assert isinstance(found[0], PaymentFact)
        assert reasons(found[1:]) in (["transaction_truncated"], ["file_truncated"]), text[:end]


def test_a_file_cut_between_transactions_says_so():
    text = interchange(transaction())
    assert reasons(read(text[: text.index("GE*")])) == ["ok", "file_truncated"]


def test_an_interchange_after_a_truncated_one_is_read_whatever_its_delimiters():
    cut = interchange(transaction())
    other = interchange(transaction()).translate(str.maketrans("*~:", "|\n>"))
    for at in range(cut.index("ST*835") + 12, cut.index("SE*"), 3):
        assert reasons(read(cut[:at] + other)) == ["transaction_truncated", "ok"], cut[:at]


def test_a_malformed_isa_costs_only_its_interchange():
    broken = interchange(transaction()).replace("ISA*00*", "ISA*00", 1)
    found = read(broken + interchange(transaction()))
    assert reasons(found) == ["isa_malformed", "ok"]
    assert found[0] == SetAside("interchange 1", "ISA", "isa_malformed")


def test_a_segment_without_end_costs_only_its_transaction():
    endless = transaction(more="N3*" + "X" * (LONGEST_SEGMENT + 50))
    assert reasons(read(interchange(endless, transaction()), chunk=1000)) == ["segment_too_long", "ok"]


def test_words_like_se_and_st_within_claims_end_nothing():
    claims = "LX*1~CLP*SE*1*200~NM1*QC*1*ROSE*ST*MOSE****MI*W1~NTE*ADD*LISA*00*SE*1~STC*1"
    assert reasons(read(interchange(transaction(claims=claims), transaction()))) == ["ok", "ok"]


def test_a_payer_s_reference_or_address_is_not_the_payee_s():
    text = transaction(more=f"REF*TJ*{TIN}").replace("REF*EO*99", "REF*TJ*999999998~REF*PQ*5")
    text = text.replace("SE*14", "SE*15")
    found = read_one(interchange(text))
    assert (found.tin.digits, found.vendor_number, found.address) == (TIN, None, None)


@pytest.mark.parametrize(
    "address",
    ["N3*12 MAIN ST", "N4*FAIRHAVEN*OH*43901", "N3*12 MAIN ST~N4*TORONTO*ON*M5V2T6*CA", "N3*X~N4*FAIRHAVEN*OH*4390"],
)
def test_P2_an_address_no_letter_can_go_to_is_left_out_and_the_payment_loaded(address: str):
    found = read_one(interchange(transaction(more=f"{address}~REF*TJ*{TIN}")))
    assert isinstance(found, PaymentFact)
    assert found.address is None


def test_names_in_an_old_encoding_and_with_control_characters_are_cleaned():
    text = interchange(transaction(payee=f"N1*PE*CL\xcdNICA\x07  DEL  NI\xd1O*XX*{NPI}"))
    assert read_one(text.encode("latin-1")).payee == read_one(text.encode()).payee == "CLÍNICA DEL NIÑO"


def test_amounts_are_read_to_the_cent():
    for written, cents in (
        ("12", 1200),
        ("12.", 1200),
        (".5", 50),
        ("0.07", 7),
        ("1234567.89", 123456789),
        ("10.500", 1050),
    ):
        assert (
            read_one(interchange(transaction(bpr=f"BPR*I*{written}*C*CHK************20260105"))).amount_cents == cents
        )


def files() -> list[tuple[str, list[str]]]:
    return [
        ("windows_lines.835", ["NP70001", "88123456", "9100000000000321"]),
        ("pipes_one_line.835", ["4400021", "4400022"]),
        ("unpadded_isa.835", ["5512"]),
        ("joined.835", ["61001", "61002", "61003"]),
        ("newline_terminated.835", ["30077", "ach_before_lx"]),
        ("quirks.835", ["payee_repeated", "tin_missing", "npi_check_digit", "date_impossible", "71005", "not_835"]),
        ("cut_off.835", ["81001", "transaction_truncated"]),
    ]


@pytest.mark.parametrize(("name", "expected"), files())
def test_files_in_the_shape_of_real_ones(name: str, expected: list[str]):
    with Source(FILES / name) as source:
        found = list(read_remittances(source.chunks(7), name=name))
    told = [result.reason if isinstance(result, SetAside) else str(result.document) for result in found]
    assert told == [{"ach_before_lx": "1500000042"}.get(item, item) for item in expected]


def test_gzip_is_read_and_a_damaged_one_loads_what_came_before(tmp_path: Path):
    text = interchange(*(transaction(control=f"{at:04d}", trn=f"TRN*1*{at}*1") for at in range(1, 900))).encode()
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.write_bytes(gzip.compress(text))
    cut.write_bytes(gzip.compress(text)[:-4000])
    with Source(whole) as source:
        assert reasons(list(read_remittances(source.chunks(), name="x"))) == ["ok"] * 899
    with Source(cut) as source:
        found = reasons(list(read_remittances(source.chunks(1000), name="x")))
    assert found[0] == "ok"
    assert found[-1] == "file_truncated"


def test_nothing_after_lx_is_kept_in_facts_or_in_what_is_set_aside():
    texts = [
        transaction(),
        *(broken for _, broken in BROKEN.values()),
        transaction().replace("~SE*", "~SECRETPATIENT~SE*"),
    ]
    for end in (None, -40, -90):
        assert "SECRETPATIENT" not in repr(read(interchange(*texts)[:end]))
