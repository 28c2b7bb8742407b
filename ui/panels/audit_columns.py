"""The audit log's columns, and the words about its chain."""

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.domain.audit import AuditReport
from ui import format as fmt
from ui.models.columns import Align, Column, Ink, Kind, Mark
from ui.panels.audit_times import time_words
from ui.panels.audit_words import AuditRow
from ui.theme.fonts import REGULAR
from ui.theme.tokens import density, tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.glyphs import draw_mark
from ui.widgets.pressable import Pressable

ORDERS = "cl_ord_id"
_MARK_ROOM = 16


def columns(now: Callable[[], datetime]) -> list[Column[AuditRow]]:
    """Return the columns of the table; `now` is our time."""
    return [
        Column[AuditRow](
            "time", f"Time {fmt.zone_word()}", 116, lambda row: time_words(row.at, now()),
            default_ink=Ink.TEXT3,
        ),
        Column[AuditRow]("actor", "Actor", 84, lambda row: row.actor, default_ink=Ink.TEXT2),
        Column[AuditRow]("event", "Event", 152, lambda row: row.event, weight=500),
        Column[AuditRow]("subject", "Subject", 252, lambda row: row.subject, default_ink=Ink.TEXT2),
        Column[AuditRow](
            "outcome", "Outcome", 440, lambda row: row.outcome, default_ink=Ink.TEXT2,
            mark=lambda row: row.mark, hang_mark=True, pad_left=24,
        ),
        Column[AuditRow](
            "seq", "Seq", 72, lambda row: f"{row.record.seq:,}", Align.RIGHT, Kind.NUMBER,
            sort_key=lambda row: row.record.seq, default_ink=Ink.TEXT3,
        ),
    ]  # fmt: skip


def place_words(place: str) -> str:
    """Return what a person calls a witness."""
    return "orders at the broker" if place == ORDERS else place


def reach(report: AuditReport) -> list[str]:
    """Say up to where the chain is anchored outside the database, and which records are sealed away."""
    anchored = max((each.seq for each in report.held if each.place != ORDERS), default=0)
    words = [f"anchored to {anchored:,}"] if anchored else []
    return [*words, f"sealed to {report.sealed_to:,}"] if report.sealed_to else words


class ChainNote(Pressable):
    """Says up to which record the chain holds, with a check; or that it does not, with a stop sign.

    Where there is room it says as well up to which record the chain is anchored outside the database, and
    which records are sealed in archives. Pressed, it wants all of it to be shown.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: list[str] = []
        self._mark: Mark | None = None
        self._room = 10_000
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    @property
    def text(self) -> str:
        """The words that are shown."""
        for count in range(len(self._parts), 1, -1):
            if text_width(" · ".join(self._parts[:count]), 12) + _MARK_ROOM <= self._room:
                return " · ".join(self._parts[:count])
        return self._parts[0] if self._parts else ""

    def set_room(self, width: int) -> None:
        """Take at most so many px, but for the first words, which are always shown."""
        if width != self._room:
            self._room = width
            self.updateGeometry()

    def show_report(self, report: AuditReport) -> None:
        """Show what a verification found."""
        if report.faults:
            fault = report.faults[0]
            self._say(Mark.STOP, f"Chain broken at {fault.seq:,}: {fault.reason}")
        else:
            self._say(Mark.CHECK, f"Chain verified to {report.verified_to:,}", *reach(report))
        anchors = ", ".join(place_words(each) for each in report.anchors)
        self.setToolTip(f"Checked against: {anchors}" if anchors else "No anchor to check against yet")

    def show_failure(self) -> None:
        """Say that nobody knows whether the chain holds."""
        self._say(Mark.WARN, "Chain could not be checked")

    def _say(self, mark: Mark, *parts: str) -> None:
        self._parts, self._mark = list(parts), mark
        self.setAccessibleName(", ".join(parts))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        width = _MARK_ROOM + text_width(self.text, 12) if self._parts else 0
        return QSize(round(width) + (1 if self._parts else 0), density().panel_head - 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._mark is None:
            return
        painter, look = QPainter(self), tokens()
        colour = look.text2 if self._mark is Mark.CHECK else None
        draw_mark(painter, self._mark, 6, self.height() / 2, look, colour=colour)
        draw_text(painter, _MARK_ROOM, 0, self.height(), self.text, 12, REGULAR, look.text2)
        self.paint_focus(painter)
        painter.end()
