"""Positions are sums of their fills, whatever the fills."""

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, localcontext

from hypothesis import given
from hypothesis import strategies as st

from core.domain.execution import Fill
from core.domain.figures import PriceBasis, PriceUsed
from core.domain.money import Money, Price, Qty
from core.domain.terms import Side
from core.ids import ClOrdId, ExecId, Symbol
from core.portfolio.lots import apply_fill, fold
from core.portfolio.pnl import NO_TRADES, position_pnl
from core.portfolio.provenance import proof, readds
from tests.builders import day_trades

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
WIDE = Context(prec=200, traps=[Inexact])

quantities = st.one_of(
    st.integers(1, 500).map(Decimal), st.decimals(min_value="0.000000001", max_value=500, places=9)
)
prices = st.one_of(
    st.decimals(min_value="0.01", max_value=1000, places=2),
    st.decimals(min_value="0.000000000001", max_value=1000, places=12),
)


@st.composite
def histories(draw):
    parts = st.tuples(
        st.sampled_from(Side), quantities, prices, st.decimals(min_value=0, max_value=5, places=4)
    )
    return [
        Fill(
            exec_id=ExecId(f"E{number}"),
            cl_ord_id=ClOrdId(f"IQ-{number}"),
            symbol=Symbol("AAPL"),
            side=side,
            last_qty=Qty(qty),
            last_px=Price(price),
            fee=Money(fee),
            transact_time=START + timedelta(seconds=number),
        )
        for number, (side, qty, price, fee) in enumerate(draw(st.lists(parts, min_size=1, max_size=12)))
    ]


@given(histories())
def test_the_sum_of_signed_fills_is_the_position(fills):
    position, closes = fold(fills)

    with localcontext(WIDE):
        assert position.qty == sum(fill.signed_qty for fill in fills)
        assert position.fees == sum(fill.fee for fill in fills)
        assert position.cost == sum(lot.cost * lot.side.sign for lot in position.lots)
        assert position.realised == sum(close.realised for close in closes)


@given(histories())
def test_open_lots_are_on_one_side_oldest_first_and_above_zero(fills):
    position, _ = fold(fills)

    assert len({lot.side for lot in position.lots}) <= 1
    assert list(position.lots) == sorted(position.lots, key=lambda lot: lot.opened_at)
    assert all(0 < lot.open_qty <= lot.opened_qty for lot in position.lots)


def at(last):
    return None if last is None else PriceUsed(Symbol("AAPL"), Price(last), PriceBasis.LIVE, START, 1.0)


def valued(position, last, prev_close=None, today=NO_TRADES):
    return position_pnl(position, at(last), prev_close, today)


@given(histories(), prices)
def test_total_is_what_came_in_and_what_is_left(fills, last):
    position, _ = fold(fills)
    found = valued(position, last)

    with localcontext(WIDE):
        cash = sum(fill.cash_flow for fill in fills)
        assert found.total == position.qty * last + cash
        assert found.unrealised == sum(
            (last - lot.price) * lot.open_qty * lot.side.sign for lot in position.lots
        )
        assert cash == position.realised - position.cost - position.fees


@given(histories(), prices, prices, st.integers(0, 12))
def test_the_days_profit_is_the_change_of_the_total(fills, last, prev_close, first_today):
    before, today = fills[:first_today], fills[first_today:]
    position, _ = fold(fills)
    found = valued(position, last, prev_close, day_trades(today))

    with localcontext(WIDE):
        then = valued(fold(before)[0], prev_close).total if before else Decimal(0)
        assert found.day == found.total - then


@given(histories(), st.one_of(st.none(), prices))
def test_every_position_can_be_proved(fills, last):
    position, closes = fold(fills)

    assert readds(proof(position, fills, closes, at(last)))


@given(histories())
def test_folding_one_by_one_is_folding_at_once(fills):
    position = None
    closes = []
    for fill in fills:
        position, closed = apply_fill(position, fill)
        closes.extend(closed)

    assert (position, tuple(closes)) == fold(fills)
