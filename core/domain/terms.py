"""What an order asks for, in FIX words; and the text a person typed before it is one."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from core.domain.money import Price, Qty, normal, plain
from core.ids import ClOrdId, Symbol


class Side(StrEnum):
    """FIX 54."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """Plus one for a purchase, minus one for a sale."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrdType(StrEnum):
    """FIX 40."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"

    @property
    def has_price(self) -> bool:
        """Whether a limit price belongs to it."""
        return self in (OrdType.LIMIT, OrdType.STOP_LIMIT)

    @property
    def has_stop(self) -> bool:
        """Whether a stop price belongs to it."""
        return self in (OrdType.STOP, OrdType.STOP_LIMIT)


class TimeInForce(StrEnum):
    """FIX 59."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class OrdStatus(StrEnum):
    """FIX 39, and UNKNOWN: it may be at the broker and nobody can prove it yet."""

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELED = "CANCELED"
    PENDING_REPLACE = "PENDING_REPLACE"
    REPLACED = "REPLACED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    DONE_FOR_DAY = "DONE_FOR_DAY"
    SUSPENDED = "SUSPENDED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """The body of an order: all that a broker is told, the id aside.

    Attributes:
        symbol: upper case.
        side: buy or sell.
        ord_type: decides which prices must be there.
        time_in_force: how long it may work.
        order_qty: shares, above zero.
        price: limit, dollars a share.
        stop_px: trigger, dollars a share.
    """

    symbol: Symbol
    side: Side
    ord_type: OrdType
    time_in_force: TimeInForce
    order_qty: Qty
    price: Price | None = None
    stop_px: Price | None = None


@dataclass(frozen=True, slots=True)
class NewOrderSingle:
    """FIX D: one order, with the id that it keeps for ever."""

    cl_ord_id: ClOrdId
    terms: OrderTerms


@dataclass(frozen=True, slots=True)
class OrderCancelRequest:
    """FIX F: end what still works of an order of ours, or of an external one by its `order_id`."""

    cl_ord_id: ClOrdId
    order_id: str | None


@dataclass(frozen=True, slots=True)
class OrderCancelReplaceRequest:
    """FIX G: end one order and begin another in its place, in one step.

    `terms.order_qty` counts the shares that the old order has already filled.
    """

    cl_ord_id: ClOrdId
    orig_cl_ord_id: ClOrdId
    order_id: str | None
    terms: OrderTerms


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """An order as it was typed: numbers are still text, so that nothing is lost or rounded.

    Attributes:
        symbol: as typed, any case.
        order_qty: shares, as text.
        price: limit in dollars as text; empty where the type has none.
        stop_px: trigger in dollars as text; empty where the type has none.
    """

    symbol: str
    side: Side
    ord_type: OrdType
    time_in_force: TimeInForce
    order_qty: str
    price: str = ""
    stop_px: str = ""


def canonical(terms: OrderTerms) -> str:
    """Write terms in one spelling only: equal orders give equal text (10.0 and 10 are equal).

    The text is what an idempotency key and a confirmation are bound to.
    """

    def number(value: Decimal | None) -> str:
        return "" if value is None else plain(normal(value))

    parts = (
        terms.symbol,
        terms.side.value,
        terms.ord_type.value,
        terms.time_in_force.value,
        number(terms.order_qty),
        number(terms.price),
        number(terms.stop_px),
    )
    return "|".join(f"{len(part)}:{part}" for part in parts)
