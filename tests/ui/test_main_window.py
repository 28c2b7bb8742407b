"""The window as a whole: cheap to make, empty without a profile, and every part linked."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.domain.access import Mode, TradingState
from core.domain.confirmation import ConfirmationRequest
from core.domain.messages import (
    CancelOrder,
    CancelOrders,
    CheckOrder,
    ClosePosition,
    HaltTrading,
    LoadBars,
    Notice,
    OrderChanged,
    OrderLookedUp,
    PositionMarked,
    QuotesChanged,
    SaveSetting,
    Severity,
    Snapshot,
    Submitted,
    TradingStateChanged,
)
from core.domain.records import TradingStateRecord
from core.domain.risk import Verdict
from core.errors import BrokerUnavailable, OutcomeUnknown, RefusalCode, Refused
from tests.golden import scenes
from tests.ui import pretend
from ui.bridge import Bridge
from ui.dialogs.confirm import ConfirmSheet
from ui.dialogs.text_input import TextInput
from ui.dialogs.welcome import Start, Welcome
from ui.main_window import MainWindow
from ui.notices import words_of
from ui.our_time import utc_now
from ui.widgets.buttons import Button

NAMES = (
    "panel.watchlist", "panel.positions", "panel.orders", "panel.risk", "panel.audit", "panel.chart",
    "panel.ticket", "badge.mode", "badge.trading_state",
)  # fmt: skip
SLOW = ("pyqtgraph", "numpy", "sqlalchemy", "keyring", "alpaca")


@pytest.fixture
def core() -> pretend.PretendCore:
    return pretend.PretendCore(pretend.snapshot([pretend.order("w", acked=True)]))


@pytest.fixture
def bridge(core: pretend.PretendCore, qtbot: QtBot) -> Iterator[Bridge]:
    made = Bridge(core.send, clock=lambda: 1000.0)
    yield made
    made.stop()


@pytest.fixture
def window(bridge: Bridge, qtbot: QtBot) -> Iterator[MainWindow]:
    made = MainWindow(bridge)
    qtbot.addWidget(made)
    made.resize(1600, 1000)
    made.show()
    yield made
    made.close()


@pytest.fixture
def opened(window: MainWindow, bridge: Bridge, qtbot: QtBot) -> MainWindow:
    bridge.request_snapshot()
    qtbot.waitUntil(lambda: window.parts.facts.profile is not None)
    return window


def open_window(qtbot: QtBot, snapshot: Snapshot) -> MainWindow:
    bridge = Bridge(pretend.PretendCore(snapshot).send, clock=lambda: 1000.0)
    made = MainWindow(bridge)
    qtbot.addWidget(made, before_close_func=lambda _: bridge.stop())
    bridge.request_snapshot()
    qtbot.waitUntil(lambda: made.parts.facts.profile is not None)
    return made


def test_window_has_the_names_that_others_look_for(window: MainWindow) -> None:
    found = {child.objectName() for child in window.findChildren(QWidget)}

    assert window.objectName() == "window.main"
    assert set(NAMES) <= found


def test_window_imports_nothing_slow() -> None:
    code = f"import sys, ui.main_window; sys.exit(any(name in sys.modules for name in {SLOW!r}))"

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0


def test_window_without_profile_is_empty_and_sends_nothing(
    window: MainWindow, core: pretend.PretendCore
) -> None:
    assert core.sent == []
    assert window.registry.run("order.review") == "needs the role trader"
    assert window.parts.watchlist.model.rowCount() == 0


def test_window_with_snapshot_links_all_panels_to_first_symbol(
    opened: MainWindow, core: pretend.PretendCore
) -> None:
    parts = opened.parts

    assert parts.facts.symbol == "XOM"
    assert (parts.chart.symbol, parts.ticket.symbol) == ("XOM", "XOM")
    assert parts.positions.view.current_key() == "XOM"
    assert core.all_of(LoadBars)[-1].symbol == "XOM"


def test_window_chosen_row_links_chart_and_ticket(opened: MainWindow) -> None:
    opened.activateWindow()
    opened.parts.watchlist.view.setFocus()

    opened.parts.watchlist.view.select_key("AAPL")
    opened.parts.watchlist.symbol_selected.emit("AAPL")

    assert (opened.parts.chart.symbol, opened.parts.ticket.symbol) == ("AAPL", "AAPL")


def test_window_new_position_is_marked_where_its_symbol_is_linked(
    opened: MainWindow, bridge: Bridge, qtbot: QtBot
) -> None:
    opened.parts.facts.set_symbol("AAPL")

    bridge.publish(PositionMarked(pretend.mark("AAPL", "10", "1")))
    bridge.take_frame()

    assert opened.parts.positions.view.current_key() == "AAPL"


def test_window_closed_position_does_not_turn_the_ticket_to_its_neighbour(
    opened: MainWindow, bridge: Bridge, qtbot: QtBot
) -> None:
    bridge.publish(PositionMarked(pretend.mark("AAPL", "10", "1")))
    bridge.take_frame()
    opened.activateWindow()
    opened.parts.positions.view.setFocus()
    qtbot.waitUntil(opened.parts.positions.view.hasFocus)

    bridge.publish(PositionMarked(pretend.mark("XOM", "0", "0")))
    bridge.take_frame()

    assert opened.parts.positions.view.current_key() is None
    assert (opened.parts.facts.symbol, opened.parts.ticket.symbol) == ("XOM", "XOM")


def test_window_side_by_side_only_where_there_is_room(opened: MainWindow) -> None:
    blotter = opened.parts.blotter
    wide = (blotter.left.isHidden(), blotter.all.isHidden())

    opened.resize(1280, 800)

    assert wide == (False, True)
    assert (blotter.left.isHidden(), blotter.all.isHidden()) == (True, False)
    assert opened.parts.positions.isVisibleTo(opened)


def test_window_halts_by_key_and_says_so(
    opened: MainWindow, core: pretend.PretendCore, bridge: Bridge, qtbot: QtBot
) -> None:
    core.answers[HaltTrading] = TradingStateRecord(TradingState.HALTED, "", "demo", pretend.NOW)

    opened.registry.run("trading.halt")
    bridge.publish(TradingStateChanged(TradingStateRecord(TradingState.HALTED, "", "demo", pretend.NOW)))
    qtbot.waitUntil(opened.halted.isVisible)

    assert len(core.all_of(HaltTrading)) == 1
    assert opened.halted.accessibleName().startswith("HALTED by you at 14:32:07 ET")
    assert "1 order still works at the broker and 1 position stays open" in opened.halted.accessibleName()


def test_window_halt_banner_cancels_what_works(
    opened: MainWindow, core: pretend.PretendCore, qtbot: QtBot
) -> None:
    core.answers[CancelOrders] = 1

    opened.halted.cancel_wanted.emit()
    qtbot.waitUntil(lambda: bool(core.all_of(CancelOrders)))

    assert core.all_of(CancelOrders)[0].symbol is None


def test_window_unknown_order_has_a_banner_until_it_is_settled(
    opened: MainWindow, core: pretend.PretendCore, bridge: Bridge, qtbot: QtBot
) -> None:
    sent_at = utc_now() - timedelta(seconds=9)
    unknown = pretend.order("u", unknown=True, sent_at=sent_at, price="189.43")
    bridge.publish(OrderChanged(unknown))
    qtbot.waitUntil(opened.unknown.isVisible)
    words = opened.unknown.accessibleName()

    opened.unknown.check_wanted.emit("u")
    bridge.publish(OrderChanged(replace(unknown, unknown=False, acked=True)))
    qtbot.waitUntil(opened.unknown.isHidden)

    assert words.startswith("Outcome unknown: buy 40 AAPL, limit 189.43")
    assert "counts as live in every limit, up to 7,577.20" in words
    assert [sent.cl_ord_id for sent in core.all_of(CheckOrder)] == ["u"]


def test_window_unknown_order_may_be_settled_only_when_asked_long_enough(
    opened: MainWindow, bridge: Bridge, qtbot: QtBot
) -> None:
    unknown = pretend.order("u", unknown=True, sent_at=utc_now())
    bridge.publish(OrderChanged(unknown))
    bridge.publish(OrderLookedUp(unknown, 3, 2.0, may_settle=False))
    qtbot.waitUntil(opened.unknown.isVisible)
    names = {button.text(): button for button in opened.unknown.findChildren(Button)}
    early = names["Send again…"].isVisible()

    bridge.publish(OrderLookedUp(unknown, 30, None, may_settle=True))
    qtbot.waitUntil(names["Send again…"].isVisible)

    assert not early
    assert names["Give up…"].isVisible()


def test_window_delete_cancels_selected_order(
    opened: MainWindow, core: pretend.PretendCore, qtbot: QtBot
) -> None:
    opened.parts.orders.view.select_key("w")

    opened.orders.cancel_order()

    assert [sent.cl_ord_id for sent in core.all_of(CancelOrder)] == ["w"]


def test_window_closes_position_once_with_a_key(opened: MainWindow, core: pretend.PretendCore) -> None:
    core.answers[ClosePosition] = Submitted(pretend.order("c", "XOM", price=None), Verdict(()))

    opened.registry.run("position.close")

    sent = core.all_of(ClosePosition)
    assert [each.symbol for each in sent] == ["XOM"]
    assert sent[0].key.startswith("k-")


def test_window_layout_is_saved_a_moment_after_a_change(
    opened: MainWindow, core: pretend.PretendCore, qtbot: QtBot
) -> None:
    opened.parts.positions.view.head.resizeSection(0, 99)

    qtbot.waitUntil(lambda: any(sent.key == "layout" for sent in core.all_of(SaveSetting)), timeout=3000)
    saved = json.loads(core.all_of(SaveSetting)[-1].value)

    assert saved["version"] == 1
    assert saved["tables"]["positions"]["widths"]["symbol"] == 99


def test_window_remembers_the_chosen_tab(opened: MainWindow, qtbot: QtBot) -> None:
    opened.parts.blotter.right.choose(1)
    stored = json.dumps(opened.layout_keeper.state())

    again = open_window(qtbot, pretend.snapshot(settings={"layout": stored}))

    assert again.parts.blotter.right.current is again.parts.fills


def test_window_restores_stored_layout_and_look(qtbot: QtBot) -> None:
    layout = {"version": 1, "tables": {"positions": {"widths": {"symbol": 111}}}}
    settings = {"layout": json.dumps(layout), "look": json.dumps(["density.dense"])}
    window = open_window(qtbot, pretend.snapshot(settings=settings))

    assert window.parts.positions.view.head.sectionSize(0) == 111
    assert "density.dense" in window.parts.look.chosen


@pytest.mark.parametrize("text", ["not json", "[]", '{"version": 99, "tables": {}}', '{"version": 1}'])
def test_window_bad_stored_layout_is_left_aside(qtbot: QtBot, text: str) -> None:
    window = open_window(qtbot, pretend.snapshot(settings={"layout": text, "look": text}))

    assert window.parts.positions.view.head.sectionSize(0) == 72


def test_window_live_has_a_frame_and_the_word(qtbot: QtBot) -> None:
    window = open_window(qtbot, pretend.snapshot(mode=Mode.LIVE))

    assert window.frame.is_shown
    assert window.windowTitle() == "InvestIQ, demo, LIVE"


def test_window_facts_and_warnings_have_their_places(
    opened: MainWindow, bridge: Bridge, qtbot: QtBot
) -> None:
    facts: list[str] = []
    opened.parts.notices.fact.connect(facts.append)
    bridge.publish(Notice(Severity.FACT, "a fact"))
    bridge.publish(Notice(Severity.WARNING, "a warning"))
    bridge.publish(Notice(Severity.WARNING, "a warning"))

    qtbot.waitUntil(lambda: len(opened.parts.notices.heard) == 2)

    assert facts == ["a fact"]
    assert [toast.count for toast in opened.parts.notices.toasts.toasts()] == [2]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Refused(RefusalCode.HALTED, "Trading is halted."), "Trading is halted."),
        (BrokerUnavailable("no route"), "The broker cannot be reached. Nothing was sent. no route"),
        (
            OutcomeUnknown("late"),
            "The broker gave no answer. It may or may not have been accepted. late",
        ),
        (KeyError("x"), "Something went wrong that should not (KeyError): 'x'"),
    ],
)
def test_words_of_error_say_what_it_means_for_the_money(error: Exception, words: str) -> None:
    assert words_of(error) == words


def question(digest: str) -> ConfirmationRequest:
    terms = pretend.order("q").terms
    return ConfirmationRequest(digest, Mode.SIM, "Practice", terms, Verdict(()), None, 60.0, False)


def test_window_shows_one_question_at_a_time(opened: MainWindow, bridge: Bridge, qtbot: QtBot) -> None:
    def standing() -> list[ConfirmSheet]:
        return [sheet for sheet in opened.findChildren(ConfirmSheet) if not sheet.is_answered]

    first, second = bridge.ask(question("d1")), bridge.ask(question("d2"))
    qtbot.waitUntil(lambda: bool(standing()))
    numbers = [len(standing())]

    standing()[0].refuse()
    qtbot.waitUntil(lambda: first.done() and bool(standing()))
    numbers.append(len(standing()))
    early = second.done()
    standing()[0].refuse()
    qtbot.waitUntil(second.done)

    assert (numbers, early) == ([1, 1], False)
    assert [each.result(timeout=0).digest for each in (first, second)] == ["d1", "d2"]
    assert not any(each.result(timeout=0).accepted for each in (first, second))


def test_window_welcome_is_left_by_a_choice(window: MainWindow, qtbot: QtBot) -> None:
    chosen: list[Start] = []
    window.show_welcome(chosen.append)
    sheet = window.findChild(Welcome)
    assert sheet is not None

    QTest.keyClick(sheet.cards[Start.SIMULATOR], Qt.Key.Key_Return)

    assert chosen == [Start.SIMULATOR]


def test_text_input_keeps_what_was_typed_until_it_is_right(window: MainWindow, qtbot: QtBot) -> None:
    taken: list[str] = []
    sheet = TextInput(
        window, "Name", "Say one.", "Take", taken.append, fault_of=lambda text: "" if text == "good" else "no"
    )
    sheet.open_field()

    QTest.keyClicks(sheet.field, "bad")
    QTest.keyClick(sheet.field, Qt.Key.Key_Return)
    early = (list(taken), sheet.field.text(), sheet.fault.text())
    sheet.field.setText("good")
    QTest.keyClick(sheet.field, Qt.Key.Key_Return)

    assert early == ([], "bad", "no")
    assert taken == ["good"]


def test_window_quote_reaches_watchlist_chart_and_bar(opened: MainWindow, bridge: Bridge) -> None:
    bridge.publish(QuotesChanged((pretend.quote("XOM", "120", "119"),)))

    bridge.take_frame()
    QApplication.processEvents()

    assert str(opened.parts.facts.quote("XOM").last) == "120"  # type: ignore[union-attr]
    assert opened.parts.chart.head.title.accessibleName() == "XOM 120.00 +1.00"


def test_window_ranks_movers_with_the_snapshot_and_not_a_second_later(qtbot: QtBot) -> None:
    bridge = Bridge(pretend.PretendCore(scenes.snapshot()).send, clock=lambda: 1000.0)
    made = MainWindow(bridge)
    qtbot.addWidget(made, before_close_func=lambda _: bridge.stop())
    made.resize(1600, 1000)
    made.show()
    made.parts.movers._seconds.stop()

    bridge.request_snapshot()
    qtbot.waitUntil(lambda: made.parts.facts.profile is not None)

    assert made.parts.movers.body.accessibleName().startswith("Movers: AVGO +2.31")
