"""The editor of the risk parameters and of the target profile, with what waits and how it all came to be."""

from collections.abc import Callable, Sequence
from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QScrollArea, QStackedWidget, QWidget

from core.domain.parameters import ParameterChange, ParameterEdit, RadarAxis, RiskView
from core.errors import Refused
from ui import format as fmt
from ui.dialogs.parameter_form import ParameterForm, TargetForm
from ui.dialogs.sheet_dialog import PAD, SheetDialog
from ui.models.columns import Ink, Mark
from ui.panels import parameter_words as words
from ui.panels.lines import Glyph, Line, Lines, Span
from ui.theme.fonts import font
from ui.widgets.buttons import Button, Dress
from ui.widgets.panel import PanelHead
from ui.widgets.scrolling import fill_bare

_WIDTH, _HIGH = 860, 420
_LONGEST = 500
_TABS = ("Parameters", "Target profile", "History")

Change = Callable[[tuple[ParameterEdit, ...], str], object]
Aim = Callable[[tuple[tuple[RadarAxis, str], ...], str], object]


class ParameterSheet(SheetDialog):
    """Shows what is in force; what is typed stays until it was taken or Esc. Changing needs an administrator.

    Args:
        change: is handed the edits and the reason.
        aim: is handed the axes and the reason.
        may: whether the person may change anything.
    """

    def __init__(
        self, window: QWidget, change: Change, aim: Aim, *, may: bool, holes: Sequence[QWidget] = ()
    ) -> None:
        super().__init__(window, "dialog.risk_parameters", "Risk parameters", width=_WIDTH, holes=holes)
        self._change, self._aim, self._may = change, aim, may
        self.tabs = PanelHead(_TABS)
        self.tabs.tab_chosen.connect(self._show_tab)
        self.form, self.target, self.history = ParameterForm(), TargetForm(), Lines("History")
        self.waiting = Lines("Waiting")
        self.pages = QStackedWidget()
        self.pages.setFixedHeight(_HIGH)
        for page in (self.form, self.target, self.history):
            self.pages.addWidget(_scroll(page))
        self.reason = QLineEdit()
        self.reason.setFont(font(12))
        self.reason.setMaxLength(_LONGEST)
        self.reason.setPlaceholderText("Why; it is kept in the record")
        self.reason.setAccessibleName("Reason")
        self.yes = Button("Change", Dress.NEUTRAL, key="Ctrl+Enter")
        self.no = Button("Close", Dress.OUTLINE, key="Esc")
        self._lay_out()
        for form in (self.form, self.target):
            form.edited.connect(self._on_edited)
        self.reason.textChanged.connect(lambda _: self._on_edited())
        self.yes.clicked.connect(lambda _checked=False: self.take())
        self.no.clicked.connect(self.dismiss)

    def _lay_out(self) -> None:
        self.add_words(
            "What tightens holds at once; what loosens waits a minute first. No change resumes trading"
            " or arms a breaker."
        )
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.reason, 4)
        row.addWidget(self.yes, 1)
        row.addWidget(self.no, 1)
        for widget in (self.tabs, self.pages, self.waiting):
            self.column.addWidget(widget)
        self.said = self.add_line(" ", Ink.TEXT1)
        self.column.addLayout(row)

    def show_view(self, view: RiskView) -> None:
        """Show what is in force now; what was typed and differs stays."""
        self.form.show_limits(view.limits, view.agent_own)
        self.target.show_target(view.target)
        self.waiting.set_lines([_waiting(each) for each in view.pending])
        self.history.set_lines([_past(each) for each in view.history] or [_none()])
        for form in (self.form, self.target):
            form.set_open(is_open=self._may)
        if not self._may:
            self.say("Changing them needs the role admin.")
        self._on_edited()
        self.refit()

    def open_view(self, view: RiskView) -> None:
        """Show it, with the cursor in the first field."""
        self.show_view(view)
        self.open_sheet(self.form.first if self._may else self.no)

    def take(self) -> None:
        """Hand over what differs from what is in force."""
        reason = self.reason.text().strip()
        if not self._may:
            return
        if self.pages.currentIndex() == 1:
            targets = self.target.edits()
            if targets:
                self._aim(targets, reason)
            return
        edits = self.form.edits()
        if edits:
            self._change(edits, reason)

    def taken(self, view: RiskView) -> None:
        """Show what holds after a change."""
        self.form.forget()
        self.target.forget()
        self.reason.clear()
        self.show_view(view)
        count = len(view.pending)
        waits = "" if not count else f" {count} {'waits' if count == 1 else 'wait'} to loosen."
        self.say(f"Changed and recorded.{waits}")

    def refused(self, error: Exception) -> None:
        """Say why nothing was changed, at the field that it is about; what was typed stays."""
        self.say(str(error))
        if not isinstance(error, Refused):
            return
        field = str(error.details.get("field", ""))
        if field == "reason" or not field:
            self.reason.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        forms: tuple[ParameterForm | TargetForm, ...] = (self.form, self.target)
        for number, form in enumerate(forms):
            if form.show_fault(field, str(error.details.get("scope", "")), str(error)):
                self._show_tab(number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.take()
            event.accept()
        else:
            super().keyPressEvent(event)

    def say(self, text: str) -> None:
        """Say what became of it."""
        self.said.set_text(text or " ")

    def _show_tab(self, number: int) -> None:
        self.tabs.set_current(number)
        self.pages.setCurrentIndex(number)
        self._on_edited()

    def _on_edited(self) -> None:
        page = self.pages.currentIndex()
        count = (len(self.form.edits()), len(self.target.edits()), 0)[page]
        self.yes.setText("Change" if not count else f"Change {count}")
        self.yes.setEnabled(bool(count) and self._may)
        for widget in (self.yes, self.reason):
            widget.setVisible(page < 2)


def _scroll(page: QWidget) -> QScrollArea:
    area = QScrollArea()
    fill_bare(area, page)
    if not isinstance(page, Lines):  # fields take the focus themselves; a history is scrolled by keys
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


def _waiting(change: ParameterChange) -> Line:
    at = f"holds from {fmt.clock_zone(change.effective_at)}"
    return _line(words.change_words(change), at, change.effective_at, Mark.CLOCK)


def _past(change: ParameterChange) -> Line:
    return _line(words.change_words(change), f"{change.author}: {change.reason}", change.decided_at, None)


def _line(text: str, note: str, at: datetime, mark: Mark | None) -> Line:
    spans = (
        Span(fmt.date_time(at), 18, ink=Ink.TEXT2),
        Span(text, 150, until=500),
        Span(note, 508, ink=Ink.TEXT2, until=_WIDTH - 2 * PAD - 8),
    )
    return Line(spans, () if mark is None else (Glyph(mark, 7),))


def _none() -> Line:
    return Line((Span("Nothing was ever changed.", 18, ink=Ink.TEXT3),))
