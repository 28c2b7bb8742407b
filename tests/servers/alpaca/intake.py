"""Requests about orders, and what a test does to one by hand."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.servers.alpaca import accounts, classes, entry, judge, life, matching
from tests.servers.alpaca.book import TERMINAL, Order
from tests.servers.alpaca.clock import moment
from tests.servers.alpaca.refusals import duplicate, invalid
from tests.servers.alpaca.sessions import NEW_YORK, is_trading_day, new_york_day
from tests.servers.alpaca.wire import activity_id, text

if TYPE_CHECKING:
    from tests.servers.alpaca.exchange import Exchange

NO_REPLACE = frozenset({"accepted", "pending_new", "pending_cancel", "pending_replace"}) | TERMINAL
Body = dict[str, Any]


def new_order(ex: "Exchange", body: Body, source: str | None) -> Order:
    """The order of a body, in the book with its legs, and not yet told.

    Raises:
        Refusal: nothing was changed.
    """
    fields = entry.terms(body)
    if fields["client_order_id"] in ex.book.by_client:
        raise duplicate()
    asset = entry.asset_of(ex.market.assets.get(fields["symbol"]), fields["symbol"])
    now = ex.clock.now_ns()
    fields["client_order_id"] = fields["client_order_id"] or ex.new_id()
    order = Order(
        id=ex.new_id(),
        asset_id=asset["id"],
        source=source,
        created_ns=now,
        updated_ns=now,
        submitted_ns=now,
        **fields,
    )
    entry.check_size(order, asset)
    entry.check_prices(order)
    entry.check_times(order)
    local = moment(now).astimezone(NEW_YORK)
    minutes = local.hour * 60 + local.minute
    if ex.settings.session is None:
        entry.check_auction(order, minutes, is_trading_day=is_trading_day(new_york_day(now)))
    legs = entry.legs_of(body, order)
    judge.check_account(ex)
    judge.check_wash(ex, order)
    order.expires_ns = life.expiry(ex, order)
    children = classes.make_legs(ex, order, legs)
    judge.check_funds(ex, order)
    for each in (order, *children):
        ex.book.add(each)
        ex.touched.add(each.id)
    for child in children:
        child.history.append("held")
        ex.emit("held", child)
    return order


def replace(ex: "Exchange", old: Order, body: Body) -> Order:
    """The replacement of an order, pending until `Hand.finish_replace`."""
    if old.status in NO_REPLACE:
        raise invalid(f'cannot replace order in "{old.status}" state')
    if old.notional is not None or (old.qty is not None and old.qty % 1 != 0):
        raise invalid("notional and fractional orders cannot be replaced")
    qty = entry.number(body, "qty", 0) or old.leaves
    client_order_id = body.get("client_order_id") or ex.new_id()
    if client_order_id in ex.book.by_client:
        raise duplicate()
    if not set(body) & {"qty", "time_in_force", "limit_price", "stop_price", "trail", "client_order_id"}:
        raise invalid("at least one field must be changed")
    now = ex.clock.now_ns()
    trail = entry.number(body, "trail")
    new = Order(
        id=ex.new_id(),
        client_order_id=client_order_id,
        symbol=old.symbol,
        asset_id=old.asset_id,
        side=old.side,
        type=old.type,
        time_in_force=entry.one_of(body, "time_in_force", entry.TIMES, old.time_in_force),
        order_class=old.order_class,
        qty=qty,
        limit_price=entry.price(body, "limit_price") or old.limit_price,
        stop_price=entry.price(body, "stop_price") or old.stop_price,
        trail_price=trail if trail and old.trail_price else old.trail_price,
        trail_percent=trail if trail and old.trail_percent else old.trail_percent,
        hwm=old.hwm,
        extended_hours=old.extended_hours,
        position_intent=old.position_intent,
        created_ns=now,
        updated_ns=now,
        submitted_ns=now,
        replaces=old.id,
        parent=old.parent,
        triggered=old.triggered,
    )
    entry.check_prices(new)
    # A held leg claims nothing: its sibling has claimed the shares.
    if old.status != "held":
        judge.check_funds(ex, new, ignore=old)
    new.expires_ns = life.expiry(ex, new)
    new.history.append("pending_new")
    ex.book.add(new)
    ex.touched.add(new.id)
    if old.status == "held":
        take_over(ex, old, new)
    else:
        life.move(ex, old, "pending_replace")
    return new


def take_over(ex: "Exchange", old: Order, new: Order) -> None:
    """Put the new order in the place of the old one, in its family too."""
    held = old.status == "held"
    old.replaced_by = new.id
    new.legs, old.legs = old.legs, []
    for leg in ex.book.legs(new):
        leg.parent = new.id
        if leg.is_open and new.qty is not None:
            leg.qty = new.qty + (old.filled_qty if classes.is_entry(new) else 0)
            ex.touched.add(leg.id)
    if new.parent is not None:
        parent = ex.book.orders[new.parent]
        parent.legs = [new.id if leg == old.id else leg for leg in parent.legs]
        ex.touched.add(parent.id)
    life.move(ex, old, "replaced")
    if held:
        life.move(ex, new, "held")
    else:
        life.acknowledge(ex, new)


def request_cancel(ex: "Exchange", order: Order) -> None:
    if not order.is_open or order.status == "pending_cancel":
        raise invalid(f'order is already in "{order.status}" state')
    # A leg that waits for its entry is no order at the market yet: nothing can come between.
    if ex.settings.auto_cancel or order.status == "held":
        life.cancel(ex, order)
    else:
        life.move(ex, order, "pending_cancel")


def amend(ex: "Exchange", execution_id: str, price: Decimal | None) -> None:
    """Bust an execution, or correct its price; the order's status stays what it is."""
    execution = ex.book.executions[execution_id]
    order = ex.book.orders[execution.order_id]
    order.notional_filled -= execution.qty * execution.price
    if price is None:
        execution.busted = True
        order.filled_qty -= execution.qty
    else:
        execution.price = price
        order.notional_filled += execution.qty * price
    order.updated_ns = ex.clock.now_ns()
    ex.account.rebuild(ex.book.executions)
    ex.touched.add(execution_id)
    facts = {"execution_id": execution_id, "previous_execution_id": execution_id}
    facts |= {"price": text(execution.price), "qty": text(execution.qty)}
    facts |= {"position_qty": text(ex.account.qty(order.symbol))}
    ex.emit("trade_bust" if price is None else "trade_correct", order, **facts)


def book_activity(ex: "Exchange", kind: str, net_amount: Decimal, symbol: str, facts: Body) -> None:
    now = ex.clock.now_ns()
    ex.account.book_cash(symbol, net_amount)
    row = {"id": activity_id(now, ex.new_id()), "activity_type": kind, "date": str(new_york_day(now))}
    row |= {"net_amount": text(net_amount), "description": facts.pop("description", ""), "status": "executed"}
    ex.activities.append(row | ({"symbol": symbol} if symbol else {}) | facts)


def book_rows(ex: "Exchange", kind: str, moved: list[tuple[str, Decimal]], description: str) -> None:
    """Note shares that no trade moved: minus for the old symbol, plus for the new one (Alpaca's FAQ)."""
    now = ex.clock.now_ns()
    for symbol, qty in moved:
        row = {"id": activity_id(now, ex.new_id()), "activity_type": kind, "date": str(new_york_day(now))}
        row |= {"net_amount": "0", "description": description, "status": "executed"}
        ex.activities.append(row | {"symbol": symbol, "qty": text(qty)})


class Hand:
    """What an exchange that does not act by itself (`exchange.settings`) is told to do."""

    def __init__(self, ex: "Exchange") -> None:
        self._ex = ex

    def acknowledge(self, order_id: str) -> None:
        """Let a pending_new order work."""
        life.acknowledge(self._ex, self._ex.order(order_id))
        self._ex.commit("acknowledge")

    def reject_next(self, count: int = 1) -> None:
        """Reject the next orders after they were accepted with 200, by a `rejected` event."""
        self._ex.rejections.extend(["rejected"] * count)

    def reject(self, order_id: str) -> None:
        life.move(self._ex, self._ex.order(order_id), "rejected")
        self._ex.commit("reject")

    def cancel(self, order_id: str) -> None:
        """End an order, as the web site or the broker does, or finish a pending cancel."""
        life.cancel(self._ex, self._ex.order(order_id))
        self._ex.commit("cancel")

    def refuse_cancel(self, order_id: str) -> None:
        """Let the order live on, with an `order_cancel_rejected` event."""
        self._back(order_id, "order_cancel_rejected")

    def fill(self, order_id: str, qty: object = None, price: object = None) -> str:
        """Fill an open order whatever the market says.

        Returns:
            The execution id.
        """
        order = self._ex.order(order_id)
        size = order.leaves if qty is None else Decimal(str(qty))
        at = self._ex.market.mark(order.symbol) if price is None else Decimal(str(price))
        execution = matching.fill(self._ex, order, size, at)
        self._ex.commit("fill")
        return execution.id

    def finish_replace(self, order_id: str) -> None:
        """Let the replacement of an order take over; if the old one has filled, the new one is rejected."""
        ex, old = self._ex, self._ex.order(order_id)
        new = next(o for o in ex.book.orders.values() if o.replaces == old.id and o.is_open)
        if not old.is_open:
            ex.emit("order_replace_rejected", old)
            life.move(ex, new, "rejected")
        else:
            take_over(ex, old, new)
        ex.commit("finish_replace")

    def refuse_replace(self, order_id: str) -> None:
        """Let the old order live on, with an `order_replace_rejected` event; the new one is rejected."""
        new = next(o for o in self._ex.book.orders.values() if o.replaces == self._ex.order(order_id).id)
        self._back(order_id, "order_replace_rejected")
        new.order_class = ""
        life.move(self._ex, new, "rejected")
        self._ex.commit("refuse_replace")

    def _back(self, order_id: str, event: str) -> None:
        order = self._ex.order(order_id)
        life.move(self._ex, order, "partially_filled" if order.filled_qty else "new", event)
        self._ex.commit(event)


def close_position(ex: "Exchange", symbol: str, qty: Decimal) -> Body:
    """Sell (or buy back) part of a position at the market."""
    held = ex.account.qty(symbol)
    available = accounts.available_qty(ex.account, ex.book, symbol)
    if qty > available:
        raise judge.insufficient(symbol, qty, available, abs(held))
    side = "sell" if held > 0 else "buy"
    return ex.submit(
        {"symbol": symbol, "qty": text(qty), "side": side, "type": "market", "time_in_force": "day"}
    )
