"""The account and the positions: how often they are asked for, and what makes an answer count."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from core.bus import Bus
from core.clock import ManualClock, settle
from core.domain.limits import Limits
from core.domain.messages import Difference, DifferenceKind, Notice
from core.domain.money import Money
from core.domain.portfolio import Account
from core.errors import BrokerUnavailable, StorageUnwritable, Unreadable
from core.orders.gather import LiveState
from core.orders.holdings import Holdings
from core.orders.supervision import Means
from core.state.account import AccountState
from core.state.orders import OrderBook
from core.state.positions import PositionBook
from core.state.quotes import QuoteBook
from core.tasks import Tasks
from tests.guards import heard


class Room:
    """Holdings between a broker of cash alone and a history that is only counted."""

    def __init__(self) -> None:
        self.clock, self.tasks, bus = ManualClock(), Tasks(), Bus()
        self.notices: list[Notice] = []
        bus.subscribe(Notice, self.notices.append)
        self.state = LiveState(
            QuoteBook(self.clock), OrderBook(), PositionBook(), AccountState(self.clock), {}, Limits()
        )
        self.cash = Decimal(1_000)
        self.asked: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.error: Exception | None = None
        self.found: list[Difference] = []
        self.behind = False
        broker: Any = SimpleNamespace(account=self.account, positions=self.positions)
        history: Any = SimpleNamespace(read=self.read)
        oms: Any = SimpleNamespace(tally=self)
        findings: Any = SimpleNamespace(add=self.found.append)
        store: Any = None
        means = Means(self.clock, bus, self.tasks, Random(1))
        self.holdings = Holdings(self.state, broker, oms, store, history, findings, means)

    async def account(self) -> Account:
        self.asked.append("account")
        answer = Money(self.cash)
        self.meanwhile()
        if self.error is not None:
            raise self.error
        return Account("A", answer, answer, answer, answer)

    async def positions(self) -> tuple[()]:
        self.asked.append("positions")
        self.meanwhile()
        if self.error is not None:
            raise self.error
        return ()

    async def read(self) -> None:
        self.asked.append("history")

    def book(self) -> None:
        """Book a fill while an answer is on its way."""
        self.state.account.book(Decimal(-1))


@pytest.fixture
async def room() -> Room:
    return Room()


async def test_an_answer_that_a_fill_has_overtaken_is_asked_for_again_five_times_at_most(room: Room) -> None:
    room.meanwhile = room.book
    drift = await room.holdings.refresh_account()
    asked = room.asked.copy()
    room.asked.clear()
    await room.holdings.watch_account()

    assert (drift, asked) == (None, ["account"] * 5)
    assert room.asked == ["account"] * 5 + ["positions"] * 5
    assert room.state.account.account is None


async def test_an_answer_that_holds_every_fill_is_taken_at_once(room: Room) -> None:
    first = await room.holdings.refresh_account()
    room.cash += 7

    assert (first, await room.holdings.refresh_account(), room.asked) == (0, 7, ["account"] * 2)


async def test_cash_that_differs_has_the_history_read_until_it_differs_by_another_sum(
    room: Room,
) -> None:
    await room.holdings.watch_account()
    reads = []
    for cash in (1_000, 1_005, 1_005, 1_006, 1_000, 1_006):
        room.asked.clear()
        room.cash = Decimal(cash)
        room.clock.turn(1)
        await room.holdings.watch_account()
        reads.append(room.asked.copy())

    usual = ["account", "positions"]
    looked = [*usual, "history", "account"]
    assert reads == [usual, looked, usual, looked, usual, looked]
    assert room.state.positions_at == room.clock.monotonic()


@pytest.mark.parametrize("behind", [True, False])
async def test_what_is_missing_is_fetched_before_the_account_is_confirmed(room: Room, behind: bool) -> None:
    room.behind = behind

    await room.holdings.confirm_account()

    assert room.asked == (["history", "account"] if behind else ["account"])
    assert not room.holdings.running.locked()


async def test_however_many_want_the_account_one_question_at_a_time_goes_out(room: Room) -> None:
    for _ in range(3):
        room.holdings.want_account()
    await settle()
    first = room.asked.copy()
    room.meanwhile = lambda: room.holdings.want_account() if len(room.asked) < 3 else None
    room.holdings.want_account()
    await settle()

    assert (first, room.asked) == (["account"], ["account"] * 3)


@pytest.mark.parametrize("error", [BrokerUnavailable("not now"), StorageUnwritable("not now")])
async def test_an_account_that_is_not_answered_grows_old_and_is_wanted_again(
    room: Room, expected_log, error: Exception
) -> None:
    expected_log("account.unanswered")
    room.error = error
    room.holdings.want_account()
    await settle()
    room.error = None
    room.holdings.want_account()
    await settle()

    assert room.asked == ["account"] * 2
    assert heard() == [("account.unanswered", {"reason": "not now"})]
    assert room.state.account.age_s == 0


async def test_what_cannot_be_read_is_noted_until_it_can(room: Room) -> None:
    noted = []
    for error in (Unreadable("no number"), BrokerUnavailable("down"), None):
        room.error = error
        for question in (room.holdings.refresh_account, room.holdings.compare_positions):
            with suppress(Unreadable, BrokerUnavailable):
                await question()
            noted.append(dict(room.state.garbled))

    account, both = {"account": "no number"}, {"account": "no number", "positions": "no number"}
    assert noted == [account, both, both, both, {"positions": "no number"}, {}]


async def test_cash_that_differs_twice_is_told_and_taken_over(room: Room) -> None:
    await room.holdings.compare_cash()
    room.cash -= Decimal("0.10")
    told = []
    for _ in range(3):
        await room.holdings.compare_cash()
        told.append(len(room.notices))

    assert told == [0, 1, 1]
    assert room.found == [Difference(DifferenceKind.CASH, "cash", "1000", "999.9", repaired=True)]
    (notice,) = room.notices
    words = "The broker's cash is 999.9 dollars; our fills say 1000. The broker's figure holds."
    assert (notice.severity, notice.text, notice.subject) == ("warning", words, "drift:cash")
    assert room.state.account.drift == 0


async def test_cash_is_not_compared_where_no_answer_could_be_taken(room: Room) -> None:
    room.meanwhile = room.book
    for _ in range(2):
        await room.holdings.compare_cash()

    assert (room.found, room.notices) == ([], [])


async def test_market_time_is_ours_where_the_feeds_is_not_known(room: Room) -> None:
    session: Any = SimpleNamespace(now="market time")
    before = room.holdings.market_time()
    room.state.session = session

    assert (before, room.holdings.market_time()) == (room.clock.now(), "market time")
