"""How a batch of facts is merged into the directory's tables within one transaction.

What the batch touches is read, merged in the order of the file, and written with as few statements as there are
tables. Merging the same facts again changes nothing, which is what makes an interrupted import repeatable.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row
from sqlmodel import SQLModel

from domain.directory import Address, NpiFact, PaymentFact, VendorFact
from domain.identifiers import Ledger, Tin
from domain.matching import PaymentStatus
from domain.ports import Vault

Values = dict[str, Any]
PaymentKey = tuple[str, str, UUID]

_OTHER_NAMES_LIMIT = 2000


class DirectoryMerge:
    """Merges facts on one connection; the caller commits. Each method returns how many facts changed something."""

    def __init__(self, connection: Connection, vault: Vault, *, now: datetime) -> None:
        self._connection = connection
        self._vault = vault
        self._now = now

    def payments(self, facts: Sequence[PaymentFact]) -> int:
        """Payments with their payees, vendor numbers, NPIs and addresses."""
        if not facts:
            return 0
        organizations = self._organizations([(fact.tin, fact.payee) for fact in facts])
        ids = [organizations[fact.tin.digits] for fact in facts]
        self._organization_npis([(key, fact.npi.digits) for key, fact in zip(ids, facts, strict=True) if fact.npi])
        self._unknown_vendors(
            [(fact.vendor_number.value, key) for key, fact in zip(ids, facts, strict=True) if fact.vendor_number]
        )
        self._locations([(key, fact.address) for key, fact in zip(ids, facts, strict=True) if fact.address])

        known = self._known_payments({fact.document.number for fact in facts})
        changed: dict[PaymentKey, Values] = {}
        loaded = 0
        for organization_id, fact in zip(ids, facts, strict=True):
            key = (fact.document.ledger.value, fact.document.number, organization_id)
            before = known.get(key)
            after = _merged_payment(before, fact, organization_id)
            if after != before:
                known[key] = changed[key] = after
                loaded += 1
        self._upsert("payment", list(changed.values()), keys=("ledger", "number", "organization_id"), keep=("id",))
        self._mark_reissued(changed)
        return loaded

    def _known_payments(self, numbers: set[str]) -> dict[PaymentKey, Values]:
        # By number alone: with the organizations as a second list SQLite would try every pair of the two.
        table = _table("payment")
        rows = self._connection.execute(
            select(table).where(table.c.ledger.in_([ledger.value for ledger in Ledger]), table.c.number.in_(numbers))
        )
        return {(row.ledger, row.number, row.organization_id): _values(row) for row in rows}

    def _mark_reissued(self, changed: Mapping[PaymentKey, Values]) -> None:
        """A payment that another one says it replaces proves nothing any more, whichever of the two was loaded first."""
        table = _table("payment")
        replaced = [
            {
                "of_ledger": ledger,
                "of_number": values["replaces"],
                "of_organization": owner,
                "of_date": values["issued_on"],
            }
            for (ledger, _, owner), values in changed.items()
            if values["replaces"]
        ]
        # The other way round: a payment of this batch that one loaded earlier replaces.
        earlier = self._connection.execute(
            select(table.c.ledger, table.c.replaces, table.c.organization_id, table.c.issued_on).where(
                table.c.replaces.is_not(None), table.c.organization_id.in_({owner for _, _, owner in changed})
            )
        )
        replaced += [
            {
                "of_ledger": row.ledger,
                "of_number": row.replaces,
                "of_organization": row.organization_id,
                "of_date": row.issued_on,
            }
            for row in earlier
            if (row.ledger, row.replaces, row.organization_id) in changed
        ]
        if replaced:
            self._connection.execute(
                update(table)
                .where(
                    table.c.ledger == bindparam("of_ledger"),
                    table.c.number == bindparam("of_number"),
                    table.c.organization_id == bindparam("of_organization"),
                    table.c.issued_on <= bindparam("of_date"),  # a number used again later is another payment
                    table.c.status == PaymentStatus.ISSUED.value,
                )
                .values(status=PaymentStatus.REISSUED.value),
                replaced,
            )

    def vendors(self, facts: Sequence[VendorFact]) -> int:
        """The vendor file: it decides whose a vendor number is, whether it is closed, and what the organization is called."""
        if not facts:
            return 0
        organizations = self._organizations([(fact.tin, fact.name) for fact in facts], names_decide=True)
        ids = [organizations[fact.tin.digits] for fact in facts]
        table = _table("vendor")
        numbers = {fact.number.value for fact in facts}
        known = {
            row.number: _values(row)
            for row in self._connection.execute(select(table).where(table.c.number.in_(numbers)))
        }
        fresh_npis = self._organization_npis(
            [(key, npi.digits) for key, fact in zip(ids, facts, strict=True) for npi in fact.npis]
        )
        fresh_places = self._locations(
            [(key, fact.address) for key, fact in zip(ids, facts, strict=True) if fact.address]
        )
        fresh_people = self._practitioners(
            [(key, name) for key, fact in zip(ids, facts, strict=True) for name in fact.practitioners]
        )
        changed: dict[str, Values] = {}
        loaded = 0
        for organization_id, fact in zip(ids, facts, strict=True):
            after = {"number": fact.number.value, "organization_id": organization_id, "closed_on": fact.closed_on}
            has_more = any(
                (
                    fresh_npis & {(organization_id, npi.digits) for npi in fact.npis},
                    (organization_id, fact.address) in fresh_places,
                    fresh_people & {(organization_id, name) for name in fact.practitioners},
                )
            )
            if known.get(fact.number.value) != after:
                known[fact.number.value] = changed[fact.number.value] = after
                has_more = True
            loaded += has_more
        self._upsert("vendor", list(changed.values()), keys=("number",))
        return loaded

    def npis(self, facts: Sequence[NpiFact]) -> int:
        """What NPPES says of NPIs; lines of several files complete each other in any order."""
        if not facts:
            return 0
        table = _table("npi_record")
        wanted = {fact.npi.digits for fact in facts}
        known = {
            row.npi: _values(row) for row in self._connection.execute(select(table).where(table.c.npi.in_(wanted)))
        }
        changed: dict[str, Values] = {}
        loaded = 0
        for fact in facts:
            before = known.get(fact.npi.digits)
            after = _merged_npi(before, fact)
            if after != before:
                known[fact.npi.digits] = changed[fact.npi.digits] = after
                loaded += 1
        self._upsert("npi_record", list(changed.values()), keys=("npi",))
        return loaded

    def _organizations(self, payees: Sequence[tuple[Tin, str]], *, names_decide: bool = False) -> dict[str, UUID]:
        """The ids by TIN digits; unknown ones are added. A name fills an empty one, or replaces it where `names_decide`."""
        table = _table("organization")
        digests: dict[str, str] = {}
        names: dict[str, str] = {}
        for tin, name in payees:
            digest = digests.get(tin.digits)
            if digest is None:
                digest = digests[tin.digits] = self._vault.digest("tin", tin.digits)
            if name and (names_decide or not names.get(digest)):
                names[digest] = name
        columns = (table.c.id, table.c.tin_digest, table.c.name)
        rows = self._connection.execute(select(*columns).where(table.c.tin_digest.in_(digests.values())))
        known: dict[str, Row[*tuple[Any, ...]]] = {row.tin_digest: row for row in rows}
        ids: dict[str, UUID] = {digest: row.id for digest, row in known.items()}
        fresh: list[Values] = []
        for digits, digest in digests.items():
            if digest not in ids:
                ids[digest] = uuid4()
                sealed = self._vault.seal("tin", digits)
                name = names.get(digest, "")
                fresh.append(
                    {
                        "id": ids[digest],
                        "tin_digest": digest,
                        "tin_sealed": sealed,
                        "name": name,
                        "updated_at": self._now,
                    }
                )
        if fresh:
            self._connection.execute(table.insert(), fresh)
        renamed = [
            {"of_id": row.id, "name": names[digest], "updated_at": self._now}
            for digest, row in known.items()
            if names.get(digest) and names[digest] != row.name and (names_decide or not row.name)
        ]
        if renamed:
            self._connection.execute(update(table).where(table.c.id == bindparam("of_id")), renamed)
        return {digits: ids[digest] for digits, digest in digests.items()}

    def _organization_npis(self, pairs: Sequence[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
        return self._add_pairs("organization_npi", "npi", pairs, found_by="npi")

    def _practitioners(self, pairs: Sequence[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
        return self._add_pairs("practitioner", "name", pairs, found_by="organization_id")

    def _add_pairs(
        self, name: str, column: str, pairs: Sequence[tuple[UUID, str]], *, found_by: str
    ) -> set[tuple[UUID, str]]:
        """Add the (organization, value) rows that aren't there; returns those."""
        wanted = dict.fromkeys(pairs)
        if not wanted:
            return set()
        table = _table(name)
        rows = self._connection.execute(
            select(table.c.organization_id, table.c[column]).where(
                table.c[found_by].in_({pair[0] if found_by == "organization_id" else pair[1] for pair in wanted})
            )
        )
        for row in rows:
            wanted.pop((row[0], row[1]), None)
        if wanted:
            self._connection.execute(table.insert(), [{"organization_id": key, column: value} for key, value in wanted])
        return set(wanted)

    def _unknown_vendors(self, pairs: Sequence[tuple[str, UUID]]) -> None:
        """Vendor numbers that only payments have named so far; what the vendor file says of a number stays."""
        owners: dict[str, UUID] = {}
        for number, organization_id in pairs:
            owners.setdefault(number, organization_id)
        if owners:
            table = _table("vendor")
            for row in self._connection.execute(select(table.c.number).where(table.c.number.in_(owners))):
                del owners[row.number]
        if owners:
            rows = [{"number": number, "organization_id": key, "closed_on": None} for number, key in owners.items()]
            self._connection.execute(_table("vendor").insert(), rows)

    def _locations(self, pairs: Sequence[tuple[UUID, Address]]) -> set[tuple[UUID, Address]]:
        """Add addresses that aren't there; a nine-digit ZIP completes the same address with five. Returns those that changed something."""
        wanted = dict.fromkeys(pairs)
        if not wanted:
            return set()
        table = _table("location")
        known: dict[tuple[UUID, str, str, str, str, str], Values] = {}
        rows = self._connection.execute(
            select(table).where(table.c.organization_id.in_({organization_id for organization_id, _ in wanted}))
        )
        for row in rows:
            known[(row.organization_id, row.line1, row.line2, row.city, row.state, row.zip[:5])] = _values(row)
        fresh: dict[UUID, Values] = {}
        longer: dict[UUID, str] = {}
        changed: set[tuple[UUID, Address]] = set()
        for organization_id, address in wanted:
            place = (organization_id, address.line1, address.line2, address.city, address.state, address.zip[:5])
            before = known.get(place)
            if before is None:
                values: Values = {
                    "id": uuid4(),
                    "organization_id": organization_id,
                    "line1": address.line1,
                    "line2": address.line2,
                    "city": address.city,
                    "state": address.state,
                    "zip": address.zip,
                    "first_seen_at": self._now,
                }
                known[place] = fresh[values["id"]] = values
            elif len(address.zip) > len(before["zip"]):
                before["zip"] = address.zip
                if before["id"] not in fresh:
                    longer[before["id"]] = address.zip
            else:
                continue
            changed.add((organization_id, address))
        if fresh:
            self._connection.execute(table.insert(), list(fresh.values()))
        if longer:
            statement = update(table).where(table.c.id == bindparam("of_id"))
            self._connection.execute(statement, [{"of_id": key, "zip": value} for key, value in longer.items()])
        return changed

    def _upsert(self, name: str, rows: list[Values], *, keys: tuple[str, ...], keep: tuple[str, ...] = ()) -> None:
        if not rows:
            return
        table = _table(name)
        insert = (sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert)(table)
        set_ = {column.name: insert.excluded[column.name] for column in table.c if column.name not in (*keys, *keep)}
        self._connection.execute(insert.on_conflict_do_update(index_elements=list(keys), set_=set_), rows)


def _table(name: str) -> Table:
    return SQLModel.metadata.tables[name]


def _values(row: Row[*tuple[Any, ...]]) -> Values:
    return dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public accessor


def _merged_payment(before: Values | None, fact: PaymentFact, organization_id: UUID) -> Values:
    after: Values = {
        "id": before["id"] if before else uuid4(),
        "ledger": fact.document.ledger.value,
        "number": fact.document.number,
        "method": fact.method.value,
        "amount_cents": fact.amount_cents,
        "issued_on": fact.issued_on,
        "organization_id": organization_id,
        "npi": fact.npi.digits if fact.npi else None,
        "vendor_number": fact.vendor_number.value if fact.vendor_number else None,
        "status": fact.status.value,
        "replaces": fact.replaces.number if fact.replaces else None,
        "source": fact.source,
    }
    if before is None:
        return after
    if before["issued_on"] > fact.issued_on:
        return before
    if before["issued_on"] == fact.issued_on:
        for column in ("npi", "vendor_number", "replaces"):
            after[column] = after[column] or before[column]
        if fact.status is PaymentStatus.ISSUED:
            after["status"] = before["status"]
    if {**after, "source": before["source"]} == before:
        return before  # the first file that told it remains its source
    return after


def _merged_npi(before: Values | None, fact: NpiFact) -> Values:
    known: Values = before or {
        "npi": fact.npi.digits,
        "entity_type": None,
        "name": "",
        "other_names": "",
        "deactivated_on": None,
        "reactivated_on": None,
    }
    reactivated_on = _later(known["reactivated_on"], fact.reactivated_on)
    deactivated_on = _later(known["deactivated_on"], fact.deactivated_on)
    if deactivated_on and reactivated_on and deactivated_on <= reactivated_on:
        deactivated_on = None
    return {
        "npi": fact.npi.digits,
        "entity_type": fact.entity_type or known["entity_type"],
        "name": fact.name or known["name"],
        "other_names": _other_names(known["other_names"], fact.other_names),
        "deactivated_on": deactivated_on,
        "reactivated_on": reactivated_on,
    }


def _later(one: date | None, other: date | None) -> date | None:
    return max((day for day in (one, other) if day), default=None)


def _other_names(known: str, names: tuple[str, ...]) -> str:
    """All names, sorted, one a line, as many as fit: the same whatever order they came in."""
    if not names:
        return known
    kept = ""
    for name in sorted({*known.splitlines(), *names}):
        longer = f"{kept}\n{name}" if kept else name
        if len(longer) > _OTHER_NAMES_LIMIT:
            break
        kept = longer
    return kept
