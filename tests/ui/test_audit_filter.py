"""The audit panel's filter and the sheet of its proof, by keyboard."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QSplitter, QWidget
from pytestqt.qtbot import QtBot

from core.domain.audit import AuditAnchor, AuditFault, AuditHead, AuditReport
from core.domain.messages import AuditAppended, AuditPage, LoadAudit, VerifyAudit
from core.domain.records import AuditQuery
from core.errors import DatabaseDamaged
from core.ids import ClOrdId
from tests.ui import pretend
from ui import format as fmt
from ui.bridge import Bridge
from ui.dialogs.anchors import AnchorsSheet, lines
from ui.main_window import MainWindow
from ui.panels import audit_pages
from ui.panels.audit import AuditPanel
from ui.panels.audit_times import moment_of, time_words

NOW = pretend.NOW  # Fri 20 Nov 2026, 14:32:07 in New York
HELD = (
    AuditAnchor("side file", 412, 18_203, 1_790_000_000_000_000),
    AuditAnchor("cl_ord_id", 1, 18_100, 0),
)
REPORT = AuditReport(18_204, AuditHead(18_204, "d" * 43), (), ("side file", "cl_ord_id"), held=HELD)
CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def micros(text: str) -> int:
    return (at(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def _new_york() -> None:
    fmt.set_zone(fmt.Zone.ET)


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("2026-11-19", "2026-11-19 05:00", "2026-11-20 05:00"),
        ("2026-11-19 9:30", "2026-11-19 14:30", "2026-11-19 14:31"),
        ("2026-11-19T09:30", "2026-11-19 14:30", "2026-11-19 14:31"),
        ("2026-11-19 09:30:15", "2026-11-19 14:30:15", "2026-11-19 14:30:16"),
        ("14:30", "2026-11-20 19:30", "2026-11-20 19:31"),
        (" Today ", "2026-11-20 05:00", "2026-11-21 05:00"),
        ("yesterday 9:00", "2026-11-19 14:00", "2026-11-19 14:01"),
        ("2026-07-01", "2026-07-01 04:00", "2026-07-02 04:00"),  # summer time
        ("2026-11-01", "2026-11-01 04:00", "2026-11-02 05:00"),  # a day of 25 hours
    ],
)
def test_time_is_read_on_the_clock_of_the_window(text, begins, ends) -> None:
    assert moment_of(text, NOW) == at(begins)
    assert moment_of(text, NOW, is_end=True) == at(ends)


@pytest.mark.parametrize(
    "text",
    ["", "19 nov", "2026-13-01", "2026-11-31", "25:00", "9", "2026-11-19 ", "2026-11-199:30", "0001-01-01",
     "9999-12-31", "tomorrow", "2026-11-19 9:61"],
)  # fmt: skip
def test_what_is_no_time_is_told_with_what_is_one(text) -> None:
    if text == "2026-11-19 ":
        assert moment_of(text, NOW)
        return
    with pytest.raises(ValueError, match="write a day such as 2026-11-24"):
        moment_of(text, NOW, is_end=True)


def test_time_of_another_zone_is_read_there() -> None:
    fmt.set_zone(fmt.Zone.UTC)
    assert moment_of("2026-11-19 9:30", NOW) == at("2026-11-19 09:30")
    fmt.set_zone(fmt.Zone.LOCAL)
    assert moment_of("2026-11-19 9:30", NOW) == datetime(2026, 11, 19, 9, 30).astimezone(UTC)


def test_row_of_another_day_names_it() -> None:
    assert time_words(NOW, NOW) == "14:32:07.000"
    assert time_words(NOW - timedelta(days=1), NOW) == "19 Nov 14:32:07"
    assert time_words(NOW - timedelta(days=365), NOW) == "2025-11-20 14:32"


@pytest.fixture
def core() -> pretend.PretendCore:
    made = pretend.PretendCore(pretend.snapshot((pretend.order("w-1", price="187.80"),)))
    made.answers[VerifyAudit] = REPORT
    made.answers[LoadAudit] = AuditPage((pretend.record(2),), has_more=False)
    return made


@pytest.fixture
def bridge(core: pretend.PretendCore, qtbot: QtBot) -> Bridge:
    return Bridge(core.send, clock=lambda: 1000.0)


@pytest.fixture
def panel(bridge: Bridge, qtbot: QtBot):
    row = QSplitter(Qt.Orientation.Vertical)
    above = QWidget()
    above.setMinimumHeight(50)
    made = AuditPanel(bridge, now=lambda: NOW)
    row.addWidget(above)
    row.addWidget(made)
    qtbot.addWidget(row)
    row.resize(1239, 400)
    with qtbot.waitExposed(row):
        row.show()
    row.setSizes([290, 110])
    made.apply_snapshot(pretend.snapshot())
    yield made
    bridge.stop()
    row.close()


def seqs(panel: AuditPanel) -> list[object]:
    return list(panel.model.lines.ids)


def type_into(field, text: str) -> None:
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)


def test_filter_asks_for_order_actor_and_time_once_typing_ends(panel, core, qtbot) -> None:
    panel.focus_filter()
    type_into(panel.filter.order, "IQ-2b")
    type_into(panel.filter.actor, "kim")
    type_into(panel.filter.since, "2026-11-19")
    type_into(panel.filter.until, "14:00")

    qtbot.waitUntil(lambda: seqs(panel) == [2])

    (sent,) = core.all_of(LoadAudit)
    assert sent.query == AuditQuery(
        order="IQ-2b",
        actor="kim",
        since_us=micros("2026-11-19 05:00"),
        until_us=micros("2026-11-20 19:01"),
    )


def test_you_in_the_filter_is_whoever_sits_there(panel, core, qtbot) -> None:
    panel.focus_filter()
    type_into(panel.filter.actor, "You")
    QTest.keyClick(panel.filter.actor, Qt.Key.Key_Return)

    qtbot.waitUntil(lambda: seqs(panel) == [2])

    assert [sent.query.actor for sent in core.all_of(LoadAudit)] == ["demo"]
    assert panel.view.hasFocus()


@pytest.mark.parametrize(
    ("field", "text", "change", "is_shown"),
    [
        ("order", "IQ-1", {"cl_ord_id": "IQ-17"}, True),
        ("order", "b-4", {"order_id": "b-41"}, True),
        ("order", "IQ-1", {"cl_ord_id": "IQ-2", "order_id": ""}, False),
        ("actor", "esk", {"actor": "Desk"}, True),
        ("actor", "kim", {"actor": "desk"}, False),
        ("since", "14:30", {}, True),
        ("since", "14:33", {}, False),
        ("until", "14:33", {}, True),
        ("until", "14:30", {}, False),
    ],
)
def test_live_record_is_shown_if_it_is_among_what_is_asked_for(
    panel, bridge, qtbot, field, text, change, is_shown
) -> None:
    type_into(getattr(panel.filter, field), text)
    panel.filter.take()
    qtbot.waitUntil(lambda: seqs(panel) == [2])

    bridge.publish(AuditAppended((replace(pretend.record(9), **change),)))
    bridge.publish(AuditAppended(()))
    qtbot.waitUntil(lambda: not bridge.lane)
    panel.view.frame()

    assert (9 in seqs(panel)) is is_shown


def test_time_that_cannot_be_read_stays_and_asks_for_nothing(panel, core) -> None:
    panel.focus_filter()
    type_into(panel.filter.since, "19 nov")
    QTest.keyClick(panel.filter.since, Qt.Key.Key_Return)

    words = "From: write a day such as 2026-11-24, a time such as 14:30, or both"
    assert panel.filter.fault.text() == words
    assert panel.filter.since.property("refused") is True
    assert panel.filter.since.accessibleDescription() == words
    assert panel.filter.since.text() == "19 nov"
    assert panel.filter.since.hasFocus()
    assert core.all_of(LoadAudit) == []


def test_end_before_the_beginning_is_told(panel, core) -> None:
    type_into(panel.filter.since, "9:30")
    type_into(panel.filter.until, "yesterday")
    panel.filter.take()

    assert panel.filter.fault.text() == "From is later than To"
    assert core.all_of(LoadAudit) == []


def test_nothing_found_is_said_and_escape_brings_everything_back(panel, core, qtbot) -> None:
    before = panel.parentWidget().sizes()
    core.answers[LoadAudit] = AuditPage((), has_more=False)
    panel.search.setText("nobody")
    panel.focus_filter()
    type_into(panel.filter.actor, "nobody")
    QTest.keyClick(panel.filter.actor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: seqs(panel) == [])
    empty = panel.view._empty
    tall = panel.height()
    core.answers[LoadAudit] = AuditPage((pretend.record(3), pretend.record(2)), has_more=False)

    QTest.keyClick(panel.view, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: seqs(panel) == [3, 2])

    assert (empty.text, empty.action, empty.key) == (
        "No record matches.",
        "clear the search and the filter",
        "Esc",
    )
    assert tall > before[1]
    assert (panel.search.text(), panel.filter.is_empty, panel.filter.isHidden()) == ("", True, True)
    assert panel.parentWidget().sizes() == pytest.approx(before, abs=4)
    assert core.all_of(LoadAudit)[-1].query == AuditQuery()


def test_nothing_found_names_the_archives_that_are_not_searched(panel, core, qtbot) -> None:
    core.answers[LoadAudit] = AuditPage((), has_more=False)
    panel._on_report(replace(REPORT, sealed_to=9_120))
    type_into(panel.filter.order, "IQ-9")
    panel.filter.take()

    qtbot.waitUntil(lambda: seqs(panel) == [])

    assert panel.view._empty.text == (
        "No record matches. Records up to 9,120 are in archives, which are not searched."
    )


def test_escape_in_the_filter_clears_it_first_and_then_closes_it(panel, qtbot) -> None:
    panel.focus_filter()
    type_into(panel.filter.order, "IQ")
    QTest.keyClick(panel.filter.order, Qt.Key.Key_Escape)
    is_cleared = panel.filter.is_empty and panel.filter.isVisible()

    QTest.keyClick(panel.filter.order, Qt.Key.Key_Escape)

    assert is_cleared
    assert panel.filter.isHidden()
    assert panel.view.hasFocus()


def test_filter_key_closes_an_empty_filter(panel) -> None:
    panel.focus_filter()
    panel.focus_filter()

    assert panel.filter.isHidden()


def test_other_keys_of_the_filter_are_passed_on(panel) -> None:
    panel.focus_filter()
    QTest.keyClick(panel.filter, Qt.Key.Key_F3)
    QTest.keyClick(panel, Qt.Key.Key_F3)

    assert panel.filter.isVisible()


def test_clear_button_clears(panel, core, qtbot) -> None:
    type_into(panel.filter.order, "IQ")
    panel.filter.take()
    panel.filter.clear_button.click()

    assert panel.filter.is_empty
    assert core.all_of(LoadAudit)[-1].query == AuditQuery()


def test_chain_note_says_as_much_as_there_is_room_for(panel, qtbot) -> None:
    qtbot.waitUntil(lambda: panel.chain.text == "Chain verified to 18,204 · anchored to 18,203")
    panel._on_report(replace(REPORT, sealed_to=9_120))

    wide = panel.chain.text
    panel.chain.set_room(320)
    narrow = panel.chain.text
    panel.chain.set_room(100)

    assert wide == "Chain verified to 18,204 · anchored to 18,203 · sealed to 9,120"
    assert narrow == "Chain verified to 18,204 · anchored to 18,203"
    assert panel.chain.text == "Chain verified to 18,204"
    assert panel.chain.toolTip() == "Checked against: side file, orders at the broker"


def test_chain_note_opens_the_proof_by_enter(panel, qtbot) -> None:
    with qtbot.waitSignal(panel.proof_wanted):
        QTest.keyClick(panel.chain, Qt.Key.Key_Return)


@pytest.fixture
def window(bridge: Bridge, qtbot: QtBot):
    made = MainWindow(bridge)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    made.activateWindow()
    bridge.request_snapshot()
    qtbot.waitUntil(lambda: made.registry.action("audit.proof").isEnabled())
    yield made
    bridge.stop()


def sheet(window: MainWindow) -> AnchorsSheet:
    return next(each for each in window.findChildren(AnchorsSheet) if each.isVisible())


def words(report: AuditReport) -> list[list[str]]:
    return [[span.text for span in line.spans] for line in lines(report)]


def test_proof_is_opened_by_its_key_and_checks_the_whole_anew(window, core, qtbot) -> None:
    checks = len(core.all_of(VerifyAudit))
    QTest.keyClick(window, Qt.Key.Key_A, CTRL_SHIFT)

    qtbot.waitUntil(lambda: sheet(window).state.text() == "Checked just now, every record of it")
    sheet(window).again.click()
    qtbot.waitUntil(lambda: len(core.all_of(VerifyAudit)) == checks + 2)

    QTest.keyClick(sheet(window), Qt.Key.Key_Escape)


def test_proof_that_cannot_be_had_says_why(window, core, qtbot) -> None:
    core.answers[VerifyAudit] = DatabaseDamaged("page 7")

    window.registry.run("audit.proof")

    qtbot.waitUntil(
        lambda: sheet(window).state.text() == "The database could not be read. page 7"
    )  # fmt: skip


def test_proof_lists_witnesses_faults_and_archives() -> None:
    signed = fmt.date_time(datetime.fromtimestamp(1_790_000_000, UTC))
    broken = replace(
        REPORT,
        faults=(AuditFault(7, "a column is not what was recorded"), AuditFault(0, "side file: gone")),
        silent=("export folder: /mnt/share is not there",),
        sealed_to=9_120,
        absent=("archive 3 is not at hand",),
    )

    assert words(REPORT)[4:7] == [
        ["Kept where", "Heads", "Newest record", "Signed, ET"],
        ["Side file", "412", "18,203", signed],
        ["Orders at the broker", "1 id", "18,100", "—"],
    ]
    assert words(REPORT)[-1] == ["No record was moved into an archive yet."]
    assert ["Record 7: a column is not what was recorded"] in words(broken)
    assert ["side file: gone"] in words(broken)
    assert ["No answer from export folder: /mnt/share is not there"] in words(broken)
    assert words(broken)[-2:] == [
        ["Sealed records", "1 to 9,120"],
        ["Of these the seals alone were checked: archive 3 is not at hand"],
    ]
    assert ["Nothing outside the database yet; a head is signed within a second."] in words(
        replace(REPORT, held=())
    )
    assert words(replace(REPORT, held=(replace(HELD[1], count=2),)))[5][1] == "2 ids"


def test_records_of_the_selected_order_are_shown_from_its_row(window, core, qtbot) -> None:
    orders = window.parts.orders
    window.parts.blotter.show_panel(orders)
    orders.view.setFocus()
    orders.show_order(ClOrdId("w-1"))
    qtbot.waitUntil(lambda: window.registry.action("order.records").isEnabled())

    window.registry.run("order.records")

    qtbot.waitUntil(lambda: bool(core.all_of(LoadAudit)))
    assert core.all_of(LoadAudit)[-1].query.order == "w-1"
    assert window.parts.audit.filter.order.text() == "w-1"
    assert window.parts.audit.view.hasFocus()


def test_export_loads_all_that_the_filter_lets_through_first(
    window, core, qtbot, monkeypatch, tmp_path
) -> None:
    pages = [
        AuditPage((pretend.record(900),), has_more=True),
        AuditPage((pretend.record(500),), has_more=True),
        AuditPage((pretend.record(100),), has_more=False),
    ]
    core.answers[LoadAudit] = lambda _: pages.pop(0)
    audit = window.parts.audit
    audit.search.setText("AAPL")
    qtbot.waitUntil(lambda: seqs(audit) == [900])
    audit.view.setFocus()

    window.registry.run("table.export")
    qtbot.waitUntil(lambda: seqs(audit) == [900, 500, 100])
    dialog = window.findChild(QFileDialog)
    dialog.fileSelected.emit(str(tmp_path / "audit.csv"))

    asked = [(sent.query.before_seq, sent.query.limit) for sent in core.all_of(LoadAudit)]
    assert asked == [(None, 200), (900, 1000), (500, 1000)]
    assert len((tmp_path / "audit.csv").read_text().splitlines()) == 4
    dialog.reject()


def test_export_of_more_than_is_loaded_at_once_says_so(window, core, qtbot, monkeypatch) -> None:
    monkeypatch.setattr(audit_pages, "MOST_ROWS", 1)
    core.answers[LoadAudit] = lambda sent: AuditPage(
        (pretend.record((sent.query.before_seq or 900) - 1),), has_more=True
    )
    audit = window.parts.audit
    audit.search.setText("AAPL")
    qtbot.waitUntil(lambda: seqs(audit) == [899])
    audit.view.setFocus()

    window.registry.run("table.export")
    qtbot.waitUntil(lambda: bool(window.parts.notices.heard))

    assert window.parts.notices.heard[0].text.startswith("Only the newest 20,000 records are exported")
    assert seqs(audit) == [899, 898]
    window.findChild(QFileDialog).reject()


def test_export_that_cannot_be_read_is_not_begun(window, core, qtbot) -> None:
    answers = [AuditPage((pretend.record(900),), has_more=True), DatabaseDamaged("page 7")]
    core.answers[LoadAudit] = lambda _: _raised(answers.pop(0))
    audit = window.parts.audit
    audit.search.setText("AAPL")
    qtbot.waitUntil(lambda: seqs(audit) == [900])
    audit.view.setFocus()

    window.registry.run("table.export")
    qtbot.waitUntil(lambda: bool(window.parts.notices.heard))

    assert window.findChild(QFileDialog) is None
    assert not audit.pages.is_loading


def _raised(answer: object) -> object:
    if isinstance(answer, Exception):
        raise answer
    return answer


def test_new_snapshot_repeats_the_search(panel, core, qtbot) -> None:
    panel.search.setText("AAPL")
    qtbot.waitUntil(lambda: seqs(panel) == [2])
    core.answers[LoadAudit] = AuditPage((pretend.record(7), pretend.record(2)), has_more=False)

    panel.apply_snapshot(pretend.snapshot())

    qtbot.waitUntil(lambda: seqs(panel) == [7, 2])
