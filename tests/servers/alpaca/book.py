"""Orders as the exchange keeps them, and the executions that filled them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

ZERO = Decimal(0)
TERMINAL = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
# What may trade; `held` and `accepted` wait.
LIVE = frozenset({"new", "partially_filled", "pending_cancel", "pending_replace"})


@dataclass(slots=True)
class Order:
    """One order. Times are nanoseconds of UTC; `notional_filled` is the sum of price × quantity."""

    id: str
    client_order_id: str
    symbol: str
    asset_id: str
    side: str
    type: str
    time_in_force: str
    order_class: str = ""
    qty: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    hwm: Decimal | None = None
    extended_hours: bool = False
    position_intent: str | None = None
    source: str | None = "access_key"
    status: str = "pending_new"
    filled_qty: Decimal = ZERO
    notional_filled: Decimal = ZERO
    created_ns: int = 0
    updated_ns: int = 0
    submitted_ns: int = 0
    filled_ns: int | None = None
    expired_ns: int | None = None
    expires_ns: int | None = None
    canceled_ns: int | None = None
    failed_ns: int | None = None
    replaced_ns: int | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    parent: str | None = None
    legs: list[str] = field(default_factory=list)
    triggered: bool = False
    history: list[str] = field(default_factory=list)

    @property
    def is_buy(self) -> bool:
        return self.side == "buy"

    @property
    def sign(self) -> int:
        return 1 if self.is_buy else -1

    @property
    def is_open(self) -> bool:
        return self.status not in TERMINAL

    @property
    def leaves(self) -> Decimal:
        """What is not filled; of a notional order that is not known before it fills."""
        return ZERO if self.qty is None else self.qty - self.filled_qty

    @property
    def filled_avg_price(self) -> Decimal | None:
        return self.notional_filled / self.filled_qty if self.filled_qty else None


@dataclass(slots=True)
class Execution:
    """One fill. `busted` ones count no more."""

    id: str
    order_id: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    at_ns: int
    cum_qty: Decimal
    leaves_qty: Decimal
    order_status: str
    busted: bool = False

    @property
    def signed_qty(self) -> Decimal:
        return self.qty if self.side == "buy" else -self.qty


class Book:
    """Every order of the account's lifetime, in the order of arrival."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.by_client: dict[str, Order] = {}
        self.executions: dict[str, Execution] = {}
        self._open: dict[str, Order] = {}

    def add(self, order: Order) -> None:
        self.orders[order.id] = order
        self.by_client[order.client_order_id] = order
        self.note(order)

    def note(self, order: Order) -> None:
        """Keep the list of open orders, after a change of status."""
        if order.is_open:
            self._open[order.id] = order
        else:
            self._open.pop(order.id, None)

    def open(self, symbol: str | None = None) -> list[Order]:
        return [order for order in self._open.values() if symbol in (None, order.symbol)]

    def legs(self, order: Order) -> list[Order]:
        return [self.orders[leg] for leg in order.legs]

    def family(self, order: Order) -> Iterator[Order]:
        """The other orders of its bracket, OCO or OTO: the parent and the other legs."""
        root = self.orders[order.parent] if order.parent else order
        for member in (root, *self.legs(root)):
            if member is not order:
                yield member

    def executions_of(self, order: Order) -> Iterable[Execution]:
        return [e for e in self.executions.values() if e.order_id == order.id and not e.busted]


def plain(thing: Order | Execution) -> dict[str, Any]:
    """As JSON of the ledger: decimals are text."""
    values = ((f.name, getattr(thing, f.name)) for f in fields(thing))
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values}


DECIMALS = frozenset(f.name for kind in (Order, Execution) for f in fields(kind) if "Decimal" in str(f.type))


def revived(kind: type[Any], row: dict[str, Any]) -> Any:
    """The reverse of `plain`."""
    return kind(**{n: Decimal(v) if n in DECIMALS and v is not None else v for n, v in row.items()})
