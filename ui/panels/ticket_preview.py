"""Asks the desk what it thinks of the ticket while it is being filled in; only the newest answer counts."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal
from shiboken6 import isValid

from core.domain.messages import Preview, PreviewOrder
from core.domain.terms import OrderDraft
from core.ids import ClOrdId
from ui.bridge import Bridge

TYPING_MS = 60
QUOTE_MS = 250  # at most four judgements a second because the market moved
LATE_MS = 300


class Previewer(QObject):
    """Sends `PreviewOrder` for the newest draft.

    Attributes:
        judged: the Preview of the draft that is on the ticket now.
        failed: why there is none; what was shown before must leave the screen.
        late: the desk has not answered for a while; figures of an older draft must leave the screen.
    """

    judged = Signal(object)
    failed = Signal(str)
    late = Signal()

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._draft: OrderDraft | None = None
        self._replaces: ClOrdId | None = None
        self._drafts = self._asked = self._shown = 0
        self._typing = self._timer(TYPING_MS, self._ask)
        self._quotes = self._timer(QUOTE_MS, self._on_quote_time)
        self._lateness = self._timer(LATE_MS, self.late.emit)
        self._market_moved = False

    def _timer(self, span_ms: int, slot: Callable[[], object]) -> QTimer:
        timer = QTimer(self, interval=span_ms, singleShot=True)
        timer.timeout.connect(slot)
        return timer

    def set_draft(self, draft: OrderDraft | None, replaces: ClOrdId | None = None) -> None:
        """Judge another draft soon; None judges nothing. Answers to older drafts are dropped."""
        self._draft, self._replaces = draft, replaces
        self._drafts += 1
        if draft is None:
            for timer in (self._typing, self._lateness):
                timer.stop()
        else:
            self._typing.start()
            self._lateness.start()

    def market_moved(self) -> None:
        """Judge the same draft again, at most four times a second."""
        if self._quotes.isActive():
            self._market_moved = True
        elif self._draft is not None and not self._typing.isActive():
            self._ask()
            self._quotes.start()

    def _on_quote_time(self) -> None:
        if self._market_moved:
            self._market_moved = False
            self.market_moved()

    def _ask(self) -> None:
        if self._draft is None:
            return
        self._asked += 1
        asked = (self._drafts, self._asked)
        if not self._lateness.isActive():
            self._lateness.start()
        self._bridge.send(
            PreviewOrder(self._draft, self._replaces),
            lambda preview: self._on_judged(asked, preview),
            lambda error: self._on_failed(asked, error),
        )

    def _is_newest(self, asked: tuple[int, int]) -> bool:
        if not isValid(self):  # the answer came after the panel had gone
            return False
        draft, number = asked
        if draft != self._drafts or number <= self._shown:
            return False
        self._shown = number
        self._lateness.stop()
        return True

    def _on_judged(self, asked: tuple[int, int], preview: Preview) -> None:
        if self._is_newest(asked):
            self.judged.emit(preview)

    def _on_failed(self, asked: tuple[int, int], error: Exception) -> bool:
        if self._is_newest(asked):
            self.failed.emit(str(error))
        return True
