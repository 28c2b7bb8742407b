"""Positions and cash against the broker's: what differs, for how long, and what is done about it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.clock import Clock
from core.domain.execution import ExecType, ExecutionReport
from core.domain.messages import Difference, DifferenceKind
from core.domain.money import ZERO, Price, Qty
from core.domain.portfolio import BrokerPosition, Position
from core.domain.terms import OrderTerms, OrdStatus, OrdType, Side, TimeInForce
from core.ids import ClOrdId, ExecId, Symbol
from core.orders.bodies import number
from core.orders.booking import ADJUSTED
from core.portfolio.exact import exactly
from core.portfolio.splits import TAKEN_OVER, Split, split_between, split_entries

# A difference must be seen so often, with nothing on its way, before the broker's number is taken (D-31); and
# for so long, as checks that a person asks for may follow one another in no time.
CHECKS = 3
LASTING_S = 30.0
_FINEST = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Drift:
    """A position of which we and the broker do not hold the same."""

    symbol: Symbol
    ours: Decimal
    theirs: BrokerPosition | None

    @property
    def broker(self) -> Decimal:
        """Shares as the broker says."""
        return ZERO if self.theirs is None else self.theirs.qty

    @property
    def missing(self) -> Decimal:
        """Shares that our book lacks, signed."""
        return self.broker - self.ours

    def difference(self, *, repaired: bool) -> Difference:
        """Say it as a finding."""
        ours, broker = str(number(self.ours)), str(number(self.broker))
        return Difference(DifferenceKind.POSITION, self.symbol, ours, broker, repaired)


def compare(ours: Sequence[Position], theirs: Sequence[BrokerPosition]) -> tuple[Drift, ...]:
    """List the positions that differ, by symbol."""
    held = {position.symbol: position.qty for position in ours}
    shown = {position.symbol: position for position in theirs}
    pairs = (
        Drift(each, held.get(each, ZERO), shown.get(each)) for each in sorted(held.keys() | shown.keys())
    )
    return tuple(each for each in pairs if each.ours != each.broker)


def counterpart(drift: Drift, drifts: Sequence[Drift]) -> Drift | None:
    """Return the only other position that lacks what this one has too much, or the other way round.

    So it is where a symbol has changed; a merger and a transfer look the same, so nothing is concluded.
    """
    found = [each for each in drifts if each.missing == -drift.missing]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class _Seen:
    ours: Decimal
    broker: Decimal
    count: int
    since: float

    def is_same(self, drift: Drift) -> bool:
        return (self.ours, self.broker) == (drift.ours, drift.broker)


class Persistence:
    """How often in a row each difference was seen, and since when. Lives on the core loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[Symbol, _Seen] = {}
        self._cash: Decimal | None = None

    def lasting(self, drifts: Sequence[Drift]) -> tuple[Drift, ...]:
        """Count one check, and return what was the same in so many, and for so long, that it stays."""
        now, before = self._clock.monotonic(), self._seen
        self._seen = {}
        for each in drifts:
            seen = before.get(each.symbol)
            count, since = (seen.count, seen.since) if seen is not None and seen.is_same(each) else (0, now)
            self._seen[each.symbol] = _Seen(each.ours, each.broker, count + 1, since)
        stays = {
            symbol
            for symbol, seen in self._seen.items()
            if seen.count >= CHECKS and now - seen.since >= LASTING_S
        }
        return tuple(each for each in drifts if each.symbol in stays)

    def is_new(self, drift: Drift) -> bool:
        """Say whether the last check did not see this very difference."""
        seen = self._seen.get(drift.symbol)
        return seen is None or not seen.is_same(drift)

    def cash(self, drift: Decimal) -> bool:
        """Say whether the same difference of cash was there at the last check; a fill may be on its way."""
        before, self._cash = self._cash, drift
        return drift != 0 and drift == before


def adjustment(drift: Drift, position: Position | None, newest: str, at: datetime) -> ExecutionReport:
    """Make the external order, filled at once, after which our book says what the broker says.

    Args:
        drift: what differs.
        position: ours; None if there never was one.
        newest: id of the newest fill of the symbol, so that the same adjustment is the same fact.
        at: market time, UTC.
    """
    missing = drift.missing
    side = Side.BUY if missing > 0 else Side.SELL
    qty = Qty(abs(missing))
    price = _price(drift, position, missing)
    mark = f"{drift.symbol}|{number(drift.ours)}|{number(drift.broker)}|{newest}"
    split = _exact_split(drift, position)
    kind, text = ADJUSTED, "the broker's position was taken over; no fill explains the difference"
    if split is not None:
        kind, text = TAKEN_OVER, f"a split, {split.words}: every lot has other numbers and the same cost"
    name = f"{kind}{drift.symbol}:{hashlib.sha256(mark.encode()).hexdigest()[:16]}"
    return ExecutionReport(
        exec_id=ExecId(name),
        exec_type=ExecType.TRADE,
        cl_ord_id=ClOrdId(name),
        order_id=None,
        terms=OrderTerms(drift.symbol, side, OrdType.MARKET, TimeInForce.DAY, qty),
        ord_status=OrdStatus.FILLED,
        cum_qty=qty,
        leaves_qty=Qty(0),
        avg_px=price,
        transact_time=at,
        last_qty=qty,
        last_px=price,
        text=text,
    )


def _exact_split(drift: Drift, position: Position | None) -> Split | None:
    if position is None or drift.theirs is None:
        return None
    split = split_between(position, drift.theirs)
    is_exact = split is not None and split_entries(position, split, ClOrdId(TAKEN_OVER)) is not None
    return split if is_exact else None


def _price(drift: Drift, position: Position | None, missing: Decimal) -> Price:
    """Return dollars a share at which the cost becomes the broker's, as near as a price can be."""
    theirs = drift.theirs
    if theirs is None:
        average = None if position is None else position.avg_px
        return Price((average or _FINEST).quantize(_FINEST))
    with exactly():
        gap = theirs.qty * theirs.avg_px - (ZERO if position is None else position.cost)
    price = (gap / missing).quantize(_FINEST)
    # Shares of a split cost nothing; what would cost less than that is taken at the broker's own price.
    return Price(price) if price >= 0 else theirs.avg_px
