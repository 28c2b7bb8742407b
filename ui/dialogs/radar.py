"""What the radar is made of: each axis with its inputs, what is aimed at, and what is missing."""

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from core.domain.radar import Radar, RadarInput, RadarScore
from ui import format as fmt
from ui.dialogs.sheet_dialog import PAD, SheetDialog
from ui.models.columns import Ink, Mark
from ui.panels.lines import Bar, Glyph, Line, Lines, Span
from ui.panels.risk_radar import AXES, NOT_AVAILABLE
from ui.theme.fonts import SEMIBOLD
from ui.widgets.buttons import Button, Dress

_WIDTH = 640
_NAME, _INPUT, _BAR, _SCORE, _TARGET = 18, 34, (330, 440), 490, 560


def show_radar(window: QWidget, radar: Radar, holes: Sequence[QWidget] = ()) -> SheetDialog:
    """Open the sheet."""
    of = str(radar.symbol) if radar.symbol is not None else "Portfolio"
    dialog = SheetDialog(window, "dialog.radar", f"{of}: radar against target", width=_WIDTH, holes=holes)
    dialog.add_words(_overall(radar))
    table = Lines("Radar")
    lines = [_head()]
    for score in radar.axes:
        lines += [_axis(score), *(_input(each) for each in score.inputs)]
    if radar.is_empty:
        lines = [Line((Span("Nothing is held, so there is no risk to draw.", _NAME, ink=Ink.TEXT3),))]
    table.set_lines(lines)
    dialog.column.addWidget(table)
    close = Button("Close", Dress.OUTLINE, key="Esc")
    close.clicked.connect(dialog.dismiss)
    dialog.column.addSpacing(8)
    dialog.column.addWidget(close)
    dialog.open_sheet(close)
    return dialog


def _overall(radar: Radar) -> str:
    by = radar.target
    since = "the values that a profile begins with" if by.changed_at is None else f"set by {by.author}"
    if radar.overall is None or radar.level is None:
        return f"There is no overall score. The target is {since}."
    known = f"{fmt.qty(radar.known_weight_pct)} % of the weight of all axes is known"
    score = f"{fmt.word(radar.level)}, {fmt.money(radar.overall, 0)} of 100; {known}."
    return f"{score} The target is {since}. Inputs of {fmt.date_time(radar.at)}."


def _head() -> Line:
    return Line(
        (
            Span("Axis and inputs", _NAME, ink=Ink.TEXT3, size=11),
            Span("Score", _SCORE, right=True, ink=Ink.TEXT3, size=11),
            Span("Target", _TARGET, right=True, ink=Ink.TEXT3, size=11),
        ),
        height=24,
    )


def _axis(score: RadarScore) -> Line:
    known = score.score
    is_over = known is not None and known > score.target
    text = NOT_AVAILABLE if known is None else fmt.money(known, 0)
    return Line(
        (
            Span(AXES[score.axis], _NAME, weight=SEMIBOLD),
            Span(text, _SCORE, right=True, weight=SEMIBOLD, ink=Ink.TEXT3 if known is None else Ink.TEXT1),
            Span(fmt.qty(score.target), _TARGET, right=True, ink=Ink.TEXT2),
        ),
        (Glyph(Mark.DIAMOND, 7),) if is_over else (),
        () if known is None else (Bar(*_BAR, float(known) / 101),),
        height=24,
        is_ruled=True,
    )


def _input(each: RadarInput) -> Line:
    name = Span(each.name.replace("_", " ").capitalize(), _INPUT, ink=Ink.TEXT2, until=200)
    if each.value is None:
        return Line((name, Span(each.missing, 210, ink=Ink.TEXT3, until=_WIDTH - 2 * PAD - 8)))
    return Line((name, Span(fmt.exact(each.value), _SCORE, right=True, ink=Ink.TEXT2)))
