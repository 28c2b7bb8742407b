"""Positions in memory, and the value of all of them, kept up to date by what changed."""

from collections.abc import Iterable
from decimal import Decimal

from core.domain.money import ZERO
from core.domain.portfolio import Position
from core.ids import Symbol


class PositionBook:
    """Live truth in memory; written by the core loop only."""

    def __init__(self) -> None:
        self._positions: dict[Symbol, Position] = {}
        self._last: dict[Symbol, Decimal] = {}
        self._values: dict[Symbol, Decimal] = {}
        self._unpriced: set[Symbol] = set()
        self._sectors: dict[Symbol, str] = {}
        self._by_sector: dict[str, Decimal] = {}
        self._gross = ZERO
        self._net = ZERO

    def load(self, positions: Iterable[Position]) -> None:
        """Begin with what is stored."""
        for position in positions:
            self.put(position)

    def put(self, position: Position) -> None:
        """Keep a position's newest state."""
        self._positions[position.symbol] = position
        self._revalue(position.symbol)

    def classify(self, symbol: Symbol, sector: str | None) -> None:
        """Say which sector a symbol belongs to; what is held of it counts there from now on."""
        if sector is None:
            return
        before, value = self._sectors.get(symbol), abs(self._values.get(symbol, ZERO))
        if before is not None:
            self._by_sector[before] -= value
        self._sectors[symbol] = sector
        self._by_sector[sector] = self._by_sector.get(sector, ZERO) + value

    def price(self, symbol: Symbol, last: Decimal) -> bool:
        """Take a new price; True if something is held at it."""
        position = self._positions.get(symbol)
        self._last[symbol] = last
        if position is None or position.is_flat:
            return False
        self._revalue(symbol)
        return True

    def _revalue(self, symbol: Symbol) -> None:
        before = self._values.pop(symbol, ZERO)
        self._gross -= abs(before)
        self._net -= before
        sector = self._sectors.get(symbol)
        if sector is not None:
            self._by_sector[sector] -= abs(before)
        self._unpriced.discard(symbol)
        qty = self._positions[symbol].qty
        if not qty:
            return
        last = self._last.get(symbol)
        if last is None:
            self._unpriced.add(symbol)
            return
        value = qty * last
        self._values[symbol] = value
        self._gross += abs(value)
        self._net += value
        if sector is not None:
            self._by_sector[sector] += abs(value)

    def get(self, symbol: Symbol) -> Position | None:
        """Return a position, flat ones included; None if there never was one."""
        return self._positions.get(symbol)

    def qty(self, symbol: Symbol) -> Decimal:
        """Return the shares held, signed."""
        position = self._positions.get(symbol)
        return ZERO if position is None else position.qty

    def last(self, symbol: Symbol) -> Decimal | None:
        """Return the last price in dollars."""
        return self._last.get(symbol)

    def held(self) -> tuple[Position, ...]:
        """List the positions that are not flat."""
        return tuple(position for position in self._positions.values() if not position.is_flat)

    def all(self) -> tuple[Position, ...]:
        """List all positions, flat ones included."""
        return tuple(self._positions.values())

    @property
    def gross(self) -> Decimal | None:
        """Dollars of all positions, signs dropped; None while one of them has no price."""
        return None if self._unpriced else self._gross

    def of_sector(self, sector: str) -> Decimal | None:
        """Return dollars of a sector's positions, signs dropped; None while any position has no price."""
        return None if self._unpriced else self._by_sector.get(sector, ZERO)

    @property
    def net(self) -> Decimal | None:
        """Dollars of all positions, signed; None while one of them has no price."""
        return None if self._unpriced else self._net
