"""Keeps the chart in step: bars of the linked symbol, own orders and fills on it, position and price."""

from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QObject

from core.domain.execution import Fill
from core.domain.market import Bar, Quote, Timeframe
from core.domain.messages import (
    BarChanged,
    FillBooked,
    InOrder,
    LoadBars,
    OrderChanged,
    PositionMark,
    Snapshot,
)
from core.domain.order import Order
from core.domain.terms import OrdStatus, Side
from core.ids import ExecId, Symbol
from ui import format as fmt
from ui.bridge import Bridge
from ui.chart.marks import ChartFill, ChartOrder, ChartPosition
from ui.facts import WindowFacts
from ui.notices import words_of_failed_read
from ui.panels.chart import ChartPanel


class ChartLink(QObject):
    """Asks for bars when symbol or period change; an answer that came too late is dropped."""

    def __init__(self, bridge: Bridge, facts: WindowFacts, chart: ChartPanel) -> None:
        super().__init__(chart)
        self._bridge, self._facts, self._chart = bridge, facts, chart
        self._fills: dict[ExecId, Fill] = {}
        self._marks: dict[Symbol, PositionMark] = {}
        self._asked: tuple[str, Timeframe] | None = None
        facts.symbol_changed.connect(self._on_symbol)
        chart.timeframe_chosen.connect(lambda _: self._load())
        bridge.bars_changed.connect(self._on_bars)
        bridge.quotes_changed.connect(self._on_quotes)
        bridge.marks_changed.connect(self._on_marks)
        bridge.in_order.connect(self._on_event)

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Show everything of the linked symbol anew."""
        self._fills = {fill.exec_id: fill for fill in snapshot.fills}
        self._marks = {mark.symbol: mark for mark in snapshot.marks}
        if self._facts.symbol:
            self._on_symbol(self._facts.symbol)

    def _on_symbol(self, symbol: str) -> None:
        instrument = self._facts.instruments.get(Symbol(symbol))
        name, exchange = ("", "") if instrument is None else (instrument.name, instrument.exchange)
        self._chart.set_symbol(symbol, name, exchange)
        self._show_quote(self._facts.quote(symbol))
        self._show_orders()
        self._show_fills()
        self._show_position()
        self._load()

    def _load(self) -> None:
        symbol, timeframe = self._facts.symbol, self._chart.timeframe
        if not symbol:
            return
        self._asked = (symbol, timeframe)
        self._bridge.send(
            LoadBars(Symbol(symbol), timeframe),
            partial(self._on_loaded, self._asked),
            partial(self._on_not_loaded, self._asked),
        )

    def _on_loaded(self, asked: tuple[str, Timeframe], bars: tuple[Bar, ...]) -> None:
        if asked == self._asked:
            self._chart.set_bar_values(bars)

    def _on_not_loaded(self, asked: tuple[str, Timeframe], error: Exception) -> bool:
        if asked == self._asked:
            self._chart.set_failed(words_of_failed_read(error))
        return True

    def _on_bars(self, changes: Iterable[BarChanged]) -> None:
        for change in changes:
            if change.bar.symbol == self._chart.symbol and change.timeframe is self._chart.timeframe:
                self._chart.update_bar(change.bar)

    def _on_quotes(self, quotes: Iterable[Quote]) -> None:
        for quote in quotes:
            if quote.symbol == self._chart.symbol:
                self._show_quote(quote)

    def _show_quote(self, quote: Quote | None) -> None:
        if quote is not None:
            self._chart.set_last(quote.last, quote.change, quote.change_pct)

    def _on_marks(self, marks: Iterable[PositionMark]) -> None:
        for mark in marks:
            self._marks[mark.symbol] = mark
            if mark.symbol == self._chart.symbol:
                self._show_position()

    def _on_event(self, event: InOrder) -> None:
        match event:
            case OrderChanged() if event.order.symbol == self._chart.symbol:
                self._show_orders()
            case FillBooked():
                self._fills[event.fill.exec_id] = event.fill
                if event.fill.symbol == self._chart.symbol:
                    self._show_fills()
            case _:
                pass

    def _show_orders(self) -> None:
        orders = [order for order in self._facts.open_orders if order.symbol == self._chart.symbol]
        self._chart.set_orders([made for made in map(_chart_order, orders) if made is not None])

    def _show_fills(self) -> None:
        mine = [fill for fill in self._fills.values() if fill.symbol == self._chart.symbol]
        self._chart.set_fills(
            [
                ChartFill(fill.side is Side.BUY, fill.last_qty, fill.last_px, fill.transact_time)
                for fill in mine
            ]
        )

    def _show_position(self) -> None:
        mark = self._marks.get(Symbol(self._chart.symbol))
        if mark is None or not mark.qty or mark.avg_px is None:
            self._chart.set_position(None)
        else:
            self._chart.set_position(ChartPosition(mark.qty, mark.avg_px, mark.total_pnl))


def _chart_order(order: Order) -> ChartOrder | None:
    px = order.terms.stop_px if order.ord_type.has_stop else order.terms.price
    if px is None:
        return None  # a market order has no line of its own
    return ChartOrder(
        cl_ord_id=order.cl_ord_id,
        is_buy=order.side is Side.BUY,
        leaves_qty=order.leaves_qty,
        order_qty=order.order_qty,
        kind=fmt.word(order.ord_type).lower(),
        px=px,
        is_stop=order.ord_type.has_stop,
        can_cancel=order.ord_status is not OrdStatus.PENDING_CANCEL,
    )
