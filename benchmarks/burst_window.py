"""The real window on a stream of quotes, with every paint of its watchlist noted."""

import sys
from pathlib import Path
from time import perf_counter

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from app.collecting import Collector, settle
from app.desktop import SWITCH_INTERVAL_S, _run_loop
from app.runtime import CoreThread, WindowConfirmer
from benchmarks.socket_feed import SocketFeed, start_core
from core.clock import SystemClock
from ui.bridge import Bridge
from ui.main_window import MainWindow
from ui.panels.watchlist import WatchlistPanel
from ui.theme.stylesheet import apply_theme
from ui.theme.tokens import load_theme

LOOK_MS, SETTLED_AFTER_S, END_WITHIN_S = 100, 0.5, 15.0


class BurstWindow(QObject):
    """The window, its bridge and a core on the socket feed, put together as the program does.

    Attributes:
        paints: perf_counter seconds of every paint of the watchlist.
        shown: what each visible row shows as the last price at the end, by symbol.
        feed: knows when the stream began and ended.
    """

    def __init__(self, folder: Path, port: int, count: int, size: tuple[int, int]) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._app = QApplication(sys.argv[:1])
        super().__init__()
        apply_theme(self._app, load_theme())
        self.paints: list[float] = []
        self.shown: dict[str, str] = {}
        self.feed = SocketFeed(port, count, SystemClock())
        self._core = CoreThread(
            lambda: start_core(folder, self.feed, self._bridge.publish, WindowConfirmer(self._bridge.ask))
        )
        self._bridge = Bridge(self._core.send)
        self._window = MainWindow(self._bridge)
        self._panel = self._window.findChild(WatchlistPanel)
        self._panel.view.viewport().installEventFilter(self)
        self._window.setGeometry(0, 0, *size)
        self._watch = QTimer(self, interval=LOOK_MS)
        self._watch.timeout.connect(self._look)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt's own
        if event.type() is QEvent.Type.Paint:
            self.paints.append(perf_counter())
        return False

    def run(self) -> None:
        """Show the window until the stream has ended."""
        self._window.show()
        Collector(self).begin()
        self._bridge.start()
        self._core.begin()
        self._bridge.request_snapshot()
        self._bridge.snapshot_loaded.connect(lambda _: QTimer.singleShot(0, settle))
        self._watch.start()
        _run_loop(self._app)
        self._bridge.stop()
        self._core.end()
        self._core.ended.result(END_WITHIN_S)

    def _look(self) -> None:
        failed = self._core.started.done() and self._core.started.exception() is not None
        ended_at = self.feed.ended_at
        if failed or (ended_at and perf_counter() - ended_at > SETTLED_AFTER_S):
            self._watch.stop()
            self.shown = self._visible()
            self._app.quit()

    def _visible(self) -> dict[str, str]:
        view, model = self._panel.view, self._panel.model
        column = next(number for number, each in enumerate(model.columns) if each.key == "last")
        height, found = view.viewport().height(), {}
        for line in range(model.rowCount()):
            top, key = view.rowViewportPosition(line), model.lines.key_at(line)
            if key is not None and top >= 0 and top + view.rowHeight(line) <= height:
                found[str(key)] = str(model.data(model.index(line, column)))
        return found
