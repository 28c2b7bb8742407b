"""What is inferred of shares that no fill explains: its price, its name, and why it is not told exactly."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.domain.execution import Fill
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.outcomes import TradeOutcome
from core.domain.terms import Side
from core.ids import ClOrdId, ExecId
from core.orders.booking import Booked, living_inferred, shares_of, take_missing
from tests import builders
from tests.builders import AAPL
from tests.fakes.book import OLD, OURS, Book, sent

BUY, SELL = Side.BUY, Side.SELL
LATER = builders.NOON + timedelta(seconds=5)


def fill(name: str, qty: str, px: str, side: Side = BUY, **more: Any) -> Fill:
    exec_id, of = ExecId(name), more.pop("of", OURS)
    return Fill(exec_id, of, AAPL, side, Qty(qty), Price(px), Money("0.02"), builders.NOON, **more)


def filled(qty: str, avg_px: str | None) -> Order:
    return sent(acked=True, cum_qty=Qty(qty), avg_px=None if avg_px is None else Price(avg_px))


def take(order: Order, *fills: Fill, chain: tuple[ClOrdId, ...] = ()) -> tuple[Booked | str, Book]:
    book = Book([])
    book.booked = {each.exec_id: each for each in fills}
    uow: Any = book
    return take_missing(uow, order, chain, None, LATER), book


def priced(found: Booked | str) -> tuple[str, str, str]:
    assert isinstance(found, Booked)
    ((entry, _),) = found.steps
    return entry.exec_id, f"{entry.last_qty.normalize():f}", f"{entry.last_px.normalize():f}"


@pytest.mark.parametrize(
    ("cum", "avg", "known", "qty", "px"),
    [
        ("4", "99.90", (), "4", "99.9"),
        ("4", "99.1234567891", (), "4", "99.1234567891"),
        ("4", "100", (fill("E", "2", "99"),), "2", "101"),
        ("2", "100", (fill("E", "1", "100.000001"),), "1", "99.999999"),
        ("3", "100", (fill("E", "2", "99"), fill("B", "1", "99", SELL)), "2", "100.5"),
    ],
)
def test_the_price_of_what_is_missing_explains_the_average(cum, avg, known, qty, px) -> None:
    found, book = take(filled(cum, avg), *known)

    assert priced(found) == (f"inferred:IQ-1:{cum}", qty, px)
    entry = Fill(
        ExecId(f"inferred:IQ-1:{cum}"), OURS, AAPL, BUY, Qty(qty), Price(px), Money(0), LATER, inferred=True
    )
    assert isinstance(found, Booked)
    assert found.steps[0][0] == book.booked[entry.exec_id] == entry
    assert (found.own, found.outcomes, found.is_of_archived) == (Decimal(cum), (), False)


@pytest.mark.parametrize(
    ("cum", "avg", "known"),
    [
        ("4", None, ()),
        ("2", "100", (fill("E", "1", "100.0000001"),)),
        ("4", "100", (fill("E", "1", "99"),)),
        ("2", "50", (fill("E", "1", "100"),)),
        ("2", "49", (fill("E", "1", "100"),)),
    ],
    ids=["no average", "finer than any trade", "no end of digits", "for nothing", "below zero"],
)
def test_a_price_that_is_none_is_not_booked_and_said_so(cum, avg, known) -> None:
    found, book = take(filled(cum, avg), *known)

    missing = Decimal(cum) - len(known)
    told = None if avg is None else Price(avg)
    words = f"{missing:f} shares of AAPL have filled, and at which price"
    assert found == f"{words} cannot be told exactly from the average {told}."
    assert book.trail == []


@pytest.mark.parametrize("cum", ["4", "3"])
def test_what_is_explained_already_makes_no_entry(cum) -> None:
    found, book = take(filled(cum, "99.90"), fill("E", "4", "99.90"))

    assert found == Booked((), Decimal(4))
    assert book.trail == []


def test_shares_of_the_order_whose_place_it_took_are_explained_but_not_its_own() -> None:
    before = fill("E", "3", "99.90", of=OLD)

    found, _ = take(filled("4", "99.90"), before, chain=(OLD,))

    assert priced(found) == ("inferred:IQ-1:4", "1", "99.9")
    assert isinstance(found, Booked)
    assert found.own == 1


def test_nothing_is_inferred_of_what_stands_in_an_archive() -> None:
    book = Book([], archived={OLD: Decimal(2)})
    uow: Any = book

    found = take_missing(uow, filled("4", "99.90"), (OLD,), None, LATER)

    assert found == (
        "AAPL: the broker tells of other shares than before of order IQ-1, whose fills stand in an archive; "
        "nothing was booked. Compare the position."
    )


def test_an_inferred_fill_that_was_taken_back_is_inferred_again_under_another_name() -> None:
    first = fill("inferred:IQ-1:4", "4", "99.90", inferred=True)
    back = replace(first, exec_id=ExecId("x"), side=SELL, corrects=first.exec_id)

    found, _ = take(filled("4", "99.90"), first, back)

    assert priced(found) == ("inferred:IQ-1:4:1", "4", "99.9")


def test_a_sale_is_inferred_with_what_it_realised() -> None:
    order = replace(filled("4", "101"), terms=builders.terms(SELL, 10, "101"))
    book = Book([])
    uow: Any = book
    bought = take_missing(uow, replace(filled("10", "100"), cl_ord_id=OLD), (), None, LATER)
    assert isinstance(bought, Booked)

    sold = take_missing(uow, order, (), bought.steps[0][1], LATER)

    assert isinstance(sold, Booked)
    assert sold.outcomes == (
        TradeOutcome(ExecId("inferred:IQ-1:4"), OURS, AAPL, BUY, Qty(4), Money(4), Money(0), LATER),
    )
    assert book.outcomes == {each.exec_id: each for each in sold.outcomes}
    assert (sold.steps[0][1].qty, sold.own) == (6, 4)


def test_what_takes_others_back_is_on_the_other_side() -> None:
    inferred = fill("I", "2", "99", inferred=True)
    gone = fill("J", "3", "99", inferred=True)
    back = fill("K", "3", "99", SELL, inferred=True, corrects=gone.exec_id)
    told = fill("L", "5", "99")

    assert shares_of(BUY, (inferred, gone, back, told)) == 7
    assert shares_of(SELL, (back,)) == 3
    assert living_inferred((inferred, gone, back, told)) == (inferred,)
