"""The risk panel's parts: the block of a halt, the table of limits, the question before resuming."""

from decimal import Decimal

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLineEdit, QSizePolicy, QWidget

from core.domain.access import TradingState
from core.domain.messages import AccountMark
from core.domain.records import TradingStateRecord
from core.domain.risk import EffectName, LimitUse, RuleCode, Unit, Verdict
from ui import format as fmt
from ui.models.columns import Ink, Mark
from ui.panels import risk_words as words
from ui.panels.lines import Bar, Glyph, Line, Lines, Span
from ui.theme.fonts import MEDIUM, REGULAR, font
from ui.theme.tokens import tokens
from ui.widgets.bars import NEAR
from ui.widgets.buttons import Button, Dress
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.labels import plain
from ui.widgets.lamps import StateChip

_PAD = 12
_BAR = (117, -171)
_USED, _OF = -127, -69


class StateBlock(QWidget):
    """Says by whom, since when and why trading is stopped or lessened; not there while it is ACTIVE."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._since = ""
        self._is_halted = False
        self.chip = StateChip()
        self.chip.setParent(self)
        self.chip.move(_PAD, 9)
        self.words = plain("", parent=self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hide()

    def show_record(self, record: TradingStateRecord, user: str, working: int) -> None:
        """Show a state, and how many orders still work at the broker."""
        self._is_halted = record.state is TradingState.HALTED
        self._since = f"since {fmt.clock_zone(record.changed_at)}"
        self.chip.set_state(record.state)
        self.chip.resize(self.chip.sizeHint())
        who = "you" if record.actor == user else record.actor
        reason = f", {record.reason.rstrip('.')}" if record.reason else ""
        orders = (
            "No order works" if not working else f"{working} order{'' if working == 1 else 's'} still work"
        )
        if working == 1:
            orders += "s"
        self.words.setText(f"By {who}{reason}. {orders} at the broker.")
        self.setAccessibleName(f"{fmt.word(record.state)} {self._since}. {self.words.text()}")
        self.setVisible(record.state is not TradingState.ACTIVE)
        self._place()
        self.updateGeometry()
        self.update()

    def _place(self) -> None:
        width = max(80, self.width() - 2 * _PAD)
        self.words.setGeometry(_PAD, 34, width, self.words.heightForWidth(width))

    def sizeHint(self) -> QSize:
        width = max(80, self.width() - 2 * _PAD)
        return QSize(240, 34 + self.words.heightForWidth(width) + 10)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._place()
        self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        painter.fillRect(self.rect(), look.halt_tint if self._is_halted else look.warn_tint)
        x = self.width() - _PAD - text_width(self._since, 11)
        draw_text(painter, x, 8, 22, self._since, 11, REGULAR, look.text2)
        painter.end()


class LimitTable(Lines):
    """Each limit as a bar with what is used, what the ticket would use, the limit, and the room left."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Limits", parent)
        self._account: AccountMark | None = None
        self._verdict: Verdict | None = None
        self._symbol = ""
        self._fill()

    def show_account(self, mark: AccountMark) -> None:
        """Show the limits as they stand; a figure that is not known is a dash."""
        self._account = mark
        self._fill()

    def show_ticket(self, symbol: str, verdict: Verdict | None) -> None:
        """Show what the order on the ticket would come to; None is no order."""
        self._symbol, self._verdict = symbol, verdict
        self._fill()

    def _fill(self) -> None:
        head = Line(
            (
                Span("Limit", _PAD, ink=Ink.TEXT3, size=11),
                Span("Used", _USED, right=True, ink=Ink.TEXT3, size=11),
                Span("of", _OF, right=True, ink=Ink.TEXT3, size=11),
                Span("Room", -_PAD, right=True, ink=Ink.TEXT3, size=11),
            ),
            height=24,
        )
        uses, after = self._used()
        self.set_lines([head, *(_row(use, after.get(use.name)) for use in uses)])

    def _used(self) -> tuple[list[LimitUse], dict[str, Decimal]]:
        mark = self._account
        if mark is None or self._verdict is None:
            return list(mark.uses) if mark is not None else [], {}
        weight, after = ticket_use(self._verdict, self._symbol, mark)
        uses = [each for each in mark.uses if weight is None or each.name != weight.name]
        if weight is not None:
            place = next((n for n, each in enumerate(uses) if each.name == "gross_exposure"), -1)
            uses.insert(place + 1, weight)
        return uses, after


def _row(use: LimitUse, after: Decimal | None) -> Line:
    share, then = words.use_share(use), words.share_of(after, use.limit)
    spans = (
        Span(words.limit_name(use.name), _PAD, ink=Ink.TEXT2, until=_BAR[0] - 18),
        Span(words.figure(use.used, use.unit), _USED, right=True, weight=MEDIUM),
        Span(words.bound(use.limit, use.unit), _OF, right=True, ink=Ink.TEXT2),
        Span(words.figure(use.room, use.room_unit), -_PAD, right=True),
    )
    is_near = max(share or 0.0, then or 0.0) > NEAR
    glyphs = (Glyph(Mark.WARN, _BAR[0] - 10),) if is_near else ()
    bars = (Bar(*_BAR, share, then),) if share is not None else ()
    return Line(spans, glyphs, bars)


def ticket_use(
    verdict: Verdict, symbol: str, mark: AccountMark
) -> tuple[LimitUse | None, dict[str, Decimal]]:
    """Return the weight of the ticket's symbol, and what its order would use of each limit by its name."""
    lines = {line.name: line for line in verdict.effect}
    start = None if mark.account is None else mark.account.start_equity
    after: dict[str, Decimal] = {}
    gross, left = lines.get(EffectName.GROSS_EXPOSURE), lines.get(EffectName.DAILY_LOSS_LEFT)
    if gross is not None and gross.after is not None:
        after["gross_exposure"] = abs(gross.after)
    lost = next((use.used for use in mark.uses if use.name == "daily_loss"), None)
    if left is not None and left.now is not None and left.after is not None and start and lost is not None:
        after["daily_loss"] = lost + (left.now - left.after) * 100 / start
    weight = lines.get(EffectName.WEIGHT)
    limit = next((each.limit for each in verdict.results if each.code is RuleCode.POSITION_LIMIT), None)
    if weight is None or limit is None:
        return None, after
    name = f"weight:{symbol}"
    used = None if weight.now is None else abs(weight.now)
    room = None if used is None or start is None else (limit - used) * start / 100
    if weight.after is not None:
        after[name] = abs(weight.after)
    return LimitUse(name, used, limit, Unit.PERCENT, room), after


class ResumeQuestion(QWidget):
    """The reason for resuming, which is kept in the record. Enter takes it, Esc goes back.

    Attributes:
        given: the reason.
        left: the person went back.
    """

    given = Signal(str)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = QLineEdit()
        self.field.setFont(font(12))
        self.field.setPlaceholderText("Why it is safe to go on")
        self.field.setAccessibleName("Reason for resuming")
        self.field.setMaxLength(200)
        self.resume = Button("Resume", Dress.NEUTRAL, key="Enter")
        self.back = Button("Back", Dress.OUTLINE, key="Esc")
        grid = QGridLayout(self)
        grid.setContentsMargins(_PAD, 4, _PAD, 0)
        grid.setSpacing(8)
        grid.addWidget(self.field, 0, 0, 1, 2)
        grid.addWidget(self.resume, 1, 0)
        grid.addWidget(self.back, 1, 1)
        self.field.returnPressed.connect(self.give)
        self.resume.clicked.connect(lambda _checked=False: self.give())
        self.back.clicked.connect(lambda _checked=False: self.left.emit())
        self.hide()

    def give(self) -> None:
        """Hand the reason over, even an empty one: the desk says what is missing."""
        self.given.emit(self.field.text())

    def open_field(self) -> None:
        """Show it with the cursor in the field."""
        self.show()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)
