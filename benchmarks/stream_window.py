"""The real window over a core that is given, with the stalls of its thread noted."""

import sys
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

from app.collecting import Collector, settle
from app.desktop import SWITCH_INTERVAL_S, _run_loop
from app.runtime import CoreThread, Running, WindowConfirmer
from ui.bridge import Bridge
from ui.main_window import MainWindow
from ui.theme.stylesheet import apply_theme
from ui.theme.tokens import load_theme

TICK_MS, END_WITHIN_S = 2, 20.0
Start = Callable[[Callable[[object], None], WindowConfirmer], Coroutine[Any, Any, Running]]


class StreamWindow(QObject):
    """Window, bridge and core thread, put together as the program does.

    Args:
        start: makes and starts the core; runs on the core thread.
        is_measured: true while the load is on; only then stalls are noted.
        is_over: true once nothing more is to come.

    Attributes:
        gaps_ms: how late each tick of the window's thread came while the load was on.
    """

    def __init__(
        self,
        start: Start,
        is_measured: Callable[[], bool],
        is_over: Callable[[], bool],
        size: tuple[int, int],
    ) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._app = QApplication(sys.argv[:1])
        super().__init__()
        apply_theme(self._app, load_theme())
        self.gaps_ms: list[float] = []
        self._is_measured, self._is_over = is_measured, is_over
        self._core = CoreThread(lambda: start(self._bridge.publish, WindowConfirmer(self._bridge.ask)))
        self._bridge = Bridge(self._core.send)
        self._window = MainWindow(self._bridge)
        self._window.setGeometry(0, 0, *size)
        self._before = perf_counter()
        self._ticks = QTimer(self, interval=TICK_MS)
        self._ticks.setTimerType(Qt.TimerType.PreciseTimer)
        self._ticks.timeout.connect(self._tick)

    def run(self) -> None:
        """Show the window until it is over."""
        self._window.show()
        Collector(self).begin()
        self._bridge.start()
        self._core.begin()
        self._bridge.request_snapshot()
        self._bridge.snapshot_loaded.connect(lambda _: QTimer.singleShot(0, settle))
        self._ticks.start()
        _run_loop(self._app)
        self._bridge.stop()
        self._core.end()
        self._core.ended.result(END_WITHIN_S)

    def _tick(self) -> None:
        now = perf_counter()
        late_ms, self._before = (now - self._before) * 1_000 - TICK_MS, now
        if self._is_measured():
            self.gaps_ms.append(late_ms)
        failed = self._core.started.done() and self._core.started.exception() is not None
        if failed or self._is_over():
            self._ticks.stop()
            self._app.quit()
