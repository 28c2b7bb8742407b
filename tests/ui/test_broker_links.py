"""What the window shows of the broker: a link that is down, the differences, the kill switch, waiting."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.domain.messages import (
    Difference,
    DifferenceKind,
    KillProgressed,
    KillReport,
    KillStage,
    KillTrading,
    LinkChanged,
    LinkState,
    Part,
    Reconcile,
    Reconciled,
    ReconciliationRun,
    Reconnect,
    RequestsWaiting,
)
from core.errors import RefusalCode, Refused
from core.ids import ClOrdId
from tests.ui import pretend
from ui.bridge import Bridge
from ui.dialogs.kill import KillSheet
from ui.main_window import MainWindow
from ui.our_time import utc_now
from ui.widgets.buttons import Button

AGREES = Difference(DifferenceKind.MISSED_REPORT, "w", "NEW", "FILLED", repaired=True)
OPEN = Difference(DifferenceKind.POSITION, "AAPL", "80", "90", repaired=False)
AT = pretend.NOW


@pytest.fixture
def core() -> pretend.PretendCore:
    return pretend.PretendCore(pretend.snapshot([pretend.order("w", acked=True)]))


@pytest.fixture
def window(qtbot, core):
    bridge = Bridge(core.send)
    made = MainWindow(bridge)
    qtbot.addWidget(made)
    made.bridge_of_test = bridge
    made.show()
    bridge.request_snapshot()
    qtbot.waitUntil(lambda: made.parts.facts.profile is not None)
    yield made
    bridge.stop()
    made.close()


def tell(qtbot, window, event) -> None:
    window.bridge_of_test.publish(event)
    qtbot.wait(30)


def link(part: Part, state: LinkState, text: str = "", age_s: float = 10) -> LinkChanged:
    return LinkChanged(part, state, utc_now() - timedelta(seconds=age_s), text)


def run(*differences: Difference, failure: str = "") -> ReconciliationRun:
    return ReconciliationRun(AT, AT, differences, failure)


def test_link_that_is_down_says_what_it_means_and_offers_another_try(qtbot, window, core):
    assert window.down.isHidden()

    tell(qtbot, window, link(Part.ORDERS, LinkState.DOWN, "The key is refused."))

    qtbot.waitUntil(lambda: not window.down.isHidden())
    assert "The broker is not connected" in window.down.accessibleName()
    assert "The key is refused." in window.down.accessibleName()
    window.down.findChild(Button).click()
    assert core.all_of(Reconnect) == [Reconnect(Part.ORDERS)]


def test_link_that_is_up_again_takes_the_banner_away(qtbot, window):
    tell(qtbot, window, link(Part.FEED, LinkState.DOWN))
    qtbot.waitUntil(lambda: not window.down.isHidden())
    assert "price feed" in window.down.accessibleName()

    tell(qtbot, window, link(Part.FEED, LinkState.UP))

    qtbot.waitUntil(window.down.isHidden)


def test_link_that_is_begun_again_at_once_is_the_lamp_s_business_alone(qtbot, window):
    tell(qtbot, window, link(Part.ORDERS, LinkState.DOWN, age_s=0))

    assert window.down.isHidden()


def test_orders_come_before_the_feed(qtbot, window):
    tell(qtbot, window, link(Part.FEED, LinkState.DOWN))
    tell(qtbot, window, link(Part.ORDERS, LinkState.DOWN))

    qtbot.waitUntil(lambda: "broker is not" in window.down.accessibleName())


def test_differences_are_rows_and_those_still_open_are_counted(qtbot, window):
    panel = window.parts.differences
    counted = []
    panel.counted.connect(counted.append)

    tell(qtbot, window, Reconciled(run(AGREES, OPEN)))

    qtbot.waitUntil(lambda: len(panel.model.rows) == 2)
    assert counted[-1] == "1"


def test_difference_that_is_not_found_again_is_settled(qtbot, window):
    panel = window.parts.differences
    tell(qtbot, window, Reconciled(run(AGREES, OPEN)))

    tell(qtbot, window, Reconciled(run()))

    qtbot.waitUntil(lambda: [each.difference for each in panel.model.rows.values()] == [AGREES])


def test_comparison_that_was_not_answered_settles_nothing(qtbot, window):
    panel = window.parts.differences
    tell(qtbot, window, Reconciled(run(OPEN)))

    tell(qtbot, window, Reconciled(run(failure="no answer")))

    qtbot.wait(30)
    assert [each.difference for each in panel.model.rows.values()] == [OPEN]


def test_snapshot_brings_the_last_comparison(qtbot, window):
    panel = window.parts.differences
    snapshot = replace(pretend.snapshot([]), reconciliation=run(OPEN))

    panel.apply_snapshot(snapshot)

    assert len(panel.model.rows) == 1


def test_comparing_now_is_one_action(qtbot, window, core):
    core.answers[Reconcile] = run(OPEN)

    window.registry.action("orders.reconcile").trigger()

    qtbot.waitUntil(lambda: core.all_of(Reconcile) == [Reconcile()])
    assert window.parts.differences.isVisibleTo(window)


def open_kill(qtbot, window) -> KillSheet:
    window.registry.action("trading.kill").trigger()
    qtbot.waitUntil(lambda: window.findChild(KillSheet) is not None)
    return window.findChild(KillSheet)


def test_kill_asks_once_and_no_has_the_focus(qtbot, window, core):
    sheet = open_kill(qtbot, window)

    assert window.focusWidget() is sheet.no
    QTest.keyClick(sheet.no, Qt.Key.Key_Return)

    assert core.all_of(KillTrading) == []


@pytest.mark.parametrize(("key", "flatten"), [(Qt.Key.Key_C, False), (Qt.Key.Key_F, True)])
def test_kill_by_its_key_counts_what_the_broker_confirms(qtbot, window, core, key, flatten):
    report = KillReport(KillStage.CANCELLING, recorded=True, total=3, confirmed=0)
    core.answers[KillTrading] = report
    window.parts.facts.held.add("AAPL")
    sheet = open_kill(qtbot, window)

    QTest.keyClick(sheet, key)
    qtbot.waitUntil(lambda: core.all_of(KillTrading) == [KillTrading("Kill", flatten)])
    window.bridge_of_test.publish(KillProgressed(replace(report, confirmed=1)))
    window.bridge_of_test.take_frame()

    qtbot.waitUntil(lambda: sheet.detail.text() == "1 of 3 cancels confirmed by the broker.")
    assert (sheet.heading.text(), sheet.state.text()) == ("Trading is halted", "Cancelling.")


def test_kill_names_what_is_not_confirmed(qtbot, window):
    sheet = open_kill(qtbot, window)
    report = KillReport(
        KillStage.DONE,
        recorded=False,
        total=5,
        confirmed=1,
        unconfirmed=tuple(ClOrdId(f"IQ-{number:020}") for number in range(4)),
        foreign=(ClOrdId("x"),),
        held=(("AAPL", Decimal(80)),),
        failures=("the broker did not answer",),
    )

    sheet.show_report(report)

    assert "emergency file" in sheet.state.text()
    for words in (
        "Not confirmed: IQ-",
        "and 1 more",
        "still held: 80 AAPL",
        "another program",
        "did not answer",
    ):
        assert words in sheet.rest.text()


def test_kill_that_is_proven_says_so(qtbot, window):
    sheet = open_kill(qtbot, window)

    sheet.show_report(KillReport(KillStage.DONE, recorded=True, total=1, confirmed=1))

    assert sheet.rest.text() == "All of it is confirmed."


def test_kill_that_is_refused_says_why(qtbot, window, core):
    core.answers[KillTrading] = Refused(RefusalCode.NOT_PERMITTED, "Your role may not.")
    sheet = open_kill(qtbot, window)

    QTest.keyClick(sheet, Qt.Key.Key_C)

    qtbot.waitUntil(lambda: "Your role may not." in sheet.detail.text())


def test_requests_that_wait_are_told_in_the_bar(qtbot, window):
    window.bridge_of_test.publish(RequestsWaiting(3, 12.0))
    window.bridge_of_test.take_frame()
    qtbot.waitUntil(lambda: "3 requests wait" in window.status._waiting)

    window.bridge_of_test.publish(RequestsWaiting(0, 0.0))
    window.bridge_of_test.take_frame()
    qtbot.waitUntil(lambda: window.status._waiting == "")
