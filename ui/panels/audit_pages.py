"""The pages of the audit log that answer a search: asked for one after the other, the newest first."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Signal

from core.domain.audit import AuditRecord
from core.domain.messages import AuditPage, LoadAudit
from ui.bridge import Bridge
from ui.panels.audit_filter import NOTHING, Wanted

PAGE = 200
MOST_ROWS = 20_000  # that are loaded at once
_LARGE_PAGE = 1_000


class AuditPages(QObject):
    """Asks for pages. An answer to an older question is let go.

    Attributes:
        begun: the records of the first page.
        went_on: the records of a page further back.
        failed: the first page could not be read.
        user: name of the person in front of the window, whom the filter calls "you".
        has_more: whether there is a page further back.
        is_loading: whether one is being asked for.
    """

    begun = Signal(object)
    went_on = Signal(object)
    failed = Signal()

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._text = ""
        self._wanted = NOTHING
        self._asked = 0
        self.user = ""
        self.has_more = self.is_loading = False
        self._wanted_all: Callable[[], object] | None = None
        self._left = 0

    @property
    def is_searching(self) -> bool:
        """Whether anything else than everything is asked for."""
        return bool(self._text) or self._wanted != NOTHING

    def search(self, text: str, wanted: Wanted) -> None:
        """Ask for the first page of something else."""
        # As the rows have it: whoever sits in front of the window is "You".
        is_own = wanted.actor.casefold() == "you"
        self._wanted_all = None
        self._text, self._wanted = text, replace(wanted, actor=self.user) if is_own else wanted
        self.load(None)

    def matches(self, record: AuditRecord) -> bool:
        """Say whether a record that was just made is among what is asked for."""
        text = f"{record.entity} {record.action} {record.actor} {record.payload}".casefold()
        return self._text.casefold() in text and self._wanted.has(record)

    def load_all(self, before: int, then: Callable[[], object]) -> None:
        """Ask for all that is before a record, in large pages, and go on once it is there."""
        if not self.has_more:
            then()
            return
        self._wanted_all, self._left = then, MOST_ROWS
        self.load(before, _LARGE_PAGE)

    def load(self, before: int | None, limit: int = PAGE) -> None:
        """Ask for the page before a record, or for the first one."""
        self._asked += 1
        self.is_loading = True
        self._bridge.send(
            LoadAudit(self._wanted.query(self._text, before, limit)),
            partial(self._on_page, self._asked, before),
            partial(self._on_no_page, self._asked, before),
        )

    def _on_page(self, asked: int, before: int | None, page: AuditPage) -> None:
        if asked == self._asked:
            self.is_loading, self.has_more = False, page.has_more
            (self.begun if before is None else self.went_on).emit(page.records)
            self._go_on(page.records)

    def _go_on(self, records: Sequence[AuditRecord]) -> None:
        self._left -= len(records)
        if self._wanted_all is not None and self.has_more and self._left > 0:
            self.load(records[-1].seq, _LARGE_PAGE)
        elif self._wanted_all is not None:
            then, self._wanted_all = self._wanted_all, None
            then()

    def _on_no_page(self, asked: int, before: int | None, _: Exception) -> bool:
        if asked == self._asked:
            self.is_loading, self._wanted_all = False, None
            if before is None:  # what stands there answers an older question
                self.has_more = False
                self.failed.emit()
        return asked != self._asked or before is None
