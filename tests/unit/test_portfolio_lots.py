"""First in, first out, by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, Inexact

import pytest

from core.domain.execution import Fill
from core.domain.money import Money, Price, Qty
from core.domain.terms import Side
from core.errors import InvariantBroken
from core.ids import ClOrdId, ExecId, Symbol
from core.portfolio.lots import apply_fill, fold, position_of

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
BUY, SELL = Side.BUY, Side.SELL


def fill(number, side, qty, price, fee="0", symbol="AAPL"):
    return Fill(
        exec_id=ExecId(f"E{number}"),
        cl_ord_id=ClOrdId(f"IQ-{number}"),
        symbol=Symbol(symbol),
        side=side,
        last_qty=Qty(qty),
        last_px=Price(price),
        fee=Money(fee),
        transact_time=START + timedelta(minutes=number),
    )


def figures(position):
    return position.qty, position.cost, position.realised, position.fees


def test_first_fill_opens_a_lot():
    position, closes = apply_fill(None, fill(1, BUY, 50, "186.00", "0.35"))

    assert figures(position) == (50, 9300, 0, Decimal("0.35"))
    assert closes == ()
    lot = position.lots[0]
    assert (lot.exec_id, lot.side, lot.opened_qty, lot.open_qty) == ("E1", BUY, 50, 50)
    assert (lot.price, lot.fee) == (186, Decimal("0.35"))
    assert position.opened_at == START + timedelta(minutes=1)


def test_sale_closes_the_oldest_lots_first():
    bought = [fill(1, BUY, 50, "186.00"), fill(2, BUY, 20, "187.80")]

    position, closes = fold([*bought, fill(3, SELL, 60, "190.00", "1")])

    assert figures(position) == (10, 1878, 222, 1)
    assert [(each.open_exec_id, each.close_exec_id, each.qty, each.realised) for each in closes] == [
        ("E1", "E3", 50, 200),
        ("E2", "E3", 10, 22),
    ]
    assert [(lot.exec_id, lot.opened_qty, lot.open_qty) for lot in position.lots] == [("E2", 20, 10)]
    assert closes[0].closed_at == START + timedelta(minutes=3)
    assert (closes[0].side, closes[0].open_px, closes[0].close_px) == (BUY, 186, 190)


def test_partial_close_leaves_the_younger_lots_untouched():
    position, closes = fold([fill(1, BUY, 50, "10"), fill(2, BUY, 20, "11"), fill(3, SELL, 30, "12")])

    assert [(each.open_exec_id, each.qty) for each in closes] == [("E1", 30)]
    assert [(lot.exec_id, lot.open_qty) for lot in position.lots] == [("E1", 20), ("E2", 20)]


def test_flat_position_is_kept_with_what_it_realised():
    position = position_of([fill(1, BUY, 10, "10", "1"), fill(2, SELL, 10, "9", "1")])

    assert figures(position) == (0, 0, -10, 2)
    assert position.is_flat
    assert (position.lots, position.opened_at, position.avg_px) == ((), None, None)


def test_short_position_gains_when_bought_back_lower():
    position, closes = fold([fill(1, SELL, 10, "10"), fill(2, BUY, 4, "8")])

    assert figures(position) == (-6, -60, 8, 0)
    assert (closes[0].side, closes[0].realised) == (SELL, 8)
    assert position.avg_px == 10


@pytest.mark.parametrize(("side", "qty", "cost", "realised"), [(BUY, -5, -60, 20), (SELL, 5, 60, -20)])
def test_crossing_zero_opens_the_rest_on_the_other_side(side, qty, cost, realised):
    position, closes = fold([fill(1, side, 10, "10", "1"), fill(2, side.opposite, 15, "12", "3")])

    assert figures(position) == (qty, cost, realised, 4)
    assert [each.qty for each in closes] == [10]
    lot = position.lots[0]
    assert (lot.exec_id, lot.side, lot.opened_qty, lot.fee) == ("E2", side.opposite, 5, 0)


def test_trading_after_flat_goes_on_from_the_same_realised():
    position = position_of([fill(1, BUY, 10, "10"), fill(2, SELL, 10, "12"), fill(3, BUY, 1, "13")])

    assert figures(position) == (1, 13, 20, 0)


def test_many_digits_are_kept_exactly():
    qty, price = Decimal("123456789.123456789"), Decimal("98765.123456789012")

    position = position_of([fill(1, BUY, qty, price), fill(2, SELL, "0.000000001", "0.000000000001")])

    assert position.qty == Decimal("123456789.123456788")
    expected = Decimal("0.000000001") * Decimal("0.000000000001") - Decimal("0.000000001") * price
    assert position.realised == expected


def test_what_cannot_be_kept_exactly_is_refused_and_not_rounded():
    with pytest.raises(Inexact):
        position_of([fill(1, BUY, "1." + "1" * 40, "1." + "1" * 40)])


def test_fill_of_another_symbol_is_a_bug():
    position = position_of([fill(1, BUY, 1, "1")])

    with pytest.raises(InvariantBroken, match="MSFT"):
        apply_fill(position, fill(2, BUY, 1, "1", symbol="MSFT"))


def test_no_fills_are_no_position():
    with pytest.raises(ValueError, match="at least one fill"):
        position_of([])


def test_lots_are_values():
    position = position_of([fill(1, BUY, 10, "10")])

    after, _ = apply_fill(position, fill(2, SELL, 4, "10"))

    assert position.lots[0].open_qty == 10
    assert after.lots[0] == replace(position.lots[0], open_qty=Qty(6))
