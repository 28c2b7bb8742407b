"""The confirmation sheet: what will be sent, and a yes that cannot be given by accident."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from PySide6.QtCore import QPoint, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.domain.access import Mode
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.market import Quote
from core.domain.terms import Side
from ui.dialogs import confirm_parts as parts
from ui.dialogs.confirm_phrase import PhraseQuestion
from ui.models.columns import Ink
from ui.our_time import monotonic
from ui.panels.lines import Lines
from ui.panels.ticket_question import QuantityQuestion
from ui.theme.tokens import tokens
from ui.widgets.buttons import Button, Dress, HoldButton
from ui.widgets.labels import Text
from ui.widgets.panel import Hairline
from ui.widgets.scrim import Scrim
from ui.widgets.sheet import paint_sheet

WIDTH = 720
_FRAME = 4
_TICK_MS = 200
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
Reply = Callable[[ConfirmationReply], None]


class ConfirmSheet(Scrim):
    """Shows one order and takes one answer; whatever closes it without an explicit act is "no".

    Enter never sends. A click beside the sheet does nothing: it may be the second half of a double click.
    """

    def __init__(
        self, window: QWidget, request: ConfirmationRequest, reply: Reply, holes: Sequence[QWidget] = ()
    ) -> None:
        super().__init__(window, holes)
        self.setObjectName("dialog.confirm")
        self._request = request
        self._reply: Reply | None = reply
        self._clock = monotonic
        self._opened = self._clock()
        self._quote = request.quote
        self._before: QWidget | None = None
        self.sheet = QWidget(self)
        self.head = parts.SheetHead(request.mode, request.account)
        self.title = Lines("Order")
        self.terms = Lines("Exactly this will be sent")
        self.market = Lines("Market and effect")
        self.rules_title = Lines("Rules")
        self.rules = (Lines("Rules"), Lines("Rules, continued"))
        self.question = QuantityQuestion(edge=parts.PAD)
        self.phrase = PhraseQuestion(request.phrase, parts.PAD)
        self.cancel = Button("Cancel", Dress.OUTLINE, key="Enter or Esc", height=40)
        is_buy = request.terms.side is Side.BUY
        self.hold = HoldButton("Hold to send", Dress.BUY if is_buy else Dress.SELL, height=40)
        self._ticks = QTimer(self, interval=_TICK_MS)
        self._ticks.timeout.connect(self.tick)
        self._lay_out()
        self._fill()
        self.cancel.clicked.connect(lambda _checked=False: self.refuse())
        self.hold.held.connect(self.send)
        self.question.changed.connect(self._enable)
        self.phrase.changed.connect(self._enable)
        self.setAccessibleName(f"Review: {' '.join(span for span in self.title.texts()[0] if span)}")

    def _lay_out(self) -> None:
        column = QVBoxLayout(self.sheet)
        column.setContentsMargins(_FRAME, _FRAME, _FRAME, _FRAME + 8)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addSpacing(12)
        column.addWidget(self.title)
        column.addSpacing(12)
        column.addWidget(Hairline(inset=0))
        column.addSpacing(8)
        column.addLayout(_columns(self.terms, self.market))
        column.addSpacing(8)
        column.addWidget(Hairline())
        column.addSpacing(4)
        column.addWidget(self.rules_title)
        column.addLayout(_columns(*self.rules))
        column.addSpacing(12)
        column.addWidget(Hairline())
        column.addSpacing(4)
        column.addWidget(self.question)
        column.addWidget(self.phrase)
        foot = QHBoxLayout()
        foot.setContentsMargins(parts.PAD, 12, parts.PAD, 4)
        foot.addWidget(self.cancel, 2)
        foot.addStretch(1)
        foot.addWidget(self.hold, 3)
        column.addLayout(foot)
        note = Text(
            "Hold the mouse or Space on this button, or press Alt+S. Enter never sends.",
            ink=Ink.TEXT3,
            align=Qt.AlignmentFlag.AlignRight,
        )
        row = QHBoxLayout()
        row.setContentsMargins(parts.PAD, 0, parts.PAD, 0)
        row.addWidget(note)
        column.addLayout(row)

    def _fill(self) -> None:
        request = self._request
        symbol = request.terms.symbol
        self.title.set_lines(parts.title_lines(request))
        self.terms.set_lines(parts.terms_lines(request.terms))
        self.rules_title.set_lines([parts.rules_title(request.verdict)])
        for lines, shown in zip(self.rules, parts.rule_columns(request.verdict, symbol), strict=True):
            lines.set_lines(shown)
        terms = request.terms
        size: Decimal = terms.order_qty if terms.cash_order_qty is None else terms.cash_order_qty
        self.question.ask(size if request.needs_typed_qty else None)
        self._enable()
        self.tick()

    @property
    def is_answered(self) -> bool:
        """Whether the one answer was given."""
        return self._reply is None

    @property
    def seconds_left(self) -> float:
        """How long a yes may still take."""
        return max(0.0, self._request.ttl_s - (self._clock() - self._opened))

    def open(self) -> None:
        """Show it, Cancel focused; nothing is blocked meanwhile."""
        self._before = self.window().focusWidget()
        self._opened = self._clock()
        self.cover()
        self.show()
        self._ticks.start()
        self.cancel.setFocus(Qt.FocusReason.PopupFocusReason)

    def take_quotes(self, quotes: Sequence[Quote]) -> None:
        """Show the market of now."""
        for quote in quotes:
            if quote.symbol == self._request.terms.symbol:
                self._quote = quote
                self._show_market()

    def tick(self) -> None:
        """Show the time that is left; when there is none, the answer is no."""
        left = self.seconds_left
        self.head.time_left.set_text(f"this review ends in {left:.0f} s")
        self._show_market()
        if left <= 0:
            self.refuse()

    def _show_market(self) -> None:
        quote = self._quote
        age_s = None if quote is None else max(0.0, self._clock() - quote.received)
        self.market.set_lines(parts.market_lines(self._request.terms, quote, age_s, self._request.verdict))

    def _enable(self) -> None:
        is_open = not self.is_answered and self.seconds_left > 0
        is_typed = not self._request.needs_typed_qty or self.question.is_answered
        self.hold.setEnabled(is_open and is_typed and self.phrase.is_answered)

    def send(self) -> None:
        """Say yes, once; nothing happens while the quantity is not typed or the time is over."""
        self._enable()
        if self.hold.isEnabled():
            self._answer(accepted=True)

    def refuse(self) -> None:
        """Say no."""
        self._answer(accepted=False)

    def _answer(self, *, accepted: bool) -> None:
        if self._reply is None:
            return
        reply, self._reply = self._reply, None
        self._ticks.stop()
        self.hold.setEnabled(False)
        self._return_focus()
        self.hide()
        self.deleteLater()
        typed = self.phrase.typed if accepted and self._request.phrase else ""
        reply(ConfirmationReply(self._request.digest, accepted, typed))

    def _return_focus(self) -> None:
        # Before it hides: Qt would else walk the focus through a sheet that is going away.
        for each in (self.cancel, self.question.field, self.phrase.field, self.hold):
            each.clearFocus()
        if self._before is not None and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)

    def cover(self) -> None:
        super().cover()
        width = min(WIDTH, self.width() - 32)
        height = min(self.sheet.sizeHint().height(), self.height() - 16)
        corner = QPoint((self.width() - width) // 2, max(8, (self.height() - height) // 2))
        self.sheet.setGeometry(QRect(corner.x(), corner.y(), width, height))

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Keep Tab on the sheet."""
        fields = (self.question.field, self.phrase.field)
        all_stops: tuple[QWidget, ...] = (self.cancel, *fields, self.hold)
        stops = [each for each in all_stops if each.isVisible() and each.isEnabled()]
        current = self.window().focusWidget()
        at = stops.index(current) if current in stops else -1
        if not stops:
            return False
        stops[(at + (1 if forward else -1)) % len(stops)].setFocus(Qt.FocusReason.TabFocusReason)
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if not event.isAutoRepeat():
            is_cancel = event.key() in _ENTER and not modifiers and self.cancel.hasFocus()
            if is_cancel or event.key() == Qt.Key.Key_Escape:
                self.refuse()
            elif event.key() == Qt.Key.Key_S and modifiers == Qt.KeyboardModifier.AltModifier:
                self.send()
        event.accept()  # nothing behind the veil gets a key by way of the sheet

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if not event.spontaneous():  # a minimised window comes back; one that closes does not
            self.refuse()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        is_live = self._request.mode is Mode.LIVE
        frame = tokens().live if is_live else None
        area = QRectF(self.sheet.geometry())
        paint_sheet(painter, area, frame=frame, width=_FRAME if is_live else 1)
        painter.end()


def _columns(left: QWidget, right: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(parts.PAD, 0, parts.PAD, 0)
    row.setSpacing(parts.PAD + 8)
    row.addWidget(left, 1, Qt.AlignmentFlag.AlignTop)
    row.addWidget(right, 1, Qt.AlignmentFlag.AlignTop)
    return row


def show_confirm(
    parent: QWidget, request: ConfirmationRequest, reply: Reply, *, holes: Sequence[QWidget] = ()
) -> ConfirmSheet:
    """Open the sheet over a window and return at once; `reply` is called exactly once, in the GUI thread.

    Args:
        parent: the window.
        request: the order that is asked about.
        reply: takes the answer; closing, Esc, Enter and the end of the time are "no".
        holes: what stays lit and within reach above the veil, such as Halt.
    """
    sheet = ConfirmSheet(parent.window(), request, reply, holes)
    sheet.open()
    return sheet
