"""Keeps breakers and radar of the risk panel fresh: they are asked for when something moved them."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal
from shiboken6 import isValid

from core.domain.breakers import BreakerBoard
from core.domain.messages import (
    BreakerChanged,
    FillBooked,
    InOrder,
    LoadBreakers,
    LoadRadar,
    RiskParametersChanged,
    TargetProfileChanged,
    TradingStateChanged,
)
from core.domain.radar import Radar
from core.ids import Symbol
from ui.bridge import Bridge
from ui.notices import words_of_failed_read

SOON_MS = 200
AGAIN_MS = 15_000
_MOVES_BREAKERS = (BreakerChanged, FillBooked, RiskParametersChanged, TradingStateChanged)
_MOVES_RADAR = (FillBooked, TargetProfileChanged)


class RiskWatch(QObject):
    """Asks after a change, and every 15 s because prices move; one question of a kind at a time.

    Attributes:
        board_loaded: a BreakerBoard.
        board_failed: why there is none.
        radar_loaded: a Radar.
        radar_failed: why there is none.
    """

    board_loaded = Signal(object)
    board_failed = Signal(str)
    radar_loaded = Signal(object)
    radar_failed = Signal(str)

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.symbol: Symbol | None = None
        self._asking: set[str] = set()
        self._soon = {"board": self._timer(self._load_board), "radar": self._timer(self._load_radar)}
        self._again = QTimer(self, interval=AGAIN_MS)
        self._again.timeout.connect(self.refresh)
        bridge.in_order.connect(self._on_event)
        bridge.snapshot_loaded.connect(lambda _: self.begin())

    def _timer(self, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self, interval=SOON_MS, singleShot=True)
        timer.timeout.connect(slot)
        return timer

    def begin(self) -> None:
        """Ask for everything now, and from now on."""
        self._again.start()
        self.refresh()

    def refresh(self) -> None:
        """Ask for everything soon."""
        for timer in self._soon.values():
            timer.start()

    def show_symbol(self, symbol: Symbol | None) -> None:
        """Watch the radar of a symbol, or of the portfolio."""
        if symbol != self.symbol:
            self.symbol = symbol
            self._soon["radar"].start()

    def _on_event(self, event: InOrder) -> None:
        if isinstance(event, _MOVES_BREAKERS):
            self._soon["board"].start()
        if isinstance(event, _MOVES_RADAR):
            self._soon["radar"].start()

    def _load_board(self) -> None:
        if self._begins("board"):
            self._bridge.send(LoadBreakers(), self._on_board, lambda error: self._on_failed("board", error))

    def _load_radar(self) -> None:
        if self._begins("radar"):
            command = LoadRadar(self.symbol)
            self._bridge.send(command, self._on_radar, lambda error: self._on_failed("radar", error))

    def _begins(self, kind: str) -> bool:
        if kind in self._asking:
            self._soon[kind].start()
            return False
        self._asking.add(kind)
        return True

    def _on_board(self, board: BreakerBoard) -> None:
        if isValid(self):  # the answer may come after the panel has gone
            self._asking.discard("board")
            self.board_loaded.emit(board)

    def _on_radar(self, radar: Radar) -> None:
        if not isValid(self):
            return
        self._asking.discard("radar")
        if radar.symbol == self.symbol:
            self.radar_loaded.emit(radar)

    def _on_failed(self, kind: str, error: Exception) -> bool:
        if isValid(self):
            self._asking.discard(kind)
            failed = self.radar_failed if kind == "radar" else self.board_failed
            failed.emit(words_of_failed_read(error))
        return True
