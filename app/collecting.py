"""When rubbish that refers to itself is collected, and on which thread: always the window's."""

import gc

from PySide6.QtCore import QObject, QTimer

from app.cli import COLLECT_AFTER

LOOK_EVERY_MS = 200


class Collector(QObject):
    """Collects on the window's thread what the interpreter would collect on whatever thread comes by.

    A widget that ends on the core's thread leaves its timers behind, and the next one that is due takes the
    program down. So nothing is collected by itself while there is a window; this asks for it, as often as
    the interpreter would have. Lives in the GUI thread.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_EVERY_MS)
        self._timer.timeout.connect(self.look)

    def begin(self) -> None:
        """Take over from the interpreter until the program ends."""
        gc.disable()
        self._timer.start()

    def look(self) -> None:
        """Collect the oldest generation that is due, and the younger ones with it."""
        counts = gc.get_count()
        due = [each for each, after in enumerate(COLLECT_AFTER) if counts[each] > after]
        if due:
            gc.collect(due[-1])


def settle() -> None:
    """Keep what the start made out of every later collection; it stays for the life of the program.

    Nothing is collected before: that alone would hold the window up for 60 ms.
    """
    gc.freeze()
