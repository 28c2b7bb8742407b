"""The breakers one by one: what each measures, what tripped it, who has acknowledged it, and the history."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QScrollArea, QWidget

from core.domain.breakers import BreakerBoard, BreakerRecord, BreakerStanding, BreakerState
from ui import format as fmt
from ui.dialogs.sheet_dialog import PAD, SheetDialog
from ui.models.columns import Ink, Mark
from ui.panels import breaker_words as words
from ui.panels.lines import Bar, Glyph, Line, Lines, Span
from ui.panels.risk_words import share_of
from ui.theme.fonts import MEDIUM, SEMIBOLD, font
from ui.widgets.buttons import Button, Dress
from ui.widgets.fields import ChoiceField
from ui.widgets.scrolling import fill_bare

_WIDTH = 720
_MOST_HEIGHT = 180
_STATE, _BAR, _FIGURE, _EFFECT = 190, (330, 410), 522, 540
_NAME = 18
_LONGEST = 200

Acknowledge = Callable[[BreakerStanding, str], object]


class BreakerSheet(SheetDialog):
    """Shows the board; one that tripped is acknowledged with a reason, which an administrator may do."""

    def __init__(
        self, window: QWidget, acknowledge: Acknowledge, *, may: bool, holes: Sequence[QWidget] = ()
    ) -> None:
        super().__init__(window, "dialog.breakers", "Circuit breakers", width=_WIDTH, holes=holes)
        self._acknowledge, self._may = acknowledge, may
        self._down: list[BreakerStanding] = []
        self.add_words(
            "A breaker that has tripped stays tripped, over restarts and changed limits, until an"
            " administrator acknowledges it. Exits and cancels always pass."
        )
        self.table = Lines("Breakers")
        self.column.addWidget(self.table)
        self.choice = ChoiceField("Breaker to acknowledge", [""])
        self.reason = QLineEdit()
        self.reason.setFont(font(12))
        self.reason.setMaxLength(_LONGEST)
        self.reason.setPlaceholderText("What was found, and why it is safe to arm it again")
        self.reason.setAccessibleName("Reason")
        self.yes = Button("Acknowledge", Dress.NEUTRAL, key="Enter")
        self.said = self.add_line(" ", Ink.TEXT1)
        self._add_question()
        self.add_line("History", Ink.TEXT3)
        self.history = Lines("History")
        self._add_history()
        self.close_button = Button("Close", Dress.OUTLINE, key="Esc")
        self.close_button.clicked.connect(self.dismiss)
        self.column.addSpacing(4)
        self.column.addWidget(self.close_button)

    def _add_question(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.choice, 2)
        row.addWidget(self.reason, 4)
        row.addWidget(self.yes, 1)
        self.column.addLayout(row)
        self.reason.returnPressed.connect(self.take)
        self.yes.clicked.connect(self.take)

    def _add_history(self) -> None:
        self.area = QScrollArea()
        fill_bare(self.area, self.history)
        self.column.addWidget(self.area)

    def show_board(self, board: BreakerBoard) -> None:
        """Show how they stand; what was typed stays."""
        self._down = words.tripped(board.standings)
        self.table.set_lines([_head(), *(_row(each) for each in board.standings)])
        self.history.set_lines([_step(each) for each in board.history] or [_empty()])
        height = sum(line.height for line in self.history.lines)
        self.area.setFixedHeight(min(_MOST_HEIGHT, height + 4))
        self.choice.set_choices([words.name_of(each.name, each.source) for each in self._down] or [""])
        for widget in (self.choice, self.reason, self.yes):
            widget.setVisible(bool(self._down) and self._may)
        if self._down and not self._may:
            self.say("Acknowledging needs the role admin.")
        self.refit()

    def open_board(self, board: BreakerBoard) -> None:
        """Show it, with the cursor where a reason is wanted."""
        self.show_board(board)
        self.open_sheet(self.reason if self._down and self._may else self.close_button)

    def take(self) -> None:
        """Acknowledge the chosen one."""
        at = self.choice.current()
        if self._down and self._may and at < len(self._down):
            self._acknowledge(self._down[at], self.reason.text().strip())

    def acknowledged(self, record: BreakerRecord) -> None:
        """Say that it was taken."""
        self.reason.clear()
        self.say(f"{words.name_of(record.name, record.source)} is acknowledged; trading is resumed apart.")

    def say(self, text: str) -> None:
        """Say what became of it."""
        self.said.set_text(text or " ")


def _head() -> Line:
    titles = (("Breaker", _NAME, False), ("State", _STATE, False), ("Now", _FIGURE, True))
    spans = [Span(text, at, right=right, ink=Ink.TEXT3, size=11) for text, at, right in titles]
    return Line((*spans, Span("A trip", _EFFECT, ink=Ink.TEXT3, size=11)), height=24)


def _row(each: BreakerStanding) -> Line:
    is_down = each.state is BreakerState.TRIPPED
    spans = (
        Span(words.name_of(each.name, each.source), _NAME, weight=SEMIBOLD if is_down else MEDIUM),
        Span(words.STATES[each.state], _STATE, ink=Ink.TEXT1 if is_down else Ink.TEXT2),
        Span(words.figure(each), _FIGURE, right=True),
        Span(words.EFFECTS[each.effect], _EFFECT, ink=Ink.TEXT2),
    )
    share = share_of(each.figure, each.limit)
    bars = (Bar(*_BAR, share),) if share is not None and not is_down else ()
    return Line(spans, (Glyph(Mark.STOP, 7),) if is_down else (), bars)


def _step(record: BreakerRecord) -> Line:
    marks = {BreakerState.TRIPPED: Mark.STOP, BreakerState.ACKNOWLEDGED: Mark.CHECK}
    mark = marks.get(record.state)
    return Line(
        (
            Span(fmt.date_time(record.at), _NAME, ink=Ink.TEXT2),
            Span(words.name_of(record.name, record.source), 150, until=290),
            Span(words.step_words(record), 296, ink=Ink.TEXT2, until=_WIDTH - 2 * PAD - 8),
        ),
        () if mark is None else (Glyph(mark, 7),),
    )


def _empty() -> Line:
    return Line((Span("No breaker has ever tripped.", _NAME, ink=Ink.TEXT3),))
