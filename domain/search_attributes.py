"""What staff can search workflows by in Temporal: opaque values only, because the server keeps them readable."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

STATE: Final = "GatehouseState"
WAITS_FOR: Final = "GatehouseWaitsFor"
REFERENCE: Final = "GatehouseReference"
DEADLINE: Final = "GatehouseDeadline"
OVERDUE: Final = "GatehouseOverdue"

# Names and Temporal's name of their type, as a server has to know them before the first workflow starts.
SEARCH_ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        STATE: "Keyword",
        WAITS_FOR: "Keyword",
        REFERENCE: "Keyword",
        DEADLINE: "Datetime",
        OVERDUE: "Keyword",
    }
)
