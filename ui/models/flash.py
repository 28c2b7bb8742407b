"""Which cells glow after a change, and how strongly."""

from collections.abc import Hashable, Iterator

from PySide6.QtCore import QElapsedTimer

FADE_S = 0.3
LEAST_GAP_S = 0.1  # at most ten flashes a second in one cell
STEPS = 6  # a cell is painted again when its step changes, not at every frame

_timer = QElapsedTimer()
_timer.start()


def seconds() -> float:
    """Return monotonic seconds from Qt; the window has no other clock for what it animates."""
    return _timer.nsecsElapsed() / 1e9


Cell = tuple[Hashable, int]


class FlashBoard:
    """Flashes of cells, by row key and column number. Times are monotonic seconds."""

    __slots__ = ("_cells", "enabled")

    def __init__(self) -> None:
        self._cells: dict[Cell, tuple[float, int, int]] = {}
        self.enabled = True

    def __len__(self) -> int:
        return len(self._cells)

    def start(self, cell: Cell, direction: int, now: float) -> bool:
        """Begin a flash, unless the cell began one less than 100 ms ago; say whether it began."""
        if not self.enabled or direction == 0:
            return False
        running = self._cells.get(cell)
        if running is not None and now - running[0] < LEAST_GAP_S:
            return False
        self._cells[cell] = (now, direction, STEPS)
        return True

    def level(self, cell: Cell) -> float:
        """Return how strong a cell glows, 1 down to 0, negative for a fall, as of the last ``advance``."""
        running = self._cells.get(cell)
        return 0.0 if running is None else running[1] * running[2] / STEPS

    def advance(self, now: float) -> Iterator[Cell]:
        """Let time pass; yield the cells that look different now."""
        for cell, (started, direction, shown) in list(self._cells.items()):
            step = STEPS - int((now - started) / FADE_S * STEPS)
            if step <= 0:
                del self._cells[cell]
                yield cell
            elif step != shown:
                self._cells[cell] = (started, direction, step)
                yield cell

    def clear(self) -> None:
        """Forget all flashes."""
        self._cells.clear()
