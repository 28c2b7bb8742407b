"""The chart's head row: which symbol, at what price, in which period."""

from decimal import Decimal

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget

from core.domain.market import Timeframe
from ui import format as fmt
from ui.models.columns import Mark
from ui.theme.fonts import MEDIUM, REGULAR, SEMIBOLD
from ui.theme.tokens import density, tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.glyphs import draw_mark

PERIOD_SIZE = QSize(34, 24)
_PAD = 12


class ChartTitle(QWidget):
    """Symbol, name, last price and change; the name gives way first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._symbol, self._name = "", ""
        self._last: Decimal | None = None
        self._change: Decimal | None = None
        self._change_pct: Decimal | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_symbol(self, symbol: str, name: str, exchange: str) -> None:
        self._symbol = symbol
        self._name = ", ".join(part for part in (name, exchange) if part)
        self.set_last(None, None, None)

    def set_last(self, last: Decimal | None, change: Decimal | None, change_pct: Decimal | None) -> None:
        self._last, self._change, self._change_pct = last, change, change_pct
        self.setAccessibleName(f"{self._symbol or 'Chart'} {fmt.price(last)} {fmt.pnl(change)}")
        self.update()

    def minimumSizeHint(self) -> QSize:
        return QSize(120, density().panel_head - 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look, high = QPainter(self), tokens(), self.height()
        if not self._symbol:
            draw_text(painter, _PAD, 0, high, "Chart", 12, SEMIBOLD, look.text2)
            return
        x = _PAD + draw_text(painter, _PAD, 0, high, self._symbol, 16, SEMIBOLD, look.text1) + 10
        figures = self._figures_width()
        room = self.width() - x - figures - 24
        if self._name and text_width(self._name, 12, REGULAR) <= room:
            x += draw_text(painter, x, 0, high, self._name, 12, REGULAR, look.text3) + 20
        self._paint_figures(painter, x, high)

    def _texts(self) -> list[str]:
        if self._change is None:
            return []
        percent = fmt.signed_percent(self._change_pct) if self._change_pct is not None else ""
        return [each for each in (fmt.pnl(self._change, self._decimals()), percent) if each]

    def _decimals(self) -> int:
        # A change has the decimals of its price: four below a dollar.
        return 4 if self._last is not None and abs(self._last) < 1 else 2

    def _figures_width(self) -> float:
        changes = sum(text_width(each, 12, MEDIUM) + 8 for each in self._texts())
        return text_width(fmt.price(self._last), 16, SEMIBOLD) + 24 + changes

    def _paint_figures(self, painter: QPainter, x: float, high: int) -> None:
        look, way = tokens(), fmt.sign(self._change, self._decimals())
        x += draw_text(painter, x, 0, high, fmt.price(self._last), 16, SEMIBOLD, look.text1) + 10
        if way:
            draw_mark(painter, Mark.UP if way > 0 else Mark.DOWN, x + 4, high / 2, look)
            x += 14
        ink = look.gain if way > 0 else look.loss if way < 0 else look.text2
        for each in self._texts():
            if x + text_width(each, 12, MEDIUM) > self.width():
                return
            x += draw_text(painter, x, 0, high, each, 12, MEDIUM, ink) + 8


class ChartHead(QWidget):
    """The title, a button for each period, and the menu of indicators."""

    timeframe_chosen = Signal(str)
    indicator_toggled = Signal(str, bool)

    def __init__(self, indicators: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = ChartTitle(self)
        self._periods = QButtonGroup(self)
        self._periods.setExclusive(True)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 8, 1)
        row.setSpacing(2)
        row.addWidget(self.title, 1)
        self._buttons = {each: self._period_button(index, each) for index, each in enumerate(Timeframe)}
        for button in self._buttons.values():
            row.addWidget(button)
        row.addSpacing(8)
        self._indicators = self._indicator_button(indicators)
        row.addWidget(self._indicators)

    def select(self, timeframe: Timeframe) -> None:
        """Show a period as chosen; no signal goes out."""
        self._buttons[timeframe].setChecked(True)

    def set_active(self, active: bool) -> None:
        """Show the periods and the menu only while there is a symbol."""
        for button in (*self._buttons.values(), self._indicators):
            button.setVisible(active)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), density().panel_head)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        painter.fillRect(self.rect(), look.surface1)
        painter.fillRect(0, self.height() - 1, self.width(), 1, look.line)
        if self._indicators.isVisible():
            painter.fillRect(self._indicators.x() - 7, self.height() // 2 - 8, 1, 16, look.line)

    def _period_button(self, index: int, timeframe: Timeframe) -> QToolButton:
        button = QToolButton(self)
        button.setText(timeframe.value)
        button.setCheckable(True)
        button.setFixedSize(PERIOD_SIZE)
        button.setToolTip(f"{timeframe.value} bars, key {index + 1} in the chart")
        button.setAccessibleName(f"{timeframe.value} bars")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._periods.addButton(button)
        button.clicked.connect(lambda _checked: self.timeframe_chosen.emit(timeframe.value))
        return button

    def _indicator_button(self, names: tuple[str, ...]) -> QToolButton:
        button = QToolButton(self)
        button.setText("Indicators")
        button.setAccessibleName("Indicators")
        button.setFixedHeight(PERIOD_SIZE.height())
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(button)
        for name in names:
            menu.addAction(self._indicator_action(menu, name))
        button.setMenu(menu)
        return button

    def _indicator_action(self, menu: QMenu, name: str) -> QAction:
        action = QAction(name, menu)
        action.setCheckable(True)
        action.setChecked(True)
        action.toggled.connect(lambda shown: self.indicator_toggled.emit(name, shown))
        return action
