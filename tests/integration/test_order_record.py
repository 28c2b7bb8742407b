"""What the order path records, publishes and keeps of a day with every kind of trouble, beside a file.

The record is what is left when there is a dispute, so a change of its words is read in a review. After one
that is meant: `make golden`.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.adapters.simulator.broker import SimulatedBroker
from core.adapters.simulator.faults import Call
from core.domain import messages as m
from core.domain.access import Actor, Mode, Origin, TradingState
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.execution import UnreadableOrder
from core.domain.market import Timeframe
from core.domain.messages import (
    CancelOrder,
    CheckOrder,
    GiveUpOrder,
    ReplaceOrder,
    ResendOrder,
    SubmitOrder,
)
from core.domain.money import Price
from core.domain.order import Order
from core.domain.records import Watchlist
from core.domain.risk import Unit
from core.domain.session_commands import LOCK_AFTER
from core.domain.terms import OrderCancelRequest, Side
from core.domain.users import UserRecord
from core.errors import CredentialsRefused, NotEntitled, Refused, StorageUnwritable, WrongPassphrase
from core.failpoints import arm, disarm_all
from core.ids import ClOrdId, ExecId, Symbol
from tests import builders
from tests.builders import AAPL
from tests.fakes.breaker_rig import SHARES, fall, settled
from tests.fakes.market import MSFT
from tests.fakes.record import Asked, RecordedRig, lay_beside, logged, numbered, transcript
from tests.fakes.record import told as news
from tests.fakes.rig import EASY, EVERY_RULE, Rig, draft

FILE = Path(__file__).with_name("order_record.txt")
RESTING = "99.90"


@pytest.fixture(autouse=True)
def harmless():
    yield
    disarm_all()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[RecordedRig]:
    made = await RecordedRig(tmp_path).start()
    yield made
    await made.stop()


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[RecordedRig]:
    made = await RecordedRig(tmp_path, mode=Mode.LIVE).start()
    yield made
    await made.stop()


async def lost(rig: Rig, qty: int = 10) -> Order:
    rig.market.faults.lose_request(Call.SUBMIT)
    return await rig.submit(draft(qty=qty, price=RESTING))


async def test_a_day_of_troubles_is_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    begun = rig.clock.now()
    await rig.submit(draft())
    first = await rig.submit(draft(price=RESTING))
    await rig.wait(1, 1)
    await rig.do(CancelOrder(first.cl_ord_id))
    second = await rig.submit(draft(price=RESTING))
    await rig.wait(1, 1)
    await rig.do(ReplaceOrder(second.cl_ord_id, rig.key(), "12", "99.85", "", EVERY_RULE))
    third = await rig.submit(draft(qty=3, price=RESTING))
    await rig.wait(1, 1)
    rig.market.faults.be_unavailable(Call.REPLACE)
    await rig.do(ReplaceOrder(third.cl_ord_id, rig.key(), "4", "99.85", "", EVERY_RULE))
    rig.market.faults.lose_answer(Call.SUBMIT)
    rig.market.faults.drop_reports(1)
    fourth = await rig.submit(draft(qty=6, price=RESTING))
    await rig.do(CheckOrder(fourth.cl_ord_id))
    fifth, sixth = await lost(rig, 7), await lost(rig, 8)
    await rig.wait(60, 5)
    await rig.do(GiveUpOrder(fifth.cl_ord_id))
    await rig.do(ResendOrder(sixth.cl_ord_id))
    rig.market.exchange.submit(builders.single(fifth.cl_ord_id, fifth.terms))
    await rig.quiet()
    await rig.wait(1, 1)
    rig.market.exchange.place_external(builders.terms(qty=30, price="99.80"))
    await rig.quiet()
    rig.market.suspend_unseen()
    await rig.submit(draft(qty=2))

    lay_beside(request, FILE, "troubles", await transcript(rig, begun))


async def test_every_answer_to_the_sheet_is_recorded_as_in_the_file(
    live: RecordedRig, request: pytest.FixtureRequest
) -> None:
    def answer(asked: ConfirmationRequest) -> ConfirmationReply:
        is_first = len(live.confirmer.asked) == 1
        return ConfirmationReply(asked.digest, accepted=not is_first, typed=asked.phrase)

    begun = live.clock.now()
    live.confirmer.answer = answer
    with pytest.raises(Refused, match=r"^Not confirmed; nothing was sent\.$"):
        await live.do(SubmitOrder(draft(qty=3), live.key(), EVERY_RULE))
    await live.submit(draft(qty=3))
    await live.submit(draft(qty=4))
    live.confirmer.answer = None
    waiting = await live.begin(SubmitOrder(draft(qty=5), live.key(), EVERY_RULE))
    await live.wait(31, 1)
    with pytest.raises(Refused, match=r"^No answer within 30 s; nothing was sent\.$"):
        waiting.result()

    lay_beside(request, FILE, "sheet", await transcript(live, begun))


def full_disk() -> None:
    raise StorageUnwritable("the disk is full")


def full_disk_once() -> None:
    """Refuse one change of an order, and take the next."""

    def strike() -> None:
        arm("uow.update_order", lambda: None)
        full_disk()

    arm("uow.update_order", strike)


def noted(rig: Rig) -> list[str]:
    return (rig.folder / "emergency.jsonl").read_text().splitlines()


async def rests(rig: Rig, qty: int, symbol: str = AAPL, price: str = RESTING) -> ClOrdId:
    made = await rig.submit(draft(qty=qty, price=price, symbol=symbol))
    return made.cl_ord_id


async def test_what_becomes_of_cancels_is_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest, expected_log
) -> None:
    begun, ask, faults = rig.clock.now(), Asked(rig), rig.market.faults
    for words in ("cancel.unknown", "cancel.unwritable", "report.unwritable"):
        expected_log(words)
    for words in ("stream.suspect", "link.lost"):
        expected_log(words)
    unheard, first = await rests(rig, 1), await rests(rig, 2)
    faults.lose_request(Call.CANCEL)
    await ask(CancelOrder(unheard))
    await rig.wait(1, 1)
    await ask(m.Reconcile())
    await ask(CancelOrder(unheard))
    faults.lose_answer(Call.CANCEL)
    await ask(CancelOrder(first))
    unsent = await rests(rig, 3)
    faults.be_unavailable(Call.CANCEL)
    await ask(CancelOrder(unsent))
    faults.be_unavailable(Call.CANCEL)
    faults.be_unavailable(Call.ORDER)
    await ask(CancelOrder(unsent))
    late = await rests(rig, 4, MSFT)
    faults.drop_reports(1)
    rig.market.quote("99.80", "99.85", symbol=MSFT)
    rig.market.quote("100.00", "100.02", symbol=MSFT)
    await rig.wait(1, 1)
    await ask(CancelOrder(late))
    await ask(m.Reconcile())
    await rig.wait(12, 1)
    unwritten, neither = await rests(rig, 6), await rests(rig, 7)
    arm("uow.append_audit", full_disk)
    await rig.wait(2, 1)
    faults.be_unavailable(Call.CANCEL)
    await ask(CancelOrder(neither))
    await ask(CancelOrder(unwritten))
    disarm_all()
    await rig.wait(10, 1)
    never = (await lost(rig, 5)).cl_ord_id
    await ask(CancelOrder(never))
    faults.be_unavailable(Call.CANCEL)
    await ask(CancelOrder(never))
    await ask(CancelOrder(ClOrdId("IQ-none")))

    lay_beside(request, FILE, "cancels", await transcript(rig, begun, *ask.answers, *noted(rig)))


async def test_what_becomes_of_cancelling_all_is_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest, expected_log
) -> None:
    expected_log("cancel.unknown")
    begun, ask, faults = rig.clock.now(), Asked(rig, shows=True), rig.market.faults
    await ask(m.CancelOrders())
    for qty in (1, 2, 3):
        await rests(rig, qty)
        await rests(rig, qty, MSFT)
    rig.market.exchange.place_external(builders.terms(qty=30, price="99.80"))
    await rig.quiet()
    faults.be_unavailable(Call.CANCEL)
    await ask(m.CancelOrders(MSFT))
    faults.lose_request(Call.CANCEL)
    await ask(m.CancelOrders(MSFT))
    await lost(rig)
    for order in rig.core.state.orders.open():
        if order.pending is not None or order.external or not order.acked:
            await ask(ReplaceOrder(order.cl_ord_id, rig.key(), "9", "99.85", "", EVERY_RULE))
            await ask(m.PreviewOrder(draft(qty=9, price="99.85", symbol=order.symbol), order.cl_ord_id))
    await rests(rig, 4, MSFT)
    faults.be_unavailable(Call.CANCEL, 2)
    await ask(m.CancelOrders())
    await ask(m.CancelOrders())

    lay_beside(request, FILE, "cancelled_all", await transcript(rig, begun, *ask.answers))


async def test_what_is_sent_again_and_why_not_is_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest, expected_log
) -> None:
    expected_log("link.lost")
    begun, ask, faults = rig.clock.now(), Asked(rig), rig.market.faults
    first, second, third, fourth = [(await lost(rig, qty)).cl_ord_id for qty in range(11, 15)]
    working = await rests(rig, 16)
    faults.lose_request(Call.REPLACE)
    new_terms = ReplaceOrder(working, rig.key(), "17", "99.85", "", EVERY_RULE)
    replacing = (await ask(new_terms)).order.cl_ord_id
    faults.be_unavailable(Call.ORDER)
    await ask(CheckOrder(first))
    await ask(ResendOrder(first))
    await ask(GiveUpOrder(first))
    await rig.wait(12, 1)
    faults.disconnect()
    await rig.wait(12, 1)
    await ask(ResendOrder(first))
    await rig.wait(40, 5)
    await ask(m.HaltTrading("enough"))
    await ask(ResendOrder(first))
    await ask(m.ResumeTrading("calm again"), "admin")
    rig.market.quote("80.00", "80.02")
    await rig.quiet()
    await ask(ResendOrder(first))
    rig.market.quote("100.00", "100.02")
    await rig.quiet()
    faults.lose_request(Call.SUBMIT)
    await ask(ResendOrder(first))
    await ask(ResendOrder(first))
    faults.be_unavailable(Call.SUBMIT)
    await ask(ResendOrder(second))
    rig.market.suspend_unseen()
    await ask(ResendOrder(third))
    rig.market.suspend_unseen(suspended=False)
    faults.lose_answer(Call.SUBMIT)
    faults.drop_reports(1)
    await ask(ResendOrder(fourth))
    await ask(GiveUpOrder(replacing))
    await ask(GiveUpOrder(replacing))

    lay_beside(request, FILE, "again", await transcript(rig, begun, *ask.answers))


async def test_what_is_not_sent_again_is_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest, expected_log
) -> None:
    begun, ask = rig.clock.now(), Asked(rig)
    for words in ("look_up.unwritable", "audit.unwritable"):
        expected_log(words)
    fifth = (await lost(rig)).cl_ord_id
    await rig.wait(40, 5)
    arm("uow.append_audit", full_disk)
    await ask(CheckOrder(fifth))
    await ask(ResendOrder(fifth))
    await ask(GiveUpOrder(fifth))
    disarm_all()
    await rig.wait(40, 5)
    await ask(m.SetConfirmAlways(on=True), "admin")
    rig.confirmer.answer = lambda asked: ConfirmationReply(asked.digest, accepted=False)
    await ask(ResendOrder(fifth))

    def answer_late(asked: ConfirmationRequest) -> ConfirmationReply:
        rig.market.show(last=Price("99.00"))
        return ConfirmationReply(asked.digest, accepted=True)

    rig.confirmer.answer = answer_late
    await ask(ResendOrder(fifth))
    rig.market.show(last=Price("100.01"))
    rig.confirmer.answer = lambda asked: ConfirmationReply(asked.digest, accepted=True)
    await ask(ResendOrder(fifth))
    await ask(CheckOrder(fifth))

    lay_beside(request, FILE, "not_again", await transcript(rig, begun, *ask.answers))


def paused(rig: Rig, name: BreakerName, source: str = "") -> BreakerRecord:
    words = f"{name.value} has tripped."
    now, state = rig.clock.now(), BreakerState.TRIPPED
    return BreakerRecord(name, state, source, words, None, None, Unit.COUNT, "desk", "admin", "", now)


async def test_what_the_last_moment_holds_back_is_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest, expected_log
) -> None:
    expected_log("replace.unwritable")
    begun, ask, state = rig.clock.now(), Asked(rig), rig.core.state
    api = Actor("bot", "trader", Origin.API, "s-2")
    await rig.submit(draft(qty=100))
    names = [await rests(rig, 1), (await rig.submit(draft(Side.SELL, 5, "110.00"))).cl_ord_id]
    as_it_was = (state.trading_state, state.ready, state.tripped)
    for facts in (
        {"trading_state": None},
        {"trading_state": TradingState.HALTED},
        {"trading_state": TradingState.REDUCING},
        {"ready": False},
        {"tripped": (paused(rig, BreakerName.REJECT_RATE, "api"),)},
        {"tripped": (paused(rig, BreakerName.LOSING_STREAK), paused(rig, BreakerName.REJECT_RATE, "window"))},
        {"ready": False, "tripped": (paused(rig, BreakerName.REJECT_RATE, "window"),)},
    ):

        def change(facts: dict[str, object] = facts) -> None:
            for name, value in facts.items():
                setattr(state, name, value)

        for command, actor in (
            (SubmitOrder(draft(qty=2, price=RESTING), rig.key(), EVERY_RULE), rig.actor()),
            (SubmitOrder(draft(qty=3, price=RESTING), rig.key(), EVERY_RULE), api),
            (SubmitOrder(draft(Side.SELL, 4, "111.00"), rig.key(), EVERY_RULE), rig.actor()),
            (ReplaceOrder(names[0], rig.key(), "2", "99.85", "", EVERY_RULE), rig.actor()),
            (ReplaceOrder(names[1], rig.key(), "6", "112.00", "", EVERY_RULE), rig.actor()),
        ):
            arm("oms.before_send", change)
            done = await ask(command, actor)
            disarm_all()
            state.trading_state, state.ready, state.tripped = as_it_was
            await rig.wait(1, 1)
            if isinstance(command, ReplaceOrder) and rig.order(done.order.cl_ord_id).is_open:
                names[names.index(command.cl_ord_id)] = done.order.cl_ord_id
    arm("oms.before_send", full_disk_once)
    await ask(ReplaceOrder(names[0], rig.key(), "3", "99.80", "", EVERY_RULE))
    disarm_all()

    async def fail(order: object) -> None:
        raise ZeroDivisionError(f"of {type(order).__name__}")

    rig.market.broker.submit = fail
    rig.market.broker.replace = fail
    await ask(SubmitOrder(draft(qty=7, price=RESTING), rig.key(), EVERY_RULE))
    await ask(ReplaceOrder(names[1], rig.key(), "7", "113.00", "", EVERY_RULE))

    lay_beside(request, FILE, "held_back", await transcript(rig, begun, *ask.answers))


async def test_what_paces_orders_and_keeps_them_apart_is_recorded_as_in_the_file(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    limits = replace(EASY, burst=3, per_second=0.5, working_per_symbol=4, short_sales=True)
    rig = await RecordedRig(tmp_path, limits=limits).start()
    begun, ask = rig.clock.now(), Asked(rig)
    for qty in (11, 12):
        await ask(SubmitOrder(draft(qty=qty), rig.key(), EVERY_RULE))
    for qty in (13, 14, 15):
        await ask(SubmitOrder(draft(qty=qty, price=RESTING), rig.key(), EVERY_RULE))
    await ask(SubmitOrder(draft(Side.SELL, 3), rig.key(), EVERY_RULE))
    await ask(SubmitOrder(draft(Side.SELL, 300), rig.key(), EVERY_RULE))
    await rig.wait(4, 1)
    await ask(SubmitOrder(draft(qty=16, price=RESTING), rig.key(), EVERY_RULE))
    await ask(SubmitOrder(draft(qty=17, price=RESTING), rig.key(), EVERY_RULE))
    await ask(SubmitOrder(draft(qty=18, price=RESTING), rig.key(), EVERY_RULE))
    await rig.wait(9, 1)
    working, key, other = await rests(rig, 19, MSFT), rig.key(), rig.key()
    await ask(ReplaceOrder(working, key, "18", "99.85", "", EVERY_RULE))
    await ask(ReplaceOrder(working, key, "18", "99.85", "", EVERY_RULE))
    await rig.wait(9, 1)
    closing = m.ClosePosition(AAPL, other, EVERY_RULE)
    await ask(replace(closing, acknowledged=frozenset()))
    await ask(closing)
    await ask(closing)
    await ask(m.ClosePosition(MSFT, other, EVERY_RULE))
    await ask(m.ClosePosition(AAPL, rig.key(), EVERY_RULE))
    await rig.wait(9, 1)
    await rig.submit(draft(qty=20))
    await rig.submit(draft(Side.SELL, 15, "110.00"))
    await ask(m.ClosePosition(AAPL, rig.key(), EVERY_RULE))
    rig.core.state.limits = replace(limits, collar_soft_pct=Price("0.01"))
    await rig.wait(9, 1)
    await ask(SubmitOrder(draft(qty=21, price="98.00"), rig.key()))

    lay_beside(request, FILE, "paced", await transcript(rig, begun, *ask.answers))
    await rig.stop()


async def test_what_a_lost_link_tells_and_when_it_waits_for_a_person_is_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest, expected_log
) -> None:
    for words in ("link.lost", "link.stopped"):
        expected_log(words)
    begun, ask, faults = rig.clock.now(), Asked(rig), rig.market.faults
    await rests(rig, 2)
    # One after the other, for threads decide which of two comes back first.
    for lose in (faults.lose_feed, faults.disconnect):
        lose()
        faults.be_unavailable(Call.CONNECT, 4)
        await rig.wait(20, 0.5)
    await ask(SubmitOrder(draft(qty=2), rig.key(), EVERY_RULE))
    connects = rig.market.broker.connect, rig.market.feed.connect

    async def refuse_key() -> None:
        raise CredentialsRefused("The key was refused.")

    async def refuse_feed() -> None:
        raise NotEntitled("The feed is not paid for.")

    rig.market.broker.connect, rig.market.feed.connect = refuse_key, refuse_feed
    for lose in (faults.disconnect, faults.lose_feed):
        lose()
        await rig.wait(40, 2)
    await ask(SubmitOrder(draft(qty=2), rig.key(), EVERY_RULE))
    rig.market.broker.connect, rig.market.feed.connect = connects
    for part in (m.Part.ORDERS, m.Part.FEED, m.Part.AUDIT):
        await ask(m.Reconnect(part))
        await rig.wait(2, 0.5)
    await ask(m.Reconnect(m.Part.BROKER))
    await rig.until_ready()
    await ask(SubmitOrder(draft(qty=2), rig.key(), EVERY_RULE))

    lay_beside(request, FILE, "links", await transcript(rig, begun, *ask.answers))


async def test_what_the_broker_shows_and_nobody_expects_is_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, expected_log
) -> None:
    expected_log("record.contradicted")
    begun, ask, faults = rig.clock.now(), Asked(rig), rig.market.faults
    ours, other = await rests(rig, 1), await rests(rig, 2, MSFT)
    found = (
        UnreadableOrder(ours, AAPL, "it is of no known type"),
        UnreadableOrder(ClOrdId("X-1"), AAPL, "it has no side"),
    )
    for shown in (found, found[1:], ()):
        monkeypatch.setattr(SimulatedBroker, "unreadable", property(lambda _, shown=shown: shown))
        await ask(m.Reconcile())
        with suppress(Refused):
            await rig.submit(draft(qty=3, price=RESTING))
    for order_id, qty in (("IQ-" + "x" * 33, 4), ("abc", 5)):
        rig.market.exchange.submit(builders.single(order_id, builders.terms(qty=qty, price=RESTING)))
        await rig.quiet()
    rig.market.exchange.cancel(OrderCancelRequest(other, None))
    faults.hold_reports(9)
    rig.market.exchange.place_external(builders.terms(qty=6, price="99.80"))
    rig.market.exchange.cancel(OrderCancelRequest(ours, None))
    await rig.wait(3, 1)
    await ask(m.Reconcile(), seconds=3)
    for call in (Call.OPEN_ORDERS, Call.ORDER, Call.POSITIONS, Call.ACCOUNT, Call.ACTIVITIES):
        faults.be_unavailable(call)
        await ask(m.Reconcile(), seconds=3)

    lay_beside(request, FILE, "unexpected", await transcript(rig, begun, *ask.answers))


async def test_who_sits_at_the_window_is_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    begun, ask, locking = rig.clock.now(), Asked(rig), rig.core.locking
    ask.door = locking.execute

    def user_of(passphrase: str) -> str:
        if passphrase == "wrong":
            raise WrongPassphrase("It opens no key slot of this profile.")
        return passphrase

    await ask(m.LockSession(m.LockReason.KEY))
    await ask(m.UnlockSession("kim"))
    locking._unlock = user_of
    for number, (name, role) in enumerate((("kim", "trader"), ("sam", "viewer"))):
        record = UserRecord(name, role, "kim", begun + timedelta(seconds=number))
        await rig.store.write(lambda uow, record=record: uow.insert_user(record))
    await rig.submit(draft(qty=20))
    api = Actor("bot", "trader", Origin.API, "s-2")
    for reason in (m.LockReason.KEY, m.LockReason.IDLE):
        await ask(m.LockSession(reason))
        for actor in (rig.actor(), api):
            await ask(SubmitOrder(draft(qty=2), rig.key(), EVERY_RULE), actor)
            await ask(SubmitOrder(draft(Side.SELL, 2), rig.key(), EVERY_RULE), actor)
            await ask(m.LoadRisk(), actor)
        await ask(m.LockSession(m.LockReason.IDLE))
        for passphrase in ("wrong", "nobody", "kim" if reason is m.LockReason.IDLE else "sam"):
            await ask(m.UnlockSession(passphrase))
        await ask(SubmitOrder(draft(qty=2), rig.key(), EVERY_RULE))
    for minutes in (1, 60, 0, 61):
        await ask(m.SetLockAfter(minutes), "admin")
    ask.answers.append(f"now {locking.profile.user} as {locking.profile.role}")
    locking.restore({LOCK_AFTER: "x"})
    await ask(m.SetLockAfter(7), "admin")
    locking.restore({LOCK_AFTER: "12"})
    await ask(m.SetLockAfter(8), "admin")

    lay_beside(request, FILE, "locked", await transcript(rig, begun, *ask.answers))


async def test_which_lists_are_kept_is_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    begun, ask = rig.clock.now(), Asked(rig, shows=True)
    for text in (
        "AAPL\n", "name,Symbol\nx, msft \n\ny,aapl\nz,MSFT\n", "symbol\n", "", "\n,\n", "AAPL\nNONE\n",
        "a,symbol\nb\n",
    ):  # fmt: skip
        file = tmp_path / "list.csv"
        file.write_text(text)
        await ask(m.ImportWatchlist("Mine", file))
    file.write_bytes(b"\xff\xfe")
    await ask(m.ImportWatchlist("Mine", file))
    file.write_text("AAPL\n" * 2_001)
    await ask(m.ImportWatchlist("Mine", file))
    file.write_text("A" * (4 * 1024 * 1024 + 1))
    await ask(m.ImportWatchlist("Mine", file))
    await ask(m.ImportWatchlist("Mine", tmp_path / "none.csv"))
    for watchlist in (
        Watchlist(" ", ()), Watchlist("Odd", tuple(Symbol(f"N{n}") for n in range(7))),
        Watchlist("All", (MSFT, AAPL)),
    ):  # fmt: skip
        await ask(m.SaveWatchlist(watchlist))
    await ask(m.RemoveWatchlist("Mine"))

    lay_beside(request, FILE, "lists", await transcript(rig, begun, *ask.answers))


async def test_what_is_looked_up_page_by_page_is_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    begun, ask = rig.clock.now(), Asked(rig, shows=True)
    for qty in (3, 4):
        await rig.submit(draft(qty=qty))
    name = (await rig.submit(draft(qty=5, price=RESTING))).cl_ord_id
    for after, limit in ((None, 1), (None, 2), (None, 0), (None, 1_001), (ExecId("none"), 5)):
        await ask(m.LoadFills(after, limit))
    for after, limit in ((0, 2), (-5, 1), (2, 1_000), (2**70, 5), (0, 0)):
        ask.shows = False
        page = await ask(m.FollowAudit(after, limit))
        ask.shows = True
        if page is not None:  # each digest is another one at each run
            ask.answers.append(f"{[each.seq for each in page.records]}, more {page.has_more}")
    await ask(m.LoadExternal())
    for order in (name, ClOrdId("IQ-none")):
        await ask(m.ExplainOrder(order))
    for symbol in (AAPL, Symbol("NONE")):
        await ask(m.LoadBars(symbol, Timeframe.M1, 5))
    for key, value in (("theme", "dark"), ("confirm_always", "true"), ("theme", "x" * 262_145)):
        await ask(m.SaveSetting(key, value))
    for is_on in (True, True, False):
        await ask(m.SetConfirmAlways(is_on), "admin")

    lay_beside(request, FILE, "pages", await transcript(rig, begun, *ask.answers))


async def test_what_a_trip_ends_while_nothing_can_be_written_is_as_in_the_file(
    tmp_path: Path, request: pytest.FixtureRequest, expected_log
) -> None:
    for words in ("breaker.unwritable", "cancel.unwritable", "report.unwritable"):
        expected_log(words)
    rig = await RecordedRig(tmp_path, limits=EASY).start()
    await settled(rig)
    begun = rig.clock.now()
    await rig.submit(draft(qty=SHARES))
    await rests(rig, 2, MSFT, "60.00")
    await rests(rig, 3, AAPL, "60.00")
    arm("uow.append_audit", full_disk)
    await fall(rig, "72.00")
    disarm_all()
    await rig.wait(12, 1)
    said = [told for event in rig.events if (told := news(event, begun))]
    trips = [str(each.record.text) for each in rig.events if isinstance(each, m.BreakerChanged)]
    said += [*trips, *noted(rig)]
    await rig.kill()
    rig.events.clear()
    await rig.start()
    said += [told for event in rig.events if (told := news(event, begun))]
    await rig.stop()

    lay_beside(request, FILE, "tripped", numbered([*said, *logged(rig.folder)]))
