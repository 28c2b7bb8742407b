"""The report of a day from one reader: where the day begins and ends, what is archived, what counts."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from core.clock import ManualClock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditRecord
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.execution import Fill
from core.domain.market import MarketSession, SessionPhase
from core.domain.messages import LoadDailyReport
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.outcomes import EquitySnapshot
from core.domain.reports import CodeCount, DailyReport, LimitPeak
from core.domain.risk import Unit
from core.domain.terms import Side
from core.errors import RefusalCode, Refused
from core.ids import ClOrdId, ExecId
from core.orders.daily_report import DailyReports, decided_at, report_of
from tests.builders import AAPL, terms

DAY = date(2026, 1, 6)
OPENS = datetime(2026, 1, 6, 14, 30, tzinfo=UTC)
CLOSES = datetime(2026, 1, 6, 21, 0, tzinfo=UTC)
BEFORE = CLOSES - timedelta(days=1)
NOW = CLOSES + timedelta(hours=1)
KIM = Actor("kim", "viewer", Origin.WINDOW, "s-1")
NO_REPORT = "Fills or records of {} stand in archives: there is no report of that day any more."
A = AuditAction


class Book:
    """A reader over lists that a test has laid out."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []
        self.closes: list[EquitySnapshot] = []
        self.fills: list[Fill] = []
        self.verdicts: dict[str, str] = {}
        self.orders: dict[str, Order] = {}
        self.outcomes: dict[str, Decimal] = {}
        self.steps: list[BreakerRecord] = []
        self.archived: list[datetime] = []
        self.segments: list[int] = []

    def note(self, action: str, at: datetime, cl_ord_id: str = "", **facts: object) -> None:
        seq, us = len(self.records) + 1, int(at.timestamp() * 1_000_000)
        payload = json.dumps(facts)
        self.records.append(
            AuditRecord(seq, us, "kim", "trader", "s", action, "", "", cl_ord_id, "", "", "", payload)
        )

    def close(self, at: datetime) -> None:
        made = EquitySnapshot(at.date(), None, None, Money(0), missed=False, taken_at=at)
        self.closes.append(made)

    def audit_page(self, query: Any) -> Sequence[AuditRecord]:
        newest_first = [each for each in reversed(self.records) if each.seq < (query.before_seq or 10**9)]
        return newest_first[: query.limit]

    def audit_records(self, after_seq: int, limit: int) -> Sequence[AuditRecord]:
        return [each for each in self.records if each.seq > after_seq][:limit]

    def snapshots(self, limit: int) -> Sequence[EquitySnapshot]:
        return self.closes[:limit]

    def fills_since(self, at: datetime) -> Sequence[Fill]:
        return [each for each in self.fills if each.transact_time >= at]

    def verdict(self, cl_ord_id: str) -> str | None:
        return self.verdicts.get(cl_ord_id)

    def order(self, cl_ord_id: str) -> Order | None:
        return self.orders.get(cl_ord_id)

    def outcome(self, exec_id: str) -> Any:
        found = self.outcomes.get(exec_id)
        return None if found is None else SimpleNamespace(realised=found)

    def breaker_steps(self, limit: int) -> Sequence[BreakerRecord]:
        return list(reversed(self.steps))[:limit]

    def fill_archives(self) -> Sequence[Any]:
        return [SimpleNamespace(up_to=each) for each in self.archived]

    def audit_segments(self) -> Sequence[Any]:
        return [SimpleNamespace(last_seq=each) for each in self.segments]

    async def read(self, query: Any) -> Any:
        return query(self)


@pytest.fixture
def book() -> Book:
    return Book()


def made_of(book: Book, day: date = DAY) -> DailyReport:
    return report_of(book, day, NOW)  # type: ignore[arg-type]


def fill(name: str, side: Side, qty: int, px: str, at: datetime = OPENS, **changes: object) -> Fill:
    made = Fill(ExecId(name), ClOrdId(f"o-{name}"), AAPL, side, Qty(qty), Price(px), Money("0.01"), at)
    return replace(made, **changes)  # type: ignore[arg-type]


# What belongs to a day.


def test_a_day_lasts_from_the_close_before_it_to_its_own(book: Book) -> None:
    moment = timedelta(microseconds=1)
    book.close(BEFORE - timedelta(days=1))
    book.close(BEFORE)
    book.close(CLOSES)
    book.close(CLOSES + timedelta(days=1))
    for at in (BEFORE - timedelta(hours=1), BEFORE, BEFORE + moment, OPENS, CLOSES, CLOSES + moment):
        book.note(A.CANCEL_REQUESTED, at)

    assert made_of(book).cancels == 3
    assert made_of(book, BEFORE.date()).cancels == 2
    assert made_of(book, DAY + timedelta(days=1)).cancels == 1


def test_the_first_day_has_no_beginning_and_the_running_one_no_end(book: Book) -> None:
    book.note(A.ORDER_REJECTED, BEFORE)
    book.note(A.ORDER_REJECTED, NOW + timedelta(days=1))

    assert made_of(book).rejects == 2


def test_each_kind_of_record_is_counted_for_itself(book: Book) -> None:
    for times, action in enumerate(
        (A.ORDER_PREPARED, A.REPLACE_REQUESTED, A.CANCEL_REQUESTED, A.ORDER_REJECTED, A.ALARM_ACKNOWLEDGED), 1
    ):
        for _ in range(times):
            book.note(action, OPENS, "IQ-1")

    found = made_of(book)

    assert (found.market_date, found.made_at) == (DAY, NOW)
    assert (found.orders, found.cancels, found.rejects, found.alarms) == (3, 3, 4, 5)


def test_refusals_are_counted_by_rule_or_by_code_the_most_frequent_first(book: Book) -> None:
    book.note(A.ORDER_REFUSED, OPENS, rules=["spread", "cash"], code="risk")
    book.note(A.ORDER_REFUSED, OPENS, rules=["cash"], code="risk")
    book.note(A.ORDER_REFUSED, OPENS, rules=[], code="halted")
    book.note(A.ORDER_REFUSED, OPENS)

    found = made_of(book).refusals

    assert found[0] == CodeCount("cash", 2)
    assert set(found[1:]) == {CodeCount("spread", 1), CodeCount("halted", 1), CodeCount("", 1)}


def result(code: str, value: str | None, limit: str | None, outcome: str = "pass") -> dict[str, object]:
    return {"code": code, "value": value, "limit": limit, "outcome": outcome}


def test_limits_are_named_at_their_worst_and_soft_ones_are_overrides(book: Book) -> None:
    for name in ("IQ-1", "IQ-2", "IQ-3"):
        book.note(A.ORDER_PREPARED, OPENS, name)
    # The newest is read first, and of two that are as bad the first one stands.
    book.verdicts = {
        "IQ-3": json.dumps({"results": [result("cash", "5", "10"), result("none", "1", "0")]}),
        "IQ-2": json.dumps(
            {
                "results": [
                    result("cash", "9", "10", "soft"),
                    result("zero", "0", "4"),
                    result("minus", "-1", "4"),
                ]
            }
        ),
        "IQ-1": json.dumps(
            {
                "results": [
                    result("cash", "9", "10", "soft"),
                    result("no", None, "1"),
                    result("nor", "1", None),
                ]
            }
        ),
    }

    found = made_of(book)

    assert found.limits == (
        LimitPeak("cash", Decimal(90), ClOrdId("IQ-2")), LimitPeak("zero", Decimal(0), ClOrdId("IQ-2")),
    )  # fmt: skip
    assert found.overrides == (CodeCount("cash", 2),)


@pytest.mark.parametrize("stored", [None, "{}", '{"results": null}', '{"results": "x"}'])
def test_an_order_without_a_verdict_has_no_limits(book: Book, stored: str | None) -> None:
    book.note(A.ORDER_PREPARED, OPENS, "IQ-1")
    if stored is not None:
        book.verdicts["IQ-1"] = stored

    assert (made_of(book).orders, made_of(book).limits, made_of(book).overrides) == (1, (), ())


def step(state: BreakerState, at: datetime) -> BreakerRecord:
    return BreakerRecord(BreakerName.DRIFT, state, "", "", None, None, Unit.NONE, "desk", "admin", "", at)


def test_trips_of_the_day_are_listed_the_oldest_first(book: Book) -> None:
    book.close(BEFORE)
    book.close(CLOSES)
    trips = [step(BreakerState.TRIPPED, at) for at in (BEFORE, OPENS, CLOSES, NOW)]
    book.steps = [*trips, step(BreakerState.ACKNOWLEDGED, OPENS)]

    assert made_of(book).trips == tuple(trips[1:3])


# Fills.


def test_fills_of_the_market_day_add_up(book: Book) -> None:
    midnight = datetime(2026, 1, 6, 5, 0, tzinfo=UTC)  # in New York
    book.fills = [
        fill("early", Side.BUY, 1, "1", midnight - timedelta(seconds=1)),
        fill("one", Side.BUY, 10, "100", midnight),
        fill("two", Side.SELL, 5, "102", midnight + timedelta(hours=23, minutes=59)),
        fill("wrong", Side.BUY, 7, "50"),
        fill("back", Side.SELL, 7, "50", corrects=ExecId("wrong")),
        fill("late", Side.BUY, 1, "1", midnight + timedelta(days=1)),
    ]
    book.outcomes = {"two": Decimal("9.5"), "one": Decimal(-1), "late": Decimal(77)}

    found = made_of(book)

    assert (found.fills, found.traded, found.fees) == (2, 1510, Decimal("0.04"))
    assert found.realised == Decimal("8.5")


def test_a_fill_is_held_against_its_decision_the_worst_first(book: Book) -> None:
    book.fills = [
        fill("fair", Side.BUY, 20, "99"), fill("bad", Side.SELL, 10, "98"),
        fill("guess", Side.BUY, 1, "200", inferred=True),
        fill("free", Side.BUY, 1, "1"), fill("none", Side.BUY, 1, "1"), fill("cheap", Side.BUY, 1, "1.02"),
    ]  # fmt: skip
    prices = {"fair": "100", "bad": "100", "guess": "100", "free": "0", "cheap": "1"}
    book.verdicts = {f"o-{name}": json.dumps({"decision_px": px}) for name, px in prices.items()}

    found = made_of(book)

    assert [
        (
            each.exec_id,
            each.cl_ord_id,
            each.symbol,
            each.qty,
            each.last_px,
            each.decision_px,
            each.pct,
            each.cost,
        )
        for each in found.slips
    ] == [
        ("bad", "o-bad", AAPL, 10, 98, 100, 2, 20),
        ("cheap", "o-cheap", AAPL, 1, Decimal("1.02"), 1, 2, Decimal("0.02")),
        ("fair", "o-fair", AAPL, 20, 99, 100, -1, -20),
    ]
    assert found.average_slip_pct == Decimal("0.02") * 100 / 3_001


def test_without_a_decision_there_is_no_average(book: Book) -> None:
    book.fills = [fill("one", Side.BUY, 1, "100")]

    found = made_of(book)

    assert (found.slips, found.average_slip_pct, found.fills) == ((), None, 1)


@pytest.mark.parametrize(("stored", "changes", "expected"), [
    ('{"decision_px": "12.5"}', {"list_id": ClOrdId("IQ-L")}, Decimal("12.5")),
    (None, {"list_id": ClOrdId("IQ-L")}, Decimal(90)),
    ("{}", {"list_id": ClOrdId("IQ-L")}, Decimal(90)),
    ("{}", {"list_id": ClOrdId("IQ-L"), "external": True}, None),
    ("{}", {}, None),
])  # fmt: skip
def test_a_decision_is_what_was_stored_or_the_stop_of_a_leg(
    book: Book, stored: str | None, changes: dict[str, object], expected: Decimal | None
) -> None:
    leg = Order(ClOrdId("IQ-1"), terms(Side.SELL, 5, stop="90"), OPENS, OPENS)
    book.orders["IQ-1"] = replace(leg, **changes)  # type: ignore[arg-type]
    if stored is not None:
        book.verdicts["IQ-1"] = stored

    assert decided_at(book, ClOrdId("IQ-1")) == expected  # type: ignore[arg-type]
    assert decided_at(book, ClOrdId("IQ-none")) is None  # type: ignore[arg-type]


# Days and archives.


class Desk:
    """The reports of a book, at a market time."""

    def __init__(self, book: Book, session: MarketSession | None = None) -> None:
        state: Any = SimpleNamespace(session=session)
        self.reports = DailyReports(state, book, ManualClock(NOW))  # type: ignore[arg-type]

    async def load(self, day: date | None = None) -> DailyReport:
        return await self.reports.load(LoadDailyReport(day), KIM)


async def test_without_a_date_it_is_of_the_market_day_of_now(book: Book) -> None:
    late = datetime(2026, 1, 9, 3, 0, tzinfo=UTC)  # still the 8th in New York
    session = MarketSession(late, SessionPhase.CLOSED, OPENS, CLOSES)

    assert (await Desk(book).load()).market_date == DAY
    assert (await Desk(book, session).load()).market_date == date(2026, 1, 8)
    assert (await Desk(book, session).load(DAY)).market_date == DAY
    assert (await Desk(book).load()).made_at == NOW


async def refused(book: Book, *days: int) -> list[int]:
    """Say of which of these days, counted from the usual one, there is no report."""
    found = []
    for ahead in days:
        day = DAY + timedelta(days=ahead)
        try:
            await Desk(book).load(day)
        except Refused as refusal:
            if (refusal.code, refusal.message) == (RefusalCode.NOT_FOUND, NO_REPORT.format(day)):
                found.append(ahead)
    return found


async def test_a_day_whose_fills_are_archived_has_no_report(book: Book) -> None:
    # Of the evening before in New York.
    book.archived = [BEFORE - timedelta(days=9), datetime(2026, 1, 6, 4, 59, tzinfo=UTC)]

    assert await refused(book, -2, -1, 0) == [-2, -1]


async def test_a_day_that_began_before_the_oldest_record_that_is_left_has_no_report(book: Book) -> None:
    for days in (2, 1, 0):
        book.close(CLOSES - timedelta(days=days))
    book.note(A.CANCEL_REQUESTED, BEFORE - timedelta(days=2))
    book.note(A.CANCEL_REQUESTED, BEFORE - timedelta(days=2))
    book.note(A.CANCEL_REQUESTED, BEFORE)
    book.note(A.CANCEL_REQUESTED, NOW)
    book.segments = [1, 2]

    assert await refused(book, -1, 0, 1) == [-1]


async def test_without_a_close_before_it_a_day_is_held_against_the_oldest_records_own(book: Book) -> None:
    book.note(A.CANCEL_REQUESTED, BEFORE)
    book.note(A.CANCEL_REQUESTED, datetime(2026, 1, 7, 4, 59, tzinfo=UTC))  # the 6th in New York
    book.segments = [1]

    assert await refused(book, -1, 0, 1) == [-1]


async def test_records_that_were_never_archived_are_all_there(book: Book) -> None:
    book.note(A.CANCEL_REQUESTED, NOW)

    assert await refused(book, -1) == []
