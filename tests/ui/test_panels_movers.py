"""The movers: a ranking of what is followed."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.domain.market import Quote
from core.domain.messages import ScanMovers
from core.domain.money import Price, Qty
from core.domain.movers import LARGE_CAPS, MoverRow, MoversScan
from core.errors import BrokerUnavailable
from core.ids import Symbol
from tests.ui import pretend
from ui.actions.list_handlers import symbols_of, universe_fault
from ui.bridge import Bridge
from ui.panels.movers import SCAN, WATCHLIST, MoversPanel, ranked


def quotes(*lasts: str) -> list[Quote]:
    return [pretend.quote(f"S{number}", last, "100") for number, last in enumerate(lasts)]


def test_movers_are_ranked_from_both_ends() -> None:
    up, down = ranked(quotes("101", "105", "99", "100", "90", "103", "98", "100.001", "102", "97"))

    assert [quote.symbol for quote in up] == ["S1", "S5", "S8", "S0"]
    assert [quote.symbol for quote in down] == ["S4", "S9", "S6", "S2"]


def test_movers_of_a_few_symbols_are_no_ranking() -> None:
    assert ranked(quotes("101", "99")) == ([], [])


NOW = datetime(2026, 11, 20, 19, 32, 7, tzinfo=UTC)


def row(symbol: str, change: str) -> MoverRow:
    return MoverRow(Symbol(symbol), Price(100), Decimal(change), None, Qty(5), NOW)


def scan(*rows: MoverRow, excluded=()) -> MoversScan:
    universe = tuple(each.symbol for each in rows) + tuple(symbol for symbol, _ in excluded)
    return MoversScan(rows, tuple(excluded), NOW, universe)


@pytest.fixture
def core():
    return pretend.PretendCore()


@pytest.fixture
def panel(qtbot, core):
    bridge = Bridge(core.send)
    made = MoversPanel(bridge, lambda: quotes(*["101"] * 12))
    qtbot.addWidget(made, before_close_func=lambda _: bridge.stop())
    made.resize(442, 140)
    made.show()
    return made


def test_scan_is_asked_for_when_its_tab_is_chosen(qtbot, panel, core):
    core.answers[ScanMovers] = scan(row("AAPL", "3"), row("MSFT", "-2"), excluded=[("V", "no trade today")])

    panel.choose(SCAN)

    qtbot.waitUntil(lambda: panel.body.accessibleName() == "Movers: AAPL +3.00, MSFT \N{MINUS SIGN}2.00")
    assert core.all_of(ScanMovers) == [ScanMovers(LARGE_CAPS)]
    assert panel.body.toolTip() == "Not ranked:\nV: no trade today"


def test_scan_that_fails_says_why_and_the_watchlist_is_one_click_away(qtbot, panel, core):
    core.answers[ScanMovers] = BrokerUnavailable("no answer")
    panel.choose(SCAN)
    qtbot.waitUntil(lambda: "no answer" in panel.body._empty.text)

    panel.choose(WATCHLIST)

    assert panel.body.accessibleName().startswith("Movers: S0 +1.00")


def test_scan_of_nothing_that_could_be_ranked_names_the_first_reason(qtbot, panel, core):
    core.answers[ScanMovers] = scan(excluded=[("V", "no trade today")])

    panel.choose(SCAN)

    qtbot.waitUntil(lambda: panel.body._empty.text == "V: no trade today")


@pytest.mark.parametrize(
    ("text", "symbols", "fault"),
    [
        ("aapl, msft  brk.b;v", ("AAPL", "MSFT", "BRK.B", "V"), ""),
        ("AAPL AAPL", ("AAPL",), ""),
        ("AA$", ("AA$",), "AA$ is not a symbol"),
        (" ".join(f"A{n}" for n in range(101)), tuple(f"A{n}" for n in range(101)), "At most 100"),
    ],
)
def test_universe_is_read_from_text(text, symbols, fault):
    assert symbols_of(text) == symbols
    assert universe_fault(text).startswith(fault)
    assert bool(universe_fault(text)) is bool(fault)
