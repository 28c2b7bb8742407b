"""Rebuilding the books from the ledger: the same facts, the same books."""

from datetime import date, datetime
from decimal import Decimal

from core.adapters.simulator.account import Purse
from core.adapters.simulator.books import Books
from core.adapters.simulator.codec import report_from_json, terms_from_json
from core.adapters.simulator.ledger import Fact
from core.adapters.simulator.matching import WorkingOrder
from core.domain.execution import ExecutionReport
from core.domain.money import Money, Price
from core.domain.order import TERMINAL
from core.ids import ClOrdId, OrderId


def restore(books: Books) -> None:
    """Fold every fact of the ledger into empty books; a new ledger gets its first fact."""
    is_new = True
    for fact in books.facts():
        is_new = False
        books.now = datetime.fromisoformat(str(fact["time"]))
        _apply(books, fact)
    if is_new:
        books.open_account()


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
    elif kind == "report" and isinstance(body := fact["report"], dict):
        _report(books, report_from_json(body))


def _enter(books: Books, fact: Fact) -> None:
    body, hold, orig = fact["terms"], fact["hold_px"], fact["orig_cl_ord_id"]
    if not isinstance(body, dict):
        raise TypeError("the terms of an order are a mapping")
    order = WorkingOrder(
        order_id=OrderId(str(fact["order_id"])),
        cl_ord_id=ClOrdId(str(fact["cl_ord_id"])),
        terms=terms_from_json(body),
        priority=int(str(fact["priority"])),
        hold_px=None if hold is None else Price(str(hold)),
    )
    old = None if orig is None else books.orders.by_cl_ord_id(ClOrdId(str(orig)))
    if old is not None:
        order.succeed(old)
    books.add(order)


def _report(books: Books, report: ExecutionReport) -> None:
    books.orders.keep(report)
    if report.order_id is None:
        return
    order = books.orders.by_order_id(report.order_id)
    fill = report.fill
    if fill is not None:
        order.take_fill(fill.last_qty, fill.last_px)
        books.purse.apply(fill)
    if report.ord_status in TERMINAL:
        books.end(order, report.ord_status)
