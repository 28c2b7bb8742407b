"""A position taken apart: fills, lots, closed pieces and the price, added up again in front of the person."""

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.domain.figures import PriceBasis
from core.domain.messages import PositionMark, PositionProof
from ui import format as fmt
from ui.dialogs.proof_lines import Step, fill_rows, steps, verdict
from ui.dialogs.sheet_dialog import SheetDialog
from ui.models.columns import Mark
from ui.theme.fonts import MEDIUM, REGULAR, SEMIBOLD
from ui.theme.tokens import tokens
from ui.widgets.buttons import Button, Dress
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.glyphs import draw_mark
from ui.widgets.scrolling import scrolled

_WIDTH = 640
_ROW = 22
_MOST_HEIGHT = 460
_FILL_COLUMNS = (("Time", 0), ("Side", 170), ("Qty", 290), ("Price", 400), ("Fee", 500))


class Evidence(QWidget):
    """Paints the fills and the sum."""

    def __init__(self, proof: PositionProof, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fills = fill_rows(proof.fills)
        self._steps = steps(proof)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        words = [f"{step.words} {fmt.pnl(step.value)}" for step in self._steps]
        self.setAccessibleName("; ".join(words))
        self.setFixedHeight(self.sizeHint().height())

    def sizeHint(self) -> QSize:
        return QSize(_WIDTH - 80, _ROW * (len(self._fills) + len(self._steps) + 2))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look, y = QPainter(self), tokens(), 0
        for title, x in _FILL_COLUMNS:
            self._cell(painter, title, x, y, 11, look.text3)
        y += _ROW
        for row in self._fills:
            for text, (_, x) in zip(row, _FILL_COLUMNS, strict=True):
                self._cell(painter, text, x, y, 12, look.text1)
            y += _ROW
        y += _ROW
        for step in self._steps:
            self._step(painter, step, y)
            y += _ROW
        painter.end()

    def _cell(self, painter: QPainter, text: str, x: int, y: int, size: int, ink: QColor) -> None:
        at = x if x < 200 else x - text_width(text, size)
        draw_text(painter, at, y, _ROW, text, size, REGULAR, ink)

    def _step(self, painter: QPainter, step: Step, y: int) -> None:
        look = tokens()
        if step.is_sum:
            painter.fillRect(QRect(0, y, self.width(), 1), look.line)
        weight = SEMIBOLD if step.is_sum else REGULAR
        draw_text(painter, 0, y, _ROW, step.words, 12, weight, look.text1 if step.is_sum else look.text2)
        text, direction = fmt.pnl(step.value), fmt.sign(step.value)
        ink = look.gain if direction > 0 else look.loss if direction < 0 else look.text1
        x = self.width() - text_width(text, 12, weight) - 8
        draw_text(painter, x, y, _ROW, text, 12, weight, ink)


class Finding(QWidget):
    """The verdict, with a check or a stop sign."""

    def __init__(self, holds: bool, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._holds, self._words = holds, words
        self.setFixedHeight(24)
        self.setAccessibleName(words)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        draw_mark(painter, Mark.CHECK if self._holds else Mark.STOP, 6, 12, look)
        draw_text(painter, 20, 0, 24, self._words, 13, MEDIUM, look.text1)
        painter.end()


def _price_words(proof: PositionProof) -> str:
    used = proof.priced
    if used is None or used.basis is PriceBasis.LIVE:
        return fmt.price(proof.last)
    day = "the last market day" if used.at is None else fmt.day(used.at)
    return f"{fmt.price(proof.last)}, the close of {day}"


def show_proof(
    window: QWidget, proof: PositionProof, shown: PositionMark | None, holes: Sequence[QWidget] = ()
) -> SheetDialog:
    """Open the sheet; ``shown`` is the row as the table has it now."""
    symbol = proof.position.symbol
    dialog = SheetDialog(
        window, "dialog.proof", f"{symbol}: where the figures come from", width=_WIDTH, holes=holes
    )
    position = proof.position
    held = f"{fmt.qty(position.qty)} shares at {fmt.price(position.avg_px)} on average"
    dialog.add_line(f"{held}, cost {fmt.money(position.cost)}, last {_price_words(proof)}")
    dialog.column.addSpacing(8)
    dialog.column.addWidget(scrolled(Evidence(proof), _MOST_HEIGHT))
    holds, words = verdict(proof, shown)
    dialog.column.addWidget(Finding(holds, words))
    close = Button("Close", Dress.OUTLINE, key="Esc")
    close.clicked.connect(dialog.dismiss)
    dialog.column.addWidget(close)
    dialog.open_sheet(close)
    return dialog
