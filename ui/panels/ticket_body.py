"""The ticket's widgets in their column, and what each shows in each state."""

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from core.domain.instrument import Instrument
from core.domain.market import Quote
from core.domain.risk import TicketField, Verdict
from ui import format as fmt
from ui.models.columns import Ink, Mark
from ui.panels import risk_words as words
from ui.panels.ticket_form import TicketForm
from ui.panels.ticket_parts import PAD, EffectTable, SendButton, SymbolLine
from ui.panels.ticket_question import QuantityQuestion
from ui.panels.ticket_sending import Answer
from ui.panels.ticket_size import SizeRow
from ui.panels.ticket_verdict import Offer, OfferView, Saying, VerdictView, offers, order_value
from ui.panels.ticket_words import TicketState, dress_of
from ui.widgets.fields import number_of
from ui.widgets.labels import Text, plain
from ui.widgets.scrolling import fill_bare

_KEY = "Ctrl+Enter"
_HALTED = "Cancels still work. What you typed stays here until trading is resumed."


class TicketBody(QScrollArea):
    """Shows a state; takes no decision. Where there is less height, before and after folds to three rows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.symbol_line = SymbolLine()
        self.form = TicketForm()
        self.sizing = SizeRow()
        self.effect = EffectTable()
        self.verdict = VerdictView()
        self.offer = OfferView()
        self.question = QuantityQuestion()
        self.button = SendButton()
        self.cost = Text(ink=Ink.TEXT3)
        self.answer = Saying("Answer")
        self.tip = plain("")
        self._answer: Answer | None = None
        self._content = QWidget()
        self._lay_out()
        fill_bare(self, self._content)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._content.installEventFilter(self)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self._content)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(0)
        parts: tuple[QWidget, ...] = (
            self.symbol_line,
            self.form,
            self.sizing,
            self.effect,
            self.verdict,
            self.offer,
            self.question,
        )
        for widget in parts:
            column.addWidget(widget)
        foot = QVBoxLayout()
        foot.setContentsMargins(PAD, 6, PAD, 0)
        foot.setSpacing(1)
        foot.addWidget(self.button)
        foot.addWidget(self.cost)
        foot.addWidget(self.tip)
        column.addLayout(foot)
        column.addWidget(self.answer)
        column.addStretch(1)

    def sizeHint(self) -> QSize:
        return QSize(360, 548)

    def show_symbol(self, symbol: str, instrument: Instrument | None) -> None:
        """Show another symbol; its market is not known yet."""
        self.symbol_line.set_symbol(symbol, instrument.name if instrument is not None else "")

    def show_quote(self, quote: Quote | None) -> None:
        """Show the market."""
        if quote is not None:
            self.symbol_line.set_market(quote.bid, quote.ask)
            self.form.set_quote(quote)

    def say(self, answer: Answer | None) -> None:
        """Know what became of the last decision, for the next `show_state`; None takes it away."""
        self._answer = answer

    def drop_refusal(self) -> None:
        """Take a refusal by the rules away: the order is another one now."""
        if self._was_refused:
            self._answer = None

    @property
    def _was_refused(self) -> bool:
        return self._answer is not None and self._answer.verdict is not None

    def take(self, offer: Offer) -> None:
        """Fill an offer in; nothing is sent."""
        pairs = ((self.form.qty, offer.qty), (self.form.price, offer.price), (self.form.stop, offer.stop))
        filled = [(field, text) for field, text in pairs if text]
        for field, text in filled:
            field.setText(text)
        if filled:
            filled[0][0].setFocus(Qt.FocusReason.TabFocusReason)

    def show_state(self, state: TicketState, tip: str) -> None:
        """Show a state, in every part."""
        verdict = state.verdict
        breaches = words.by_severity(verdict) if verdict is not None and state.is_refused else []
        self.form.set_open(not state.is_halted)
        self.sizing.set_open(is_open=not state.is_halted)
        self.form.show_refusals(breaches)
        at_symbol = [each.text for each in breaches if each.field is TicketField.SYMBOL]
        self.symbol_line.set_refused(at_symbol[0] if at_symbol else "")
        self.form.value.set_figure(
            order_value(verdict) if verdict is not None and state.is_current else fmt.UNKNOWN
        )
        self.form.value.setVisible(not state.is_refused)  # the room is the offer's
        effect = verdict.effect if verdict is not None else ()
        self.effect.show_effect(self.form.symbol, effect, has_after=not state.is_halted)
        self._show_verdict(state, verdict)
        self._show_answer(state)
        self.offer.show_offers(offers(verdict.nearest) if verdict is not None and state.is_refused else [])
        is_asking = bool(state.soft_rules) and not state.is_halted
        size = number_of(self.form.qty.text().strip().removeprefix("$"))  # an amount is typed again too
        self.question.ask(size if is_asking else None)
        self.tip.setText(tip)
        self.tip.setVisible(bool(tip) and not state.is_halted)
        self.show_button(state)

    def _show_verdict(self, state: TicketState, verdict: Verdict | None) -> None:
        if state.is_halted:
            self.verdict.say(Mark.STOP, "Halted: nothing can be sent", _HALTED)
        elif not self.form.symbol:
            self.verdict.say(None, "")
        elif state.has_ended:
            self.verdict.say(
                Mark.STOP, "That order has ended", "It cannot be changed. Esc clears the ticket."
            )
        elif verdict is not None:
            self.verdict.show_verdict(verdict, self.form.symbol, was_sent=self._was_refused)
        elif state.failure:
            self.verdict.say(Mark.QUESTION, "Not judged", state.failure)
        else:
            self.verdict.say(None, "Judging")

    def _show_answer(self, state: TicketState) -> None:
        answer = self._answer
        if answer is None or (self._was_refused and state.is_refused):  # the verdict says it all
            self.answer.say(None, "")
        else:
            self.answer.say(answer.mark, answer.title, answer.sentence)

    def show_button(self, state: TicketState) -> None:
        """Show what the button does now, and what that may cost."""
        draft, verdict = self.form.draft(), state.verdict
        is_idle = not (state.is_sending or state.is_halted)
        self.button.set_dress(dress_of(draft.side))
        self.button.setText(state.button_words(draft, self.form.qty.number()))
        self.button.set_key(_KEY if is_idle else "")
        is_answered = not state.soft_rules or self.question.is_answered
        is_ready = is_idle and bool(self.form.symbol) and not state.has_ended
        self.button.setEnabled(is_ready and is_answered)
        self.button.setVisible(not state.is_refused or state.is_sending)
        cost = "Resume needs an administrator and a reason." if state.is_halted else ""
        if is_idle and verdict is not None and not state.is_refused:
            # The button names what is typed now; a cost of what was typed before must not stand below it.
            cost = words.cost_words(verdict, draft.side) if state.is_current else fmt.UNKNOWN
        self.cost.set_text(cost)
        self.cost.setVisible(bool(cost))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._content and event.type() is QEvent.Type.LayoutRequest:
            QTimer.singleShot(0, self, self._fold)
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold()

    def _fold(self) -> None:
        layout, room = self._content.layout(), self.viewport()
        if layout is None:
            return
        needed = layout.totalMinimumSize().height()
        if layout.hasHeightForWidth():
            needed = max(needed, layout.totalHeightForWidth(room.width()))
        # What was folded before counts as if it were not: the effect goes first, then the size.
        needed += self.effect.spare if self.effect.is_folded else 0
        needed += self.sizing.spare if self.sizing.is_folded else 0
        self.effect.set_folded(needed > room.height())
        self.sizing.set_folded(needed - self.effect.spare > room.height())
