"""Every read of the window fails once: no panel makes up a figure, and the next answer repairs it."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

import ui
from core.domain import commands
from core.domain.figures import Figure, FigureName
from core.domain.messages import (
    AuditPage,
    ExplainFigure,
    ExplainPosition,
    LoadAudit,
    LoadBars,
    LoadBreakers,
    LoadPortfolio,
    LoadProposals,
    LoadRadar,
    LoadRisk,
    LoadSnapshot,
    PositionProof,
    PreviewOrder,
    VerifyAudit,
)
from core.errors import BrokerUnavailable, StorageError
from tests.golden import scenes
from tests.ui import pretend, pretend_risk
from ui import bridge as bridges
from ui.bridge import Bridge
from ui.dialogs.parameters import ParameterSheet
from ui.main_window import MainWindow
from ui.notices import words_of_failed_read

ERRORS = (StorageError("The disk does not answer."), BrokerUnavailable("No route."))


@pytest.fixture(params=ERRORS, ids=lambda error: type(error).__name__)
def error(request: pytest.FixtureRequest) -> Exception:
    return request.param


@pytest.fixture
def core() -> pretend.PretendCore:
    made = pretend.PretendCore(scenes.snapshot())
    made.answers[LoadBars] = scenes.bars()
    made.answers[PreviewOrder] = scenes.judge
    return made


@pytest.fixture
def window(core: pretend.PretendCore, qtbot: QtBot) -> Iterator[MainWindow]:
    bridge = Bridge(core.send, clock=lambda: scenes.CLOCK_S)
    made = MainWindow(bridge)
    qtbot.addWidget(made)
    made.resize(1600, 1000)
    made.show()
    yield made
    bridge.stop()


def open_all(window: MainWindow, qtbot: QtBot) -> None:
    window.parts.bridge.request_snapshot()
    qtbot.waitUntil(lambda: window.parts.facts.profile is not None)


def retype(field, text: str) -> None:
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)


def words(root: QWidget) -> str:
    """Return what is said by all visible widgets, except what was typed into fields."""
    found = [child for child in root.findChildren(QWidget) if child.isVisible()]
    return " | ".join(child.accessibleName() for child in found)


def test_the_reads_that_the_window_sends_are_the_ones_that_fail_here() -> None:
    reads = {name for name in vars(commands) if re.match("Load|Verify|Explain|Preview", name)}
    source = "".join(path.read_text() for path in Path(ui.__file__).parent.rglob("*.py"))
    sent = {name for name in reads if re.search(rf"\b{name}\(", source)}
    tested = (
        LoadSnapshot, LoadBars, LoadAudit, VerifyAudit, ExplainPosition, PreviewOrder, LoadPortfolio,
        ExplainFigure, LoadRadar, LoadProposals, LoadRisk,
    )  # fmt: skip

    assert sent == {kind.__name__ for kind in tested}


def test_failed_snapshot_leaves_dashes_and_what_was_typed(
    window, core, qtbot, error, expected_log, monkeypatch
) -> None:
    expected_log("snapshot.not_loaded")
    monkeypatch.setattr(bridges, "RETRY_MS", 1)
    core.answers[LoadSnapshot] = error
    parts = window.parts
    retype(parts.ticket.form.qty, "25")

    parts.bridge.request_snapshot()
    qtbot.waitUntil(lambda: len(core.all_of(LoadSnapshot)) > 1)
    said = words(window)
    core.answers[LoadSnapshot] = scenes.snapshot()
    qtbot.waitUntil(lambda: parts.facts.profile is not None)

    assert "Equity — Day — Buying power —" in said
    assert "Link — ms" in said
    assert "Catching up" in said
    assert "Buy 25 at market" in said
    assert "Position weight, —, —" in said
    assert not re.search(r"\d", said.replace("Buy 25 at market", "").replace("p99", ""))
    assert "flat" not in said.lower()
    assert parts.ticket.form.qty.text() == "25"
    assert parts.positions.model.rowCount() == len(scenes.HOLDINGS)


def test_failed_bars_take_the_old_ones_away_and_say_why(window, core, qtbot, error) -> None:
    open_all(window, qtbot)
    chart = window.parts.chart
    qtbot.waitUntil(lambda: chart.canvas is not None)
    core.answers[LoadBars] = error

    window.parts.facts.set_symbol("XOM")
    qtbot.waitUntil(lambda: words_of_failed_read(error) in chart.message.accessibleName())
    was_drawn = chart.canvas.isVisible()
    core.answers[LoadBars] = scenes.bars()
    window.parts.facts.set_symbol("AAPL")
    qtbot.waitUntil(chart.canvas.isVisible)

    assert not was_drawn
    assert not chart.message.isVisible()


def test_failed_search_of_the_audit_shows_no_rows_of_another_question(window, core, qtbot, error) -> None:
    open_all(window, qtbot)
    panel = window.parts.audit
    core.answers[LoadAudit] = error

    retype(panel.search, "order")
    qtbot.waitUntil(lambda: "could not be read" in panel.view._empty.text)
    rows, typed = panel.model.rowCount(), panel.search.text()
    core.answers[LoadAudit] = AuditPage(scenes.RECORDS[:2], has_more=False)
    QTest.keyClicks(panel.search, ".")
    qtbot.waitUntil(lambda: panel.model.rowCount() == 2)

    assert (rows, typed) == (0, "order")
    assert not re.search(r"\d", panel.view._empty.text)


def test_failed_verification_says_neither_that_the_chain_holds_nor_that_it_broke(
    window, core, qtbot, error
) -> None:
    report = core.answers[VerifyAudit]
    core.answers[VerifyAudit] = error

    open_all(window, qtbot)
    chain = window.parts.audit.chain
    qtbot.waitUntil(lambda: chain.text == "Chain could not be checked")
    toasts = window.parts.notices.toasts.toasts()
    core.answers[VerifyAudit] = report
    window.parts.audit.verify()
    qtbot.waitUntil(lambda: chain.text == "Chain verified to 3")

    assert toasts == []


def test_failed_explanation_opens_no_sheet_and_says_why(window, core, qtbot, error) -> None:
    open_all(window, qtbot)
    core.answers[ExplainPosition] = error

    window.orders.explain("XOM")
    qtbot.waitUntil(lambda: bool(window.parts.notices.heard))
    early = window.findChild(QWidget, "dialog.proof")
    core.answers[ExplainPosition] = PositionProof(
        pretend.position("XOM", "90", "119.02"), (), (), Decimal("117.96"), Decimal("-95.40")
    )
    window.orders.explain("XOM")
    qtbot.waitUntil(lambda: window.findChild(QWidget, "dialog.proof") is not None)

    assert early is None
    assert words_of_failed_read(error) in window.parts.notices.heard[0].text


def test_failed_portfolio_says_so_and_is_read_again(window, core, qtbot, error) -> None:
    report = core.answers[LoadPortfolio]
    core.answers[LoadPortfolio] = error

    open_all(window, qtbot)
    curve = window.parts.portfolio.curve
    qtbot.waitUntil(lambda: "cannot be read" in curve.accessibleName())
    said = curve.toolTip()
    core.answers[LoadPortfolio] = report
    window.parts.bridge.request_snapshot()
    qtbot.waitUntil(lambda: "first close" in curve.accessibleName())

    assert said == words_of_failed_read(error)
    assert curve.toolTip() == ""


def test_failed_figure_opens_no_sheet_and_says_why(window, core, qtbot, error) -> None:
    open_all(window, qtbot)
    core.answers[ExplainFigure] = error

    window.portfolio.explain(Figure(FigureName.EQUITY, "", Decimal(1)))
    qtbot.waitUntil(lambda: bool(window.parts.notices.heard))

    assert window.findChild(QWidget, "dialog.figure") is None
    assert words_of_failed_read(error) in window.parts.notices.heard[0].text


def test_failed_preview_leaves_dashes_and_what_was_typed(window, core, qtbot, error) -> None:
    open_all(window, qtbot)
    ticket = window.parts.ticket
    saying, effect = ticket.body.verdict.saying, ticket.body.effect
    qtbot.waitUntil(lambda: saying.words().startswith("Passes"))
    core.answers[PreviewOrder] = error

    retype(ticket.form.qty, "25")
    qtbot.waitUntil(lambda: saying.words().startswith("Not judged"))
    said, typed = effect.accessibleName() + ticket.form.value.accessibleName(), ticket.form.qty.text()
    figures = 2 * len([row for row in effect.texts()[1:] if row])
    core.answers[PreviewOrder] = scenes.judge
    retype(ticket.form.qty, "20")
    qtbot.waitUntil(lambda: saying.words().startswith("Passes"))

    assert not re.search(r"\d", said)
    assert figures >= 6
    assert said.count("—") == figures + 1  # and the value of the order
    assert typed == "25"
    assert re.search(r"\d", effect.accessibleName())


def test_words_of_a_failed_read_do_not_speak_of_something_sent(error) -> None:
    words = words_of_failed_read(error)

    assert "sent" not in words
    assert "did not happen" not in words
    assert str(error) in words


@pytest.mark.parametrize("size", [(1600, 1000), (1280, 800), (1024, 640)])
def test_notice_of_a_failure_never_lies_over_halt(window, core, qtbot, size) -> None:
    open_all(window, qtbot)
    window.resize(*size)
    halt, toasts = window.parts.risk.halt_button, window.parts.notices.toasts

    for number in range(4):
        window.parts.notices.warn(f"A warning that takes a line or two, number {number}.")

    covered = QRect(toasts.mapTo(window, QPoint(0, 0)), toasts.size())
    assert toasts.isVisible()
    assert not covered.intersects(QRect(halt.mapTo(window, QPoint(0, 0)), halt.size()))


def test_failed_radar_and_breakers_are_said_to_be_unknown_and_come_back(window, core, qtbot, error) -> None:
    core.answers[LoadRadar] = core.answers[LoadBreakers] = error
    open_all(window, qtbot)
    body, watch = window.parts.risk.body, window.parts.risk.watch

    qtbot.waitUntil(lambda: body.breakers.text() == "not known")
    qtbot.waitUntil(lambda: body.radar.empty_words() == words_of_failed_read(error))
    assert not re.search(r"armed|46", body.breakers.accessibleName() + body.radar.accessibleName())

    core.answers[LoadRadar], core.answers[LoadBreakers] = pretend_risk.radar(), pretend_risk.board()
    watch.refresh()

    qtbot.waitUntil(lambda: body.breakers.text() == "11 of 11 armed")
    qtbot.waitUntil(lambda: body.radar.note() == "one axis over")


def test_failed_proposals_are_not_told_to_be_none(window, core, qtbot, error) -> None:
    core.answers[LoadProposals] = error
    open_all(window, qtbot)

    qtbot.waitUntil(lambda: bool(window.parts.notices.heard))

    assert words_of_failed_read(error) in window.parts.proposals.view._empty.text


def test_failed_parameters_open_no_sheet(window, core, qtbot, error) -> None:
    open_all(window, qtbot)
    core.answers[LoadRisk] = error

    window.risk.edit_parameters()

    qtbot.waitUntil(lambda: bool(window.parts.notices.heard))
    assert words_of_failed_read(error) in window.parts.notices.heard[0].text
    assert not any(each.isVisible() for each in window.findChildren(ParameterSheet))
