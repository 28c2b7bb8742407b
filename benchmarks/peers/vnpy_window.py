"""vn.py: notes when its main window was first painted, as its own start script shows it. Own environment."""

import os
import sys
from pathlib import Path
from time import monotonic_ns

from vnpy.event import EventEngine
from vnpy.trader.engine import MainEngine
from vnpy.trader.ui import MainWindow, QtCore, create_qapp


class FirstPaint(QtCore.QObject):
    """Writes the time after the first paint of the window, then ends the process."""

    def __init__(self, target: Path) -> None:
        super().__init__()
        self._target = target

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:  # noqa: N802  # Qt's own
        if event.type() == QtCore.QEvent.Type.Paint:
            watched.removeEventFilter(self)
            # Behind the paint that is about to happen, as in ours.
            QtCore.QTimer.singleShot(0, self._note)
        return False

    def _note(self) -> None:
        self._target.write_text(str(monotonic_ns()))
        # The engine's threads take a second to end; only the start is of interest.
        os._exit(0)


def main() -> int:
    app = create_qapp()
    event_engine = EventEngine()
    main_engine = MainEngine(event_engine)
    window = MainWindow(main_engine, event_engine)
    paint = FirstPaint(Path(sys.argv[1]))
    window.installEventFilter(paint)
    window.showMaximized()
    return app.exec()


if __name__ == "__main__":
    raise SystemExit(main())
