"""The kill switch: one question, then what the broker has confirmed, until all of it is or is named."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from core.domain.messages import KillProgressed, KillReport, KillStage, Latest
from ui import format as fmt
from ui.dialogs.sheet_dialog import SheetDialog
from ui.models.columns import Ink
from ui.widgets.buttons import Button, Dress

_WIDTH = 520
_MOST_NAMED = 3
_STAGES = {
    KillStage.CANCELLING: "Cancelling.",
    KillStage.FLATTENING: "Closing what is held.",
    KillStage.DONE: "Done.",
}


class KillSheet(SheetDialog):
    """Asks which of the two is meant; then stays and counts. Closing it stops nothing.

    Args:
        window: lies below it.
        orders: how many orders work.
        held: how many positions are held.
        agreed: takes whether the positions are to be closed too.
    """

    def __init__(self, window: QWidget, orders: int, held: int, agreed: Callable[[bool], object]) -> None:
        super().__init__(window, "dialog.kill", "Halt and cancel everything?", width=_WIDTH)
        self._agreed = agreed
        self._question = self.add_words(
            "Trading halts at once, and "
            f"{_count(orders, 'working order is', 'working orders are')} cancelled."
            f" {_count(held, 'position is', 'positions are')} held: they stay, or are closed by market orders"
            " of ours once the cancels are confirmed."
        )
        self.state = self.add_line(" ", Ink.TEXT1)
        self.detail = self.add_line(" ")
        self.rest = self.add_line(" ")
        for line in (self.state, self.detail, self.rest):
            line.hide()  # until there is something to tell
        self.cancel = Button("Halt and cancel", Dress.HALT_FILL, key="C")
        self.flatten = Button("Halt, cancel and close all", Dress.HALT_FILL, key="F")
        self.no = Button("Go back", Dress.OUTLINE, key="Esc")
        grid = QGridLayout()
        grid.setSpacing(8)
        for number, button in enumerate((self.no, self.cancel, self.flatten)):
            grid.addWidget(button, 0, number)
        self.column.addSpacing(8)
        self.column.addLayout(grid)
        self.no.clicked.connect(self.dismiss)
        self.cancel.clicked.connect(lambda _=False: self._agree(flatten=False))
        self.flatten.clicked.connect(lambda _=False: self._agree(flatten=True))
        self.flatten.setVisible(held > 0)
        self._is_asked = True

    def open_question(self) -> None:
        """Show it; "no" has the focus, so that Enter held down does nothing."""
        self.open_sheet(self.no)
        self.no.setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_answer = self._is_asked and not event.modifiers() and not event.isAutoRepeat()
        if is_answer and event.key() == Qt.Key.Key_C:
            self._agree(flatten=False)
        elif is_answer and event.key() == Qt.Key.Key_F and self.flatten.isVisible():
            self._agree(flatten=True)
        super().keyPressEvent(event)

    def _agree(self, *, flatten: bool) -> None:
        self._is_asked = False
        self.heading.set_text("Trading is being halted")
        self._question.hide()
        self.cancel.hide()
        self.flatten.hide()
        self.no.setText("Close")
        for line in (self.state, self.detail, self.rest):
            line.show()
        self.state.set_text("Halting.")
        self._agreed(flatten)
        self.refit()

    def take(self, event: Latest) -> None:
        """Follow the kill switch among all events of its lane."""
        if isinstance(event, KillProgressed):
            self.show_report(event.report)

    def show_report(self, report: KillReport) -> None:
        """Show how far it has come; what the broker has not confirmed is named."""
        self.state.set_text(
            _STAGES[report.stage] if report.recorded else f"{_STAGES[report.stage]} {_UNWRITTEN}"
        )
        self.heading.set_text("Trading is halted")
        self.detail.set_text(_done(report))
        self.rest.set_text(_rest(report) or " ")
        self.refit()

    def show_failure(self, words: str) -> None:
        """Say that the core did not take it."""
        self.heading.set_text("Nothing was halted")
        self.state.set_text("It was not carried out.")
        self.detail.set_text(words)
        self.refit()


_UNWRITTEN = "The database did not take the record; it is in the emergency file."


def _done(report: KillReport) -> str:
    cancels = "No order of ours worked."
    if report.total:
        cancels = f"{report.confirmed} of {report.total} cancels confirmed by the broker."
    closed = len(report.closing)
    return f"{cancels} {_count(closed, 'closing order', 'closing orders')} sent." if closed else cancels


def _rest(report: KillReport) -> str:
    said = []
    if report.unconfirmed:
        said.append(f"not confirmed: {_named(report.unconfirmed)}")
    if report.held:
        said.append("still held: " + ", ".join(f"{fmt.qty(qty)} {symbol}" for symbol, qty in report.held))
    if report.foreign:
        words = _count(len(report.foreign), "order of another program works", "orders of other programs work")
        said.append(f"{words} on")
    said.extend(report.failures)
    if not said:
        return "All of it is confirmed." if report.is_proven else ""
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def _named(ids: Sequence[str]) -> str:
    shown = ", ".join(each[:12] for each in ids[:_MOST_NAMED])
    more = len(ids) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
