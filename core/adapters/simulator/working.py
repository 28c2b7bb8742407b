"""An order as the exchange holds it, and the list that it may be part of."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_FLOOR, Context, Decimal
from enum import StrEnum

from core.domain.money import ZERO, Money, Price
from core.domain.terms import Contingency, OrderTerms, OrdStatus, Side
from core.ids import ClOrdId, OrderId

AVG_STEP = Decimal("0.000001")
_SHARE_STEP = Decimal("0.000000001")
_DOWN = Context(prec=60, rounding=ROUND_FLOOR)
_HUNDRED = Decimal(100)


class LegRole(StrEnum):
    """What a leg is for."""

    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"


@dataclass(slots=True, eq=False)
class OrderList:
    """Orders that hang together.

    The legs are for the same shares: together they never trade more than `remaining`, so when one has
    filled in part, the other can take only the rest. A leg keeps its quantity for life; what the other
    leg took away from it is canceled when nothing remains.

    Attributes:
        list_id: the client id of the first order, also after that was replaced.
        first: the entry of a bracket; of an OCO, the order that takes the profit.
        legs: the orders that end one another; the first order of an OCO is one of them.
    """

    list_id: ClOrdId
    contingency: Contingency
    first: "WorkingOrder"
    legs: dict[LegRole, "WorkingOrder"] = field(default_factory=dict)

    @property
    def is_bracket(self) -> bool:
        """Whether the legs wait for an entry."""
        return self.contingency is Contingency.BRACKET

    @property
    def remaining(self) -> Decimal:
        """Shares that the legs may still trade, all of them together."""
        total = self.first.cum_qty if self.is_bracket else self.first.terms.order_qty
        return max(total - sum((leg.cum_qty for leg in self.legs.values()), ZERO), ZERO)

    @property
    def side(self) -> Side:
        """The side of the legs."""
        side = self.first.terms.side
        return side.opposite if self.is_bracket else side

    def swap(self, old: "WorkingOrder", new: "WorkingOrder") -> None:
        """Put a replacement in the place of the order that it replaces."""
        if self.first is old:
            self.first = new
        self.legs = {role: new if leg is old else leg for role, leg in self.legs.items()}


@dataclass(slots=True, eq=False)
class WorkingOrder:
    """An order as the exchange holds it.

    Attributes:
        priority: place in time; a smaller number was there earlier.
        hold_px: dollars a share that are held for what may still be bought, or be sold short; None where
            nothing is held: a sale of shares that are there, a purchase of shares that are owed.
        hold_qty: shares that are set aside for a cash sale; None for every other order.
        value: dollars of all fills, fees aside.
        triggered: a stop that was reached works as a market or limit order.
        mark: dollars; the best trade since a trailing stop began, None before the first.
        suspended: a leg that waits for its entry.
        group: the list that it is part of.
        list_id: the list that it is a leg of; the first order of a list is no leg.
        good_till: market time, UTC, at which a day order for extended hours ends; None for every other order.
    """

    order_id: OrderId
    cl_ord_id: ClOrdId
    terms: OrderTerms
    priority: int
    hold_px: Price | None
    hold_qty: Decimal | None = None
    orig_cl_ord_id: ClOrdId | None = None
    cum_qty: Decimal = ZERO
    value: Decimal = ZERO
    ended: OrdStatus | None = None
    triggered: bool = False
    mark: Price | None = None
    suspended: bool = False
    group: OrderList | None = None
    list_id: ClOrdId | None = None
    good_till: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still fill."""
        return self.ended is None

    @property
    def ends_at_close(self) -> bool:
        """Whether the closing bell ends it, if it works for the day; a waiting leg ends with its entry."""
        return self.good_till is None and not self.suspended

    @property
    def is_leg(self) -> bool:
        """Whether other orders end with it."""
        return self.group is not None and any(leg is self for leg in self.group.legs.values())

    @property
    def leaves_qty(self) -> Decimal:
        """Shares that may still fill; of a cash order an estimate."""
        return max(self.terms.order_qty - self.cum_qty, ZERO) if self.is_open else ZERO

    @property
    def ord_status(self) -> OrdStatus:
        """The FIX state."""
        if self.ended is not None:
            return self.ended
        if self.suspended:
            return OrdStatus.SUSPENDED
        return OrdStatus.PARTIALLY_FILLED if self.cum_qty else OrdStatus.NEW

    @property
    def avg_px(self) -> Price | None:
        """Dollars a share so far, to six decimals; None while nothing is filled."""
        return Price((self.value / self.cum_qty).quantize(AVG_STEP)) if self.cum_qty else None

    @property
    def hold(self) -> Money:
        """Dollars held for what it may still cost."""
        cash = self.terms.cash_order_qty
        if cash is not None and self.terms.side is Side.BUY:
            return Money(max(cash - self.value, ZERO) if self.is_open else ZERO)
        return Money(ZERO if self.hold_px is None else self.hold_px * self.leaves_qty)

    @property
    def is_resting_stop(self) -> bool:
        """Whether it waits for its trigger."""
        return self.terms.ord_type.waits and not self.triggered

    @property
    def trigger_px(self) -> Decimal | None:
        """The trade that wakes a stop, dollars; None while nobody can say."""
        if not self.terms.ord_type.has_trail:
            return self.terms.stop_px
        return None if self.mark is None else trailed(self.terms, self.mark)

    @property
    def limit(self) -> Decimal | None:
        """The worst price it takes; None takes any."""
        return self.terms.price if self.terms.ord_type.has_price else None

    def fillable(self, px: Decimal) -> Decimal:
        """Return the shares that it takes at a price, were there enough."""
        if not self.is_open or self.suspended:
            return ZERO
        cash = self.terms.cash_order_qty
        if cash is not None:
            wanted = shares_for(cash - self.value, px)
            return wanted if self.hold_qty is None else min(wanted, self.hold_qty - self.cum_qty)
        if self.group is not None and self.is_leg:
            return min(self.leaves_qty, self.group.remaining)
        return self.leaves_qty

    def succeed(self, old: "WorkingOrder") -> None:
        """Take over what the order that this one replaces has done."""
        self.orig_cl_ord_id = old.cl_ord_id
        self.cum_qty, self.value, self.triggered = old.cum_qty, old.value, old.triggered
        self.mark, self.suspended = old.mark, old.suspended
        self.group, self.list_id = old.group, old.list_id
        if self.group is not None:
            self.group.swap(old, self)

    def take_fill(self, qty: Decimal, px: Price) -> None:
        """Count a fill; the last one ends the order."""
        self.cum_qty += qty
        self.value += qty * px
        if self._is_filled(px):
            self.ended = OrdStatus.FILLED
        elif self.hold_px is not None:
            self.hold_px = max(self.hold_px, px)

    def amend_fill(self, qty: Decimal, value: Decimal) -> None:
        """Change what was filled; an order that has ended does not work again, and is not filled any more."""
        self.cum_qty += qty
        self.value += value
        if qty < 0 and self.ended is OrdStatus.FILLED:
            self.ended = OrdStatus.CANCELED

    def take_mark(self, last: Price) -> bool:
        """Let a trailing trigger follow a trade; says whether it moved."""
        sign = self.terms.side.sign
        if self.mark is not None and (last - self.mark) * sign >= 0:
            return False
        self.mark = last
        return True

    def _is_filled(self, px: Price) -> bool:
        # A cash order has filled when what is left does not buy the smallest part of a share.
        return self.fillable(px) <= 0 if self.terms.is_cash else self.cum_qty >= self.terms.order_qty


@dataclass(frozen=True, slots=True)
class Hold:
    """What is set aside for an order: dollars a share, or shares; nothing where both are None."""

    px: Price | None = None
    qty: Decimal | None = None


def shares_for(cash: Decimal, px: Decimal) -> Decimal:
    """Return the shares that dollars buy at a price, rounded down to nine decimals."""
    return max(_DOWN.divide(cash, px).quantize(_SHARE_STEP, context=_DOWN), ZERO)


def trailed(terms: OrderTerms, mark: Decimal) -> Decimal:
    """Return where a trailing stop triggers while the best trade so far is `mark`."""
    away = terms.trail_px if terms.trail_px is not None else mark * (terms.trail_pct or ZERO) / _HUNDRED
    return mark + away * terms.side.sign
