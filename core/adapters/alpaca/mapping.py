"""From Alpaca's JSON to our values. With `words` the only place that knows how Alpaca says it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal

from core.adapters.alpaca.fields import FieldUnreadableError, Row
from core.adapters.alpaca.words import NOT_REPLACEABLE, SIDES, TIMES, TYPES, Vocabulary
from core.adapters.calendar import NEW_YORK, MarketDay
from core.domain.execution import ExecType, ExecutionReport, UnreadableOrder
from core.domain.instrument import Instrument
from core.domain.money import Money, Price, Qty, normal, plain
from core.domain.order import OPEN
from core.domain.portfolio import Account, BrokerPosition
from core.domain.terms import Contingency, Legs, OrderTerms, OrdStatus, OrdType, TimeInForce
from core.ids import ClOrdId, ExecId, OrderId, Symbol

_CLASSES = {each.value: each for each in Contingency}
_ESTIMATES = Context(prec=60)
_MOST_SHARES = Decimal(10) ** 12
_EQUITY = "us_equity"
_MULTI_LEG = "mleg"
THE_REST = "it was for the rest: the order that it replaced had filled the other shares"
_BLOCKS = {
    "trading_blocked": "trading is blocked",
    "account_blocked": "the account is blocked",
    "trade_suspended_by_user": "trading is suspended in the account's settings",
}


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order as Alpaca showed it at one time.

    Attributes:
        order_id: Alpaca's.
        cl_ord_id: ours, or what another program or Alpaca itself chose.
        terms: what it asks for; its legs in it where they were shown.
        word: Alpaca's status.
        ord_status: the state that the word stands for.
        text: words of Alpaca's that no state of ours says.
        cum_qty: shares filled.
        avg_px: dollars a share over them.
        submitted_at: market time, UTC.
        changed_at: market time, UTC, of the last change.
        version: the same text for the same state, whoever showed it.
        replaces: the order in whose place it came.
        is_listed: it is the first order of a list, or a leg of one.
        legs: its legs, as far as they were shown.
    """

    order_id: OrderId
    cl_ord_id: ClOrdId
    terms: OrderTerms
    word: str
    ord_status: OrdStatus
    text: str
    cum_qty: Qty
    avg_px: Price | None
    submitted_at: datetime
    changed_at: datetime
    version: str
    replaces: OrderId | None
    is_listed: bool
    legs: tuple["OrderView", ...]

    @property
    def is_open(self) -> bool:
        """Whether it may still fill."""
        return self.ord_status in OPEN

    @property
    def is_replaceable(self) -> bool:
        """Whether Alpaca replaces an order in this state."""
        return self.is_open and self.word not in NOT_REPLACEABLE

    def family(self) -> Iterator["OrderView"]:
        """Yield it and its legs."""
        yield self
        for leg in self.legs:
            yield from leg.family()


def read_order(row: Row, words: Vocabulary) -> OrderView:
    """Read an order, its legs included.

    Raises:
        FieldUnreadableError: a field that an order cannot be without.
    """
    legs = tuple(read_order(leg, words) for leg in row.rows("legs"))
    terms, text = _terms(row, words)
    cum_qty = row.number_or("filled_qty", Qty) or Qty(0)
    status = row.word("status")
    ord_status, status_text = words.status(status, is_partly_filled=cum_qty > 0)
    submitted_at = row.time("submitted_at", "created_at", "updated_at")
    updated = row.word_or("updated_at") or row.word_or("submitted_at")
    replaces = row.word_or("replaces")
    return OrderView(
        order_id=OrderId(row.word("id")),
        cl_ord_id=ClOrdId(row.word_or("client_order_id") or row.word("id")),
        terms=replace(terms, legs=_legs(row.word_or("order_class"), terms, legs)),
        word=status,
        ord_status=ord_status,
        text=", ".join(part for part in (status_text, text) if part),
        cum_qty=cum_qty,
        avg_px=row.number_or("filled_avg_price", Price) if cum_qty > 0 else None,
        submitted_at=submitted_at,
        changed_at=row.time_or("updated_at") or submitted_at,
        version=f"{updated}:{spelled(cum_qty)}:{status}",
        replaces=OrderId(replaces) if replaces else None,
        is_listed=row.word_or("order_class") not in ("", "simple"),
        legs=legs,
    )


def name_unreadable(row: Row, error: FieldUnreadableError) -> UnreadableOrder:
    """Name an order that cannot be read.

    Raises:
        FieldUnreadableError: nor can its name, so it may be any.
    """
    symbol = row.word_or("symbol")
    cl_ord_id = row.word_or("client_order_id") or row.word_or("id")
    if not symbol or not cl_ord_id:
        raise error
    return UnreadableOrder(ClOrdId(cl_ord_id), Symbol(symbol), str(error))


def is_multi_leg(row: Row) -> bool:
    """Say whether it is a bundle of options, which has no symbol and no side of its own."""
    return row.word_or("order_class") == _MULTI_LEG


def _terms(row: Row, words: Vocabulary) -> tuple[OrderTerms, str]:
    kind = row.word_or("type") or row.word_or("order_type")
    price, stop_px = row.number_or("limit_price", Price), row.number_or("stop_price", Price)
    otherwise = {
        (False, False): OrdType.MARKET,
        (True, False): OrdType.LIMIT,
        (False, True): OrdType.STOP,
        (True, True): OrdType.STOP_LIMIT,
    }[price is not None, stop_px is not None]
    ord_type, type_text = words.word("order type", kind, TYPES, otherwise)
    tif, tif_text = words.word("time in force", row.word_or("time_in_force"), TIMES, TimeInForce.DAY)
    side = row.word("side")
    if side not in SIDES:
        raise FieldUnreadableError("order side", "buy or sell", side)
    cash = row.number_or("notional", Money) if row.get("qty") is None else None
    terms = OrderTerms(
        symbol=Symbol(row.word("symbol")),
        side=SIDES[side],
        ord_type=ord_type,
        time_in_force=tif,
        order_qty=row.number("qty", Qty) if cash is None else _bought(row, cash, price),
        price=price if ord_type.has_price else None,
        # Of a trailing stop Alpaca shows where the trigger stands now, which is no term of the order.
        stop_px=stop_px if ord_type.has_stop else None,
        trail_px=row.number_or("trail_price", Price) if ord_type.has_trail else None,
        trail_pct=row.number_or("trail_percent", Price) if ord_type.has_trail else None,
        extended_hours=row.flag("extended_hours"),
        cash_order_qty=cash,
    )
    return terms, ", ".join(part for part in (type_text, tif_text) if part)


def _bought(row: Row, cash: Money, price: Price | None) -> Qty:
    # An estimate, and for the screen only: how many shares the dollars buy is known when it has filled.
    filled, avg_px = row.number_or("filled_qty", Qty) or Qty(0), row.number_or("filled_avg_price", Price)
    worth = next((each for each in (price, avg_px) if each is not None and each > 0), None)
    shares = Decimal(1) if worth is None else _ESTIMATES.divide(cash, worth)
    return max(filled, Qty(min(shares, _MOST_SHARES).quantize(Decimal("1e-9"), context=_ESTIMATES)))


def _legs(word: str, terms: OrderTerms, shown: tuple[OrderView, ...]) -> Legs | None:
    contingency = _CLASSES.get(word)
    stop = next((leg.terms for leg in shown if leg.terms.stop_px is not None), None)
    if contingency is None or stop is None or stop.stop_px is None:
        return None
    profit = next((leg.terms.price for leg in shown if leg.terms.ord_type is OrdType.LIMIT), None)
    take_profit = terms.price if contingency is Contingency.OCO else profit
    return None if take_profit is None else Legs(contingency, take_profit, stop.stop_px, stop.price)


@dataclass(frozen=True, slots=True)
class Kin:
    """The order's relatives, which its own JSON does not name by the ids that we use.

    Attributes:
        list_id: the order whose leg it is.
        orig_cl_ord_id: the order that it replaces.
        is_rest: it is only for what that one had left, while its `cl_ord_id` stands for the whole.
    """

    list_id: ClOrdId | None = None
    orig_cl_ord_id: ClOrdId | None = None
    is_rest: bool = False


def state_report(view: OrderView, kin: Kin, text: str = "") -> ExecutionReport:
    """Tell an order's state; the same state has the same `exec_id`."""
    exec_id = ExecId(f"S:{view.order_id}:{view.version}")
    report = _report(view, kin, ExecType.ORDER_STATUS, exec_id, text=text)
    if kin.is_rest and view.ord_status is OrdStatus.FILLED:
        # All of the rest is not all that was asked for, so by the sum alone it would work for ever.
        return replace(report, ord_status=OrdStatus.CANCELED, text=THE_REST)
    return report


def accepted_report(view: OrderView, kin: Kin) -> ExecutionReport:
    """Tell that Alpaca has the order: one fact, whether a reply, an event or a list told it."""
    kind = ExecType.NEW if kin.orig_cl_ord_id is None else ExecType.REPLACED
    is_leg = kin.list_id is not None and kin.list_id != view.cl_ord_id
    report = _report(view, kin, ExecType.RESTATED if is_leg else kind, ExecId(f"{view.order_id}:new"))
    # What was filled since is another fact, and comes as one.
    return replace(
        report,
        ord_status=OrdStatus.NEW,
        cum_qty=Qty(0),
        leaves_qty=view.terms.order_qty,
        avg_px=None,
        transact_time=view.submitted_at,
    )


def leg_report(view: OrderView, kin: Kin) -> ExecutionReport:
    """Tell of a leg as the reply to its list shows it: held, by the same fact as its event, or at work."""
    if view.ord_status is OrdStatus.SUSPENDED:
        return other_report(view, kin, ExecType.SUSPENDED, view.changed_at, "")
    return state_report(view, kin)


def ended_report(view: OrderView, kin: Kin, exec_type: ExecType, at: datetime, text: str) -> ExecutionReport:
    """Tell how an order ended, or that a request about it was refused."""
    exec_id = ExecId(f"{view.order_id}:{exec_type.value}")
    if exec_type in (ExecType.CANCEL_REJECTED, ExecType.REPLACE_REJECTED):
        exec_id = ExecId(f"{exec_id}:{at.isoformat()}")
    return _report(view, kin, exec_type, exec_id, at, text)


def fill_report(
    view: OrderView, kin: Kin, at: datetime, last: tuple[Qty, Price], cum: tuple[Qty, Price | None]
) -> ExecutionReport:
    """Tell one fill: its shares and price, and the order's sum and average with it."""
    cum_qty, avg_px = cum
    leaves = max(view.terms.order_qty - cum_qty, Decimal(0))
    is_whole = leaves == 0 and not view.terms.is_cash
    return replace(
        _report(view, kin, ExecType.TRADE, ExecId(fill_id(view.order_id, cum_qty)), at),
        ord_status=OrdStatus.FILLED if is_whole else OrdStatus.PARTIALLY_FILLED,
        cum_qty=cum_qty,
        leaves_qty=Qty(leaves),
        avg_px=avg_px,
        last_qty=last[0],
        last_px=last[1],
    )


def amend_report(
    view: OrderView,
    kin: Kin,
    exec_type: ExecType,
    at: datetime,
    last: tuple[Qty | None, Price | None],
    about: ExecId | None,
    key: str,
) -> ExecutionReport:
    """Tell that a fill was taken back or corrected."""
    exec_id = ExecId(f"{view.order_id}:{exec_type.value}:{key}")
    report = _report(view, kin, exec_type, exec_id, at)
    return replace(report, last_qty=last[0], last_px=last[1], exec_ref_id=about)


def other_report(view: OrderView, kin: Kin, exec_type: ExecType, at: datetime, text: str) -> ExecutionReport:
    """Tell a change of state by an event of its own."""
    exec_id = ExecId(f"{view.order_id}:{exec_type.value}:{view.version}")
    return _report(view, kin, exec_type, exec_id, at, text)


def _report(
    view: OrderView,
    kin: Kin,
    exec_type: ExecType,
    exec_id: ExecId,
    at: datetime | None = None,
    text: str = "",
) -> ExecutionReport:
    leaves = max(view.terms.order_qty - view.cum_qty, Decimal(0)) if view.is_open else Decimal(0)
    return ExecutionReport(
        exec_id=exec_id,
        exec_type=exec_type,
        cl_ord_id=view.cl_ord_id,
        order_id=view.order_id,
        terms=view.terms,
        ord_status=view.ord_status,
        cum_qty=view.cum_qty,
        leaves_qty=Qty(leaves),
        avg_px=view.avg_px,
        transact_time=at or view.changed_at,
        orig_cl_ord_id=kin.orig_cl_ord_id,
        text=text or view.text,
        list_id=kin.list_id,
    )


def spelled(value: Decimal) -> str:
    """Write a number in its one spelling."""
    return plain(normal(value))


def fill_id(order_id: OrderId, cum_qty: Decimal) -> str:
    """Name a fill, whichever way it was told: no id of Alpaca's is in both the stream and the list."""
    return f"{order_id}:{spelled(cum_qty)}"


def read_position(row: Row) -> BrokerPosition:
    """Read what is held of one instrument."""
    qty = row.number("qty", Qty)
    is_short = row.word_or("side") == "short"
    return BrokerPosition(
        symbol=Symbol(row.word("symbol")),
        qty=Qty(-abs(qty)) if is_short else qty,
        avg_px=row.number("avg_entry_price", Price),
    )


def read_account(row: Row) -> Account:
    """Read the account: only what the rules need is demanded."""
    equity = row.number("equity", Money)
    status = row.word_or("status")
    blocked = [words for name, words in _BLOCKS.items() if row.flag(name)]
    if status != "ACTIVE":
        blocked.append(f"the account's status is {status or 'not told'}")
    return Account(
        account_id=row.word_or("account_number") or row.word("id"),
        cash=row.number("cash", Money),
        buying_power=row.number("buying_power", Money),
        equity=equity,
        start_equity=row.number("last_equity", Money) or equity,  # zero on the first day of an account
        blocked=", ".join(blocked),
        may_short=row.flag("shorting_enabled"),
        is_margin=row.get("multiplier") not in ("1", 1),  # not told, the tighter limit holds
    )


def read_instrument(row: Row) -> Instrument | None:
    """Read an asset; None where it is no share."""
    kind = row.word_or("class") or row.word_or("asset_class", _EQUITY)
    symbol = row.word_or("symbol")
    if kind != _EQUITY or not symbol:
        return None
    return Instrument(
        symbol=Symbol(symbol),
        name=row.word_or("name", symbol),
        exchange=row.word_or("exchange"),
        fractionable=row.flag("fractionable"),
        tradable=row.flag("tradable") and row.word_or("status", "active") == "active",
        shortable=row.flag("shortable"),
    )


def read_day(row: Row) -> MarketDay:
    """Read one day of the calendar; Alpaca's hours are New York's, without saying so."""
    try:
        day = date.fromisoformat(row.word("date"))
        hours = [time.fromisoformat(row.word(name)) for name in ("open", "close")]
    except ValueError as error:
        raise FieldUnreadableError("calendar day", "a date and two times", None) from error
    opens, closes = (datetime.combine(day, hour, NEW_YORK).astimezone(UTC) for hour in hours)
    return MarketDay(day, opens, closes)
