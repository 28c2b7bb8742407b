"""Splits: every open lot with other numbers, exact or refused; what only looks like one is left alone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.domain.execution import ExecType, ExecutionReport, Fill
from core.domain.money import Money, Price, Qty
from core.domain.portfolio import BrokerPosition
from core.domain.terms import OrdStatus, Side
from core.ids import ClOrdId, ExecId
from core.portfolio.lots import apply_fill, position_of
from core.portfolio.splits import TAKEN_OVER, Split, entries_of, split_between, split_entries
from tests.builders import AAPL, terms

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
BUY, SELL = Side.BUY, Side.SELL
NAME = ClOrdId("adjusted:split:AAPL:1")


def fill(number, side, qty, price):
    when = START + timedelta(minutes=number)
    return Fill(ExecId(f"E{number}"), ClOrdId("IQ-1"), AAPL, side, Qty(qty), Price(price), Money(1), when)


HELD = position_of([fill(1, BUY, 60, "186.00"), fill(2, BUY, 40, "188.00"), fill(3, SELL, 30, "190.00")])


def after(position, new, old):
    for entry in split_entries(position, Split(AAPL, new, old), NAME):
        position, closes = apply_fill(position, entry)
        assert all(close.realised == 0 for close in closes)
    return position


@pytest.mark.parametrize(
    ("new", "old", "lots"),
    [
        (2, 1, [(60, "93"), (80, "94")]),
        (1, 10, [(3, "1860"), (4, "1880")]),
        (3, 2, [(45, "124"), (60, "125.3333")]),
    ],
)
def test_split_gives_every_lot_other_numbers_at_the_same_cost(new, old, lots):
    if (new, old) == (3, 2):
        # 188 x 2 / 3 has no end: nothing is written, rather than something rounded.
        assert split_entries(HELD, Split(AAPL, new, old), NAME) is None
        return

    found = after(HELD, new, old)

    assert [(lot.open_qty, lot.price) for lot in found.lots] == [(q, Decimal(p)) for q, p in lots]
    assert (found.cost, found.realised, found.fees) == (HELD.cost, HELD.realised, HELD.fees)
    assert [lot.opened_at for lot in found.lots] == [lot.opened_at for lot in HELD.lots]


def test_split_of_a_short_position_leaves_it_short():
    short = position_of([fill(1, SELL, 10, "100.00")])

    found = after(short, 4, 1)

    assert (found.qty, found.cost, found.lots[0].price) == (-40, -1000, 25)


@pytest.mark.parametrize(
    ("qty", "avg_px", "expected"),
    [
        ("140", "93.571429", Split(AAPL, 2, 1)),
        ("7", "1871.428571", Split(AAPL, 1, 10)),
        ("105", "124.761905", Split(AAPL, 3, 2)),
        ("140", "93.50", None),  # another cost
        ("70", "187.142857", None),  # the same number
        ("71", "184.507042", None),  # no simple ratio
        ("-70", "-187.142857", None),
        ("0", "0", None),
    ],
)
def test_split_is_told_from_any_other_difference(qty, avg_px, expected):
    assert split_between(HELD, BrokerPosition(AAPL, Qty(qty), Price(avg_px))) == expected


def test_flat_position_has_no_split():
    flat = position_of([fill(1, BUY, 10, "10"), fill(2, SELL, 10, "10")])

    assert split_between(flat, BrokerPosition(AAPL, Qty(10), Price(0))) is None


def report(name, qty="70"):
    return ExecutionReport(
        ExecId(name), ExecType.TRADE, ClOrdId(name), None, terms(BUY, qty), OrdStatus.FILLED, Qty(qty),
        Qty(0), Price(0), START, Qty(qty), Price(0),
    )  # fmt: skip


def test_report_of_a_split_becomes_entries_and_others_do_not():
    name = f"{TAKEN_OVER}AAPL:1"

    assert entries_of(report(name), HELD) == split_entries(HELD, Split(AAPL, 2, 1), ClOrdId(name))
    assert entries_of(report("adjusted:AAPL:1"), HELD) == ()
    assert entries_of(report(name), None) == ()
    assert entries_of(report(name, "71"), HELD) == ()  # the position has moved on since
