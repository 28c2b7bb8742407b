"""The watchlist: groups, ages, halts, lists and files."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from core.domain.messages import FillBooked, ImportWatchlist, QuotesChanged, RemoveWatchlist, SaveWatchlist
from core.domain.records import Watchlist
from core.errors import BadInput
from core.ids import Symbol
from tests.ui import pretend
from ui.bridge import Bridge
from ui.models.columns import RowState
from ui.models.sorting import GroupLine
from ui.panels.watchlist import WatchlistPanel


@pytest.fixture
def core() -> pretend.PretendCore:
    return pretend.PretendCore()


@pytest.fixture
def bridge(core: pretend.PretendCore, qtbot: QtBot) -> Bridge:
    return Bridge(core.send, clock=lambda: 1000.0)


@pytest.fixture
def panel(bridge: Bridge, qtbot: QtBot) -> WatchlistPanel:
    made = WatchlistPanel(bridge)
    qtbot.addWidget(made)
    made.resize(442, 500)
    made.show()
    made.apply_snapshot(pretend.snapshot())
    return made


def lines(panel: WatchlistPanel) -> list[str]:
    found = []
    for at in range(panel.model.rowCount()):
        line = panel.model.line(at)
        found.append(line.name if isinstance(line, GroupLine) else str(line.symbol))
    return found


def texts(panel: WatchlistPanel, symbol: str) -> dict[str, str]:
    row = panel.model.rows[symbol]
    return {column.key: column.text(row) for column in panel.model.columns}


def test_watchlist_shows_holdings_first_then_sectors(panel: WatchlistPanel) -> None:
    assert lines(panel) == ["Holdings", "XOM", "Technology", "AAPL", "ORCL"]


def test_watchlist_row_shows_figures_and_age(panel: WatchlistPanel) -> None:
    assert texts(panel, "AAPL") == {
        "symbol": "AAPL",
        "last": "189.42",
        "change": "+0.31",
        "bid": "189.42",
        "ask": "189.42",
        "size": "3 × 5",
        "age": "0.0",
    }


def test_watchlist_old_quote_is_stale_and_halt_is_said(panel: WatchlistPanel) -> None:
    states = {symbol: panel.model.state_of(row) for symbol, row in panel.model.rows.items()}

    assert states["AAPL"] is RowState.NORMAL
    assert states["XOM"] is RowState.STALE
    assert states["ORCL"] is RowState.HALTED
    assert (texts(panel, "ORCL")["age"], texts(panel, "ORCL")["bid"]) == ("halt", "—")


def test_watchlist_takes_quotes_of_shown_symbols_only(panel: WatchlistPanel, bridge: Bridge) -> None:
    bridge.publish(QuotesChanged((pretend.quote("AAPL", "190", "188"), pretend.quote("IBM", "1", "1"))))

    bridge.take_frame()
    panel.view.frame()

    assert texts(panel, "AAPL")["last"] == "190.00"
    assert "IBM" not in panel.model.rows


def test_watchlist_fill_moves_symbol_among_holdings(
    panel: WatchlistPanel, bridge: Bridge, qtbot: QtBot
) -> None:
    bridge.publish(FillBooked(pretend.fill("f-9"), pretend.position("AAPL", "10", "99")))

    qtbot.waitUntil(lambda: lines(panel) == ["Holdings", "AAPL", "XOM", "Technology", "ORCL"])


def test_watchlist_new_group_leaves_the_selection_on_its_symbol(
    panel: WatchlistPanel, bridge: Bridge, qtbot: QtBot
) -> None:
    panel.apply_snapshot(replace(pretend.snapshot(), positions=()))
    panel.view.select_key("ORCL")
    chosen: list[object] = []
    panel.view.key_chosen.connect(chosen.append)

    bridge.publish(FillBooked(pretend.fill("f-9"), pretend.position("ORCL", "10", "99")))
    qtbot.waitUntil(lambda: lines(panel)[:2] == ["Holdings", "ORCL"])

    assert (panel.view.current_key(), panel.view.selected_keys()) == ("ORCL", ["ORCL"])
    assert "AAPL" not in chosen


def test_watchlist_adds_known_symbol_only(
    panel: WatchlistPanel, core: pretend.PretendCore, qtbot: QtBot
) -> None:
    assert not panel.add_symbol("nonsense")

    assert panel.add_symbol("ibm")
    qtbot.waitUntil(lambda: "IBM" in lines(panel))

    assert [sent.watchlist.symbols[-1] for sent in core.all_of(SaveWatchlist)] == ["IBM"]
    assert lines(panel)[-2:] == ["Other", "IBM"]


def test_watchlist_delete_key_takes_symbol_off(panel: WatchlistPanel, qtbot: QtBot) -> None:
    panel.view.select_key("AAPL")

    QTest.keyClick(panel.view, Qt.Key.Key_Delete)

    qtbot.waitUntil(lambda: "AAPL" not in lines(panel))


def test_watchlist_held_symbol_stays_and_says_why(panel: WatchlistPanel, qtbot: QtBot) -> None:
    said: list[str] = []
    panel.lists.said.connect(said.append)
    panel.view.select_key("XOM")
    panel.remove_symbol()
    qtbot.waitUntil(lambda: "XOM" not in panel.lists.symbols)

    panel.view.select_key("XOM")
    panel.remove_symbol()

    assert "XOM" in lines(panel)
    assert said[-1] == "XOM is shown because it is held; it is not on the list."


def test_watchlist_new_list_is_shown_empty_but_for_holdings(panel: WatchlistPanel, qtbot: QtBot) -> None:
    panel.lists.add("Chips")

    qtbot.waitUntil(lambda: lines(panel) == ["Holdings", "XOM"])

    assert panel.lists.names == ("Main", "Chips")


def test_watchlist_rename_stores_new_before_old_goes(
    panel: WatchlistPanel, core: pretend.PretendCore, qtbot: QtBot
) -> None:
    panel.lists.rename("Mine")
    qtbot.waitUntil(lambda: panel.lists.names == ("Mine",))

    kinds = [type(sent) for sent in core.sent if isinstance(sent, SaveWatchlist | RemoveWatchlist)]
    assert kinds == [SaveWatchlist, RemoveWatchlist]
    assert panel.lists.name == "Mine"


def test_watchlist_deleted_list_gives_way_to_the_first(panel: WatchlistPanel, qtbot: QtBot) -> None:
    panel.lists.add("Chips")
    qtbot.waitUntil(lambda: panel.lists.name == "Chips" and len(panel.lists.names) == 2)

    panel.lists.delete()
    qtbot.waitUntil(lambda: panel.lists.names == ("Main",))

    assert panel.lists.name == "Main"


def test_watchlist_bad_file_shows_error_and_changes_nothing(
    panel: WatchlistPanel, core: pretend.PretendCore, bridge: Bridge, qtbot: QtBot
) -> None:
    core.answers[ImportWatchlist] = BadInput("bad.csv", "no column symbol", 1)
    errors: list[Exception] = []
    bridge.failure.connect(errors.append)
    before = lines(panel)

    panel.lists.import_csv("bad", Path("bad.csv"))
    qtbot.waitUntil(lambda: bool(errors))

    assert str(errors[0]) == "bad.csv, line 1: no column symbol"
    assert (lines(panel), panel.lists.name) == (before, "Main")


def test_watchlist_good_file_is_shown(panel: WatchlistPanel, core: pretend.PretendCore, qtbot: QtBot) -> None:
    core.answers[ImportWatchlist] = Watchlist("chips", (Symbol("IBM"),), 1)

    panel.lists.import_csv("chips", Path("chips.csv"))

    qtbot.waitUntil(lambda: lines(panel) == ["Holdings", "XOM", "Other", "IBM"])


def test_watchlist_narrow_panel_leaves_bid_ask_and_size_out(panel: WatchlistPanel) -> None:
    panel.resize(274, 500)
    narrow = [column.key for column in panel.view.shown_columns()]
    panel.resize(442, 500)

    assert narrow == ["symbol", "last", "change", "age"]
    assert len(panel.view.shown_columns()) == 7
