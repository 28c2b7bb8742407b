"""Positions, orders and fills: totals, order of rows, unknown outcomes, and the evidence behind figures."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from core.domain.execution import Fill
from core.domain.messages import FillBooked, OrderChanged, PositionMarked, PositionProof
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.portfolio import LotClose, Position
from core.domain.terms import OrdStatus, Side
from core.ids import ExecId
from tests.ui import pretend
from ui.bridge import Bridge
from ui.dialogs.proof_lines import steps, verdict
from ui.models.columns import Mark, RowState
from ui.panels.fills import FillsPanel
from ui.panels.orders import OrdersPanel
from ui.panels.position_columns import totals
from ui.panels.positions import PositionsPanel

LATER = pretend.NOW + timedelta(seconds=9)


@pytest.fixture
def bridge(qtbot: QtBot) -> Bridge:
    return Bridge(pretend.PretendCore().send, clock=lambda: 1000.0)


@pytest.fixture
def positions(bridge: Bridge, qtbot: QtBot) -> PositionsPanel:
    made = PositionsPanel(bridge)
    qtbot.addWidget(made)
    made.resize(738, 200)
    made.show()
    made.apply_snapshot(pretend.snapshot())
    return made


@pytest.fixture
def orders(bridge: Bridge, qtbot: QtBot) -> OrdersPanel:
    made = OrdersPanel(bridge, now=lambda: LATER)
    qtbot.addWidget(made)
    made.resize(500, 200)
    made.show()
    return made


def ids(panel: OrdersPanel) -> list[str]:
    return [str(key) for key in panel.model.lines.ids]


def status(panel: OrdersPanel, cl_ord_id: str) -> str:
    return next(c for c in panel.model.columns if c.key == "status").text(panel.model.rows[cl_ord_id])


def test_positions_new_mark_changes_row_and_total(positions: PositionsPanel, bridge: Bridge) -> None:
    bridge.publish(PositionMarked(pretend.mark("AAPL", "60", "165.20", cover="60")))

    bridge.take_frame()

    assert set(positions.model.rows) == {"XOM", "AAPL"}
    assert totals(positions.model.rows.values()).total == Decimal("69.80")


def test_positions_total_with_unknown_part_is_unknown() -> None:
    marks = [pretend.mark("XOM", "90", "1"), replace(pretend.mark("AAPL", "1", "1"), day_pnl=None)]

    found = totals(marks)

    assert (found.day, found.total) == (None, Decimal(2))


def test_positions_flat_mark_takes_row_out(positions: PositionsPanel, bridge: Bridge) -> None:
    counts: list[str] = []
    positions.counted.connect(counts.append)
    bridge.publish(PositionMarked(pretend.mark("XOM", "0", "0")))

    bridge.take_frame()

    assert (dict(positions.model.rows), counts[-1]) == ({}, "")


def test_positions_cells_say_cover_and_time_held(positions: PositionsPanel, bridge: Bridge) -> None:
    bridge.publish(PositionMarked(pretend.mark("XOM", "100", "1", cover="60")))
    bridge.take_frame()
    row = positions.model.rows["XOM"]
    cells = {column.key: column for column in positions.model.columns}

    bar = cells["cover"].bar

    assert cells["cover"].text(row) == "60 of 100"
    assert cells["held"].text(row) == "3 d"
    assert bar is not None
    assert (fill := bar(row)) is not None
    assert (fill.share, fill.warn) == (0.6, True)


def test_positions_enter_wants_proof(positions: PositionsPanel, qtbot: QtBot) -> None:
    wanted: list[str] = []
    positions.proof_wanted.connect(wanted.append)
    positions.view.select_key("XOM")

    QTest.keyClick(positions.view, Qt.Key.Key_Return)

    assert wanted == ["XOM"]


def test_orders_unknown_then_working_then_ended(orders: OrdersPanel) -> None:
    book = (
        pretend.order("ended", ended=OrdStatus.CANCELED),
        pretend.order("working", acked=True),
        pretend.order("unknown", unknown=True, sent_at=pretend.NOW),
    )

    orders.apply_snapshot(pretend.snapshot(book))

    assert ids(orders) == ["unknown", "working", "ended"]
    assert [order.cl_ord_id for order in orders.open_orders] == ["working", "unknown"]


def test_orders_unknown_row_is_tinted_and_counts_seconds(orders: OrdersPanel) -> None:
    orders.apply_snapshot(pretend.snapshot([pretend.order("u", unknown=True, sent_at=pretend.NOW)]))
    row = orders.model.rows["u"]
    column = next(c for c in orders.model.columns if c.key == "status")

    assert status(orders, "u") == "Unknown, 9 s"
    assert orders.model.state_of(row) is RowState.WARN
    assert column.mark is not None
    assert column.mark(row) is Mark.QUESTION


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"acked": True}, "Working"),
        ({"acked": True, "cum_qty": Qty(20)}, "20 filled"),
        ({"cum_qty": Qty(40)}, "Filled"),
        ({"ended": OrdStatus.REJECTED, "text": "<b>no</b> money"}, "Rejected: <b>no</b> money"),
        ({"ended": OrdStatus.CANCELED, "cum_qty": Qty(5)}, "Cancelled, 5 filled"),
    ],
)
def test_orders_status_says_what_makes_it_plain(
    orders: OrdersPanel, facts: dict[str, Any], words: str
) -> None:
    orders.apply_snapshot(pretend.snapshot([replace(pretend.order("o"), **facts)]))

    assert status(orders, "o") == words


def test_orders_ended_order_moves_below_and_is_not_counted(
    orders: OrdersPanel, bridge: Bridge, qtbot: QtBot
) -> None:
    counts: list[str] = []
    orders.counted.connect(counts.append)
    first, second = pretend.order("1", acked=True), pretend.order("2", acked=True)
    orders.apply_snapshot(pretend.snapshot([first, second]))

    bridge.publish(OrderChanged(replace(first, ended=OrdStatus.CANCELED)))

    qtbot.waitUntil(lambda: ids(orders) == ["2", "1"])
    assert counts == ["2", "1"]


def test_orders_older_event_than_snapshot_is_left_out(
    orders: OrdersPanel, bridge: Bridge, qtbot: QtBot
) -> None:
    filled = pretend.order("1", cum_qty=Qty(40), updated_at=LATER)
    orders.apply_snapshot(pretend.snapshot([filled]))

    bridge.publish(OrderChanged(pretend.order("1", acked=True)))
    bridge.publish(OrderChanged(pretend.order("2", acked=True)))
    qtbot.waitUntil(lambda: "2" in orders.model.rows)

    assert status(orders, "1") == "Filled"


def test_orders_enter_wants_to_change_working_order_only(orders: OrdersPanel) -> None:
    wanted: list[Order] = []
    orders.replace_wanted.connect(wanted.append)
    book = [pretend.order("w", acked=True), pretend.order("u", unknown=True)]
    orders.apply_snapshot(pretend.snapshot(book))

    for key in ("u", "w"):
        orders.view.select_key(key)
        QTest.keyClick(orders.view, Qt.Key.Key_Return)

    assert [order.cl_ord_id for order in wanted] == ["w"]


def test_fills_same_fill_twice_is_one_row(bridge: Bridge, qtbot: QtBot) -> None:
    panel = FillsPanel(bridge)
    qtbot.addWidget(panel)
    counts: list[str] = []
    panel.counted.connect(counts.append)
    panel.apply_snapshot(pretend.snapshot())

    for exec_id in ("f-1", "f-2", "f-2"):
        bridge.publish(FillBooked(pretend.fill(exec_id), pretend.position("AAPL", "10", "99")))
    qtbot.waitUntil(lambda: len(counts) == 4)

    assert (list(panel.model.rows), counts[-1]) == (["f-1", "f-2"], "2")


def proof(*, qty: str = "6", realised: str = "4") -> PositionProof:
    held = replace(
        pretend.position("AAPL", "6", "100"), qty=Qty(qty), realised=Money(realised), fees=Money("0.03")
    )
    bought = replace(pretend.fill("e-AAPL", qty="10"), last_px=Price(100))
    sold = Fill(
        ExecId("s"), bought.cl_ord_id, held.symbol, Side.SELL, Qty(4), Price(101), Money("0.02"), pretend.NOW
    )
    close = LotClose(
        ExecId("e-AAPL"), ExecId("s"), held.symbol, Side.BUY, Qty(4), Price(100), Price(101), Money(4),
        pretend.NOW,
    )  # fmt: skip
    return PositionProof(held, (bought, sold), (close,), Decimal(102), Decimal(12))


def test_proof_of_honest_figures_readds() -> None:
    shown = replace(pretend.mark("AAPL", "6", "15.97"), last=Decimal(102))

    holds, words = verdict(proof(), shown)

    assert holds, words
    assert words == "Re-adds exactly to +15.97, from 2 fills."
    assert [str(step.value) for step in steps(proof()) if step.is_sum] == ["12", "4", "15.97"]


@pytest.mark.parametrize(
    ("evidence", "pnl"),
    [(proof(qty="7"), "15.97"), (proof(realised="5"), "15.97"), (proof(), "16.00")],
)
def test_proof_of_false_figures_is_refused(evidence: PositionProof, pnl: str) -> None:
    shown = replace(pretend.mark("AAPL", "6", pnl), last=Decimal(102))

    holds, _ = verdict(evidence, shown)

    assert not holds


def test_proof_without_price_proves_quantities_only() -> None:
    evidence = replace(proof(), last=None, unrealised=None)

    holds, words = verdict(evidence, None)

    assert holds
    assert "no P&L to prove" in words


def test_proof_of_flat_position_needs_no_price() -> None:
    bought = replace(pretend.fill("b", qty="4"), last_px=Price(100), fee=Money(0))
    sold = replace(bought, exec_id=ExecId("s"), side=Side.SELL, last_px=Price(101))
    flat = Position(bought.symbol, Qty(0), Money(0), Money(4), Money(0), ())
    close = LotClose(
        ExecId("b"), ExecId("s"), bought.symbol, Side.BUY, Qty(4), Price(100), Price(101), Money(4),
        pretend.NOW,
    )  # fmt: skip

    holds, words = verdict(PositionProof(flat, (bought, sold), (close,), None, Decimal(0)), None)

    assert (holds, words) == (True, "Re-adds exactly to +4.00, from 2 fills.")
