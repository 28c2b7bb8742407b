"""Profit and loss, the account's worth, and taking figures apart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.domain.execution import Fill
from core.domain.figures import PriceBasis, PriceUsed
from core.domain.messages import PositionMark
from core.domain.money import Money, Price, Qty
from core.domain.terms import Side
from core.ids import ClOrdId, ExecId, Symbol
from core.portfolio.day import DayFills, market_date
from core.portfolio.lots import fold, position_of
from core.portfolio.pnl import PositionPnl, mark, position_pnl
from core.portfolio.provenance import proof, readds
from tests.builders import day_trades

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
BUY, SELL = Side.BUY, Side.SELL
AAPL = Symbol("AAPL")


def fill(number, side, qty, price, fee="0"):
    when = START + timedelta(minutes=number)
    return Fill(ExecId(f"E{number}"), ClOrdId("IQ-1"), AAPL, side, Qty(qty), Price(price), Money(fee), when)


OLD = fill(1, BUY, 60, "186.00", "1")
TODAY = fill(2, BUY, 40, "188.00", "0.50")
SOLD = fill(3, SELL, 30, "190.00", "0.50")


def at(price, received=7.0):
    return None if price is None else PriceUsed(AAPL, Price(price), PriceBasis.LIVE, START, received)


def pnl(fills, last, prev_close=None, day_fills=()):
    close = None if prev_close is None else Decimal(prev_close)
    return position_pnl(position_of(fills), at(last), close, day_trades(day_fills))


def test_position_is_valued_figure_by_figure():
    found = pnl([OLD, TODAY, SOLD], "191", "187", [TODAY, SOLD])

    assert found == PositionPnl(
        symbol=AAPL,
        qty=Decimal(70),
        price=at("191"),
        value=Decimal(13_370),
        cost=Decimal(13_100),  # 30 x 186 + 40 x 188
        unrealised=Decimal(270),  # 30 x 5 + 40 x 3
        realised=Decimal(120),  # 30 x 4
        fees=Decimal(2),
        total=Decimal(388),
        # 70 x 191 - 60 x 187 - 40 x 188 + 30 x 190 - 1.00
        day=Decimal(329),
    )


def test_mark_shows_what_was_valued_with_its_weight_and_price():
    position = position_of([OLD, TODAY, SOLD])
    found = pnl([OLD, TODAY, SOLD], "191", "187", [TODAY, SOLD])

    shown = mark(found, position, Decimal(100_000), Decimal(60))

    assert shown == PositionMark(
        symbol=AAPL,
        qty=Decimal(70),
        avg_px=position.avg_px,
        last=Decimal(191),
        day_pnl=Decimal(329),
        total_pnl=Decimal(388),
        unrealised=Decimal(270),
        value=Decimal(13_370),
        weight_pct=Decimal("13.37"),
        stop_cover=Decimal(60),
        opened_at=START + timedelta(minutes=1),
        received=7.0,
        priced=at("191"),
    )


def test_position_without_a_price_knows_what_needs_none():
    position = position_of([OLD, SOLD])
    found = pnl([OLD, SOLD], None, "187")

    shown = mark(found, position, Decimal(100_000), Decimal(0))

    assert (found.value, found.unrealised, found.total, found.day) == (None,) * 4
    assert (found.qty, found.cost, found.realised, found.fees) == (30, 5_580, 120, Decimal("1.50"))
    assert (shown.last, shown.weight_pct, shown.received, shown.priced) == (None,) * 4


@pytest.mark.parametrize("worth", [None, Decimal(0), Decimal(-1)])
def test_mark_without_an_equity_has_no_weight(worth):
    shown = mark(pnl([OLD], "1", "1"), position_of([OLD]), worth, Decimal(0))

    assert (shown.weight_pct, shown.value) == (None, 60)


def test_flat_position_needs_no_price():
    fills = [fill(1, BUY, 10, "10", "1"), fill(2, SELL, 10, "12", "1")]
    found = pnl(fills, None)

    shown = mark(found, position_of(fills), Decimal(100), Decimal(0))

    assert (found.unrealised, found.total, found.value, found.day) == (0, 18, 0, 0)
    assert shown.weight_pct == 0


def test_short_position_loses_when_the_price_rises():
    found = pnl([fill(1, SELL, 10, "10")], "12", "11")

    assert (found.value, found.cost, found.unrealised, found.day) == (-120, -100, -20, -10)


@pytest.mark.parametrize(
    ("fills", "day_fills", "last", "prev_close", "expected"),
    [
        ([OLD], [], "187", "186", 60),
        ([OLD], [], "187", None, None),
        ([OLD], [], None, "186", None),
        ([TODAY], [TODAY], "189", None, Decimal("39.5")),
        ([OLD, fill(2, SELL, 60, "187", "1")], [fill(2, SELL, 60, "187", "1")], None, "186", 59),
        ([TODAY, fill(3, SELL, 40, "187")], [TODAY, fill(3, SELL, 40, "187")], None, None, Decimal("-40.5")),
    ],
)
def test_day_pnl_needs_only_the_prices_of_what_is_held(fills, day_fills, last, prev_close, expected):
    assert pnl(fills, last, prev_close, day_fills).day == expected


def test_fills_of_another_day_are_not_of_today():
    day = DayFills()
    today, tomorrow = START.date(), START.date() + timedelta(days=1)
    day.keep(OLD)
    day.keep(replace(TODAY, transact_time=START - timedelta(days=1)))

    assert day.of(AAPL, today) == day_trades([OLD]) == day.of(AAPL, None)
    assert day.all(today) == (OLD,)
    assert (day.of(AAPL, tomorrow), day.all(tomorrow)) == (day_trades([]), ())


def test_the_first_fill_of_a_day_begins_it_anew():
    day, next_day = DayFills(), replace(SOLD, transact_time=START + timedelta(days=3))
    day.keep(OLD)

    day.keep(next_day)

    assert day.all(None) == (next_day,)
    assert day.of(AAPL, market_date(next_day.transact_time)) == day_trades([next_day])


@pytest.mark.parametrize("last", ["191.37", None])
@pytest.mark.parametrize("fills", [[OLD], [OLD, TODAY, SOLD], [SOLD], [OLD, fill(5, SELL, 60, "1"), TODAY]])
def test_proof_adds_up_again(fills, last):
    position, closes = fold(fills)

    assert readds(proof(position, fills, closes, at(last)))


@pytest.mark.parametrize(
    "change",
    [
        {"qty": Qty(71)},
        {"cost": Money(1)},
        {"realised": Money(1)},
        {"fees": Money(1)},
        {"lots": ()},
    ],
)
def test_proof_of_a_changed_figure_does_not_add_up(change):
    position, closes = fold([OLD, TODAY, SOLD])

    assert not readds(proof(replace(position, **change), [OLD, TODAY, SOLD], closes, at("190")))


def test_proof_with_other_evidence_does_not_add_up():
    fills = [OLD, TODAY, SOLD]
    position, closes = fold(fills)
    sound = proof(position, fills, closes, at("190"))

    wrong_piece = replace(closes[0], realised=Money(0), close_px=Price(186))
    swapped = replace(closes[0], close_px=Price(191), open_px=Price(186))
    assert not readds(replace(sound, fills=(OLD, TODAY)))
    assert not readds(replace(sound, closes=()))
    assert not readds(replace(sound, closes=(wrong_piece,)))
    assert not readds(replace(sound, closes=(swapped,)))
    assert not readds(replace(sound, closes=(replace(closes[0], open_exec_id=ExecId("E2")),)))
    assert not readds(replace(sound, closes=(replace(closes[0], open_exec_id=ExecId("E9")),)))
    assert not readds(replace(sound, unrealised=Decimal(1)))
    assert not readds(replace(sound, unrealised=None))
    assert not readds(replace(sound, last=None))
    moved = replace(position.lots[0], exec_id=ExecId("E9"))
    assert not readds(replace(sound, position=replace(position, lots=(moved, *position.lots[1:]))))


def test_proof_of_a_flat_position_is_zero_with_and_without_a_price():
    fills = [fill(1, BUY, 10, "10"), fill(2, SELL, 10, "12")]
    position, closes = fold(fills)

    assert proof(position, fills, closes, None).unrealised == 0
    assert readds(proof(position, fills, closes, None))
    assert readds(proof(position, fills, closes, at("99")))
