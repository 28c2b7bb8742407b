"""Radar, breakers and parameters in the window: what is shown, what is asked for, what stays on a refusal."""

from dataclasses import replace
from decimal import Decimal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from core.domain.breakers import BreakerName, BreakerState
from core.domain.limit_kinds import AGENTS, KINDS
from core.domain.messages import (
    AcknowledgeBreaker,
    BreakerChanged,
    LoadBreakers,
    LoadDailyReport,
    LoadRadar,
    LoadRisk,
    PreviewOrder,
    SetRiskParameters,
    SubmitOrder,
    UpdateTargetProfile,
)
from core.domain.parameters import ParameterEdit, RadarAxis, Scope
from core.errors import RefusalCode, Refused, StorageError
from tests.fakes.rig import draft
from tests.ui import pretend, pretend_risk
from tests.ui.ticket_desk import MARK, FakeDesk
from ui.bridge import Bridge
from ui.dialogs.breakers import BreakerSheet
from ui.dialogs.parameters import ParameterSheet
from ui.main_window import MainWindow
from ui.panels import parameter_words
from ui.panels.lines import Lines
from ui.panels.risk_radar import RadarView

TRIP = pretend_risk.tripped(BreakerName.DAILY_LOSS, "The day has lost 5.2 %; 5 % is the limit.")


@pytest.fixture
def core():
    return pretend.PretendCore(pretend.snapshot())


@pytest.fixture
def window(qtbot, core):
    bridge = Bridge(core.send)
    made = MainWindow(bridge)
    qtbot.addWidget(made)
    made.resize(1600, 1000)
    made.show()
    made.activateWindow()
    bridge.request_snapshot()
    qtbot.waitUntil(lambda: made.parts.facts.profile is not None)
    made.parts.facts.profile = replace(made.parts.facts.profile, role="admin")
    yield made
    bridge.stop()


def sheet(window, kind, qtbot):
    qtbot.waitUntil(lambda: window.findChild(kind) is not None and window.findChild(kind).isVisible())
    return window.findChild(kind)


@pytest.fixture
def radar_view(qtbot):
    made = RadarView()
    qtbot.addWidget(made)
    made.resize(360, 90)
    return made


def test_radar_counts_the_axes_over_target_and_says_what_is_missing(radar_view):
    radar_view.show_radar(pretend_risk.radar())

    assert radar_view.note() == "one axis over"
    assert "Events: n/a. There is no source for it yet." in radar_view.accessibleName()
    assert "Market: 46 of 100, target 50" in radar_view.toolTip()
    assert not radar_view.empty_words()


def test_radar_of_an_empty_portfolio_is_empty_and_not_zero(radar_view):
    radar_view.show_radar(pretend_risk.radar({}))

    assert radar_view.empty_words() == "Nothing is held, so there is no risk to draw."
    assert radar_view.note() == ""
    assert "0" not in radar_view.accessibleName()


def test_radar_that_failed_does_not_stand_as_if_it_were_of_now(radar_view):
    radar_view.show_radar(pretend_risk.radar())

    radar_view.show_failure("No radar: the feed is down.")

    assert radar_view.empty_words() == "No radar: the feed is down."
    assert "46" not in radar_view.accessibleName()


def test_panel_shows_what_the_ticket_would_use(window, qtbot):
    panel = window.parts.risk
    verdict = FakeDesk().judge(PreviewOrder(draft())).verdict
    panel.set_account(MARK)

    panel.set_ticket("AAPL", verdict)

    rows = {row[0]: line for row, line in zip(panel.limits.texts(), panel.limits.lines, strict=True)}
    assert rows["Gross exposure"].bars[0].after > rows["Gross exposure"].bars[0].share
    assert [row[0] for row in panel.limits.texts()].count("AAPL weight") == 1

    panel.set_ticket("", None)

    after = [bar.after for line in panel.limits.lines for bar in line.bars]
    assert after == [None] * len(after)


def test_breaker_line_says_that_all_are_armed_and_which_has_tripped(window, core, qtbot):
    line = window.parts.risk.body.breakers
    qtbot.waitUntil(lambda: line.text() == "11 of 11 armed")
    core.answers[LoadBreakers] = pretend_risk.board(TRIP)

    window.parts.bridge.publish(BreakerChanged(TRIP, cancelled=2))

    qtbot.waitUntil(lambda: line.text() == "Daily loss tripped")


def test_a_trip_is_acknowledged_by_keys_with_a_reason(window, core, qtbot):
    core.answers[LoadBreakers] = pretend_risk.board(TRIP)
    core.answers[AcknowledgeBreaker] = replace(TRIP, state=BreakerState.ACKNOWLEDGED)
    QTest.keyClick(
        window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    board = sheet(window, BreakerSheet, qtbot)
    core.answers[LoadBreakers] = pretend_risk.board()

    QTest.keyClicks(board.reason, "seen, positions checked")
    QTest.keyClick(board.reason, Qt.Key.Key_Return)

    qtbot.waitUntil(lambda: "acknowledged" in board.said.text())
    assert core.all_of(AcknowledgeBreaker) == [
        AcknowledgeBreaker(BreakerName.DAILY_LOSS, "", "seen, positions checked")
    ]
    assert not board.reason.isVisible()


def test_a_refused_acknowledgement_says_why_and_keeps_the_words(window, core, qtbot):
    core.answers[LoadBreakers] = pretend_risk.board(TRIP)
    core.answers[AcknowledgeBreaker] = Refused(RefusalCode.NOT_PERMITTED, "This needs the role admin.")
    window.risk.show_breakers()
    board = sheet(window, BreakerSheet, qtbot)
    QTest.keyClicks(board.reason, "seen")

    QTest.mouseClick(board.yes, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(lambda: "role admin" in board.said.text())
    assert board.reason.text() == "seen"


def test_a_trader_sees_the_breakers_and_is_told_who_may_acknowledge(window, core, qtbot):
    core.answers[LoadBreakers] = pretend_risk.board(TRIP)
    window.parts.facts.profile = replace(window.parts.facts.profile, role="trader")

    window.risk.show_breakers()

    board = sheet(window, BreakerSheet, qtbot)
    assert not board.yes.isVisible()
    assert board.said.text() == "Acknowledging needs the role admin."


def test_a_breaker_that_one_is_enough_for_says_none_instead_of_a_limit_of_zero(window, core, qtbot):
    window.risk.show_breakers()

    board = sheet(window, BreakerSheet, qtbot)

    rows = {row[0]: row[2] for row in board.table.texts()[1:]}
    assert rows["Overfill"] == "none"
    assert rows["Losing streak"] == "1 of 3"


def test_every_parameter_stands_in_one_group():
    named = [name for _, names in parameter_words.GROUPS for name in names]

    assert sorted(named) == sorted(KINDS)


def test_editor_sends_only_what_was_changed(window, core, qtbot):
    core.answers[SetRiskParameters] = pretend_risk.risk_view(position_pct=Decimal(15))
    window.risk.edit_parameters()
    editor = sheet(window, ParameterSheet, qtbot)
    field = editor.form.fields[Scope.ALL, "position_pct"]
    field.setText("15")
    editor.form.fields[Scope.AGENT, "per_day"].setText("40")
    editor.reason.setText("calmer")

    QTest.keyClick(editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)

    qtbot.waitUntil(lambda: "recorded" in editor.said.text())
    edits = (ParameterEdit(Scope.ALL, "position_pct", "15"), ParameterEdit(Scope.AGENT, "per_day", "40"))
    assert core.all_of(SetRiskParameters) == [SetRiskParameters(edits, "calmer")]
    assert (field.text(), field.is_changed) == ("15", False)
    assert editor.form.fields[Scope.AGENT, "per_day"].text() == "50"  # what is in force, not what was typed
    assert editor.yes.text() == "Change"


def test_editor_names_the_refused_field_and_keeps_what_was_typed(window, core, qtbot):
    core.answers[SetRiskParameters] = Refused(
        RefusalCode.MALFORMED, "gross_pct: expected a number.", {"field": "gross_pct", "scope": "agent"}
    )
    window.risk.edit_parameters()
    editor = sheet(window, ParameterSheet, qtbot)
    field = editor.form.fields[Scope.AGENT, "gross_pct"]
    field.setText("1e308")
    editor.reason.setText("x")

    editor.take()

    qtbot.waitUntil(lambda: field.property("refused") is True)
    assert field.text() == "1e308"
    assert editor.said.text() == "gross_pct: expected a number."
    assert field.hasFocus()


def test_editor_aims_at_another_target(window, core, qtbot):
    core.answers[UpdateTargetProfile] = pretend_risk.TARGET
    window.risk.edit_parameters()
    editor = sheet(window, ParameterSheet, qtbot)
    editor._show_tab(1)
    editor.target.fields[RadarAxis.EVENT].setText("20")
    editor.reason.setText("earnings season")

    editor.take()

    qtbot.waitUntil(lambda: "recorded" in editor.said.text())
    assert core.all_of(UpdateTargetProfile) == [
        UpdateTargetProfile(((RadarAxis.EVENT, "20"),), "earnings season")
    ]


def test_editor_shows_history_and_what_waits(window, core, qtbot):
    window.risk.edit_parameters()

    editor = sheet(window, ParameterSheet, qtbot)

    assert "gross_pct of everybody: 80 → 100" in editor.waiting.texts()[0][1]
    assert [row[2] for row in editor.history.texts()] == ["kim: cash account", "kim: calmer"]


def test_a_trader_may_look_at_the_parameters_and_not_type(window, qtbot):
    window.parts.facts.profile = replace(window.parts.facts.profile, role="trader")
    window.risk.edit_parameters()

    editor = sheet(window, ParameterSheet, qtbot)

    assert all(field.isReadOnly() for field in editor.form.fields.values())
    assert editor.said.text() == "Changing them needs the role admin."
    assert not editor.yes.isEnabled()


def test_an_editor_that_cannot_be_filled_is_not_opened(window, core, qtbot):
    core.answers[LoadRisk] = Refused(RefusalCode.NOT_READY, "not yet")

    window.risk.edit_parameters()

    qtbot.waitUntil(lambda: bool(window.parts.notices.heard))
    assert "not yet" in window.parts.notices.heard[0].text
    assert not any(each.isVisible() for each in window.findChildren(ParameterSheet))


def test_agent_fields_are_there_only_where_the_agent_has_a_value(window, qtbot):
    window.risk.edit_parameters()

    editor = sheet(window, ParameterSheet, qtbot)

    assert {name for scope, name in editor.form.fields if scope is Scope.AGENT} == AGENTS


def test_radar_opens_into_its_inputs(window, core, qtbot):
    view = window.parts.risk.body.radar
    qtbot.waitUntil(lambda: view.note() == "one axis over")
    view.setFocus()

    QTest.keyClick(view, Qt.Key.Key_Return)

    qtbot.waitUntil(lambda: window.findChild(object, "dialog.radar") is not None)
    assert core.all_of(LoadRadar)[-1] == LoadRadar(None)


def test_ctrl_enter_on_a_sheet_does_not_send_the_ticket_behind_it(window, core, qtbot):
    window.parts.ticket.set_symbol("AAPL")
    window.risk.edit_parameters()
    editor = sheet(window, ParameterSheet, qtbot)

    for widget in (editor.reason, editor.form.first, editor.no):
        widget.setFocus()
        QTest.keyClick(widget, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)

    QTest.qWait(50)
    assert core.all_of(SubmitOrder) == []


def test_radar_follows_the_symbol_once_it_was_turned_to_it_and_turns_back(window, core, qtbot):
    window.parts.facts.set_symbol("AAPL")
    window.registry.action("risk.radar_of").trigger()
    qtbot.waitUntil(lambda: core.all_of(LoadRadar)[-1:] == [LoadRadar(pretend.AAPL)])

    window.parts.facts.set_symbol("XOM")
    qtbot.waitUntil(lambda: core.all_of(LoadRadar)[-1:] == [LoadRadar(pretend.XOM)])

    window.registry.action("risk.radar_of").trigger()
    qtbot.waitUntil(lambda: core.all_of(LoadRadar)[-1:] == [LoadRadar(None)])


def test_radar_of_another_symbol_is_not_shown(window, core, qtbot):
    view = window.parts.risk.body.radar
    qtbot.waitUntil(lambda: view.note() == "one axis over")
    core.answers[LoadRadar] = replace(pretend_risk.radar({}), symbol=pretend.XOM)
    window.parts.facts.set_symbol("AAPL")

    window.registry.action("risk.radar_of").trigger()

    qtbot.waitUntil(lambda: core.all_of(LoadRadar)[-1:] == [LoadRadar(pretend.AAPL)])
    QTest.qWait(50)
    assert view.note() == "one axis over"


def test_report_of_the_day_says_what_was_refused_and_what_slipped(window, core, qtbot):
    core.answers[LoadDailyReport] = pretend_risk.report()
    QTest.keyClick(
        window, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )

    qtbot.waitUntil(lambda: window.findChild(QWidget, "dialog.report") is not None)
    found = window.findChild(QWidget, "dialog.report").findChild(Lines)
    rows = {row[0]: row[-1] for row in found.texts()}
    assert rows["Orders and replacements"] == "9"
    assert rows["Buying power"] == "2"  # refused by that rule
    assert rows["Average, weighted by value"] == "+0.04\u2009%"
    assert rows["Fees"] == "1.20"
    assert "None." in rows  # no soft rule was acknowledged


def test_report_that_cannot_be_read_opens_no_sheet(window, core, qtbot):
    core.answers[LoadDailyReport] = StorageError("stuck")

    window.risk.show_report()

    qtbot.waitUntil(lambda: bool(window.parts.notices.heard))
    assert window.findChild(QWidget, "dialog.report") is None
