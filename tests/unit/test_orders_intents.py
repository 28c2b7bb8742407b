"""What is written ahead of an order, and how long a key stands for it."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from core.clock import settle
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft
from core.domain.market import Quote
from core.domain.messages import OrderChanged
from core.domain.money import Price, Qty
from core.domain.order import Order
from core.domain.records import IdempotencyRecord
from core.domain.risk import Outcome, RuleCode, RuleResult, Verdict
from core.domain.terms import OrdStatus
from core.errors import RefusalCode, Refused, StorageUnwritable
from core.failpoints import arm, disarm_all
from core.ids import CountedIds, IdempotencyKey
from core.orders.bodies import fingerprint
from core.orders.intents import Intent, Intents
from tests import builders
from tests.builders import AAPL
from tests.fakes.book import OLD, TERMS, WORDS, Book, Managed, Step, sent

KIM = Actor("kim", "trader", Origin.API, "s-2")
KEY = IdempotencyKey("k-1")
VERDICT = Verdict((RuleResult(RuleCode.SPREAD, Outcome.PASS, "There is enough."),))
DAY_US = 24 * 3_600 * 1_000_000
ASKED = builders.terms(qty=12, price="99.90")


@dataclass
class Head:
    digest: str = "abcdefghijklmnop"


@dataclass
class KeyedBook(Book):
    keys: dict[IdempotencyKey, IdempotencyRecord] = field(default_factory=dict)

    def idempotency(self, key: IdempotencyKey) -> IdempotencyRecord | None:
        return self.keys.get(key)

    def insert_idempotency(self, record: IdempotencyRecord) -> None:
        self.keys[record.key] = record
        self._note("insert_idempotency", record)

    def audit_head(self) -> Head:
        return Head()


class Setup(Managed):
    def __init__(self) -> None:
        super().__init__()
        self.book = KeyedBook(self.trail)
        book: Any = self.book
        self.intents = Intents(self.state, book, self.clock, self.bus, CountedIds("T"))
        self.intents.on_written = lambda *facts: self.trail.append(Step("on_written", facts))

    @property
    def now_us(self) -> int:
        return int(self.clock.now().timestamp() * 1_000_000)

    def show(self, bid: str, ask: str) -> None:
        quote = Quote(
            AAPL, Price(bid), Price(ask), Qty(1), Qty(1), None, None, None,
            halted=False, time=builders.NOON, received=0.0,
        )  # fmt: skip
        self.state.quotes.apply((quote,))


@pytest.fixture
def setup():
    yield Setup()
    disarm_all()


async def test_an_intent_its_key_and_its_record_are_written_then_shown(setup) -> None:
    setup.clock.turn(5)
    setup.show("99.80", "99.85")

    order = await setup.intents.write_ahead(Intent(TERMS, KEY, VERDICT, KIM))

    now, name = setup.clock.now(), order.cl_ord_id
    assert order == Order(name, TERMS, now, now, sent_at=now, origin=Origin.API)
    assert name == "IQ-T000000000000000000001abcdefghijk"
    body = (
        f'{{"cl_ord_id":"{name}","ord_type":"limit","order_qty":"10","price":"99.9","side":"buy",'
        '"stop_px":null,"symbol":"AAPL","time_in_force":"day"}'
    )
    inserted = setup.trail[0]
    assert isinstance(inserted, Step)
    assert inserted.values[:2] == (order, body)
    assert '"decision_px":"99.85"' in str(inserted.values[2])
    assert '"code":"spread"' in str(inserted.values[2])
    assert setup.trail[1:] == [
        Step("insert_idempotency", (IdempotencyRecord(KEY, fingerprint(TERMS), name, setup.now_us),)),
        AuditDraft(AuditAction.ORDER_PREPARED, KIM, WORDS, body, "", name),
        Step("on_written", (order, Price("99.85"))),
        OrderChanged(order),
    ]
    assert setup.order(name) is order


async def test_a_replacement_names_its_order_and_its_key_stands_for_what_was_asked(setup) -> None:
    old = setup.put(sent(OLD, acked=True))

    order = await setup.intents.write_ahead(Intent(TERMS, KEY, VERDICT, KIM, old, ASKED))

    assert order.orig_cl_ord_id == OLD
    (draft,) = setup.of(AuditDraft)
    assert draft.action is AuditAction.REPLACE_REQUESTED
    assert setup.book.keys[KEY].fingerprint == fingerprint(ASKED)
    assert setup.trail[-2] == Step("on_written", (order, None))


async def test_what_cannot_be_written_leaves_nothing(setup) -> None:
    setup.book.refusals = 1

    with pytest.raises(StorageUnwritable):
        await setup.intents.write_ahead(Intent(TERMS, KEY, VERDICT, KIM))

    assert setup.trail == []
    assert setup.state.orders.open() == ()


async def test_an_order_is_shown_only_after_it_is_written(setup) -> None:
    setup.book.open.clear()

    setup.tasks.spawn(setup.intents.write_ahead(Intent(TERMS, KEY, VERDICT, KIM)), "write")
    await settle()
    before = list(setup.trail)
    setup.book.open.set()
    await settle()

    assert before == []
    assert [type(each).__name__ for each in setup.trail[-2:]] == ["Step", "OrderChanged"]


@pytest.mark.parametrize("place", ["oms.before_intent", "oms.after_intent"])
async def test_the_places_of_a_write_ahead_can_fail(setup, place) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    arm(place, fail)

    with pytest.raises(ZeroDivisionError):
        await setup.intents.write_ahead(Intent(TERMS, KEY, VERDICT, KIM))

    assert setup.of(OrderChanged) == []
    assert bool(setup.trail) is (place == "oms.after_intent")


ENDED = sent(OLD, ended=OrdStatus.CANCELED)


@pytest.mark.parametrize(
    ("age_us", "order", "alive"),
    [
        (0, None, True),
        (DAY_US - 1, ENDED, True),
        (DAY_US, ENDED, False),
        (DAY_US, None, False),
        (DAY_US, sent(OLD), True),
    ],
)
async def test_a_key_stands_for_its_order_for_a_day_or_as_long_as_it_works(
    setup, age_us, order, alive
) -> None:
    if order is not None:
        setup.book.stored[OLD] = order
    setup.book.keys[KEY] = IdempotencyRecord(KEY, "mark", OLD, setup.now_us - age_us)

    if alive:
        with pytest.raises(Refused, match=r"^This decision was sent already\.$") as caught:
            await setup.intents.write_ahead(Intent(TERMS, KEY, VERDICT, KIM))
        assert (caught.value.code, caught.value.details) == (RefusalCode.IN_FLIGHT, {"cl_ord_id": OLD})
        assert setup.trail == []
    else:
        written = await setup.intents.write_ahead(Intent(TERMS, KEY, VERDICT, KIM))
        assert setup.book.keys[KEY].cl_ord_id == written.cl_ord_id


def test_keys_older_than_a_day_live_by_their_order_only(setup) -> None:
    setup.clock.turn(7.5)

    found = setup.intents.oldest_living_us()

    assert found == setup.now_us - DAY_US
    assert timedelta(microseconds=setup.now_us - found) == timedelta(days=1)


async def test_nobody_need_be_told_of_what_was_written(setup) -> None:
    book: Any = setup.book
    alone = Intents(setup.state, book, setup.clock, setup.bus, CountedIds("T"))

    order = await alone.write_ahead(Intent(TERMS, KEY, VERDICT, KIM))

    assert replace(order) == setup.order(order.cl_ord_id)
