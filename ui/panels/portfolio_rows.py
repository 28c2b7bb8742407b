"""The portfolio's figures as rows: what each is called, how it is written, and why it is unknown."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from core.domain.figures import Figure, FigureName, Performance, PortfolioFigures, PriceBasis
from ui import format as fmt
from ui.models.columns import Align, Column, Ink, Kind

WORTH, EXPOSURE, CONCENTRATION, SECTORS, CLOSES = (
    "Worth and result",
    "Exposure",
    "Concentration",
    "Sectors",
    "From close to close",
)
GROUPS = (WORTH, EXPOSURE, CONCENTRATION, SECTORS, CLOSES)
_HUNDRED = Decimal(100)
_TENTH = 4  # decimals of an index between 0 and 1

_TITLES = {
    FigureName.EQUITY: (WORTH, "Total value"),
    FigureName.CASH: (WORTH, "Cash"),
    FigureName.DAY_PNL: (WORTH, "Day P&L"),
    FigureName.TOTAL_PNL: (WORTH, "Total P&L"),
    FigureName.UNREALISED: (WORTH, "Unrealised"),
    FigureName.REALISED: (WORTH, "Realised"),
    FigureName.FEES: (WORTH, "Fees"),
    FigureName.COST: (WORTH, "Cost of what is held"),
    FigureName.LONG: (EXPOSURE, "Long"),
    FigureName.SHORT: (EXPOSURE, "Short"),
    FigureName.NET: (EXPOSURE, "Net"),
    FigureName.GROSS: (EXPOSURE, "Gross"),
    FigureName.HHI: (CONCENTRATION, "Herfindahl index"),
    FigureName.WEIGHT: (CONCENTRATION, ""),
    FigureName.SECTOR: (SECTORS, ""),
}
_GAINS = frozenset({FigureName.DAY_PNL, FigureName.TOTAL_PNL, FigureName.UNREALISED, FigureName.REALISED})
_OF_EQUITY = frozenset({FigureName.LONG, FigureName.SHORT, FigureName.NET, FigureName.GROSS})


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One line of the panel.

    Attributes:
        figure: what can be taken apart; None for what comes from the closes.
        group: the heading it stands under.
        text: the value as it is written.
        share: percent of the equity; None where that says nothing.
        direction: -1, 0 or 1 of a gain or loss; None for what is neither.
        note: why it is unknown, or what it rests on.
    """

    key: tuple[str, str]
    figure: Figure | None
    group: str
    title: str
    text: str
    share: Decimal | None = None
    direction: int | None = None
    note: str = ""


def title_of(figure: Figure) -> str:
    """Return what a figure is called."""
    return _TITLES[figure.name][1] or figure.of or "No sector known"


def value_text(figure: Figure) -> str:
    """Write a figure as the panel shows it."""
    if figure.name is FigureName.HHI:
        return fmt.UNKNOWN if figure.share is None else f"{figure.share:.{_TENTH}f}"
    return fmt.pnl(figure.value) if figure.name in _GAINS else fmt.money(figure.value)


def figure_rows(figures: PortfolioFigures, age: Callable[[float], float]) -> list[FigureRow]:
    """Write every figure of now.

    Args:
        age: seconds since a monotonic time of our clock.
    """
    equity = figures.get(FigureName.EQUITY)
    worth = None if equity is None else equity.value
    rows = [
        _row(figure, worth, price_words(figures, age) if figure.name is FigureName.EQUITY else "")
        for figure in (*figures.totals, *figures.weights, *figures.sectors)
    ]
    order = {name: number for number, name in enumerate(_TITLES)}
    return sorted(rows, key=lambda row: order[FigureName(row.key[0])])


def _row(figure: Figure, worth: Decimal | None, note: str) -> FigureRow:
    share = None
    if figure.name in (FigureName.WEIGHT, FigureName.SECTOR) and figure.share is not None:
        share = figure.share * _HUNDRED
    elif figure.name in _OF_EQUITY and figure.value is not None and worth is not None and worth > 0:
        share = figure.value / worth * _HUNDRED
    return FigureRow(
        key=(figure.name.value, figure.of),
        figure=figure,
        group=_TITLES[figure.name][0],
        title=title_of(figure),
        text=value_text(figure),
        share=share,
        direction=fmt.sign(figure.value) if figure.name in _GAINS else None,
        note=unknown_words(figure) or note,
    )


def missing_words(figure: Figure) -> str:
    """Say why a figure is unknown; empty if it is known."""
    if not figure.has_cash:
        return "the broker has not told the cash"
    if not figure.without_price:
        return ""
    first, *others = figure.without_price
    return f"{first} and {len(others)} more have no price" if others else f"{first} has no price"


def unknown_words(figure: Figure) -> str:
    """Say why a figure is unknown, and what of it is known; empty if it is known."""
    missing = missing_words(figure)
    is_sum = figure.name is not FigureName.HHI and bool(figure.known)
    return f"{missing}; rest {fmt.money(figure.known)}" if missing and is_sum else missing


def price_words(figures: PortfolioFigures, age: Callable[[float], float]) -> str:
    """Say what the prices are, and how old the oldest of them is."""
    oldest = figures.oldest
    if oldest is None:
        return ""
    if oldest.basis is PriceBasis.CLOSE:
        number = "all" if figures.at_close == figures.held else f"{figures.at_close} of {figures.held}"
        when = f" of {fmt.day(oldest.at)}" if oldest.at is not None else ""
        return f"{number} at the last close{when}"
    if oldest.received is None:
        return ""
    return f"oldest price {fmt.span(age(oldest.received))}, {oldest.symbol}"


def _percent(value: float | None) -> str:
    return fmt.UNKNOWN if value is None else fmt.signed_percent(Decimal(repr(value)) * _HUNDRED)


def _number(value: float | None) -> str:
    return fmt.UNKNOWN if value is None else fmt.money(Decimal(repr(value)), 2)


def performance_rows(found: Performance) -> list[FigureRow]:
    """Write what the closes say; without a single return there is nothing to write."""
    return list(_performance(found)) if found.returns else []


def _performance(found: Performance) -> Iterator[FigureRow]:
    over = f"{found.returns} returns" if found.returns != 1 else "1 return"
    gaps = f", {found.gaps} closes missed" if found.gaps else ""
    few = "" if found.returns > 1 else "needs two returns"
    tail = "" if found.value_at_risk is not None else "needs 20 returns"
    steady = few or "undefined: no day differs"
    lines = (
        ("Time-weighted return", _percent(found.time_weighted), f"{over}{gaps}"),
        ("Money-weighted, a year", _percent(found.money_weighted), ""),
        ("Growth, a year", _percent(found.growth_a_year), ""),
        ("Volatility, a year", _percent(found.volatility), few),
        ("Drawdown now", _percent(found.drawdown), ""),
        ("Largest drawdown", _percent(found.max_drawdown), ""),
        ("Sharpe ratio", _number(found.sharpe), "" if found.sharpe is not None else steady),
        ("Sortino ratio", _number(found.sortino), _sortino_note(found, few)),
        ("Value at risk, 95\u2009%", _percent(_turned(found.value_at_risk)), tail),
        ("Expected shortfall, 95\u2009%", _percent(_turned(found.expected_shortfall)), tail),
        ("Beta", _number(found.beta), _benchmark_note(found)),
        ("Correlation", _number(found.correlation), _benchmark_note(found)),
    )
    for title, text, note in lines:
        yield FigureRow(("closes", title), None, CLOSES, title, text, note=note)


def _turned(loss: float | None) -> float | None:
    return None if loss is None else -loss


def _sortino_note(found: Performance, few: str) -> str:
    return "" if found.sortino is not None else few or "undefined: no day fell"


def _benchmark_note(found: Performance) -> str:
    if not found.benchmark:
        return "no benchmark is known here"
    return f"against {found.benchmark}, {found.joined} days that both have"


def columns() -> list[Column[FigureRow]]:
    """Return the columns of the table."""

    def ink(row: FigureRow) -> Ink:
        return {1: Ink.GAIN, -1: Ink.LOSS}.get(row.direction or 0, Ink.TEXT1)

    return [
        Column[FigureRow]("figure", "Figure", 132, lambda row: row.title, frozen=True),
        Column[FigureRow](
            "value", "Value", 96, lambda row: row.text, Align.RIGHT, Kind.CHANGE, weight=500, ink=ink,
            direction=lambda row: row.direction or 0,
        ),
        Column[FigureRow](
            "share", "% equity", 62, lambda row: "" if row.share is None else fmt.money(row.share, 1),
            Align.RIGHT, Kind.NUMBER, default_ink=Ink.TEXT2,
        ),
        Column[FigureRow]("note", "From", 202, lambda row: row.note, default_ink=Ink.TEXT3, pad_left=16),
    ]  # fmt: skip
