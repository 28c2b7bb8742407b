"""How a stream is begun again: how soon, how often, and when it waits for a person."""

from itertools import pairwise
from random import Random

import pytest

from core.bus import Bus
from core.clock import ManualClock, settle
from core.domain.messages import LinkState, Notice, Part, Severity
from core.errors import (
    BrokerUnavailable,
    ConnectionLimit,
    CredentialsRefused,
    NotEntitled,
    StorageUnwritable,
)
from core.orders.crosscheck import PATIENCE_S, CrossCheck
from core.orders.supervision import (
    BACK_OFF_S,
    MOST_TRIES,
    TURN_S,
    WINDOW_S,
    Means,
    Stream,
    Supervisor,
    Turns,
)
from core.tasks import Tasks
from tests.builders import AAPL

DOWN = BrokerUnavailable("no route")


class Line:
    """A stream whose connection is scripted; None stays up until it is told otherwise."""

    def __init__(self, means: Means, part: Part, turns: Turns) -> None:
        self.means = means
        self.tries: list[float] = []
        self.shown: list[tuple[LinkState, str]] = []
        self.fate: Exception | None = DOWN
        self.is_open = False
        self.ends = False
        stream = Stream((part,), self._read, self._lose)
        self.supervisor = Supervisor(
            stream, lambda _, state, text: self.shown.append((state, text)), turns, means
        )

    async def _read(self, up) -> None:
        self.tries.append(self.means.clock.monotonic())
        if self.fate is not None:
            raise self.fate
        self.is_open = True
        up()
        while not self.ends:
            await self.means.clock.sleep(1)

    def _lose(self) -> None:
        self.is_open = False

    @property
    def state(self) -> LinkState:
        return self.shown[-1][0]


class Setup:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.told: list[Notice] = []
        bus = Bus()
        bus.subscribe(Notice, self.told.append)
        self.tasks = Tasks()
        self.means = Means(self.clock, bus, self.tasks, Random(1))
        self.turns = Turns()
        self.orders = Line(self.means, Part.ORDERS, self.turns)
        self.feed = Line(self.means, Part.FEED, self.turns)

    async def start(self, *lines: Line) -> None:
        for line in lines:
            self.tasks.spawn(line.supervisor.run(), "work")
        await settle()


@pytest.fixture
async def setup():
    made = Setup()
    yield made
    await made.tasks.close()


async def test_a_lost_stream_is_begun_again_soon_and_then_less_often(setup: Setup, expected_log) -> None:
    expected_log("link.lost")
    await setup.start(setup.orders)

    await setup.clock.advance(40)

    tries = setup.orders.tries
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert len(gaps) >= 5
    for gap, longest in zip(gaps, BACK_OFF_S, strict=False):
        assert longest * 0.85 <= gap <= longest
    assert setup.orders.shown[1] == (LinkState.DOWN, "no route")


async def test_the_same_chance_gives_the_same_waits() -> None:
    both = []
    for _ in range(2):
        setup = Setup()
        line = setup.orders
        waits = [line.supervisor._wait_s() for _ in range(9)]
        both.append(waits)

    assert both[0] == both[1]
    assert max(both[0]) <= BACK_OFF_S[-1]


async def test_ten_minutes_without_a_network_cost_thirty_tries_a_link_and_heal_within_fifteen_seconds(
    setup: Setup, expected_log
) -> None:
    expected_log("link.lost")
    await setup.start(setup.orders, setup.feed)
    await setup.clock.advance(WINDOW_S)
    orders, feed = len(setup.orders.tries), len(setup.feed.tries)

    setup.orders.fate = setup.feed.fate = None
    await setup.clock.advance(TURN_S + 1)

    assert orders <= MOST_TRIES
    assert feed <= MOST_TRIES
    assert setup.orders.is_open
    assert setup.feed.is_open
    written = sum(len(record.getMessage()) + len(str(record.__dict__)) for record in expected_log.records)
    assert written < 1_000_000


async def test_in_any_ten_minutes_there_are_at_most_thirty_tries(setup: Setup, expected_log) -> None:
    expected_log("link.lost")
    line = setup.orders
    await setup.start(line)

    for _ in range(1200):
        line.supervisor.wake()  # whatever else says that it is worth a try
        await setup.clock.advance(1)

    for at in line.tries:
        assert sum(at <= other < at + WINDOW_S for other in line.tries) <= MOST_TRIES
    assert any("30 times in ten minutes" in text for _, text in line.shown)
    assert any(notice.severity is Severity.WARNING for notice in setup.told)


async def test_a_person_may_ask_before_the_ten_minutes_are_over(setup: Setup, expected_log) -> None:
    expected_log("link.lost")
    line = setup.orders
    await setup.start(line)
    for _ in range(60):
        line.supervisor.wake()
        await setup.clock.advance(1)
    before = len(line.tries)

    line.fate = None
    line.supervisor.reconnect()
    await settle()

    assert before == MOST_TRIES
    assert line.is_open


@pytest.mark.parametrize("error", [CredentialsRefused, ConnectionLimit, NotEntitled])
async def test_what_only_a_person_can_mend_is_not_tried_again_by_itself(
    setup: Setup, expected_log, error: type[BrokerUnavailable]
) -> None:
    expected_log("link.stopped")
    line = setup.orders
    line.fate = error("The key was revoked.")
    await setup.start(line)

    await setup.clock.advance(3600)
    tries = len(line.tries)
    line.fate = None
    line.supervisor.reconnect()
    await settle()

    assert tries == 1
    assert line.shown[1] == (
        LinkState.DOWN, "The key was revoked. It is not tried again until you reconnect.",
    )  # fmt: skip
    assert [notice.severity for notice in setup.told] == [Severity.ALARM]
    assert line.is_open


async def test_a_refused_key_beside_the_stream_ends_the_trying_too(setup: Setup, expected_log) -> None:
    expected_log("link.stopped")
    line = setup.orders
    line.fate = None
    await setup.start(line)
    error = CredentialsRefused("401")

    line.supervisor.interrupt(str(error), error)
    shut_at_once = not line.is_open
    await setup.clock.advance(600)

    assert shut_at_once
    assert len(line.tries) == 1
    assert line.state is LinkState.DOWN


async def test_a_stream_that_was_up_for_long_begins_with_short_waits(setup: Setup, expected_log) -> None:
    expected_log("link.lost")
    line = setup.orders
    await setup.start(line)
    await setup.clock.advance(60)
    line.fate = None
    await setup.clock.advance(60)
    tries = len(line.tries)

    line.supervisor.interrupt("the clock jumped")
    await setup.clock.advance(0.5)

    assert len(line.tries) == tries + 1
    assert (LinkState.DOWN, "the clock jumped") in line.shown
    assert line.is_open


async def test_a_stream_that_is_lost_at_once_each_time_waits_longer(setup: Setup, expected_log) -> None:
    expected_log("link.lost")
    line = setup.orders
    line.fate, line.ends = None, True
    await setup.start(line)

    await setup.clock.advance(60)

    assert len(line.tries) <= len(BACK_OFF_S) + 1
    assert line.shown[2] == (LinkState.DOWN, "the stream ended")


async def test_a_link_that_gets_through_wakes_the_other(setup: Setup, expected_log) -> None:
    expected_log("link.lost")
    await setup.start(setup.orders, setup.feed)
    await setup.clock.advance(200)
    setup.orders.fate = setup.feed.fate = None

    while not (setup.orders.is_open or setup.feed.is_open):
        await setup.clock.advance(0.1)
    await settle()

    assert setup.orders.is_open
    assert setup.feed.is_open


async def test_a_database_that_refuses_is_a_reason_too(setup: Setup, expected_log) -> None:
    expected_log("link.lost")
    setup.orders.fate = StorageUnwritable("the disk is full")
    await setup.start(setup.orders)

    assert setup.orders.shown[-1] == (LinkState.DOWN, "the disk is full")


async def test_the_door_is_shut_when_the_program_ends(setup: Setup) -> None:
    setup.orders.fate = None
    await setup.start(setup.orders)

    await setup.tasks.close()

    assert not setup.orders.is_open


def test_a_change_that_the_stream_tells_in_time_makes_it_no_suspect() -> None:
    clock = ManualClock()
    check = CrossCheck(clock)
    check.found(AAPL)
    check.found("MSFT")
    clock.turn(PATIENCE_S - 1)
    check.heard(AAPL)
    early = check.unheard()

    clock.turn(1)

    assert early is None
    assert check.unheard() == "MSFT"
    check.forget()
    assert check.unheard() is None
