"""X12 835 remittance files (005010X221A1): the header facts of each payment, and nothing of what it was paid for.

One ST…SE is one payment. The header ends at the first LX (or at PLB or SE); from there to SE are
patients' claims: they are passed over without being read and appear in no fact, error or message.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from domain.directory import Address, PaymentFact, PaymentMethod, SetAside, cleaned_name, unfit_document
from domain.identifiers import DocumentNumber, IdentifierError, Npi, Tin, VendorNumber
from intake.x12 import SegmentError, SegmentStream

# The segments that the header consists of. Anything else belongs to the claims or the provider adjustments.
_HEADER_SEGMENTS: Final = frozenset(
    {b"BPR", b"NTE", b"TRN", b"CUR", b"REF", b"DTM", b"N1", b"N2", b"N3", b"N4", b"PER", b"RDM"}
)
_ENVELOPE: Final = frozenset({b"ISA", b"IEA", b"GS", b"GE", b"ST"})
_AMOUNT: Final = re.compile(r"(-?)(\d*)(?:\.(\d{0,2})0*)?")
_METHODS: Final = {method.value: method for method in PaymentMethod}

Segment = list[bytes]


@dataclass(slots=True)
class _Header:
    """The segments of one transaction that say something of its payment."""

    payments: list[Segment] = field(default_factory=list)  # BPR
    traces: list[Segment] = field(default_factory=list)  # TRN
    payees: list[Segment] = field(default_factory=list)  # N1*PE
    streets: list[Segment] = field(default_factory=list)  # N3 of the payee
    towns: list[Segment] = field(default_factory=list)  # N4 of the payee
    references: list[Segment] = field(default_factory=list)  # REF of the payee
    in_payee: bool = False

    def take(self, segment: Segment) -> None:
        match segment[0]:
            case b"BPR":
                self.payments.append(segment)
            case b"TRN":
                self.traces.append(segment)
            case b"N1":
                self.in_payee = _element(segment, 1) == b"PE"
                if self.in_payee:
                    self.payees.append(segment)
            case b"N3" if self.in_payee:
                self.streets.append(segment)
            case b"N4" if self.in_payee:
                self.towns.append(segment)
            case b"REF" if self.in_payee:
                self.references.append(segment)


class _DefectError(Exception):
    def __init__(self, element: str, reason: str) -> None:
        super().__init__(reason)
        self.element = element
        self.reason = reason


def read_remittances(chunks: Iterator[bytes], *, name: str) -> Iterator[PaymentFact | SetAside]:
    """The payments of an 835 file, in its order; `name` goes into their `source`.

    A transaction that breaks a rule gives one `SetAside` with its ordinal and control number, the
    element and a reason code. Never raises for what the file holds.
    """
    yield from _Reader(SegmentStream(chunks), name).read()


class _Reader:
    """Walks the envelopes of a file; one transaction at a time."""

    def __init__(self, stream: SegmentStream, name: str) -> None:
        self._stream = stream
        self._name = name
        self._ordinal = 0
        self._interchanges = 0
        self._is_open = False  # an ISA was read and its IEA wasn't
        self._is_test = False
        self._ahead: Segment | None = None  # a segment that ended a transaction without being its SE

    def read(self) -> Iterator[PaymentFact | SetAside]:
        result: PaymentFact | SetAside | None = None
        while True:
            try:
                segment = self._next()
            except SegmentError as error:
                if error.reason == "file_truncated":
                    break
                yield self._broken_envelope(error.reason)
                if not self._stream.recover():
                    break
                continue
            if segment is None:
                break
            if segment[0] == b"ST":
                self._ordinal += 1
                result = self._transaction(segment)
                yield result
            else:
                self._envelope(segment)
        if self._stream.damage:
            yield SetAside("file", "", self._stream.damage)
        elif self._is_open and not (isinstance(result, SetAside) and result.reason == "transaction_truncated"):
            yield SetAside("file", "IEA", "file_truncated")

    def _envelope(self, segment: Segment) -> None:
        match segment[0]:
            case b"ISA":
                self._interchanges += 1
                self._is_open, self._is_test = True, _element(segment, 15) == b"T"
            case b"IEA":
                self._is_open = False

    def _broken_envelope(self, reason: str) -> SetAside:
        self._interchanges += reason.startswith("isa")
        return SetAside(f"interchange {self._interchanges}", "ISA", reason)

    def _next(self) -> Segment | None:
        if self._ahead is not None:
            segment, self._ahead = self._ahead, None
            return segment
        raw = self._stream.segment()
        return None if raw is None else raw.split(self._stream.delimiters.element)

    def _transaction(self, start: Segment) -> PaymentFact | SetAside:
        control = _element(start, 2)
        is_plain = len(control) <= 9 and control.isalnum()
        position = f"transaction {self._ordinal}" + (f" (ST02 {control.decode()})" if is_plain else "")
        try:
            header = self._header(start, control)
            if self._is_test:
                raise _DefectError("ISA15", "test_interchange")
            return _payment(header, source=f"{self._name}, {position}"[:300])
        except _DefectError as defect:
            return SetAside(position, defect.element, defect.reason)

    def _header(self, start: Segment, control: bytes) -> _Header:
        """Read to the SE and beyond it, collecting the header.

        Raises `_DefectError` when the transaction isn't whole or isn't an 835.
        """
        header = _Header()
        count = 1
        is_remittance = _element(start, 1) == b"835"
        broken = ""
        while True:
            try:
                segment = self._within_transaction()
            except SegmentError as error:
                broken = error.reason
                continue
            count += 1
            if segment[0] == b"SE":
                break
            if is_remittance and segment[0] in _HEADER_SEGMENTS:
                header.take(segment)
            else:
                count += self._stream.skip_to_transaction_edge()[1]
        if not is_remittance:
            raise _DefectError("ST01", "not_835")
        if broken:
            raise _DefectError("", broken)
        if _element(segment, 2) != control:
            raise _DefectError("SE02", "control_number")
        if _element(segment, 1).lstrip(b"0") != str(count).encode():
            raise _DefectError("SE01", "segment_count")
        return header

    def _within_transaction(self) -> Segment:
        """The next segment of this transaction. Raises `_DefectError` when there is none, `SegmentError` when one was passed over."""
        try:
            segment = self._next()
        except SegmentError as error:
            if error.reason == "file_truncated" or not self._stream.recover():
                raise _DefectError("SE", "transaction_truncated") from None
            raise
        if segment is None or segment[0] in _ENVELOPE:
            self._ahead = segment
            raise _DefectError("SE", "transaction_truncated")
        return segment


def _element(segment: Segment, at: int) -> bytes:
    return segment[at].strip() if at < len(segment) else b""


def _text(segment: Segment, at: int) -> str:
    raw = _element(segment, at)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _only(segments: list[Segment], tag: str, what: str) -> Segment:
    if not segments:
        raise _DefectError(tag, f"{what}_missing")
    if len(segments) > 1:
        raise _DefectError(tag, f"{what}_repeated")
    return segments[0]


def _payment(header: _Header, *, source: str) -> PaymentFact:
    bpr = _only(header.payments, "BPR", "payment")
    trn = _only(header.traces, "TRN", "number")
    payee = _only(header.payees, "N1*PE", "payee")
    if _element(bpr, 1) == b"P":
        raise _DefectError("BPR01", "prenotification")
    method = _METHODS.get(_text(bpr, 4))
    if method is None:
        raise _DefectError("BPR04", "method_unknown")
    amount_cents = _amount(_text(bpr, 2))
    if _element(bpr, 3) == b"D":
        raise _DefectError("BPR03", "amount_debit")
    issued_on = _date(_text(bpr, 16))
    document = _document(_text(trn, 2), method=method, amount_cents=amount_cents)
    qualifier, identifier = _element(payee, 3), _text(payee, 4)
    return PaymentFact(
        document=document,
        method=method,
        amount_cents=amount_cents,
        issued_on=issued_on,
        tin=_tin(header, identifier if qualifier == b"FI" else ""),
        payee=cleaned_name(_text(payee, 2)),
        npi=_npi(identifier) if qualifier == b"XX" else None,
        vendor_number=_vendor_number(header),
        address=_address(header),
        source=source,
    )


def _amount(text: str) -> int:
    matched = _AMOUNT.fullmatch(text)
    if not matched or not (text.isascii() and (matched[2] or matched[3])) or len(text) > 18:
        raise _DefectError("BPR02", "amount_format" if text else "amount_missing")
    cents = int(matched[2] or "0") * 100 + int((matched[3] or "").ljust(2, "0"))
    if matched[1] and cents:
        raise _DefectError("BPR02", "amount_negative")
    if cents > 99_999_999_999:
        raise _DefectError("BPR02", "amount_too_large")
    return cents


def _date(text: str) -> date:
    if not text:
        raise _DefectError("BPR16", "date_missing")
    try:
        if len(text) != 8 or not (text.isascii() and text.isdigit()):
            raise ValueError
        day = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise _DefectError("BPR16", "date_impossible") from None
    if not 1990 <= day.year <= 2099:
        raise _DefectError("BPR16", "date_impossible")
    return day


def _document(text: str, *, method: PaymentMethod, amount_cents: int) -> DocumentNumber:
    try:
        document = DocumentNumber.parse(text)
    except IdentifierError as error:
        raise _DefectError("TRN02", error.code) from None
    reason = unfit_document(document, method=method, amount_cents=amount_cents)
    if reason:
        raise _DefectError("BPR02" if reason.endswith(("amount", "zero")) else "TRN02", reason)
    return document


def _npi(text: str) -> Npi:
    try:
        return Npi.parse(text)
    except IdentifierError as error:
        raise _DefectError("N104", error.code) from None


def _tin(header: _Header, named: str) -> Tin:
    texts = [("N104", named)] if named else []
    texts += [("REF*TJ", _text(reference, 2)) for reference in header.references if _element(reference, 1) == b"TJ"]
    tins: set[Tin] = set()
    for element, text in texts:
        try:
            tins.add(Tin.parse(text))
        except IdentifierError as error:
            raise _DefectError(element, error.code) from None
    if not tins:
        raise _DefectError("REF*TJ", "tin_missing")
    if len(tins) > 1:
        raise _DefectError("REF*TJ", "tin_conflict")
    return tins.pop()


def _vendor_number(header: _Header) -> VendorNumber | None:
    numbers: set[VendorNumber] = set()
    for reference in header.references:
        if _element(reference, 1) == b"PQ":
            try:
                numbers.add(VendorNumber.parse(_text(reference, 2)))
            except IdentifierError as error:
                raise _DefectError("REF*PQ", error.code) from None
    if len(numbers) > 1:
        raise _DefectError("REF*PQ", "vendor_conflict")
    return numbers.pop() if numbers else None


def _address(header: _Header) -> Address | None:
    if not (header.streets and header.towns):
        return None
    street, town = header.streets[0], header.towns[0]
    return Address.usable(
        line1=_text(street, 1),
        line2=_text(street, 2),
        city=_text(town, 1),
        state=_text(town, 2),
        zip_code=_text(town, 3),
        country=_text(town, 4),
    )
