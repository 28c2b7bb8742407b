"""Shows the confirmation sheet when the desk asks, one after the other."""

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.market import Quote
from ui.bridge import Bridge, Reply
from ui.dialogs.confirm import ConfirmSheet, show_confirm
from ui.facts import WindowFacts


class Asking(QObject):
    """GUI thread only. A second question waits until the first is answered.

    Args:
        holes: what stays lit above the veil.
    """

    def __init__(
        self, window: QWidget, bridge: Bridge, facts: WindowFacts, holes: Callable[[], list[QWidget]]
    ) -> None:
        super().__init__(window)
        self._window, self._facts, self._holes = window, facts, holes
        self._waiting: deque[tuple[ConfirmationRequest, Reply]] = deque()
        self._sheet: ConfirmSheet | None = None
        bridge.asked.connect(self._on_asked)
        bridge.quotes_changed.connect(self._on_quotes)
        facts.changed.connect(self._deny_if_locked)

    def submit(self) -> None:
        """Send what is on the sheet; nothing, if none stands."""
        if self._sheet is not None:
            self._sheet.send()

    def _on_asked(self, request: ConfirmationRequest, reply: Reply) -> None:
        self._waiting.append((request, reply))
        self._deny_if_locked()
        if self._sheet is None and self._waiting:
            self._show_next()

    def _deny_if_locked(self) -> None:
        # Nobody who is known sits there to say yes.
        if not self._facts.is_locked:
            return
        while self._waiting:
            request, reply = self._waiting.popleft()
            reply(ConfirmationReply(request.digest, accepted=False))
        if self._sheet is not None:
            self._sheet.refuse()

    def _show_next(self) -> None:
        request, reply = self._waiting.popleft()
        self._sheet = show_confirm(self._window, request, reply, holes=self._holes())
        self._sheet.destroyed.connect(self._on_gone)
        self._facts.note(sheet_is_open=True)

    def _on_quotes(self, quotes: list[Quote]) -> None:
        if self._sheet is not None:
            self._sheet.take_quotes(quotes)

    def _on_gone(self) -> None:
        self._sheet = None
        self._facts.note(sheet_is_open=False)
        if self._waiting:
            self._show_next()
