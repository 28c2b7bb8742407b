"""Profit and loss, the account's worth, and taking figures apart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.domain.execution import Fill
from core.domain.messages import PositionMark
from core.domain.money import Money, Price, Qty
from core.domain.terms import Side
from core.ids import ClOrdId, ExecId, Symbol
from core.portfolio.lots import fold, position_of
from core.portfolio.pnl import day_pnl, equity, mark, total_pnl, unrealised
from core.portfolio.provenance import proof, readds

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
BUY, SELL = Side.BUY, Side.SELL
AAPL = Symbol("AAPL")


def fill(number, side, qty, price, fee="0"):
    when = START + timedelta(minutes=number)
    return Fill(ExecId(f"E{number}"), ClOrdId("IQ-1"), AAPL, side, Qty(qty), Price(price), Money(fee), when)


OLD = fill(1, BUY, 60, "186.00", "1")
TODAY = fill(2, BUY, 40, "188.00", "0.50")
SOLD = fill(3, SELL, 30, "190.00", "0.50")


def test_mark_of_a_position_values_every_figure():
    position = position_of([OLD, TODAY, SOLD])

    found = mark(position, Decimal(191), Decimal(187), [TODAY, SOLD], Decimal(100_000), Decimal(60), 7.0)

    assert found == PositionMark(
        symbol=AAPL,
        qty=Decimal(70),
        avg_px=position.avg_px,
        last=Decimal(191),
        # 70 x 191 - 60 x 187 - 40 x 188 + 30 x 190 - 1.00
        day_pnl=Decimal(329),
        # realised 30 x 4, unrealised 30 x 5 + 40 x 3, fees 2
        total_pnl=Decimal(388),
        unrealised=Decimal(270),
        value=Decimal(13_370),
        weight_pct=Decimal("13.37"),
        stop_cover=Decimal(60),
        opened_at=START + timedelta(minutes=1),
        received=7.0,
    )


def test_mark_without_a_price_knows_nothing_of_value():
    found = mark(position_of([OLD]), None, Decimal(187), [], Decimal(100_000), Decimal(0), None)

    assert (found.day_pnl, found.total_pnl, found.unrealised, found.value, found.weight_pct) == (None,) * 5
    assert (found.qty, found.avg_px) == (60, 186)


@pytest.mark.parametrize("worth", [None, Decimal(0), Decimal(-1)])
def test_mark_without_an_equity_has_no_weight(worth):
    found = mark(position_of([OLD]), Decimal(1), Decimal(1), [], worth, Decimal(0), None)

    assert (found.weight_pct, found.value) == (None, 60)


def test_flat_position_needs_no_price():
    flat = position_of([fill(1, BUY, 10, "10", "1"), fill(2, SELL, 10, "12", "1")])

    assert unrealised(flat, None) == 0
    assert total_pnl(flat, None) == 18
    found = mark(flat, None, None, [], Decimal(100), Decimal(0), None)
    assert (found.value, found.weight_pct, found.day_pnl) == (0, 0, 0)


def test_short_position_loses_when_the_price_rises():
    short = position_of([fill(1, SELL, 10, "10")])

    assert unrealised(short, Decimal(12)) == -20
    assert day_pnl(short, Decimal(12), Decimal(11), []) == -10


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
    prices = [None if each is None else Decimal(each) for each in (last, prev_close)]

    assert day_pnl(position_of(fills), *prices, day_fills) == expected


def test_equity_is_cash_and_all_values():
    marks = [mark(position_of([OLD]), Decimal(190), None, [], None, Decimal(0), None)]

    assert equity(Decimal(100), marks) == 11_500
    assert equity(Decimal(100), []) == 100
    assert equity(None, marks) is None
    assert equity(Decimal(100), [replace(marks[0], value=None)]) is None


@pytest.mark.parametrize("last", [Price("191.37"), None])
@pytest.mark.parametrize("fills", [[OLD], [OLD, TODAY, SOLD], [SOLD], [OLD, fill(5, SELL, 60, "1"), TODAY]])
def test_proof_adds_up_again(fills, last):
    position, closes = fold(fills)

    assert readds(proof(position, fills, closes, last))


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

    assert not readds(proof(replace(position, **change), [OLD, TODAY, SOLD], closes, Price(190)))


def test_proof_with_other_evidence_does_not_add_up():
    fills = [OLD, TODAY, SOLD]
    position, closes = fold(fills)
    sound = proof(position, fills, closes, Price(190))

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
    assert readds(proof(position, fills, closes, Price(99)))
