"""Rows of painted text, glyphs and bars at fixed places: what ticket, risk panel and sheets are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.models.columns import Ink, Mark
from ui.theme.fonts import REGULAR, metrics
from ui.theme.tokens import Tokens, tokens
from ui.widgets.bars import BAR_HEIGHT, NEAR, paint_bar
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.glyphs import chevron, draw_mark

ROW = 20
_ELIDE = Qt.TextElideMode.ElideRight


@dataclass(frozen=True, slots=True)
class Span:
    """One text of a row.

    Attributes:
        at: px from the left edge; negative counts from the right edge.
        right: the text ends at `at` instead of beginning there.
        until: where a left-bound text is cut, counted like `at`; 0 is never.
    """

    text: str
    at: int
    right: bool = False
    ink: Ink = Ink.TEXT1
    weight: int = REGULAR
    size: int = 12
    until: int = 0


@dataclass(frozen=True, slots=True)
class Glyph:
    """A state glyph, its middle at `at`."""

    mark: Mark
    at: int
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of 4 px between two places; above 90 % it warns.

    Attributes:
        after: the share that it would come to; None where nothing would change it.
    """

    left: int
    right: int
    share: float
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One row.

    Attributes:
        is_ruled: a hairline above it.
        chevron_at: where it shows that it can be unfolded; 0 is nowhere.
        is_unfolded: whether it is.
    """

    spans: tuple[Span, ...] = ()
    glyphs: tuple[Glyph, ...] = ()
    bars: tuple[Bar, ...] = ()
    height: int = ROW
    is_ruled: bool = False
    chevron_at: int = 0
    is_unfolded: bool = False


class Lines(QWidget):
    """Shows rows; an equal set of rows is not painted again."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._lines: tuple[Line, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The rows on the screen."""
        return self._lines

    def texts(self) -> list[list[str]]:
        """Return the words of each row."""
        return [[span.text for span in line.spans] for line in self._lines]

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Show other rows."""
        if tuple(lines) == self._lines:
            return
        is_taller = sum(line.height for line in lines) != self.sizeHint().height()
        self._lines = tuple(lines)
        words = "; ".join(", ".join(each) for each in self.texts())
        self.setAccessibleName(f"{self._name}: {words}")
        if is_taller:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, sum(line.height for line in self._lines))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _x(self, at: int) -> int:
        return at if at >= 0 else self.width() + at

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look, top = QPainter(self), tokens(), 0
        for line in self._lines:
            if line.is_ruled:
                painter.fillRect(QRect(0, top, self.width(), 1), look.line)
            self._paint_line(painter, look, line, top)
            top += line.height
        painter.end()

    def _paint_line(self, painter: QPainter, look: Tokens, line: Line, top: int) -> None:
        middle = top + line.height // 2
        for bar in line.bars:
            left = self._x(bar.left)
            track = QRect(left, middle - BAR_HEIGHT // 2, self._x(bar.right) - left, BAR_HEIGHT)
            paint_bar(painter, track, bar.share, bar.share > NEAR, look, bar.after)
        for glyph in line.glyphs:
            draw_mark(painter, glyph.mark, self._x(glyph.at), middle, look, size=glyph.size)
        if line.chevron_at:
            place = (self._x(line.chevron_at), middle + 1)
            chevron(painter, *place, look.text2, down=line.is_unfolded, size=7)
        for span in line.spans:
            self._paint_span(painter, look.colour(span.ink.value), span, (top, line.height))

    def _paint_span(self, painter: QPainter, ink: QColor, span: Span, place: tuple[int, int]) -> None:
        text, x = span.text, float(self._x(span.at))
        if span.right:
            x -= text_width(text, span.size, span.weight)
        elif span.until:
            room = self._x(span.until) - x
            if text_width(text, span.size, span.weight) > room:
                text = metrics(span.size, span.weight).elidedText(text, _ELIDE, max(0, room))
        draw_text(painter, x, *place, text, span.size, span.weight, ink)
