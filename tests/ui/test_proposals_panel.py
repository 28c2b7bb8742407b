"""Proposals in the window: what waits is counted, decided by keys with a reason, and refused rule by rule."""

from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.domain.messages import LoadProposals, PreviewOrder, ProposalChanged, Reviewed, ReviewProposal
from core.domain.money import Price, Qty
from core.domain.proposals import Proposal, ProposalState
from core.domain.terms import OrderTerms, OrdType, Side, TimeInForce
from core.errors import RefusalCode, Refused
from tests.fakes.rig import draft
from tests.ui import pretend
from tests.ui.ticket_desk import FakeDesk
from ui.bridge import Bridge
from ui.dialogs.proposal import ProposalSheet
from ui.main_window import MainWindow

TERMS = OrderTerms(pretend.AAPL, Side.BUY, OrdType.LIMIT, TimeInForce.DAY, Qty(20), Price("189.5"))
PENDING = Proposal(
    "p-1",
    "momentum",
    TERMS,
    "it <b>rises</b>",
    Price("189"),
    pretend.NOW,
    pretend.NOW + timedelta(minutes=15),
)
REJECTED = replace(PENDING, proposal_id="p-2", state=ProposalState.REJECTED, decided_by="kim", reason="no")


@pytest.fixture
def core():
    made = pretend.PretendCore(pretend.snapshot())
    made.answers[LoadProposals] = (PENDING, REJECTED)
    return made


@pytest.fixture
def window(qtbot, core):
    bridge = Bridge(core.send)
    made = MainWindow(bridge)
    qtbot.addWidget(made)
    made.resize(1600, 1000)
    made.show()
    made.activateWindow()
    bridge.request_snapshot()
    qtbot.waitUntil(lambda: len(made.parts.proposals.model.rows) == 2)
    yield made
    bridge.stop()


def press(window, key):
    QTest.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)


def opened(window, qtbot):
    qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(ProposalSheet)))
    return next(each for each in window.findChildren(ProposalSheet) if each.isVisible())


def test_only_what_waits_is_counted(window, qtbot):
    panel, counts = window.parts.proposals, []
    panel.counted.connect(counts.append)

    window.parts.bridge.publish(ProposalChanged(replace(PENDING, proposal_id="p-3")))

    qtbot.waitUntil(lambda: counts == ["2"])
    window.parts.bridge.publish(ProposalChanged(replace(REJECTED, proposal_id="p-3")))
    qtbot.waitUntil(lambda: counts == ["2", "1"])


def test_time_left_runs_down(window):
    panel = window.parts.proposals
    panel._now = lambda: PENDING.made_at + timedelta(minutes=14, seconds=30)

    assert panel._left(PENDING) == "30 s"
    assert panel._left(REJECTED) == ""


def test_a_proposal_is_approved_by_keys_alone(window, core, qtbot):
    approved = replace(PENDING, state=ProposalState.APPROVED, decided_by="demo", reason="agreed")
    core.answers[ReviewProposal] = Reviewed(approved, None)
    press(window, Qt.Key.Key_P)
    sheet = opened(window, qtbot)

    QTest.keyClicks(sheet.reason, "agreed")
    QTest.keyClick(sheet.reason, Qt.Key.Key_A, Qt.KeyboardModifier.AltModifier)

    qtbot.waitUntil(lambda: not window.findChildren(ProposalSheet))  # it closes when it was decided
    assert core.all_of(ReviewProposal) == [ReviewProposal("p-1", True, "agreed")]


def test_without_a_reason_nothing_is_decided(window, core, qtbot):
    press(window, Qt.Key.Key_P)
    sheet = opened(window, qtbot)

    QTest.mouseClick(sheet.reject, Qt.MouseButton.LeftButton)

    assert sheet.said.text() == "Say why first."
    assert core.all_of(ReviewProposal) == []


def test_a_refused_approval_shows_the_rules_and_leaves_the_sheet(window, core, qtbot):
    desk = FakeDesk()
    verdict = desk.judge(PreviewOrder(draft(qty=500))).verdict
    core.answers[ReviewProposal] = Refused(RefusalCode.RISK, "too much", cause=verdict)
    press(window, Qt.Key.Key_P)
    sheet = opened(window, qtbot)
    QTest.keyClicks(sheet.reason, "agreed")

    QTest.mouseClick(sheet.approve, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(sheet.verdict.isVisible)
    assert sheet.said.text() == "Nothing was sent; the proposal waits on."
    assert sheet.approve.isEnabled()
    assert sheet.reason.text() == "agreed"


def test_a_proposal_that_somebody_decided_meanwhile_says_so(window, core, qtbot):
    core.answers[ReviewProposal] = Refused(RefusalCode.PROPOSAL_DECIDED, "This proposal is rejected by kim.")
    press(window, Qt.Key.Key_P)
    sheet = opened(window, qtbot)
    QTest.keyClicks(sheet.reason, "agreed")

    QTest.mouseClick(sheet.approve, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(lambda: "rejected by kim" in sheet.said.text())


def test_escape_decides_nothing(window, core, qtbot):
    press(window, Qt.Key.Key_P)
    sheet = opened(window, qtbot)

    QTest.keyClick(sheet, Qt.Key.Key_Escape)

    qtbot.waitUntil(lambda: not window.findChildren(ProposalSheet))
    assert core.all_of(ReviewProposal) == []


def test_a_decided_proposal_opens_without_buttons_that_decide(window, qtbot):
    window.proposals.review(REJECTED)

    sheet = opened(window, qtbot)

    assert not sheet.approve.isVisible()
    assert "Rejected: no" in sheet.facts.accessibleName()


def test_words_of_others_are_shown_literally(window, qtbot):
    window.proposals.review(PENDING)

    sheet = opened(window, qtbot)

    labels = [each.text() for each in sheet.findChildren(type(sheet.add_words("x")))]
    assert "it <b>rises</b>" in labels


def test_without_one_that_waits_the_key_says_so(window, core, qtbot):
    window.parts.bridge.publish(ProposalChanged(replace(REJECTED, proposal_id="p-1")))
    qtbot.waitUntil(lambda: not window.parts.proposals.waiting)

    press(window, Qt.Key.Key_P)

    qtbot.wait(50)
    assert not any(each.isVisible() for each in window.findChildren(ProposalSheet))
