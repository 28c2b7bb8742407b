"""Fills and closed lots that left the database for an archive, and what is carried forward of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from core.domain.execution import Fill
from core.domain.money import Money
from core.domain.order import Order
from core.domain.portfolio import LotClose
from core.ids import ClOrdId, ExecId, Symbol


@dataclass(frozen=True, slots=True)
class StoredFill:
    """A fill, and the number of its row."""

    place: int
    fill: Fill


@dataclass(frozen=True, slots=True)
class StoredClose:
    """A closed piece, and the number of its row."""

    place: int
    close: LotClose


@dataclass(frozen=True, slots=True)
class ArchivedOrder:
    """An order whose fills stand in an archive.

    Attributes:
        shares: of all of them, signed; what takes another back counts against it.
        last_fill: row number of the newest of them; what was told of the order later has a higher one.
    """

    cl_ord_id: ClOrdId
    shares: Decimal
    last_fill: int


@dataclass(frozen=True, slots=True)
class CarriedForward:
    """What the fills and closed pieces of one symbol in one archive come to, exactly.

    Attributes:
        archive: its number.
        qty: shares of the fills, signed.
        paid: dollars of the fills, negative for sales, fees aside.
        realised: dollars of the closed pieces, fees aside.
        fees: dollars of the fills.
    """

    archive: int
    symbol: Symbol
    fills: int
    closes: int
    qty: Decimal
    paid: Money
    realised: Money
    fees: Money


@dataclass(frozen=True, slots=True)
class PlacedShares:
    """Shares of a fill that stays, in closed pieces that stand in an archive."""

    archive: int
    symbol: Symbol
    exec_id: ExecId
    qty: Decimal


@dataclass(frozen=True, slots=True)
class FillArchive:
    """The seal of fills and closed lots that moved into an archive; it stays for ever.

    Attributes:
        number: 1, 2, 3 ... without gaps.
        up_to: market time, UTC, of the newest fill in it.
        sealed_at_us: our time, microseconds since 1970-01-01 UTC.
        file: name of the archive, without a folder.
        sha256: of the whole archive, hexadecimal.
        digest: base64url SHA-256 over the above, all that is carried forward and the seal before.
        key: of the archive, hexadecimal; known to the database alone.
    """

    number: int
    fills: int
    closes: int
    up_to: datetime
    sealed_at_us: int
    file: str
    sha256: str
    digest: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ArchivedPart:
    """What is carried forward of one symbol, and the archive that holds what it was made of.

    Attributes:
        file: name of the archive, without a folder.
        up_to: market time, UTC, of the newest fill in it.
    """

    sums: CarriedForward
    file: str
    up_to: datetime


@dataclass(frozen=True, slots=True)
class Archived:
    """What stands in archives of one symbol.

    Attributes:
        parts: oldest archive first.
        placed: of each fill that has any, the shares in pieces that stand there; also of fills that do.
    """

    parts: tuple[ArchivedPart, ...] = ()
    placed: Mapping[ExecId, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArchivedTrades:
    """What an archive holds, in the order of its row numbers."""

    fills: tuple[StoredFill, ...]
    closes: tuple[StoredClose, ...]


@dataclass(frozen=True, slots=True)
class Carried:
    """What stays in the database of the fills in one archive."""

    orders: tuple[ArchivedOrder, ...]
    sums: tuple[CarriedForward, ...]
    placed: tuple[PlacedShares, ...]


@dataclass(frozen=True, slots=True)
class OldTrades:
    """What one symbol has from before a moment, and all that may still need it.

    Attributes:
        fills: made before it, in the order of arrival.
        closes: closed before it, likewise.
        open_lots: fills whose lots are open, or were closed after it in part at least.
        young_orders: orders that have filled after it.
        orders: those of the fills, and those whose places they took.
        placed: shares of these fills in pieces that were archived before.
        archived: shares, signed, of orders whose fills were archived before.
    """

    fills: tuple[StoredFill, ...]
    closes: tuple[StoredClose, ...]
    open_lots: frozenset[ExecId]
    young_orders: frozenset[ClOrdId]
    orders: tuple[Order, ...]
    placed: dict[ExecId, Decimal]
    archived: dict[ClOrdId, Decimal]
