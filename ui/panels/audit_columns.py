"""The audit log's columns, and the words about its chain."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.domain.audit import AuditReport
from ui import format as fmt
from ui.models.columns import Align, Column, Ink, Kind, Mark
from ui.panels.audit_words import AuditRow
from ui.theme.fonts import REGULAR
from ui.theme.tokens import density, tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.glyphs import draw_mark


def columns() -> list[Column[AuditRow]]:
    """Return the columns of the table."""
    return [
        Column[AuditRow](
            "time", f"Time {fmt.zone_word()}", 108, lambda row: fmt.clock_ms(row.at), default_ink=Ink.TEXT3
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


class ChainNote(QWidget):
    """Says up to which record the chain holds, with a check; or that it does not, with a stop sign."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._mark: Mark | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    @property
    def text(self) -> str:
        """The words that are shown."""
        return self._text

    def show_report(self, report: AuditReport) -> None:
        """Show what a verification found."""
        if report.faults:
            fault = report.faults[0]
            self._say(f"Chain broken at {fault.seq:,}: {fault.reason}", Mark.STOP)
        else:
            self._say(f"Chain verified to {report.verified_to:,}", Mark.CHECK)
        anchors = ", ".join(report.anchors)
        self.setToolTip(f"Checked against: {anchors}" if anchors else "No anchor to check against yet")

    def show_failure(self) -> None:
        """Say that nobody knows whether the chain holds."""
        self._say("Chain could not be checked", Mark.WARN)

    def _say(self, text: str, mark: Mark) -> None:
        self._text, self._mark = text, mark
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        width = 16 + text_width(self._text, 12) if self._text else 0
        return QSize(round(width) + (1 if self._text else 0), density().panel_head - 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._mark is None:
            return
        painter, look = QPainter(self), tokens()
        colour = look.text2 if self._mark is Mark.CHECK else None
        draw_mark(painter, self._mark, 6, self.height() / 2, look, colour=colour)
        draw_text(painter, 16, 0, self.height(), self._text, 12, REGULAR, look.text2)
        painter.end()
