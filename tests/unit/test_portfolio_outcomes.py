"""What closing fills have realised, exact to the last digit, and the losing streak that they make."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.execution import Fill
from core.domain.money import Money, Price, Qty
from core.domain.outcomes import TradeOutcome, TradeResult
from core.domain.portfolio import Position
from core.domain.terms import Side
from core.ids import ClOrdId, ExecId, Symbol
from core.portfolio.lots import apply_fill
from core.portfolio.outcomes import losing_streak, outcome_of, void_of

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
BUY, SELL = Side.BUY, Side.SELL


def fill(number: int, side: Side, qty: str, price: str, fee: str = "0", order: int | None = None) -> Fill:
    return Fill(
        exec_id=ExecId(f"E{number}"),
        cl_ord_id=ClOrdId(f"IQ-{number if order is None else order}"),
        symbol=Symbol("AAPL"),
        side=side,
        last_qty=Qty(qty),
        last_px=Price(price),
        fee=Money(fee),
        transact_time=START + timedelta(minutes=number),
    )


def book(*fills: Fill) -> tuple[Position | None, list[TradeOutcome]]:
    position: Position | None = None
    outcomes = []
    for each in fills:
        before = position
        position, closes = apply_fill(before, each)
        outcome = outcome_of(each, before, closes)
        if outcome is not None:
            outcomes.append(outcome)
    return position, outcomes


def outcome(number: int, pnl: str, *, order: int | None = None, voids: int | None = None) -> TradeOutcome:
    return TradeOutcome(
        ExecId(f"E{number}"),
        ClOrdId(f"IQ-{number if order is None else order}"),
        Symbol("AAPL"),
        BUY,
        Qty(1),
        Money(pnl),
        Money(0),
        START,
        None if voids is None else ExecId(f"E{voids}"),
    )


def test_a_fill_that_opens_has_no_outcome() -> None:
    assert book(fill(1, BUY, "10", "100", "1"))[1] == []


def test_a_closing_fill_bears_its_own_fee_and_its_part_of_the_opening_one() -> None:
    _, (sold,) = book(fill(1, BUY, "10", "100", "1.00"), fill(2, SELL, "4", "110", "0.30"))

    assert (sold.qty, sold.realised, sold.fees) == (4, 40, Decimal("0.70"))
    assert sold.pnl == Decimal("39.30")
    assert sold.result is TradeResult.WIN
    assert sold.side is BUY


def test_fees_turn_a_gain_into_a_loss() -> None:
    _, (sold,) = book(fill(1, BUY, "1", "100", "0.60"), fill(2, SELL, "1", "101", "0.60"))

    assert sold.realised == 1
    assert sold.result is TradeResult.LOSS


def test_a_fee_that_cannot_be_shared_evenly_adds_up_all_the_same() -> None:
    _, outcomes = book(
        fill(1, BUY, "3", "100", "0.10"),
        fill(2, SELL, "1", "100"),
        fill(3, SELL, "1", "100"),
        fill(4, SELL, "1", "100"),
    )

    assert [each.fees for each in outcomes] == [Decimal("0.03333"), Decimal("0.03333"), Decimal("0.03334")]
    assert sum(each.fees for each in outcomes) == Decimal("0.10")


def test_a_fill_that_turns_a_position_has_the_outcome_of_what_it_closed() -> None:
    position, (turned,) = book(fill(1, BUY, "10", "100", "1"), fill(2, SELL, "15", "90", "0.45"))

    assert position is not None
    assert position.qty == -5
    assert (turned.qty, turned.realised, turned.fees) == (10, -100, Decimal("1.45"))


def test_a_short_sale_that_is_bought_back_lower_wins() -> None:
    _, (bought,) = book(fill(1, SELL, "10", "100"), fill(2, BUY, "10", "99"))

    assert (bought.realised, bought.side, bought.result) == (10, SELL, TradeResult.WIN)


def test_one_fill_closes_several_lots_with_one_outcome() -> None:
    _, (sold,) = book(
        fill(1, BUY, "5", "100", "0.50"), fill(2, BUY, "5", "102", "0.40"), fill(3, SELL, "10", "101", "0.30")
    )

    assert (sold.qty, sold.realised, sold.fees) == (10, 0, Decimal("1.20"))


def test_an_outcome_and_its_void_come_to_nothing() -> None:
    _, (sold,) = book(fill(1, BUY, "10", "100", "1.00"), fill(2, SELL, "4", "110", "0.30"))

    void = void_of(fill(3, BUY, "4", "110", "-0.30"), sold)

    assert void.voids == sold.exec_id
    assert sold.realised + void.realised == 0
    assert sold.fees + void.fees == 0


@given(
    st.lists(st.tuples(st.integers(1, 400), st.integers(1, 99)), min_size=1, max_size=6),
    st.lists(st.integers(1, 300), min_size=1, max_size=12),
)
def test_the_fees_of_all_outcomes_are_those_of_the_fills_once_all_is_closed(
    opened: list[tuple[int, int]], closed: list[int]
) -> None:
    fills = [
        fill(number, BUY, str(qty), "10", f"0.{fee:02d}") for number, (qty, fee) in enumerate(opened, start=1)
    ]
    left = sum(qty for qty, _ in opened)
    for number, wanted in enumerate([*closed, left], start=100):
        qty = min(wanted, left)
        if qty:
            fills.append(fill(number, SELL, str(qty), "11", "0.07"))
            left -= qty

    position, outcomes = book(*fills)

    assert position is not None
    assert sum(each.realised for each in outcomes) == position.realised
    assert sum(each.qty for each in outcomes) == sum(qty for qty, _ in opened)
    if position.is_flat:
        assert sum(each.fees for each in outcomes) == position.fees


@pytest.mark.parametrize(
    ("newest_first", "streak"),
    [
        ([], 0),
        ([outcome(3, "-1"), outcome(2, "-1"), outcome(1, "-1")], 3),
        ([outcome(3, "-1"), outcome(2, "0"), outcome(1, "-1")], 1),
        ([outcome(3, "1"), outcome(2, "-1"), outcome(1, "-1")], 0),
        # Two fills of one order are one trade.
        ([outcome(3, "-1", order=9), outcome(2, "-1", order=9), outcome(1, "-1")], 2),
        ([outcome(3, "-1", order=9), outcome(2, "5", order=9), outcome(1, "-1")], 0),
        # The winning fill was taken back, so the losses before it stand in a row again.
        ([outcome(4, "0", voids=3), outcome(3, "9"), outcome(2, "-1"), outcome(1, "-1")], 2),
        ([outcome(4, "0", voids=3), outcome(3, "-9"), outcome(2, "1")], 0),
    ],
)
def test_the_losing_streak_counts_trades_and_leaves_out_what_was_taken_back(
    newest_first: list[TradeOutcome], streak: int
) -> None:
    assert losing_streak(newest_first) == streak
