"""What is known of the audit chain: up to where it holds, who outside keeps its heads, what is archived."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.domain.audit import AuditAnchor, AuditReport
from ui import format as fmt
from ui.dialogs.sheet_dialog import PAD, SheetDialog
from ui.models.columns import Ink, Mark
from ui.panels.audit_columns import ORDERS, place_words
from ui.panels.lines import Glyph, Line, Lines, Span
from ui.theme.fonts import SEMIBOLD
from ui.widgets.buttons import Button, Dress
from ui.widgets.scrolling import scrolled

_WIDTH, _HEIGHT = 640, 280
_NAME, _VALUE = 18, 236
_COUNT, _SEQ = 300, 380
_END = _WIDTH - 2 * PAD - 12
_MOST_FAULTS = 20


class AnchorsSheet(SheetDialog):
    """Shows a report, and the one of a check that was asked for once it is there.

    Args:
        check: has the whole chain checked; `show_report` or `show_failure` is called with what was found.
    """

    def __init__(
        self, window: QWidget, check: Callable[["AnchorsSheet"], object], holes: Sequence[QWidget] = ()
    ) -> None:
        super().__init__(window, "dialog.anchors", "Proof of the audit log", width=_WIDTH, holes=holes)
        self._check = check
        self.state = self.add_line("")
        self.table = Lines("Proof of the audit log")
        area = scrolled(self.table, _HEIGHT)
        area.setFixedHeight(_HEIGHT)
        self.column.addWidget(area)
        self.again = Button("Check again", Dress.OUTLINE)
        self.again.clicked.connect(self._begin)
        close = Button("Close", Dress.OUTLINE, key="Esc")
        close.clicked.connect(self.dismiss)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.again)
        row.addWidget(close)
        self.column.addSpacing(8)
        self.column.addLayout(row)

    def open_on(self, known: AuditReport | None) -> None:
        """Show what was found last, and check anew."""
        if known is not None:
            self.table.set_lines(lines(known))
        self.open_sheet(self.again)
        self.again.setFocus(Qt.FocusReason.PopupFocusReason)
        self._begin()

    def show_report(self, report: AuditReport) -> None:
        """Show what a check of the whole found."""
        self._end("Checked just now, every record of it" if not report.absent else "Checked just now")
        self.table.set_lines(lines(report))

    def show_failure(self, words: str) -> None:
        """Say that nobody knows whether it holds."""
        self._end(words)

    def _begin(self) -> None:
        self.again.setEnabled(False)
        self.state.set_text("Checking the whole chain…", Ink.TEXT2)
        self._check(self)

    def _end(self, words: str) -> None:
        self.again.setEnabled(True)
        self.state.set_text(words, Ink.TEXT2)


def lines(report: AuditReport) -> list[Line]:
    """Return a report as rows: the chain, its witnesses, its archives."""
    return [*_chain(report), *_witnesses(report), *_archives(report)]


def _chain(report: AuditReport) -> list[Line]:
    found = [_head("Chain")]
    mark = Mark.STOP if report.faults else Mark.CHECK
    found.append(_row("Verified to record", f"{report.verified_to:,}", mark))
    found.append(_row("Newest record", f"{report.head.seq:,}"))
    found.append(_row("Its digest", report.head.digest))
    for fault in report.faults[:_MOST_FAULTS]:
        where = f"Record {fault.seq:,}: " if fault.seq else ""
        found.append(_line(f"{where}{fault.reason}", Mark.STOP, Ink.TEXT1))
    return found


def _witnesses(report: AuditReport) -> list[Line]:
    titles = (
        Span("Kept where", 0, weight=SEMIBOLD),
        Span("Heads", _COUNT, right=True, ink=Ink.TEXT3),
        Span("Newest record", _SEQ + 40, right=True, ink=Ink.TEXT3),
        Span(f"Signed, {fmt.zone_word()}", _END, right=True, ink=Ink.TEXT3),
    )
    found = [Line(titles, height=26, is_ruled=True)]
    found += [_witness(each) for each in report.held]
    found += [_line(f"No answer from {each}", Mark.WARN, Ink.TEXT1) for each in report.silent]
    if not report.held:
        found.append(_line("Nothing outside the database yet; a head is signed within a second.", None))
    return found


def _witness(anchor: AuditAnchor) -> Line:
    at = datetime.fromtimestamp(anchor.at_us / 1_000_000, UTC)
    signed = f"{fmt.date_time(at)}" if anchor.at_us else fmt.UNKNOWN
    name = place_words(anchor.place)
    spans = (
        Span(name[:1].upper() + name[1:], _NAME, ink=Ink.TEXT2, until=_VALUE),
        Span(f"{anchor.count:,}{_unit(anchor)}", _COUNT, right=True),
        Span(f"{anchor.seq:,}", _SEQ + 40, right=True),
        Span(signed, _END, right=True, ink=Ink.TEXT2),
    )
    return Line(spans)


def _unit(anchor: AuditAnchor) -> str:
    if anchor.place != ORDERS:
        return ""
    return " id" if anchor.count == 1 else " ids"


def _archives(report: AuditReport) -> list[Line]:
    found = [_head("Archives")]
    if not report.sealed_to:
        found.append(_line("No record was moved into an archive yet.", None))
        return found
    found.append(_row("Sealed records", f"1 to {report.sealed_to:,}"))
    found += [_line(f"Of these the seals alone were checked: {each}", Mark.WARN) for each in report.absent]
    return found


def _head(title: str) -> Line:
    return Line((Span(title, 0, weight=SEMIBOLD),), height=26, is_ruled=True)


def _row(name: str, value: str, mark: Mark | None = None) -> Line:
    glyphs = () if mark is None else (Glyph(mark, 7),)
    return Line((Span(name, _NAME, ink=Ink.TEXT2, until=_VALUE), Span(value, _END, right=True)), glyphs)


def _line(words: str, mark: Mark | None, ink: Ink = Ink.TEXT2) -> Line:
    return Line((Span(words, _NAME, ink=ink, until=_END),), () if mark is None else (Glyph(mark, 7),))
