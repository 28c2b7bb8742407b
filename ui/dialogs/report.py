"""What one market day came to: orders and refusals, limits at their worst, slippage, money, trips."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.domain.reports import CodeCount, DailyReport
from core.domain.risk import RuleCode
from ui import format as fmt
from ui.dialogs.sheet_dialog import PAD, SheetDialog
from ui.models.columns import Ink, Mark
from ui.panels.breaker_words import step_words
from ui.panels.lines import Glyph, Line, Lines, Span
from ui.panels.risk_words import rule_name
from ui.theme.fonts import SEMIBOLD
from ui.widgets.buttons import Button, Dress
from ui.widgets.scrolling import scrolled

_WIDTH, _MOST_HEIGHT = 640, 460
_NAME, _VALUE = 18, 300
_END = _WIDTH - 2 * PAD - 8
_MOST = 8


def show_report(
    window: QWidget, report: DailyReport, export: Callable[[], object], holes: Sequence[QWidget] = ()
) -> SheetDialog:
    """Open the sheet; ``export`` is called to write the day as files."""
    title = f"Report of {report.market_date:%a} {report.market_date.day} {report.market_date:%b %Y}"
    dialog = SheetDialog(window, "dialog.report", title, width=_WIDTH, holes=holes)
    dialog.add_line(f"As of {fmt.date_time(report.made_at)} {fmt.zone_word()}, from the database")
    table = Lines(title)
    table.set_lines(_lines(report))
    dialog.column.addWidget(scrolled(table, _MOST_HEIGHT))
    save, close = Button("Write as files…", Dress.OUTLINE), Button("Close", Dress.OUTLINE, key="Esc")
    save.clicked.connect(lambda _checked=False: export())
    close.clicked.connect(dialog.dismiss)
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(save)
    row.addWidget(close)
    dialog.column.addSpacing(8)
    dialog.column.addLayout(row)
    dialog.open_sheet(close)
    return dialog


def _lines(report: DailyReport) -> list[Line]:
    slip = fmt.UNKNOWN if report.average_slip_pct is None else fmt.signed_percent(report.average_slip_pct)
    lines = [
        _head("Orders"),
        _row("Orders and replacements", str(report.orders)),
        _row("Cancels asked for", str(report.cancels)),
        _row("Rejected by the broker", str(report.rejects)),
        _row("Fills", str(report.fills)),
        _head("Money"),
        _row("Bought and sold", fmt.money(report.traded)),
        _row("Realised, fees aside", fmt.pnl(report.realised)),
        _row("Fees", fmt.money(report.fees)),
        _head("Slippage against the decision price"),
        _row("Average, weighted by value", slip),
    ]
    lines += [
        _row(f"{each.symbol} {fmt.qty(each.qty)} at {fmt.price(each.last_px)}", fmt.signed_percent(each.pct))
        for each in report.slips[:_MOST]
    ]
    lines += _counts("Refused, by reason", report.refusals)
    lines += _counts("Soft rules acknowledged", report.overrides)
    lines.append(_head("Limits at their worst, of what was sent"))
    lines += [_row(_words(each.rule), fmt.percent(each.used_pct)) for each in report.limits[:_MOST]]
    lines.append(_head("Breakers and alarms"))
    lines.append(_row("Alarms acknowledged", str(report.alarms)))
    lines += [
        Line((Span(step_words(each), _NAME, until=_END),), (Glyph(Mark.STOP, 7),)) for each in report.trips
    ]
    return lines


def _head(title: str) -> Line:
    return Line((Span(title, 0, weight=SEMIBOLD),), height=26, is_ruled=True)


def _row(name: str, value: str) -> Line:
    return Line((Span(name, _NAME, ink=Ink.TEXT2, until=_VALUE), Span(value, _END, right=True)))


def _counts(title: str, counts: Sequence[CodeCount]) -> list[Line]:
    rows = [_row(_words(each.code), str(each.count)) for each in counts]
    return [_head(title), *(rows or [Line((Span("None.", _NAME, ink=Ink.TEXT3),))])]


def _words(code: str) -> str:
    try:
        return rule_name(RuleCode(code), "")
    except ValueError:
        return code.replace("_", " ").capitalize()
