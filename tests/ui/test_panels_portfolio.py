"""The portfolio: figures, why some are unknown, the curve of the closes, and the sheets behind them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from core.domain.execution import Fill
from core.domain.figures import (
    Figure,
    FigureName,
    FigureProof,
    PartKind,
    PortfolioReport,
    PriceBasis,
    PriceUsed,
)
from core.domain.messages import EquityClosed, ExplainFigure, LoadPortfolio, PortfolioMarked
from core.domain.money import Money, Price, Qty
from core.domain.outcomes import EquitySnapshot
from core.domain.terms import Side
from core.ids import ClOrdId, ExecId, Symbol
from core.portfolio.book import PortfolioBook
from core.portfolio.lots import fold
from core.portfolio.parts import Evidence, take_apart
from core.portfolio.performance import performance
from core.portfolio.pnl import NO_TRADES, position_pnl
from core.portfolio.provenance import proof
from tests.ui import pretend
from ui.bridge import Bridge
from ui.dialogs.figure_proof import basis_words, close_rows, price_line, verdict
from ui.dialogs.proof import show_proof
from ui.main_window import MainWindow
from ui.models.columns import RowState
from ui.panels.portfolio import PortfolioPanel, empty_words
from ui.panels.portfolio_rows import figure_rows, performance_rows, price_words, unknown_words
from ui.panels.positions import PositionsPanel
from ui.widgets.labels import Text
from ui.widgets.table_view import TableView

CASH = Decimal("50000.10")
AAPL, XOM, ORCL = map(Symbol, ("AAPL", "XOM", "ORCL"))
SECTORS = {AAPL: "Information Technology", XOM: "Energy", ORCL: ""}


def fill(number: int, symbol: str, side: Side, qty: str, price: str) -> Fill:
    return Fill(
        ExecId(f"E{number}"), ClOrdId("IQ-1"), Symbol(symbol), side, Qty(qty), Price(price), Money("0.35"),
        pretend.NOW,
    )  # fmt: skip


FILLS = [
    fill(1, "AAPL", Side.BUY, "50", "186.00"),
    fill(2, "AAPL", Side.SELL, "10", "189.10"),
    fill(3, "XOM", Side.BUY, "90", "119.02"),
    fill(4, "ORCL", Side.SELL, "5", "121.50"),
]
PRICES = {AAPL: "189.42", XOM: "117.96", ORCL: "121.88"}


class Holdings:
    """Three positions, their figures and what these are made of."""

    def __init__(self, without: Symbol | None = None, basis: PriceBasis = PriceBasis.LIVE) -> None:
        book, lots, closes = PortfolioBook(), [], []
        prices = {
            symbol: PriceUsed(symbol, Price(price), basis, pretend.NOW, 995.0)
            for symbol, price in PRICES.items()
            if symbol != without
        }
        for symbol, sector in SECTORS.items():
            position, closed = fold([each for each in FILLS if each.symbol == symbol])
            lots += position.lots
            closes += closed
            pnl = position_pnl(position, prices.get(symbol), Decimal(1), NO_TRADES)
            book.put(pnl, sector)
        self.figures = book.figures(CASH)
        self.evidence = Evidence(tuple(lots), tuple(closes), tuple(FILLS), prices=prices, confirmed=CASH)

    def prove(self, command: ExplainFigure) -> FigureProof:
        figure = self.figures.get(command.name, command.of)
        assert figure is not None
        return take_apart(figure, self.evidence, [s for s, name in SECTORS.items() if name == command.of])


def close(day: int, equity: str | None, flow: str = "0") -> EquitySnapshot:
    worth = None if equity is None else Money(equity)
    nothing = None if worth is None else Money(0)
    at = pretend.NOW + timedelta(days=day)
    return EquitySnapshot(
        date(2026, 11, 2) + timedelta(days=day), worth, nothing, Money(flow), worth is None, at
    )


CLOSES = (close(0, "100"), close(1, "110"), close(2, None), close(3, "160.50", "50"))


def report(holdings: Holdings, closes: tuple[EquitySnapshot, ...] = CLOSES) -> PortfolioReport:
    return PortfolioReport(holdings.figures, closes, performance(closes), None)


@pytest.fixture
def core() -> pretend.PretendCore:
    made = pretend.PretendCore(pretend.snapshot())
    made.answers[LoadPortfolio] = report(Holdings())
    made.answers[ExplainFigure] = Holdings().prove
    return made


@pytest.fixture
def window(core: pretend.PretendCore, qtbot: QtBot) -> Iterator[MainWindow]:
    made = MainWindow(Bridge(core.send, clock=lambda: 1000.0))
    qtbot.addWidget(made)
    made.resize(1600, 1000)
    made.show()
    made.parts.bridge.request_snapshot()
    qtbot.waitUntil(lambda: bool(made.parts.portfolio.model.rows))
    made.parts.blotter.show_panel(made.parts.portfolio)
    yield made
    made.parts.bridge.stop()


def texts(panel: PortfolioPanel) -> dict[str, str]:
    return {row.title: row.text for row in panel.model.rows.values()}


def test_portfolio_shows_every_figure_under_its_heading(window: MainWindow) -> None:
    panel = window.parts.portfolio

    shown = texts(panel)
    assert shown["Total value"] == "67,583.90"
    assert shown["Realised"] == "+31.00"
    assert shown["Fees"] == "1.40"
    assert shown["Short"] == "−609.40"
    assert shown["Energy"] == "10,616.40"
    assert shown["No sector known"] == "609.40"
    assert shown["Time-weighted return"] == "+10.50\u2009%"
    assert [row.group for row in panel.model.rows.values()] == (
        ["Worth and result"] * 8 + ["Exposure"] * 4 + ["Concentration"] * 4 + ["Sectors"] * 3
        + ["From close to close"] * 12
    )  # fmt: skip


def test_portfolio_follows_what_changed(window: MainWindow, qtbot: QtBot) -> None:
    bridge, panel = window.parts.bridge, window.parts.portfolio
    bridge.publish(PortfolioMarked(Holdings(without=XOM).figures))

    bridge.take_frame()
    panel.view.frame()

    assert texts(panel)["Total value"] == "—"
    assert texts(panel)["Cost of what is held"] != "—"


def test_a_close_is_read_when_it_was_recorded(
    window: MainWindow, core: pretend.PretendCore, qtbot: QtBot
) -> None:
    before = len(core.all_of(LoadPortfolio))

    window.parts.bridge.publish(EquityClosed(CLOSES[-1]))

    qtbot.waitUntil(lambda: len(core.all_of(LoadPortfolio)) == before + 1)


@pytest.mark.parametrize("name", [FigureName.EQUITY, FigureName.TOTAL_PNL, FigureName.HHI])
def test_enter_takes_a_figure_apart(window: MainWindow, qtbot: QtBot, name: FigureName) -> None:
    view = window.parts.portfolio.view
    view.setFocus()
    view.select_key((name.value, ""))

    QTest.keyClick(view, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.findChild(QWidget, "dialog.figure") is not None)

    sheet = window.findChild(QWidget, "dialog.figure")
    said = " ".join(child.accessibleName() for child in sheet.findChildren(QWidget))
    assert "Re-adds exactly to" in said
    table = sheet.findChild(TableView)
    assert table.table.rowCount() == len(Holdings().prove(ExplainFigure(name)).parts)
    assert table.to_csv().startswith("Symbol,What,Qty,Price,Less,Amount,Fill")


def test_enter_on_what_comes_from_the_closes_shows_them(window: MainWindow, qtbot: QtBot) -> None:
    view = window.parts.portfolio.view
    view.select_key(("closes", "Largest drawdown"))

    QTest.keyClick(view, Qt.Key.Key_Return)

    sheet = window.findChild(QWidget, "dialog.closes")
    assert sheet is not None
    assert "3 of 4 closes are known." in [label.text() for label in sheet.findChildren(QLabel)]
    assert sheet.findChild(TableView).table.rowCount() == 4


def test_portfolio_can_be_reached_by_its_key(window: MainWindow, qtbot: QtBot) -> None:
    window.parts.blotter.show_panel(window.parts.positions)

    QTest.keyClick(window, Qt.Key.Key_8, Qt.KeyboardModifier.ControlModifier)

    assert window.parts.portfolio.view.hasFocus()


def test_empty_portfolio_shows_cash_and_no_zeros() -> None:
    rows = figure_rows(PortfolioBook().figures(CASH), lambda received: received)

    assert [(row.title, row.text) for row in rows] == [
        ("Total value", "50,000.10"), ("Cash", "50,000.10"),
    ]  # fmt: skip
    assert figure_rows(PortfolioBook().figures(None), lambda received: received) == []


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        (Figure(FigureName.NET, "", Decimal(5)), ""),
        (Figure(FigureName.NET, "", Decimal(5), None, (XOM,)), "XOM has no price; rest 5.00"),
        (Figure(FigureName.NET, "", Decimal(0), None, (XOM,)), "XOM has no price"),
        (
            Figure(FigureName.NET, "", Decimal(5), None, (AAPL, ORCL, XOM)),
            "AAPL and 2 more have no price; rest 5.00",
        ),
        (Figure(FigureName.HHI, "", Decimal(5), None, (XOM,)), "XOM has no price"),
        (Figure(FigureName.CASH, "", Decimal(0), has_cash=False), "the broker has not told the cash"),
    ],
)  # fmt: skip
def test_unknown_figure_says_why_and_what_is_known(figure: Figure, words: str) -> None:
    assert unknown_words(figure) == words


def test_prices_tell_their_age_or_their_close() -> None:
    live, at_close = Holdings().figures, Holdings(basis=PriceBasis.CLOSE).figures
    some = replace(at_close, at_close=2)

    def age(received: float) -> float:
        return 1000.0 - received

    assert price_words(live, age) == "oldest price 5 s, AAPL"
    assert price_words(at_close, age) == "all at the last close of Fri 20 Nov"
    assert price_words(some, age) == "2 of 3 at the last close of Fri 20 Nov"
    assert price_words(replace(live, oldest=None), age) == ""
    assert price_words(replace(live, oldest=replace(live.oldest, received=None)), age) == ""


def test_performance_says_why_something_is_not_defined() -> None:
    rows = {row.title: (row.text, row.note) for row in performance_rows(performance(CLOSES))}

    assert rows["Value at risk, 95\u2009%"] == ("—", "needs 20 returns")
    assert rows["Beta"] == ("—", "no benchmark is known here")
    assert rows["Time-weighted return"][1] == "2 returns, 1 closes missed"
    assert rows["Sortino ratio"] == ("—", "undefined: no day fell")
    assert performance_rows(performance(CLOSES[:1])) == []


def test_empty_curve_says_when_the_close_comes() -> None:
    words = [empty_words(closes, at) for closes, at in (((), pretend.NOW), (CLOSES[:1], None))]

    assert [(each.text, each.action) for each in words] == [
        ("The first close is recorded", "Fri 20 Nov, 14:32 ET"),
        ("The second close comes", "at the end of the next market day"),
    ]


def test_curve_is_painted_with_gaps_and_tells_its_ends(window: MainWindow) -> None:
    curve = window.parts.portfolio.curve

    picture = curve.grab().toImage()

    assert curve.accessibleName() == "Equity at the closes: 2026-11-02 100.00 to 2026-11-05 160.50"
    assert (
        len({picture.pixel(x, y) for x in range(0, picture.width(), 3) for y in range(picture.height())}) > 3
    )


def test_verdict_of_a_proof_that_does_not_hold_tells_both_sums() -> None:
    sound = Holdings().prove(ExplainFigure(FigureName.COST))
    false = replace(sound, figure=replace(sound.figure, known=Decimal(1)))
    unknown = Holdings(without=XOM).prove(ExplainFigure(FigureName.NET))

    assert verdict(false) == (
        False, "The parts add up to 17,544.30, which is not the 1.00 that is shown.",
    )  # fmt: skip
    assert verdict(replace(sound, holds=False))[0] is False
    holds, words = verdict(unknown)
    assert holds
    assert words.endswith("The whole is unknown because XOM has no price.")


def test_shares_and_prices_are_explained_in_words() -> None:
    holdings = Holdings()
    weight = next(figure for figure in holdings.figures.weights if figure.of == XOM)
    proof = holdings.prove(ExplainFigure(FigureName.NET))
    closed = Holdings(basis=PriceBasis.CLOSE).prove(ExplainFigure(FigureName.NET))

    assert basis_words(weight) == "15.7085\u2009% is this sum over the equity, 67,583.90."
    assert basis_words(proof.figure) == ""
    assert price_line(proof.prices).startswith("Prices: AAPL 189.42, 14:32:07 ET; ORCL")
    assert "close of Fri 20 Nov" in price_line(closed.prices)
    assert price_line(proof.prices * 3).endswith("and 3 more.")
    assert price_line(()) == ""
    assert {part.kind for part in proof.parts} == {PartKind.LOT}


def test_closes_are_paired_over_a_gap_with_the_money_in_it() -> None:
    assert [row.growth for row in close_rows(CLOSES)] == [
        None, Decimal("0.1"), None, Decimal("110.50") / 110 - 1,
    ]  # fmt: skip


def test_position_at_a_close_is_greyed_and_its_sheet_names_the_day(qtbot: QtBot) -> None:
    panel = PositionsPanel(Bridge(pretend.PretendCore().send, clock=lambda: 1000.0))
    qtbot.addWidget(panel)
    at = PriceUsed(AAPL, Price("186"), PriceBasis.CLOSE, pretend.NOW, 1000.0)
    live = replace(pretend.mark("AAPL", "60", "1"), received=1000.0)

    found = [panel.model.state_of(replace(live, priced=each)) for each in (None, at)]

    assert found == [RowState.NORMAL, RowState.STALE]


@pytest.mark.parametrize(
    ("basis", "at", "words"),
    [
        (PriceBasis.LIVE, pretend.NOW, "last 186.00"),
        (PriceBasis.CLOSE, pretend.NOW, "last 186.00, the close of Fri 20 Nov"),
        (PriceBasis.CLOSE, None, "last 186.00, the close of the last market day"),
    ],
)
def test_sheet_of_a_position_says_what_its_price_is(
    window: MainWindow, basis: PriceBasis, at: datetime | None, words: str
) -> None:
    used = PriceUsed(AAPL, Price("186"), basis, at, 1000.0)
    position = pretend.position("AAPL", "60", "180")

    sheet = show_proof(window, proof(position, (), (), used), None)

    assert any(text.text().endswith(words) for text in sheet.findChildren(Text))
    sheet.dismiss()
