"""The window beside its golden pictures; `make golden` draws them anew, and a person looks at each."""

from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtTest import QTest

from core.domain.access import Mode, TradingState
from core.domain.messages import OrderChanged, TradingStateChanged
from core.domain.records import TradingStateRecord
from tests.golden import scenes
from tests.ui import pretend
from ui.dialogs.anchors import AnchorsSheet
from ui.dialogs.confirm import show_confirm
from ui.dialogs.connect import Field, Rules, connect_sheet
from ui.dialogs.welcome import Welcome
from ui.theme.tokens import ThemeName

SMALL = (1280, 800)


@pytest.mark.parametrize("theme", ThemeName)
def test_main_window_looks_as_drawn(draw, compare, theme):
    scene = draw(theme)
    scene.type_order("20")

    compare(scene.window, f"main-{theme.value}")


def test_small_window_looks_as_drawn(draw, compare):
    scene = draw(size=SMALL)
    scene.type_order("20")

    compare(scene.window, "compact")


def test_refused_ticket_looks_as_drawn(draw, compare):
    scene = draw()
    scene.type_order("500")

    compare(scene.window, "refused")


def test_halted_window_looks_as_drawn(draw, compare):
    scene = draw()
    record = TradingStateRecord(TradingState.HALTED, "", "demo", scenes.NOW)

    scene.bridge.in_order.emit(TradingStateChanged(record))

    compare(scene.window, "halted")


def test_unknown_outcome_looks_as_drawn(draw, compare):
    scene = draw()
    unknown = pretend.order("u", unknown=True, sent_at=scenes.NOW - timedelta(seconds=9), price="189.43")

    scene.bridge.in_order.emit(OrderChanged(replace(unknown, updated_at=scenes.NOW)))

    compare(scene.window, "unknown")


def test_confirmation_of_a_live_order_looks_as_drawn(draw, compare):
    scene = draw(mode=Mode.LIVE)

    show_confirm(scene.window, scenes.request(), lambda _: None, holes=scene.window._holes())

    compare(scene.window, "confirm-live")


def test_palette_looks_as_drawn(draw, compare):
    scene = draw(size=SMALL)

    scene.window.overlays.palette.open_palette()
    QTest.keyClicks(scene.window.overlays.palette._input, "ca")

    compare(scene.window, "palette")


def test_key_sheet_looks_as_drawn(draw, compare):
    scene = draw(size=SMALL)

    scene.window.registry.run("help.keys")

    compare(scene.window, "keys")


def test_welcome_looks_as_drawn(draw, compare):
    scene = draw(size=SMALL)

    scene.window.show_welcome(lambda _: None)
    assert scene.window.findChild(Welcome) is not None

    compare(scene.window, "welcome")


def test_form_for_a_paper_account_looks_as_drawn(draw, compare):
    scene = draw(size=SMALL)

    sheet = connect_sheet(scene.window, "paper", Rules(lambda _: "", lambda _: ""), lambda _: None)
    sheet.fields[Field.KEY_ID].setText("PK 123")
    sheet.take()

    compare(scene.window, "connect")


def test_filter_of_the_audit_log_looks_as_drawn(draw, compare, qtbot):
    scene = draw(size=SMALL)
    panel = scene.window.parts.audit

    scene.window.registry.run("audit.filter")
    for field, text in ((panel.filter.actor, "kim"), (panel.filter.since, "2026-11-19 9:30")):
        QTest.keyClicks(field, text)
    panel.filter.take()
    QTest.keyClicks(panel.filter.until, "19 nov")
    panel.filter.take()
    qtbot.waitUntil(lambda: not panel.model.rows)
    scene.window.parts.watchlist.view.setFocus()

    compare(scene.window, "audit-filter")


def test_proof_of_the_audit_log_looks_as_drawn(draw, compare, qtbot):
    scene = draw(size=SMALL)

    scene.window.registry.run("audit.proof")
    (sheet,) = scene.window.findChildren(AnchorsSheet)
    qtbot.waitUntil(lambda: sheet.state.text() == "Checked just now")

    compare(scene.window, "audit-proof")
