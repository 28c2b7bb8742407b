"""The risk panel's widgets in their column; where there is less height, the radar folds to its title."""

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from ui.panels.risk_breakers import BreakerLine
from ui.panels.risk_parts import LimitTable, StateBlock
from ui.panels.risk_radar import RadarView
from ui.widgets.scrolling import fill_bare


class RiskBody(QScrollArea):
    """Shows state, limits, radar and breakers; takes no decision."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.block = StateBlock()
        self.limits = LimitTable()
        self.radar = RadarView()
        self.breakers = BreakerLine()
        self._content = QWidget()
        column = QVBoxLayout(self._content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.block, self.limits, self.radar, self.breakers):
            column.addWidget(widget)
        column.addStretch(1)
        fill_bare(self, self._content)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._content.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._content and event.type() is QEvent.Type.LayoutRequest:
            QTimer.singleShot(0, self, self._fold)
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold()

    def _fold(self) -> None:
        shown = (self.block, self.limits, self.radar, self.breakers)
        needed = sum(each.sizeHint().height() for each in shown if not each.isHidden())
        if self.radar.is_folded:
            needed += self.radar.spare
        self.radar.set_folded(needed > self.viewport().height())
