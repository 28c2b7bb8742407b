"""The ticket's fields: what was typed stays as text until the desk has judged it."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from core.domain.instrument import Instrument
from core.domain.market import Quote
from core.domain.money import normal, plain
from core.domain.order import Order
from core.domain.risk import RuleResult, TicketField
from core.domain.terms import OrderDraft, OrdType, Side, TimeInForce
from ui import format as fmt
from ui.panels.ticket_parts import PAD, FieldCell, FigureCell
from ui.theme.tokens import density
from ui.widgets.fields import ChoiceField, NumberField, SideField

DEFAULT_QTY = "10"
TYPES = tuple(OrdType)
TIFS = tuple(TimeInForce)
_CENT = Decimal("0.01")
_TIF_WORDS = ("Day", "GTC, until cancelled", "IOC, at once or not", "FOK, all or nothing")


class TicketForm(QWidget):
    """Side, quantity, type, prices and time in force of one symbol.

    Attributes:
        edited: the draft is another than before.
    """

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._symbol = ""
        self._instrument: Instrument | None = None
        self._quote: Quote | None = None
        self._is_typed = False
        self._is_open = True
        self._replaces = False
        self.side = SideField()
        self.qty = NumberField("Quantity", "shares")
        self.kind = ChoiceField("Type", [fmt.word(each) for each in TYPES])
        self.price = NumberField("Limit price")
        self.stop = NumberField("Stop price")
        self.tif = ChoiceField("Time in force", _TIF_WORDS)
        self.value = FigureCell("Order value")
        self.qty.setText(DEFAULT_QTY)
        self.qty.set_tick(Decimal(1), Decimal(1))
        self.cells = {
            TicketField.ORDER_QTY: FieldCell("Quantity", self.qty),
            TicketField.ORD_TYPE: FieldCell("Type", self.kind),
            TicketField.PRICE: FieldCell("Limit price", self.price),
            TicketField.STOP_PX: FieldCell("Stop price", self.stop),
            TicketField.TIME_IN_FORCE: FieldCell("Time in force", self.tif),
        }
        self._lay_out()
        self._connect()
        self._enable()

    def _lay_out(self) -> None:
        gap = density().field_gap
        grid = QGridLayout(self)
        grid.setContentsMargins(PAD, 0, PAD, 12)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(gap)
        row = QHBoxLayout()
        row.addWidget(self.side)
        grid.addLayout(row, 0, 0, 1, 2)
        for number, cell in enumerate(self.cells.values()):
            grid.addWidget(cell, 1 + number // 2, number % 2)
        grid.addWidget(self.value, 3, 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        order = [self.side, self.qty, self.kind, self.price, self.stop, self.tif]
        for first, then in pairwise(order):
            QWidget.setTabOrder(first, then)

    def _connect(self) -> None:
        self.side.chosen.connect(self._on_choice)
        self.kind.chosen.connect(self._on_choice)
        self.tif.chosen.connect(lambda _number: self.edited.emit())
        self.qty.textChanged.connect(lambda _text: self.edited.emit())
        self.price.textChanged.connect(self._on_price)
        self.price.textEdited.connect(self._on_typed)
        self.price.stepped.connect(self._on_typed)
        self.stop.textChanged.connect(self._on_price)

    @property
    def symbol(self) -> str:
        """The symbol as given, empty if there is none."""
        return self._symbol

    @property
    def ord_type(self) -> OrdType:
        """The chosen type."""
        return TYPES[self.kind.current()]

    def draft(self) -> OrderDraft:
        """Return exactly what was typed; prices that the type does not have are left out."""
        kind = self.ord_type
        return OrderDraft(
            symbol=self._symbol,
            side=self.side.side(),
            ord_type=kind,
            time_in_force=TIFS[self.tif.current()],
            order_qty=self.qty.text(),
            price=self.price.text() if kind.has_price else "",
            stop_px=self.stop.text() if kind.has_stop else "",
        )

    def set_symbol(self, symbol: str, instrument: Instrument | None) -> None:
        """Begin with another symbol: prices of the old one mean nothing, all else stays."""
        self._symbol, self._instrument, self._quote = symbol, instrument, None
        if self._replaces:
            self.qty.setText(DEFAULT_QTY)
        self._replaces = False
        self._is_typed = False
        self.price.clear()
        self.stop.clear()
        self._enable()

    def set_quote(self, quote: Quote) -> None:
        """Know the market; it fills a limit price that nobody has touched, once."""
        self._quote = quote
        if not self.price.text():
            self._prefill()
        self._set_ticks()

    def set_side(self, side: Side) -> None:
        """Choose a side."""
        self.side.set_side(side)
        self._on_choice()

    def load_order(self, order: Order, instrument: Instrument | None) -> None:
        """Show an order's terms; only quantity and prices can be changed."""
        terms = order.terms
        self._symbol, self._instrument, self._quote = terms.symbol, instrument, None
        self._replaces = True
        self.side.set_side(terms.side)
        self.kind.set_current(TYPES.index(terms.ord_type))
        self.tif.set_current(TIFS.index(terms.time_in_force))
        self.qty.setText(plain(normal(terms.order_qty)))
        self.price.setText("" if terms.price is None else plain(terms.price))
        self.stop.setText("" if terms.stop_px is None else plain(terms.stop_px))
        self._is_typed = False
        self._enable()
        self.edited.emit()

    def reset(self) -> None:
        """Empty what was typed; symbol and side stay."""
        self._replaces = False
        self._is_typed = False
        self.qty.setText(DEFAULT_QTY)
        self.price.clear()
        self.stop.clear()
        self._prefill()
        self._enable()
        self.edited.emit()

    def set_open(self, is_open: bool) -> None:
        """Take input, or stand dead with what was typed."""
        if is_open != self._is_open:
            self._is_open = is_open
            self._enable()

    def show_refusals(self, results: Iterable[RuleResult]) -> None:
        """Mark the fields that were refused; the first reason of each is shown."""
        reasons: dict[TicketField, str] = {}
        for result in results:
            reasons.setdefault(result.field, result.text)
        for field, cell in self.cells.items():
            reason = reasons.get(field, "")
            cell.set_refused(reason)
            if isinstance(cell.field, NumberField):
                cell.field.set_refused(reason)

    def _on_choice(self, _choice: object = None) -> None:
        self._prefill()
        self._enable()
        self.edited.emit()

    def _on_price(self, _text: str = "") -> None:
        self._set_ticks()
        self.edited.emit()

    def _on_typed(self, _text: str) -> None:
        self._is_typed = True

    def _prefill(self) -> None:
        quote = self._quote
        if quote is None or not self.ord_type.has_price or self._replaces or self._is_typed:
            return
        touch = quote.ask if self.side.side() is Side.BUY else quote.bid
        if touch is not None:
            self.price.setText(plain(touch))

    def _set_ticks(self) -> None:
        for field in (self.price, self.stop):
            tick = _tick(self._instrument, self._quote, field.number())
            field.set_tick(tick, tick)

    def _enable(self) -> None:
        kind, is_new = self.ord_type, not self._replaces
        self.qty.setEnabled(self._is_open)
        self.side.setEnabled(self._is_open and is_new)
        self.kind.setEnabled(self._is_open and is_new)
        self.tif.setEnabled(self._is_open and is_new)
        self.price.setEnabled(self._is_open and kind.has_price)
        self.stop.setEnabled(self._is_open and kind.has_stop)


def _tick(instrument: Instrument | None, quote: Quote | None, price: Decimal | None) -> Decimal:
    if instrument is None or quote is None or price is None or price <= 0:
        return _CENT
    return instrument.tick_at(price, quote.time.date())
