"""Rebuilding the books from the ledger: the same facts, the same books."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from core.adapters.simulator.account import Purse
from core.adapters.simulator.books import Books
from core.adapters.simulator.cashier import pay
from core.adapters.simulator.codec import report_from_json, terms_from_json
from core.adapters.simulator.ledger import Fact
from core.adapters.simulator.working import LegRole, WorkingOrder
from core.domain.execution import ExecType, ExecutionReport, Fill
from core.domain.money import Money, Price, Qty, plain
from core.domain.order import TERMINAL
from core.ids import ClOrdId, OrderId


def restore(books: Books) -> None:
    """Fold every fact of the ledger into empty books; a new ledger gets its first fact."""
    is_new = True
    for fact in books.ledger.facts():
        is_new = False
        books.now = datetime.fromisoformat(str(fact["time"]))
        _apply(books, fact)
    if is_new:
        books.ledger.record("genesis", {"cash": plain(books.purse.cash)})


def _apply(books: Books, fact: Fact) -> None:
    kind = fact["kind"]
    if kind == "genesis":
        books.purse = Purse(Money(str(fact["cash"])))
        books.start_equity = books.purse.cash
    elif kind == "day":
        books.day = date.fromisoformat(str(fact["day"]))
        books.start_equity = Decimal(str(fact["start_equity"]))
    elif kind == "order":
        _enter(books, fact)
    elif kind == "triggered":
        books.orders.by_order_id(OrderId(str(fact["order_id"]))).triggered = True
    elif kind == "mark":
        books.orders.by_order_id(OrderId(str(fact["order_id"]))).mark = _price(fact["mark"])
    elif kind == "cash":
        pay(books, int(str(fact["seq"])), Money(str(fact["cash"])))
    elif kind == "report" and isinstance(body := fact["report"], dict):
        _report(books, report_from_json(body))


def _enter(books: Books, fact: Fact) -> None:
    body, orig, list_id = fact["terms"], fact["orig_cl_ord_id"], fact.get("list_id")
    if not isinstance(body, dict):
        raise TypeError("the terms of an order are a mapping")
    hold_qty = fact.get("hold_qty")
    order = WorkingOrder(
        order_id=OrderId(str(fact["order_id"])),
        cl_ord_id=ClOrdId(str(fact["cl_ord_id"])),
        terms=terms_from_json(body),
        priority=int(str(fact["priority"])),
        hold_px=_price(fact["hold_px"]),
        hold_qty=None if hold_qty is None else Qty(str(hold_qty)),
        mark=_price(fact.get("mark")),
        suspended=fact.get("suspended") is True,
    )
    old = None if orig is None else books.orders.by_cl_ord_id(ClOrdId(str(orig)))
    if old is not None:
        order.succeed(old)
    if list_id is not None:
        books.join(books.orders.list_of(ClOrdId(str(list_id))), LegRole(str(fact["role"])), order)
    books.add(order)


def _report(books: Books, report: ExecutionReport) -> None:
    if report.exec_type in (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT):
        _amend(books, report)
        return
    books.orders.keep(report)
    if report.order_id is None:
        return
    order = books.orders.by_order_id(report.order_id)
    fill = report.fill
    if fill is not None:
        order.take_fill(fill.last_qty, fill.last_px)
        books.purse.apply(fill)
    if report.exec_type is ExecType.RESTATED:
        books.begin(order)
    if report.ord_status in TERMINAL:
        books.end(order, report.ord_status)


def _amend(books: Books, report: ExecutionReport) -> None:
    found = None if report.exec_ref_id is None else books.orders.fill(report.exec_ref_id)
    if found is None:
        raise TypeError("a bust or a correction names a fill that counts")
    order, old = found
    cash = books.amended(order, old, _stands(report, old))
    books.orders.keep(report)
    books.purse.amend(old.symbol, cash, books.orders.living_fills(old.symbol))


def _stands(report: ExecutionReport, old: Fill) -> Fill | None:
    if report.exec_type is ExecType.TRADE_CANCEL:
        return None
    return replace(old, last_px=report.last_px or old.last_px, fee=report.fee)


def _price(value: object) -> Price | None:
    return None if value is None else Price(str(value))
