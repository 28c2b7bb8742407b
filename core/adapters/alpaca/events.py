"""From an event of the order stream, or a row of the account's activities, to reports."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from core.adapters.alpaca import mapping, words
from core.adapters.alpaca.fields import Row
from core.adapters.alpaca.mapping import Kin, OrderView
from core.adapters.alpaca.memory import Memory, SeenFill
from core.domain.execution import ExecType, ExecutionReport
from core.domain.money import Price, Qty
from core.domain.terms import OrdStatus
from core.ids import OrderId

# Of the averages that Alpaca writes each may be rounded by half of this, dollars a share.
_ROUNDING = Decimal("0.0001")
_AVG_STEP = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Told:
    """What an event told.

    Attributes:
        reports: to be delivered, in this order.
        doubtful: an order whose fills have to be asked for, as the event and the order do not agree.
    """

    reports: tuple[ExecutionReport, ...]
    doubtful: OrderView | None = None

    @property
    def order_id(self) -> OrderId | None:
        """The order that it is about; None where it is about none of ours to tell."""
        if self.doubtful is not None:
            return self.doubtful.order_id
        return self.reports[0].order_id if self.reports else None


def read_event(content: object, memory: Memory, vocabulary: words.Vocabulary) -> Told:
    """Read one `data` of the order stream, and remember its order.

    Raises:
        FieldUnreadableError: a field that is needed.
    """
    row = Row("order event", content)
    word, order = row.word("event"), row.row("order")
    if mapping.is_multi_leg(order):
        vocabulary.unknown("order class", "mleg")
        return Told(())
    view = mapping.read_order(order, vocabulary)
    memory.see(view)
    kin = memory.kin(view)
    at = row.time_or("timestamp") or view.changed_at
    if word in words.FILLS:
        return _fill(row, view, kin, at, memory)
    if word in (words.BUST, words.CORRECT):
        return Told((_amended(row, word, view, kin, at, memory),))
    return Told((_changed(row, word, view, kin, at, vocabulary),))


def _changed(
    row: Row, word: str, view: OrderView, kin: Kin, at: datetime, vocabulary: words.Vocabulary
) -> ExecutionReport:
    if word in words.ACCEPTED:
        return mapping.accepted_report(view, kin)
    if word in words.ENDINGS:
        text = row.word_or("reason") or row.word_or("reject_reason")
        return mapping.ended_report(view, kin, words.ENDINGS[word], at, text)
    if word in words.REFUSED_REQUESTS:
        return mapping.ended_report(view, kin, words.REFUSED_REQUESTS[word], at, row.word_or("reason"))
    if word == "held":
        return mapping.other_report(view, kin, ExecType.SUSPENDED, at, "")
    if word == "restated":
        return mapping.other_report(view, kin, ExecType.RESTATED, at, "")
    if word in words.EVENTS:
        return mapping.state_report(view, kin)
    vocabulary.unknown("order event", word)
    return mapping.other_report(view, kin, ExecType.OTHER, at, word)


def _fill(row: Row, view: OrderView, kin: Kin, at: datetime, memory: Memory) -> Told:
    last_qty, last_px = row.number_or("qty", Qty), row.number_or("price", Price)
    if last_qty is None or last_px is None or not _agrees(view, last_qty, last_px, memory):
        return Told((), doubtful=view)
    report = mapping.fill_report(view, kin, at, (last_qty, last_px), (view.cum_qty, view.avg_px))
    memory.see_fill(view.order_id, SeenFill(report.exec_id, row.word_or("execution_id"), last_qty, last_px))
    if kin.is_rest and view.ord_status is OrdStatus.FILLED:
        end = mapping.ended_report(view, kin, ExecType.CANCELED, at, mapping.THE_REST)
        return Told((report, replace(end, ord_status=OrdStatus.CANCELED)))
    return Told((report,))


def _agrees(view: OrderView, last_qty: Qty, last_px: Price, memory: Memory) -> bool:
    """Say whether a fill explains the order's sums: documents differ on what its price means."""
    before = view.cum_qty - last_qty
    if last_qty <= 0 or before < 0:
        return False
    value, value_before = memory.value_at(view.order_id, view.cum_qty), memory.value_at(view.order_id, before)
    if value is None or value_before is None:
        return False
    return abs(value - value_before - last_qty * last_px) <= _ROUNDING * (view.cum_qty + before)


def _amended(row: Row, word: str, view: OrderView, kin: Kin, at: datetime, memory: Memory) -> ExecutionReport:
    execution_id = row.word_or("previous_execution_id") or row.word_or("execution_id")
    qty, px = row.number_or("qty", Qty), row.number_or("price", Price)
    kind = ExecType.TRADE_CANCEL if word == words.BUST else ExecType.TRADE_CORRECT
    meant = _meant(memory.fills(view.order_id), execution_id, (qty, px))
    key = row.word_or("execution_id") or view.version
    return mapping.amend_report(view, kin, kind, at, (qty, px), None if meant is None else meant.exec_id, key)


def _meant(
    fills: Sequence[SeenFill], execution_id: str, last: tuple[Qty | None, Price | None]
) -> SeenFill | None:
    named = [each for each in fills if execution_id and each.execution_id == execution_id]
    alike = [each for each in fills if (each.qty, each.px) == last]
    return next((found[0] for found in (named, alike, fills) if len(found) == 1), None)


@dataclass(frozen=True, slots=True)
class FillRow:
    """One FILL of the account's activities.

    Attributes:
        row_id: Alpaca's, opaque; also the token of the next page.
        at: market time, UTC.
    """

    row_id: str
    order_id: OrderId
    at: datetime
    qty: Qty
    px: Price
    cum_qty: Qty


def read_fill_row(row: Row) -> FillRow:
    """Read one row."""
    return FillRow(
        row_id=row.word("id"),
        order_id=OrderId(row.word("order_id")),
        at=row.time("transaction_time"),
        qty=row.number("qty", Qty),
        px=row.number("price", Price),
        cum_qty=row.number("cum_qty", Qty),
    )


def fill_reports(rows: Sequence[FillRow], view: OrderView, memory: Memory) -> tuple[ExecutionReport, ...]:
    """Turn the rows of one order, which need not be all of it, into its fills, in the order of their sums."""
    kin = memory.kin(view)
    found: list[ExecutionReport] = []
    filled, value = Decimal(0), memory.value_at(view.order_id, Decimal(0))
    for row in sorted(rows, key=lambda each: each.cum_qty):
        before = row.cum_qty - row.qty
        base = value if before == filled else memory.value_at(view.order_id, before)
        filled, value = row.cum_qty, None if base is None else base + row.qty * row.px
        avg_px = None if value is None or filled <= 0 else Price((value / filled).quantize(_AVG_STEP))
        if row.cum_qty == view.cum_qty:
            avg_px = view.avg_px or avg_px
        report = mapping.fill_report(view, kin, row.at, (row.qty, row.px), (row.cum_qty, avg_px))
        memory.see_fill(view.order_id, SeenFill(report.exec_id, "", row.qty, row.px))
        found.append(report)
    return tuple(found)
