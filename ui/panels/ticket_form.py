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
from core.domain.terms import OrderDraft, OrderTerms, OrdType, Side, TimeInForce
from ui import format as fmt
from ui.panels.ticket_legs import LegFields
from ui.panels.ticket_parts import PAD, FieldCell, FigureCell
from ui.theme.tokens import density
from ui.widgets.fields import ChoiceField, NumberField, SideField

DEFAULT_QTY = "10"
TYPES = tuple(OrdType)
# How long it works, and whether before and after regular hours too.
TIFS: tuple[tuple[TimeInForce, bool, str], ...] = (
    (TimeInForce.DAY, False, "Day"),
    (TimeInForce.GTC, False, "GTC, until cancelled"),
    (TimeInForce.IOC, False, "IOC, at once or not"),
    (TimeInForce.FOK, False, "FOK, all or nothing"),
    (TimeInForce.OPG, False, "Opening auction"),
    (TimeInForce.CLS, False, "Closing auction"),
    (TimeInForce.DAY, True, "Day, extended hours"),
    (TimeInForce.GTC, True, "GTC, extended hours"),
)
_CENT = Decimal("0.01")


# Line and column of each cell; the stop and the trail take turns in one place.
_PLACES = (
    ((1, 0), TicketField.ORDER_QTY),
    ((1, 1), TicketField.ORD_TYPE),
    ((2, 0), TicketField.PRICE),
    ((2, 1), TicketField.STOP_PX),
    ((2, 1), TicketField.TRAIL_PX),
    ((3, 0), TicketField.TIME_IN_FORCE),
    ((4, 0), TicketField.TAKE_PROFIT),
    ((4, 1), TicketField.STOP_LOSS),
    ((5, 0), TicketField.STOP_LOSS_LIMIT),
)
# Where a refusal is shown whose own field shares a place with another.
_SHOWN_AT = {
    TicketField.TRAIL_PCT: TicketField.TRAIL_PX,
    TicketField.CASH_ORDER_QTY: TicketField.ORDER_QTY,
    TicketField.EXTENDED_HOURS: TicketField.TIME_IN_FORCE,
}


class TicketForm(QWidget):
    """Side, quantity, type, prices, time in force and exits of one symbol.

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
        self.qty = NumberField("Quantity, or an amount with $", "shares")
        self.kind = ChoiceField("Type", [fmt.word(each) for each in TYPES])
        self.price = NumberField("Limit price")
        self.stop = NumberField("Stop price")
        self.trail = NumberField("Trailing distance, in dollars or with %")
        self.tif = ChoiceField("Time in force", [words for _, _, words in TIFS])
        self.legs = LegFields(self)
        self.value = FigureCell("Order value")
        self.qty.setText(DEFAULT_QTY)
        self.qty.setPlaceholderText("10 or $500")
        self.trail.setPlaceholderText("1.50 or 2%")
        self.qty.set_tick(Decimal(1), Decimal(1))
        self.cells = {
            TicketField.ORDER_QTY: FieldCell("Quantity", self.qty),
            TicketField.ORD_TYPE: FieldCell("Type", self.kind),
            TicketField.PRICE: FieldCell("Limit price", self.price),
            TicketField.STOP_PX: FieldCell("Stop price", self.stop),
            TicketField.TRAIL_PX: FieldCell("Trails by, $ or %", self.trail),
            TicketField.TIME_IN_FORCE: FieldCell("Time in force", self.tif),
            **self.legs.cells,
        }
        self._lay_out()
        self._connect()
        self._enable()

    def _lay_out(self) -> None:
        gap = density().field_gap
        grid = QGridLayout(self)
        grid.setContentsMargins(PAD, 0, PAD, 8)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(gap)
        row = QHBoxLayout()
        row.addWidget(self.side)
        grid.addLayout(row, 0, 0, 1, 2)
        for (line, column), field in _PLACES:
            grid.addWidget(self.cells[field], line, column)
        grid.addWidget(self.legs.choice, 3, 1)
        grid.addWidget(self.value, 6, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        order = [self.side, self.qty, self.kind, self.price, self.stop, self.trail, self.tif]
        order += [self.legs.exits, *self.legs.prices]
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
        self.trail.textChanged.connect(lambda _text: self.edited.emit())
        self.legs.edited.connect(self.edited)

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
        tif, is_extended, _ = TIFS[self.tif.current()]
        size, trail = self.qty.text().strip(), self.trail.text().strip() if kind.has_trail else ""
        is_cash, is_percent = size.startswith("$"), trail.endswith("%")
        profit, loss, loss_limit = self.legs.texts()
        return OrderDraft(
            symbol=self._symbol,
            side=self.side.side(),
            ord_type=kind,
            time_in_force=tif,
            order_qty="" if is_cash else self.qty.text(),
            price=self.price.text() if kind.has_price else "",
            stop_px=self.stop.text() if kind.has_stop else "",
            trail_px="" if is_percent else trail,
            trail_pct=trail.removesuffix("%") if is_percent else "",
            extended_hours=is_extended,
            cash_order_qty=size.removeprefix("$") if is_cash else "",
            contingency=self.legs.contingency,
            take_profit=profit,
            stop_loss=loss,
            stop_loss_limit=loss_limit,
        )

    def set_symbol(self, symbol: str, instrument: Instrument | None) -> None:
        """Begin with another symbol: prices of the old one mean nothing, all else stays."""
        self._symbol, self._instrument, self._quote = symbol, instrument, None
        if self._replaces:
            self.qty.setText(DEFAULT_QTY)
        self._replaces = False
        self._is_typed = False
        self._clear_prices()
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
        works = [(tif, is_extended) for tif, is_extended, _ in TIFS]
        self.tif.set_current(works.index((terms.time_in_force, terms.extended_hours)))
        self.qty.setText(_size(terms))
        self.trail.setText(_trail(terms))
        self.legs.show_legs(terms.legs)
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
        self._clear_prices()
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
            reasons.setdefault(_SHOWN_AT.get(result.field, result.field), result.text)
        for field, cell in self.cells.items():
            reason = reasons.get(field, "")
            cell.set_refused(reason)
            if isinstance(cell.field, NumberField):
                cell.field.set_refused(reason)

    def _clear_prices(self) -> None:
        for field in (self.price, self.stop, self.trail):
            field.clear()
        self.legs.show_legs(None)

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
        for field in (self.price, self.stop, *self.legs.prices):
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
        self.trail.setEnabled(self._is_open)
        self.cells[TicketField.TRAIL_PX].setVisible(kind.has_trail)
        self.cells[TicketField.STOP_PX].setVisible(not kind.has_trail)
        self.legs.enable(is_open=self._is_open, is_new=is_new)


def _size(terms: OrderTerms) -> str:
    if terms.cash_order_qty is not None:
        return f"${plain(terms.cash_order_qty)}"
    return plain(normal(terms.order_qty))


def _trail(terms: OrderTerms) -> str:
    if terms.trail_pct is not None:
        return f"{plain(terms.trail_pct)}%"
    return "" if terms.trail_px is None else plain(terms.trail_px)


def _tick(instrument: Instrument | None, quote: Quote | None, price: Decimal | None) -> Decimal:
    if instrument is None or quote is None or price is None or price <= 0:
        return _CENT
    return instrument.tick_at(price, quote.time.date())
