"""A figure of the portfolio taken apart into lots, closed pieces, fees and prices, and added up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.domain.figures import Figure, FigureName, FigurePart, FigureProof, PartKind, PriceBasis, PriceUsed
from core.domain.outcomes import EquitySnapshot
from ui import format as fmt
from ui.dialogs.proof import Finding
from ui.dialogs.proof_lines import pieces_words
from ui.dialogs.sheet_dialog import SheetDialog
from ui.models.columns import Align, Column, Ink, Kind
from ui.models.table import KeyedTableModel
from ui.panels.portfolio_rows import missing_words, title_of
from ui.theme.tokens import density
from ui.widgets.buttons import Button, Dress
from ui.widgets.labels import plain
from ui.widgets.table_view import TableView

_WIDTH = 900
_HEIGHT, _LEAST_HEIGHT = 380, 120

_KINDS = {
    PartKind.CASH: "Cash the broker confirmed",
    PartKind.CASH_SINCE: "Cash of fills since then",
    PartKind.LOT: "Open lot",
    PartKind.CLOSED: "Closed piece",
    PartKind.DAY_START: "Held when the day began",
    PartKind.DAY_FILL: "Filled today",
    PartKind.FEE: "Fee",
    PartKind.SQUARE: "Value, squared",
    PartKind.ARCHIVED: "Archived",
}
Export = Callable[[TableView], object]


@dataclass(frozen=True, slots=True)
class PartRow:
    """A part and its place, which is its key."""

    number: int
    part: FigurePart


def _part_columns() -> list[Column[PartRow]]:
    right, number = Align.RIGHT, Kind.NUMBER
    return [
        Column[PartRow]("symbol", "Symbol", 72, lambda row: row.part.symbol, weight=500, frozen=True),
        Column[PartRow]("what", "What", 168, lambda row: _what(row.part), default_ink=Ink.TEXT2),
        Column[PartRow]("qty", "Qty", 96, lambda row: _qty(row.part), right, number),
        Column[PartRow]("price", "Price", 92, lambda row: _price(row.part.price), right, number),
        Column[PartRow](
            "less", "Less", 84, lambda row: _price(row.part.against), right, number
        ),
        Column[PartRow](
            "amount", "Amount", 132, lambda row: fmt.exact(row.part.amount), right, number, weight=500
        ),
        Column[PartRow](
            "fill", "Fill", 184, lambda row: _source(row.part), default_ink=Ink.TEXT3, pad_left=16
        ),
    ]  # fmt: skip


def _qty(part: FigurePart) -> str:
    if part.qty is None:
        return ""
    return fmt.exact(part.qty) if part.kind is PartKind.SQUARE else fmt.qty(part.qty)


def _source(part: FigurePart) -> str:
    if part.archived is None:
        return part.exec_id or ""
    # The number of the archive stands where it is seen, also where the column is narrow.
    return f"{pieces_words(part.archived)}, {part.archived.file}"


def _what(part: FigurePart) -> str:
    words = _KINDS[part.kind]
    return words if part.archived is None else f"{words} to {part.archived.up_to:%Y-%m-%d}"


def _price(value: Decimal | None) -> str:
    return "" if value is None else fmt.exact(value)


def verdict(proof: FigureProof) -> tuple[bool, str]:
    """Say whether the parts meet the figure, in words; it is added up here once more."""
    total = sum((part.amount for part in proof.parts), Decimal(0))
    number = "1 part" if len(proof.parts) == 1 else f"{len(proof.parts)} parts"
    if not proof.holds or total != proof.figure.known:
        shown = fmt.exact(proof.figure.known)
        return False, f"The parts add up to {fmt.exact(total)}, which is not the {shown} that is shown."
    missing = missing_words(proof.figure)
    if missing:
        words = f"What is known re-adds exactly to {fmt.exact(total)}, from {number}"
        return True, f"{words}. The whole is unknown because {missing}."
    return True, f"Re-adds exactly to {fmt.exact(total)}, from {number}."


def basis_words(figure: Figure) -> str:
    """Say what is divided by what, where the figure is a share; empty where it is none."""
    if figure.over is None or figure.share is None:
        return ""
    share, words = fmt.percent(figure.share * 100, 4), "the equity"
    if figure.name is FigureName.HHI:
        share, words = f"{figure.share:.6f}", "the square of the gross value"
    return f"{share} is this sum over {words}, {fmt.exact(figure.over)}."


def price_line(prices: Sequence[PriceUsed]) -> str:
    """Say which prices were used."""
    told = [f"{used.symbol} {fmt.exact(used.price)}, {_when(used)}" for used in prices[:6]]
    more = f"; and {len(prices) - 6} more" if len(prices) > 6 else ""
    return f"Prices: {'; '.join(told)}{more}." if told else ""


def _when(used: PriceUsed) -> str:
    if used.basis is PriceBasis.CLOSE:
        return "last close" if used.at is None else f"close of {fmt.day(used.at)}"
    return fmt.clock_zone(used.at)


def show_figure_proof(
    window: QWidget, proof: FigureProof, export: Export, holes: Sequence[QWidget] = ()
) -> SheetDialog:
    """Open the sheet."""
    title = title_of(proof.figure)
    dialog = SheetDialog(
        window, "dialog.figure", f"{title}: where the figure comes from", width=_WIDTH, holes=holes
    )
    for words in (basis_words(proof.figure), price_line(proof.prices)):
        if words:
            dialog.add_words(words)
    model: KeyedTableModel[PartRow] = KeyedTableModel(_part_columns(), lambda row: row.number)
    model.replace_all(PartRow(number, part) for number, part in enumerate(proof.parts))
    view = TableView(model, f"Parts of {title}", dialog.sheet)
    view.set_empty("Nothing goes into this figure.")
    _finish(dialog, view, Finding(*verdict(proof)), export)
    return dialog


@dataclass(frozen=True, slots=True)
class CloseRow:
    """One close, and what it makes of the one before."""

    close: EquitySnapshot
    growth: Decimal | None


def close_rows(closes: Sequence[EquitySnapshot]) -> list[CloseRow]:
    """Pair each close with the growth since the last one that is known, the owner's money aside."""
    rows, before, flow = [], None, Decimal(0)
    for close in closes:
        growth, equity = None, close.equity
        flow += close.flow
        if equity is not None:
            growth = (equity - flow) / before - 1 if before else None
            before, flow = equity, Decimal(0)
        rows.append(CloseRow(close, growth))
    return rows


def _close_columns() -> list[Column[CloseRow]]:
    right, number = Align.RIGHT, Kind.NUMBER

    def money(key: str, title: str, read: Callable[[EquitySnapshot], Decimal | None]) -> Column[CloseRow]:
        return Column[CloseRow](key, title, 116, lambda row: fmt.money(read(row.close)), right, number)

    return [
        Column[CloseRow](
            "day", "Market day", 108, lambda row: row.close.market_date.isoformat(), weight=500,
            sort_key=lambda row: row.close.market_date, frozen=True,
        ),
        money("cash", "Cash", lambda close: close.cash),
        money("positions", "Positions", lambda close: close.positions_value),
        money("equity", "Equity", lambda close: close.equity),
        money("flow", "Came in", lambda close: close.flow),
        Column[CloseRow](
            "return", "Return %", 84,
            lambda row: fmt.pnl(None if row.growth is None else row.growth * 100), right, number,
        ),
        Column[CloseRow](
            "state", "", 64, lambda row: "missed" if row.close.missed else "", default_ink=Ink.TEXT3,
            pad_left=16,
        ),
    ]  # fmt: skip


def show_closes(
    window: QWidget, closes: Sequence[EquitySnapshot], export: Export, holes: Sequence[QWidget] = ()
) -> SheetDialog:
    """Open the sheet with the closes that returns and ratios are made of."""
    dialog = SheetDialog(window, "dialog.closes", "From close to close", width=_WIDTH, holes=holes)
    dialog.add_words(
        "A return is (equity - what came in) over the equity of the last close that is known, less 1. "
        "Money that comes or goes is no return; a close that the program did not see is gone over."
    )
    model: KeyedTableModel[CloseRow] = KeyedTableModel(_close_columns(), lambda row: row.close.market_date)
    model.replace_all(close_rows(closes))
    model.sort_by("day", descending=True)
    view = TableView(model, "Closes", dialog.sheet)
    known = sum(close.equity is not None for close in closes)
    _finish(dialog, view, plain(f"{known} of {len(closes)} closes are known."), export)
    return dialog


def _finish(dialog: SheetDialog, view: TableView, finding: QWidget, export: Export) -> None:
    rows = view.head.sizeHint().height() + (view.table.rowCount() + 1) * density().row
    view.setFixedHeight(min(_HEIGHT, max(_LEAST_HEIGHT, rows)))
    dialog.column.addSpacing(4)
    dialog.column.addWidget(view)
    dialog.column.addWidget(finding)
    buttons = QHBoxLayout()
    save = Button("Export as CSV…", Dress.OUTLINE)
    save.clicked.connect(lambda: export(view))
    close = Button("Close", Dress.OUTLINE, key="Esc")
    close.clicked.connect(dialog.dismiss)
    buttons.addWidget(save)
    buttons.addWidget(close)
    dialog.column.addLayout(buttons)
    dialog.open_sheet(view)
