"""What a ticket is filled in with: text kept exactly as typed, a choice, Buy or Sell. Never a float."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QLineEdit, QMenu, QSizePolicy, QWidget

from core.domain.terms import Side
from ui.models.columns import Mark
from ui.theme.fonts import MEDIUM, REGULAR, SEMIBOLD, font
from ui.theme.tokens import Tokens, density, tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.glyphs import caret, chevron, draw_mark

_RADIUS = 4
_SPIN_ROOM = 26
_PAD = 8
_LARGE_STEP = 10


def paint_field(painter: QPainter, area: QRect, *, focused: bool, refused: bool, enabled: bool) -> None:
    """Paint the ground and the edge of whatever takes input."""
    look = tokens()
    edge = _edge(look, focused=focused, refused=refused, enabled=enabled)
    width = 2 if focused or refused else 1
    inset = width / 2
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(edge, width))
    painter.setBrush(look.surface2 if enabled else look.surface1)
    painter.drawRoundedRect(QRectF(area).adjusted(inset, inset, -inset, -inset), _RADIUS, _RADIUS)
    painter.restore()


def _edge(look: Tokens, *, focused: bool, refused: bool, enabled: bool) -> QColor:
    if not enabled:
        return look.line
    if refused:
        return look.halt
    return look.accent if focused else look.edge


def number_of(text: str) -> Decimal | None:
    """Return the number in a text, None if it is not a finite one."""
    try:
        found = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


class NumberField(QLineEdit):
    """A number as text, kept as typed until the desk judges it. Up and down step by a tick, with Shift ten.

    Attributes:
        stepped: an arrow, the wheel or a spin control changed the text; ``textEdited`` tells of typing.
    """

    stepped = Signal(str)

    def __init__(self, name: str, unit: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._unit = unit
        self._tick = Decimal(1)
        self._least = Decimal(0)
        self._refused = ""
        self.setAccessibleName(f"{name}, {unit}" if unit else name)
        self.setProperty("bare", True)
        self.setFrame(False)
        self.setFont(font(13, MEDIUM))
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setMaxLength(40)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._set_margins()

    def set_tick(self, tick: Decimal, least: Decimal = Decimal(0)) -> None:
        """Step by ``tick``, and not below ``least``; typing is not limited by either."""
        self._tick, self._least = tick, least

    def set_refused(self, reason: str) -> None:
        """Give the field the edge of a refusal, and its reason; an empty reason takes both away."""
        self._refused = reason
        self.setToolTip(reason)
        self.setAccessibleDescription(reason)
        self.update()

    @property
    def refused(self) -> str:
        """Why the field's value was refused; empty if it was not."""
        return self._refused

    def number(self) -> Decimal | None:
        """Return the number that was typed, None if it is not a finite one."""
        return number_of(self.text())

    def step(self, ticks: int) -> None:
        """Move by whole ticks, onto a multiple of the tick; an empty field starts at the least value."""
        number = self.number()
        if number is None:
            if self.text().strip():
                return
            number = self._least
        whole, rest = divmod(number, self._tick)
        units = whole + (1 if rest and ticks < 0 else 0) + ticks
        moved = max(self._least, units * self._tick)
        decimals = -min(0, int(self._tick.as_tuple().exponent))
        self.setText(f"{moved:.{decimals}f}")
        self.stepped.emit(self.text())

    def _set_margins(self) -> None:
        left = _PAD if not self._unit else _PAD + round(text_width(self._unit, 11)) + 8
        self.setTextMargins(left, 0, _SPIN_ROOM - 2, 0)

    def sizeHint(self) -> QSize:
        return QSize(162, density().field)

    def minimumSizeHint(self) -> QSize:
        return QSize(96, density().field)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        direction = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
        large = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        other = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
        if direction and not other:
            self.step(direction * (_LARGE_STEP if large else 1))
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self.hasFocus():  # scrolling past a field must not change an order
            event.ignore()
            return
        turned = event.angleDelta().y()
        if turned:
            self.step(1 if turned > 0 else -1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.position().x() >= self.width() - _SPIN_ROOM and self.isEnabled():
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.step(1 if event.position().y() < self.height() / 2 else -1)
            return
        super().mousePressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.selectAll()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        paint_field(
            painter,
            self.rect(),
            focused=self.hasFocus(),
            refused=bool(self._refused),
            enabled=self.isEnabled(),
        )
        if self._unit:
            draw_text(painter, _PAD, 1, self.height(), self._unit, 11, REGULAR, look.text3)
        ink = look.text2 if self.isEnabled() else look.text3
        x, middle = self.width() - 12.5, self.height() / 2
        caret(painter, x, middle - 5, ink, up=True, size=6)
        caret(painter, x, middle + 5, ink, up=False, size=6)
        painter.end()
        super().paintEvent(event)


class ChoiceField(QWidget):
    """One of a few words. Up and down change it at once; Space or a click opens the list.

    Attributes:
        chosen: the number of the choice, when the person changed it.
    """

    chosen = Signal(int)

    def __init__(self, name: str, choices: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._choices = list(choices)
        self._current = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_current(0)

    def current(self) -> int:
        """Return the number of the choice."""
        return self._current

    def set_choices(self, choices: Sequence[str]) -> None:
        """Offer other words; the first of them is chosen, unless they are the same. Nothing is announced."""
        if list(choices) != self._choices:
            self._choices = list(choices)
            self.set_current(0)

    def set_current(self, number: int) -> None:
        """Show a choice; nothing is announced."""
        self._current = number
        self.setAccessibleName(f"{self._name}: {self._choices[number]}")
        self.update()

    def _choose(self, number: int) -> None:
        if 0 <= number < len(self._choices) and number != self._current:
            self.set_current(number)
            self.chosen.emit(number)

    def open_list(self) -> None:
        """Show all choices under the field."""
        menu = QMenu(self)
        menu.setMinimumWidth(self.width())
        for number, text in enumerate(self._choices):
            action = menu.addAction(text)
            action.triggered.connect(lambda _=False, n=number: self._choose(n))
        menu.popup(self.mapToGlobal(self.rect().bottomLeft()))

    def sizeHint(self) -> QSize:
        return QSize(162, density().field)

    def minimumSizeHint(self) -> QSize:
        return QSize(72, density().field)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {Qt.Key.Key_Up: self._current - 1, Qt.Key.Key_Down: self._current + 1}
        if event.key() in moves and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self._choose(moves[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Space:
            self.open_list()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.open_list()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        paint_field(painter, self.rect(), focused=self.hasFocus(), refused=False, enabled=self.isEnabled())
        ink = look.text1 if self.isEnabled() else look.text3
        draw_text(painter, _PAD, 0, self.height(), self._choices[self._current], 13, REGULAR, ink)
        mark = look.text2 if self.isEnabled() else look.text3
        chevron(painter, self.width() - 12, self.height() / 2, mark, size=7)
        painter.end()


class SideField(QWidget):
    """Buy or Sell, each half with its key; the chosen half is filled.

    Attributes:
        chosen: the side, when the person changed it.
    """

    chosen = Signal(Side)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._side = Side.BUY
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_side(Side.BUY)

    def side(self) -> Side:
        """Return the chosen side."""
        return self._side

    def set_side(self, side: Side) -> None:
        """Show a side; nothing is announced."""
        self._side = side
        self.setAccessibleName(f"Side: {'Buy' if side is Side.BUY else 'Sell'}")
        self.update()

    def _choose(self, side: Side) -> None:
        if side is not self._side:
            self.set_side(side)
            self.chosen.emit(side)

    def sizeHint(self) -> QSize:
        return QSize(200, density().field)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        sides = {
            Qt.Key.Key_Left: Side.BUY,
            Qt.Key.Key_B: Side.BUY,
            Qt.Key.Key_Right: Side.SELL,
            Qt.Key.Key_S: Side.SELL,
            Qt.Key.Key_Space: self._side.opposite,
        }
        side = sides.get(Qt.Key(event.key()))
        if side is not None and not event.modifiers() and not event.isAutoRepeat():
            self._choose(side)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._choose(Side.BUY if event.position().x() < self.width() / 2 else Side.SELL)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        paint_field(painter, self.rect(), focused=False, refused=False, enabled=self.isEnabled())
        self._half(painter, look, Side.BUY, "Buy", "B", QRect(0, 0, self.width() // 2, self.height()))
        rest = QRect(self.width() // 2, 0, self.width() - self.width() // 2, self.height())
        self._half(painter, look, Side.SELL, "Sell", "S", rest)
        if self.hasFocus():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(look.accent, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), _RADIUS, _RADIUS)
        painter.end()

    def _half(self, painter: QPainter, look: Tokens, side: Side, text: str, key: str, area: QRect) -> None:
        is_chosen, is_buy = side is self._side, side is Side.BUY
        if is_chosen:
            fill = (look.gain_fill if is_buy else look.loss_fill) if self.isEnabled() else look.surface3
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            painter.drawRoundedRect(area, _RADIUS, _RADIUS)
            painter.restore()
        live = is_chosen and self.isEnabled()
        ink = look.on_fill if live else look.text2 if self.isEnabled() else look.text3
        weight = SEMIBOLD if is_chosen else REGULAR
        arrow = 12 if live else 0
        words = text_width(text, 12, weight)
        x = area.center().x() - (arrow + words + 9 + text_width(key, 11)) / 2
        if arrow:
            mark = Mark.UP if is_buy else Mark.DOWN
            draw_mark(painter, mark, x + 4, area.center().y() + 0.5, look, size=8, colour=look.on_fill)
        x = round(x + arrow)
        draw_text(painter, x, 0, self.height(), text, 12, weight, ink)
        key_ink = look.on_fill if live else look.text3
        draw_text(painter, x + words + 9, 0, self.height(), key, 11, REGULAR, key_ink)
