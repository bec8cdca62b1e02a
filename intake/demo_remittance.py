"""Made-up 835 remittance files: several delimiters and layouts, claims with invented patients, and the defects that real files have."""

import gzip
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from intake.demo_organizations import DemoAddress, DemoOrganization

PAYER: Final = "Meadowlark Health Plan"
# Invented patients. Nothing may ever show these names: they stand after LX only.
PATIENTS: Final = ("QUILLFEATHER", "BRAMBLEWICK", "THISTLEDOWNE", "MARROWGATE", "PENNYWHISTLE")
_BATCH: Final = 400  # transactions of one interchange


@dataclass(frozen=True, slots=True)
class DemoPayment:
    """One payment of the made-up payer, as its files tell it."""

    organization: DemoOrganization
    number: str  # as printed, a notice with its NP
    method: str
    amount_cents: int
    issued_on: date
    npi: str | None
    vendor_number: str | None
    address: DemoAddress | None
    status: str = "issued"
    replaces: str = ""

    @property
    def amount(self) -> str:
        """Dollars and cents as X12 writes them: no thousands separators, no trailing zeros after the point."""
        return f"{self.amount_cents / 100:.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Layout:
    """How one sender writes its files: element separator, component separator, segment terminator, line end, compression."""

    element: str = "*"
    component: str = ":"
    segment: str = "~"
    line_end: str = "\n"
    compressed: bool = False


LAYOUTS: Final = (
    Layout(),
    Layout(line_end=""),
    Layout(element="|", component=">", segment="~", line_end="\r\n"),
    Layout(element="*", component=":", segment="\n", line_end=""),
    Layout(element="\x1d", component="\x1f", segment="\x1c", line_end="", compressed=True),
)


class RemittanceMaker:
    """Writes 835 files; the same seed writes the same bytes."""

    def __init__(self, chance: random.Random, *, today: date) -> None:
        self._chance = chance
        self._today = today
        self._interchange = chance.randrange(1000, 9000)
        self._claims = [self._claim(paid=True) for _ in range(150)]
        self._denials = [self._claim(paid=False) for _ in range(40)]

    def write(self, path: Path, payments: Sequence[DemoPayment], layout: Layout) -> None:
        """A file of these payments, up to 400 in an interchange."""
        texts = [self.transaction(payment, control=f"{at % _BATCH + 1:04d}") for at, payment in enumerate(payments)]
        self.write_transactions(path, texts, layout)

    def write_transactions(self, path: Path, transactions: Sequence[str], layout: Layout) -> None:
        """A file of ready transactions, written with `*`, `:` and `~`, in the delimiters of the layout."""
        parts: list[str] = []
        for start in range(0, max(1, len(transactions)), _BATCH):
            batch = transactions[start : start + _BATCH]
            self._interchange += 1
            parts.append(self._interchange_start())
            parts.extend(batch)
            parts.append(f"GE*{len(batch)}*{self._interchange}~IEA*1*{self._interchange:09d}~")
        changes: dict[str, str | int | None] = {
            "*": layout.element,
            ":": layout.component,
            "~": layout.segment + layout.line_end,
        }
        content = "".join(parts).translate(str.maketrans(changes)).encode()
        path.write_bytes(gzip.compress(content, 1, mtime=0) if layout.compressed else content)

    def _interchange_start(self) -> str:
        day = f"{self._today:%Y%m%d}"
        return (
            f"ISA*00*{'':10}*00*{'':10}*ZZ*{'MEADOWLARK':15}*ZZ*{'CLEARINGHOUSE':15}*{day[2:]}*0615*^*00501*{self._interchange:09d}*0*P*:~"
            f"GS*HP*MEADOWLARK*CLEARINGHOUSE*{day}*0615*{self._interchange}*X*005010X221A1~"
        )

    def transaction(self, payment: DemoPayment, *, control: str) -> str:
        """One ST…SE with a right segment count."""
        day = f"{payment.issued_on:%Y%m%d}"
        body = [
            f"BPR*{'H' if payment.method == 'NON' else 'I'}*{payment.amount}*C*{payment.method}{self._bank(payment.method)}*{day}",
            f"TRN*1*{payment.number}*1070000001",
            f"DTM*405*{day}",
            f"N1*PR*{PAYER.upper()}",
            "N3*100 EXAMPLE PLAZA",
            "N4*FAIRHAVEN*OH*43901",
            "PER*BL*PROVIDER SERVICES*TE*5555550100*EM*SERVICES@EXAMPLE.ORG",
            *self._payee(payment),
        ]
        pool, most = (self._denials, 3) if payment.method == "NON" else (self._claims, 6)
        body.append("LX*1")
        body.extend(self._chance.choices(pool, k=self._chance.randrange(1, most)))
        if payment.npi and self._chance.random() < 0.05:
            body.append(f"PLB*{payment.npi}*{payment.issued_on.year}1231*WO:{control}*-12.5")
        text = "~".join(body)
        return f"ST*835*{control}~{text}~SE*{text.count('~') + 3}*{control}~"

    def _bank(self, method: str) -> str:
        if method == "ACH":
            return "*CCP*01*999999992*DA*0000123*1070000001**01*999999984*DA*0000987"
        return "*" * 11

    def _payee(self, payment: DemoPayment) -> list[str]:
        organization, address = payment.organization, payment.address
        name = organization.name.upper()
        segments = [f"N1*PE*{name}*XX*{payment.npi}" if payment.npi else f"N1*PE*{name}*FI*{organization.tin}"]
        if address:
            lines = f"{address.line1}*{address.line2}" if address.line2 else address.line1
            segments += [f"N3*{lines.upper()}", f"N4*{address.city.upper()}*{address.state}*{address.zip}"]
        if payment.vendor_number:
            zeros = "000" if self._chance.random() < 0.1 else ""
            segments.append(f"REF*PQ*{zeros}{payment.vendor_number}")
        if payment.npi:
            segments.append(f"REF*TJ*{organization.tin}")
        return segments

    def _claim(self, *, paid: bool) -> str:
        chance = self._chance
        serial = chance.randrange(10**8, 10**9)
        day = f"{self._today - timedelta(days=chance.randrange(30, 200)):%Y%m%d}"
        lines = []
        total = 0
        for _ in range(chance.randrange(1, 4)):
            charge = chance.randrange(40, 400)
            total += charge
            given = charge // 2 if paid else 0
            code = chance.choice(("99213", "99214", "97110", "73610", "80053"))
            lines.append(f"SVC*HC:{code}*{charge}*{given}**1~DTM*472*{day}~CAS*CO*45*{charge - given}")
        head = f"CLP*A{serial}*{1 if paid else 4}*{total}*{sum(0 if not paid else 1 for _ in lines) * 20}**12*{serial + 7}*11"
        person = f"NM1*QC*1*{chance.choice(PATIENTS)}*{chance.choice('ABCDEFGH')}****MI*W{serial}"
        return "~".join((head, person, f"DTM*232*{day}", *lines))


def with_defects(maker: RemittanceMaker, payments: Sequence[DemoPayment]) -> tuple[list[str], dict[str, int]]:
    """Transactions with one defect each, and which reason each of them must be set aside for."""
    made: list[str] = []
    expected: dict[str, int] = {}

    def add(reason: str, change: tuple[str, str] | None = None, payment: DemoPayment | None = None) -> None:
        control = f"{len(made) + 1:04d}"
        text = maker.transaction(payment or payments[len(made) % len(payments)], control=control)
        if change:
            if change[0] not in text:
                raise ValueError(f"the defect {reason} doesn't fit its transaction")
            text = text.replace(*change, 1)
            text = f"{text[: text.rindex('SE*')]}SE*{text.count('~')}*{control}~"
        made.append(text)
        expected[reason] = expected.get(reason, 0) + 1

    def now() -> DemoPayment:
        return payments[len(made) % len(payments)]

    add("npi_check_digit", payment=replace(now(), npi=_spoiled(now().npi or "")))
    add("npi_check_digit", payment=replace(now(), npi=_spoiled(now().npi or "")))
    add("date_impossible", (f"*{now().issued_on:%Y%m%d}~TRN", "*20250230~TRN"))
    add("date_missing", (f"*{now().issued_on:%Y%m%d}~TRN", "~TRN"))
    add("payee_repeated", ("~LX*1", f"~N1*PE*{now().organization.name.upper()}*XX*{now().npi}~LX*1"))
    add("tin_missing", (f"REF*TJ*{now().organization.tin}", "REF*0B*0"))
    add("tin_length", (f"REF*TJ*{now().organization.tin}", "REF*TJ*12345"))
    add("amount_format", (f"*{now().amount}*C", "*1,2,3*C"))
    add("amount_zero", (f"*{now().amount}*C", "*0*C"))
    add("amount_negative", (f"*{now().amount}*C", "*-5*C"))
    add("number_missing", (f"TRN*1*{now().number}*1070000001~", ""))
    add("np_without_notice", (f"TRN*1*{now().number}", "TRN*1*NP55501"))
    add("notice_without_np", (f"*{now().amount}*C*CHK", "*0*C*NON"))
    add("control_number")
    made[-1] = made[-1][: made[-1].rindex("*") + 1] + "9999~"
    add("segment_count")
    made[-1] = made[-1][: made[-1].rindex("SE*")] + f"SE*3*{len(made):04d}~"
    add("not_835", ("ST*835*", "ST*837*"))
    add("transaction_truncated")
    made[-1] = made[-1][: made[-1].rindex("SE*")]
    return made, expected


def _spoiled(npi: str) -> str:
    return npi[:-1] + str((int(npi[-1]) + 1) % 10)
