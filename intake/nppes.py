"""NPPES, the national register of NPIs (dissemination files, V2): organizations, deactivations, other names.

It tells a Type 1 NPI (a person) from a Type 2 (an organization) and what is deactivated. Of persons only the number
and the type are kept. Its EIN column is always blanked out, so it never says which Tax ID an NPI belongs to.
"""

from collections.abc import Callable, Iterator
from typing import Final

from domain.directory import FileKind, NpiFact, SetAside, cleaned_name
from domain.identifiers import IdentifierError, Npi
from intake.table import Column, Row, RowError, TableLayout, day, read_rows

PROVIDERS: Final = TableLayout(
    FileKind.NPPES,
    "NPPES providers",
    (
        Column("NPI", required=True),
        Column("Entity Type Code", required=True),
        Column("Provider Organization Name (Legal Business Name)", required=True),
        Column("Provider Other Organization Name"),
        Column("NPI Deactivation Date", required=True),
        Column("NPI Reactivation Date", required=True),
    ),
)
DEACTIVATIONS: Final = TableLayout(
    FileKind.NPPES_DEACTIVATIONS,
    "NPPES deactivation report",
    (
        Column("NPI", required=True),
        Column("NPPES Deactivation Date", ("npideactivationdate", "deactivationdate"), required=True),
    ),
)
OTHER_NAMES: Final = TableLayout(
    FileKind.NPPES_OTHER_NAMES,
    "NPPES other names",
    (
        Column("NPI", required=True),
        Column("Provider Other Organization Name", required=True),
        Column("Provider Other Organization Name Type Code", required=True),
    ),
)


def read_providers(lines: Iterator[str]) -> Iterator[NpiFact | SetAside]:
    """The main file (`npidata_pfile`). A deactivated NPI has nothing but its number and the date there."""
    return _facts(lines, PROVIDERS, _provider)


def read_deactivations(lines: Iterator[str]) -> Iterator[NpiFact | SetAside]:
    """The monthly deactivation report, saved as CSV."""
    return _facts(lines, DEACTIVATIONS, _deactivation)


def read_other_names(lines: Iterator[str]) -> Iterator[NpiFact | SetAside]:
    """Names that organizations also go by (`othername_pfile`)."""
    return _facts(lines, OTHER_NAMES, _other_name)


def _facts(
    lines: Iterator[str], layout: TableLayout, fact: Callable[[Row, Npi], NpiFact]
) -> Iterator[NpiFact | SetAside]:
    for row in read_rows(lines, layout):
        if isinstance(row, SetAside):
            yield row
            continue
        try:
            npi = Npi.parse(row["NPI"])
        except IdentifierError as error:
            yield SetAside(row.position, "NPI", error.code)
            continue
        try:
            yield fact(row, npi)
        except RowError as error:
            yield SetAside(row.position, error.element, error.reason)


def _provider(row: Row, npi: Npi) -> NpiFact:
    entity_type = row["Entity Type Code"]
    if entity_type not in {"", "1", "2"}:
        raise RowError("Entity Type Code", "entity_type_unknown")
    is_organization = entity_type == "2"
    other = cleaned_name(row["Provider Other Organization Name"]) if is_organization else ""
    return NpiFact(
        npi=npi,
        entity_type=entity_type or None,
        name=cleaned_name(row["Provider Organization Name (Legal Business Name)"]) if is_organization else "",
        other_names=(other,) if other else (),
        deactivated_on=day(row["NPI Deactivation Date"], "NPI Deactivation Date"),
        reactivated_on=day(row["NPI Reactivation Date"], "NPI Reactivation Date"),
    )


def _deactivation(row: Row, npi: Npi) -> NpiFact:
    deactivated_on = day(row["NPPES Deactivation Date"], "NPPES Deactivation Date")
    if deactivated_on is None:
        raise RowError("NPPES Deactivation Date", "date_missing")
    return NpiFact(npi=npi, deactivated_on=deactivated_on)


def _other_name(row: Row, npi: Npi) -> NpiFact:
    name = cleaned_name(row["Provider Other Organization Name"])
    if not name:
        raise RowError("Provider Other Organization Name", "name_missing")
    return NpiFact(npi=npi, other_names=(name,))
