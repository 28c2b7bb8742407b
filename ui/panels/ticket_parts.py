"""The ticket's small parts: the symbol's line, a field under its label, the send button, before and after."""

from collections.abc import Sequence
from decimal import Decimal

from PySide6.QtCore import QSize
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QSizePolicy, QVBoxLayout, QWidget

from core.domain.risk import EffectLine, EffectName, Unit
from ui import format as fmt
from ui.models.columns import Ink, Mark
from ui.models.flash import seconds
from ui.panels.lines import Glyph, Line, Lines, Span
from ui.panels.risk_words import effect_figure, effect_name
from ui.theme.fonts import MEDIUM, REGULAR, SEMIBOLD
from ui.theme.tokens import tokens
from ui.widgets.buttons import Button, Dress
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.glyphs import draw_mark

NOW, AFTER = -104, -12  # right edges of the two figures
PAD = 12
_FOLDED = 3


class SymbolLine(QWidget):
    """Symbol, name, and the market: the name gives way first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._symbol, self._name, self._market, self._refused = "", "", "", ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def refused(self) -> str:
        """Why the symbol was refused; empty if it was not."""
        return self._refused

    @property
    def market(self) -> str:
        """Bid and ask as they are shown."""
        return self._market

    def set_symbol(self, symbol: str, name: str) -> None:
        """Show another symbol, its market still unknown."""
        self._symbol, self._name, self._market, self._refused = symbol, name, "", ""
        self._tell()

    def set_market(self, bid: Decimal | None, ask: Decimal | None) -> None:
        """Show bid and ask."""
        shown = fmt.bid_ask(bid, ask)
        if shown != self._market:
            self._market = shown
            self._tell()

    def set_refused(self, reason: str) -> None:
        """Put a stop sign beside the symbol, with the reason; an empty reason takes it away."""
        if reason != self._refused:
            self._refused = reason
            self.setToolTip(reason)
            self._tell()

    def _tell(self) -> None:
        self.setAccessibleName(f"{self._symbol} {self._name}, bid and ask {self._market}")
        self.setAccessibleDescription(self._refused)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 32)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look, high = QPainter(self), tokens(), self.height()
        x, right = float(PAD), float(self.width() - PAD)
        if not self._symbol:
            draw_text(painter, x, 0, high, "No symbol; press / to choose one", 12, REGULAR, look.text3)
            painter.end()
            return
        if self._market:
            right -= text_width(self._market, 13, MEDIUM)
            draw_text(painter, right, 0, high, self._market, 13, MEDIUM, look.text1)
            right -= 8 + text_width("bid × ask", 11)
            draw_text(painter, right, 0, high, "bid × ask", 11, REGULAR, look.text3)
        x += draw_text(painter, x, 0, high, self._symbol, 16, SEMIBOLD, look.text1) + 8
        if self._refused:
            draw_mark(painter, Mark.STOP, x + 6, high / 2, look, size=12)
            x += 20
        if text_width(self._name, 12) <= right - x - 8:
            draw_text(painter, x, 0, high, self._name, 12, REGULAR, look.text3)
        painter.end()


class FieldCell(QWidget):
    """A field under its label; what was refused has a stop sign beside it, and why where there is room."""

    LABEL = 16

    def __init__(self, label: str, field: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label, self._refused = label, ""
        self.field = field
        column = QVBoxLayout(self)
        column.setContentsMargins(0, self.LABEL, 0, 0)
        column.setSpacing(0)
        column.addWidget(field)

    @property
    def refused(self) -> str:
        """Why the field was refused; empty if it was not."""
        return self._refused

    def set_refused(self, reason: str) -> None:
        """Show why the field was refused; an empty reason takes it away."""
        if reason == self._refused:
            return
        self._refused = reason
        self.setToolTip(reason)
        self.field.setAccessibleDescription(reason)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        x = draw_text(painter, 0, 0, self.LABEL - 2, self._label, 11, REGULAR, look.text3)
        if self._refused:
            draw_mark(painter, Mark.STOP, x + 11, self.LABEL // 2 - 1, look, size=9)
            if text_width(self._refused, 11) <= self.width() - x - 20:  # in full, or only with the verdict
                draw_text(painter, x + 20, 0, self.LABEL - 2, self._refused, 11, REGULAR, look.text1)
        painter.end()


class FigureCell(QWidget):
    """A figure beside its label, on one low line; it takes no input."""

    def __init__(self, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label, self._figure = label, fmt.UNKNOWN
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def figure(self) -> str:
        """The figure as it is shown."""
        return self._figure

    def set_figure(self, figure: str) -> None:
        """Show another figure."""
        self._figure = figure
        self.setAccessibleName(f"{self._label}: {figure}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(162, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        draw_text(painter, 0, 0, self.height(), self._label, 11, REGULAR, look.text3)
        right = self.width() - text_width(self._figure, 13, MEDIUM)
        draw_text(painter, right, 0, self.height(), self._figure, 13, MEDIUM, look.text2)
        painter.end()


class SendButton(Button):
    """A button on which a double or triple click is one click."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Buy", Dress.BUY, key="Ctrl+Enter", height=36, parent=parent)
        self._pressed_at: float | None = None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        now, before = seconds(), self._pressed_at
        self._pressed_at = now
        if before is not None and (now - before) * 1000 < QApplication.doubleClickInterval():
            event.accept()
            return
        super().mousePressEvent(event)


class EffectTable(Lines):
    """Before and after; it folds to three rows where there is less height."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Effect", parent)
        self._symbol, self._is_folded, self._has_after = "", False, True
        self._effect: tuple[EffectLine, ...] = ()

    def show_effect(self, symbol: str, effect: Sequence[EffectLine], *, has_after: bool = True) -> None:
        """Show the lines of a verdict; without any, dashes."""
        unknown = tuple(EffectLine(name, Unit.DOLLARS, None, None) for name in EffectName)
        self._symbol, self._effect, self._has_after = symbol, tuple(effect) or unknown, has_after
        self._fill()

    def set_folded(self, is_folded: bool) -> None:
        """Show three rows, or all."""
        if is_folded != self._is_folded:
            self._is_folded = is_folded
            self._fill()

    @property
    def is_folded(self) -> bool:
        """Whether only three rows are shown."""
        return self._is_folded

    @property
    def spare(self) -> int:
        """How many px folding would save, or has saved."""
        return max(0, (len(self._effect) - _FOLDED) * 20)

    def _fill(self) -> None:
        head = Line(
            (
                Span("Effect", PAD, ink=Ink.TEXT3, size=11),
                Span("Now", NOW, right=True, ink=Ink.TEXT3, size=11),
                Span("After", AFTER, right=True, ink=Ink.TEXT3, size=11),
            ),
            height=24,
            is_ruled=True,
        )
        shown = _most_telling(self._effect) if self._is_folded else self._effect
        self.set_lines([head, *(self._row(each) for each in shown), Line(height=8)])

    def _row(self, line: EffectLine) -> Line:
        after = effect_figure(line, line.after) if self._has_after else fmt.UNKNOWN
        glyphs: tuple[Glyph, ...] = ()
        if line.breached and self._has_after:
            glyphs = (Glyph(Mark.STOP, AFTER - round(text_width(after, 12, SEMIBOLD)) - 14),)
        return Line(
            (
                Span(effect_name(line.name, self._symbol), PAD, ink=Ink.TEXT2, until=NOW - 64),
                Span(effect_figure(line, line.now), NOW, right=True, ink=Ink.TEXT2),
                Span(after, AFTER, right=True, weight=SEMIBOLD),
            ),
            glyphs,
        )


def _most_telling(effect: Sequence[EffectLine]) -> list[EffectLine]:
    # A line over its limit is never folded away.
    kept = sorted(effect, key=lambda line: not line.breached)[:_FOLDED]
    return [line for line in effect if line in kept]
