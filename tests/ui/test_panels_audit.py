"""The audit panel: words for people, search, paging, and whether the chain holds."""

import pytest
from pytestqt.qtbot import QtBot

from core.domain.audit import AuditFault, AuditHead, AuditReport
from core.domain.messages import AuditAppended, AuditPage, AuditVerified, LoadAudit, VerifyAudit
from core.errors import DatabaseDamaged
from tests.ui import pretend
from ui.bridge import Bridge
from ui.models.columns import Mark
from ui.panels.audit import AuditPanel
from ui.panels.audit_words import row_of

REFUSED = (
    '{"results":[{"outcome":"pass","text":"fine"},{"outcome":"soft","text":"large"},'
    '{"outcome":"hard","text":"20 is the limit."}]}'
)


@pytest.fixture
def core() -> pretend.PretendCore:
    return pretend.PretendCore()


@pytest.fixture
def bridge(core: pretend.PretendCore, qtbot: QtBot) -> Bridge:
    return Bridge(core.send)


@pytest.fixture
def panel(bridge: Bridge, qtbot: QtBot) -> AuditPanel:
    made = AuditPanel(bridge)
    qtbot.addWidget(made)
    made.resize(1239, 152)
    made.show()
    made.apply_snapshot(pretend.snapshot())
    return made


def seqs(panel: AuditPanel) -> list[object]:
    return list(panel.model.lines.ids)


def test_audit_newest_record_is_on_top_and_live(panel: AuditPanel, bridge: Bridge, qtbot: QtBot) -> None:
    bridge.publish(AuditAppended((pretend.record(4), pretend.record(5))))

    qtbot.waitUntil(lambda: seqs(panel) == [5, 4, 3, 2, 1])


def test_audit_chain_is_checked_at_start(panel: AuditPanel, core: pretend.PretendCore, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: panel.chain.text == "Chain verified to 3")

    assert len(core.all_of(VerifyAudit)) == 1


def test_audit_broken_chain_is_said_with_place_and_reason(
    panel: AuditPanel, bridge: Bridge, qtbot: QtBot
) -> None:
    report = AuditReport(1, AuditHead(3, "d"), (AuditFault(2, "the digest does not fit"),), ())

    bridge.publish(AuditVerified(report))

    qtbot.waitUntil(lambda: panel.chain.text == "Chain broken at 2: the digest does not fit")


def test_audit_check_that_failed_is_not_shown_as_verified(
    panel: AuditPanel, core: pretend.PretendCore, qtbot: QtBot
) -> None:
    core.answers[VerifyAudit] = DatabaseDamaged("page 7")

    panel.verify()

    qtbot.waitUntil(lambda: panel.chain.text == "Chain could not be checked")


def test_audit_search_asks_once_and_shows_the_page(
    panel: AuditPanel, core: pretend.PretendCore, qtbot: QtBot
) -> None:
    core.answers[LoadAudit] = AuditPage((pretend.record(2),), has_more=False)

    for text in ("A", "AA", "AAPL"):
        panel.search.setText(text)
    qtbot.waitUntil(lambda: seqs(panel) == [2])

    assert [sent.query.text for sent in core.all_of(LoadAudit)] == ["AAPL"]


def test_audit_search_keeps_other_live_records_out(
    panel: AuditPanel, core: pretend.PretendCore, bridge: Bridge, qtbot: QtBot
) -> None:
    core.answers[LoadAudit] = AuditPage((pretend.record(2),), has_more=False)
    panel.search.setText("genesis")
    qtbot.waitUntil(lambda: seqs(panel) == [2])

    bridge.publish(AuditAppended((pretend.record(7), pretend.record(8, "genesis"))))

    qtbot.waitUntil(lambda: seqs(panel) == [8, 2])


def test_audit_scrolling_down_loads_older_records(
    panel: AuditPanel, core: pretend.PretendCore, qtbot: QtBot
) -> None:
    newest = tuple(pretend.record(seq) for seq in range(500, 300, -1))
    core.answers[LoadAudit] = AuditPage(newest, has_more=True)
    panel.search.setText("AAPL")
    qtbot.waitUntil(lambda: len(seqs(panel)) == 200)
    core.answers[LoadAudit] = AuditPage((pretend.record(300),), has_more=False)

    panel.view.verticalScrollBar().setValue(panel.view.verticalScrollBar().maximum())
    qtbot.waitUntil(lambda: seqs(panel)[-1] == 300)

    assert [sent.query.before_seq for sent in core.all_of(LoadAudit)] == [None, 301]


@pytest.mark.parametrize(
    ("action", "payload", "event", "outcome", "mark"),
    [
        ("order.refused", REFUSED, "Order refused", "20 is the limit.", Mark.STOP),
        ("order.filled", '{"last_qty":"25","last_px":"420.35"}', "Order filled", "25 at 420.35", None),
        ("order.looked_up", '{"try":3,"answer":"none"}', "Outcome looked up", "try 3: none", Mark.WARN),
        ("trading_state.changed", '{"after":"HALTED","reason":"x"}', "Trading halted", "x", Mark.STOP),
        ("trading_state.changed", '{"after":"ACTIVE","reason":"y"}', "Trading resumed", "y", None),
        ("order.prepared", '{"results":[{"outcome":"pass"}]}', "Order recorded", "passes 1 rules", None),
        (
            "equity.closed",
            '{"cash":"10.5","positions_value":"-2","flow":"0","missed":false}',
            "Equity at the close",
            "cash 10.50, positions −2.00",
            None,
        ),
        (
            "equity.closed",
            '{"cash":"10.5","positions_value":null,"flow":"0","missed":false}',
            "Equity at the close",
            "cash 10.50, positions —",
            None,
        ),
        (
            "equity.closed",
            '{"cash":null,"positions_value":null,"flow":"0","missed":true}',
            "Equity at the close",
            "missed: the program did not run",
            None,
        ),
        ("new.thing_seen", "not json", "New thing seen", "", None),
    ],
)
def test_audit_record_is_put_in_words(
    action: str, payload: str, event: str, outcome: str, mark: Mark | None
) -> None:
    row = row_of(pretend.record(1, action, payload), "demo")

    assert (row.actor, row.event, row.outcome, row.mark) == ("You", event, outcome, mark)


def test_audit_other_actor_keeps_its_name() -> None:
    assert row_of(pretend.record(1, actor="desk"), "demo").actor == "Desk"
