"""What an order asks for, in FIX words; and the text a person typed before it is one."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from core.domain.money import Money, Price, Qty, normal, plain
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
    TRAILING_STOP = "trailing_stop"

    @property
    def has_price(self) -> bool:
        """Whether a limit price belongs to it."""
        return self in (OrdType.LIMIT, OrdType.STOP_LIMIT)

    @property
    def has_stop(self) -> bool:
        """Whether a stop price belongs to it."""
        return self in (OrdType.STOP, OrdType.STOP_LIMIT)

    @property
    def has_trail(self) -> bool:
        """Whether its trigger follows the market, by dollars or by percent."""
        return self is OrdType.TRAILING_STOP

    @property
    def waits(self) -> bool:
        """Whether it sleeps until the market has come to its trigger."""
        return self.has_stop or self.has_trail


class TimeInForce(StrEnum):
    """FIX 59."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    OPG = "opg"
    CLS = "cls"

    @property
    def is_auction(self) -> bool:
        """Whether it trades in the opening or the closing auction only."""
        return self in (TimeInForce.OPG, TimeInForce.CLS)


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


class Contingency(StrEnum):
    """FIX 1385: what the legs of a list wait for."""

    BRACKET = "bracket"  # they begin when the entry has filled; then one ends the other
    OCO = "oco"  # the order itself takes the profit; it and the stop end one another


@dataclass(frozen=True, slots=True)
class Legs:
    """What hangs on an order: where to take the profit and where to stop the loss.

    The legs are on the other side of a bracket's entry, and on the same side as the order of an OCO.

    Attributes:
        contingency: what they wait for.
        take_profit: limit, dollars a share; in an OCO it is the price of the order itself.
        stop_px: trigger of the stop, dollars a share.
        stop_limit: limit of the stop, dollars a share; None for a stop that becomes a market order.
    """

    contingency: Contingency
    take_profit: Price
    stop_px: Price
    stop_limit: Price | None = None


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """The body of an order: all that a broker is told, the id aside.

    Attributes:
        symbol: upper case.
        side: buy or sell.
        ord_type: decides which prices must be there.
        time_in_force: how long it may work.
        order_qty: shares, above zero; for a cash order, the shares that the cash bought when it was judged,
            an estimate that only the risk rules and the screen use.
        price: limit, dollars a share.
        stop_px: trigger, dollars a share.
        trail_px: distance of a trailing trigger, dollars a share; this or `trail_pct`.
        trail_pct: distance of a trailing trigger, percent of the best price since the order.
        extended_hours: whether it may trade before and after regular hours.
        cash_order_qty: FIX 152; dollars to spend or to raise, in place of a number of shares.
        legs: take profit and stop loss, where the order is the first of a list.
    """

    symbol: Symbol
    side: Side
    ord_type: OrdType
    time_in_force: TimeInForce
    order_qty: Qty
    price: Price | None = None
    stop_px: Price | None = None
    trail_px: Price | None = None
    trail_pct: Decimal | None = None
    extended_hours: bool = False
    cash_order_qty: Money | None = None
    legs: Legs | None = None

    @property
    def is_cash(self) -> bool:
        """Whether dollars were ordered and not shares; only the broker knows when it has filled."""
        return self.cash_order_qty is not None


@dataclass(frozen=True, slots=True)
class NewOrderSingle:
    """FIX D: one order, with the id that it keeps for ever."""

    cl_ord_id: ClOrdId
    terms: OrderTerms


@dataclass(frozen=True, slots=True)
class NewOrderList:
    """FIX E: an order with its legs, taken or refused as one; `terms.legs` is set.

    The id is that of the first order. The broker names the legs; their reports carry it as `list_id`.
    """

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
        trail_px: distance in dollars as text; empty where the type has none or a percentage is given.
        trail_pct: distance in percent as text.
        extended_hours: also before and after regular hours.
        cash_order_qty: dollars as text, in place of `order_qty`, which is then empty.
        contingency: whether legs hang on it, and of which kind.
        take_profit: limit of the leg that takes the profit, as text; an OCO takes `price` for it.
        stop_loss: trigger of the leg that stops the loss, as text.
        stop_loss_limit: limit of that leg, as text; empty for a market order.
    """

    symbol: str
    side: Side
    ord_type: OrdType
    time_in_force: TimeInForce
    order_qty: str
    price: str = ""
    stop_px: str = ""
    trail_px: str = ""
    trail_pct: str = ""
    extended_hours: bool = False
    cash_order_qty: str = ""
    contingency: Contingency | None = None
    take_profit: str = ""
    stop_loss: str = ""
    stop_loss_limit: str = ""


def canonical(terms: OrderTerms) -> str:
    """Write terms in one spelling only: equal orders give equal text (10.0 and 10 are equal).

    The text is what an idempotency key and a confirmation are bound to. The estimate of a cash order is
    no part of it. What was added later is appended only where it is used, so that an older text stays.
    """

    def number(value: Decimal | None) -> str:
        return "" if value is None else plain(normal(value))

    parts: tuple[str, ...] = (
        terms.symbol,
        terms.side.value,
        terms.ord_type.value,
        terms.time_in_force.value,
        "" if terms.is_cash else number(terms.order_qty),
        number(terms.price),
        number(terms.stop_px),
    )
    legs = terms.legs
    added = (
        number(terms.trail_px),
        number(terms.trail_pct),
        "extended_hours" if terms.extended_hours else "",
        number(terms.cash_order_qty),
        "" if legs is None else legs.contingency.value,
        "" if legs is None else number(legs.take_profit),
        "" if legs is None else number(legs.stop_px),
        "" if legs is None else number(legs.stop_limit),
    )
    parts += added if any(added) else ()
    return "|".join(f"{len(part)}:{part}" for part in parts)
