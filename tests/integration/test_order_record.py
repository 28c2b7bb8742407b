"""What the order path records, publishes and keeps of a day with every kind of trouble, beside a file.

The record is what is left when there is a dispute, so a change of its words is read in a review. After one
that is meant: `make golden`.
"""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from core.adapters.simulator.faults import Call
from core.domain.access import Mode
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.messages import (
    CancelOrder,
    CheckOrder,
    FillBooked,
    GiveUpOrder,
    Notice,
    OrderChanged,
    ReplaceOrder,
    ResendOrder,
    SubmitOrder,
)
from core.domain.order import Order
from core.errors import Refused
from core.failpoints import disarm_all
from tests import builders
from tests.fakes.rig import EVERY_RULE, Rig, draft

FILE = Path(__file__).with_name("order_record.txt")
RESTING = "99.90"
OUR_ID = re.compile(r"IQ-[\w-]{33}")
PART = re.compile(r"^== (\w+)\n(.*?)(?=^== |\Z)", re.DOTALL | re.MULTILINE)
# A verdict has a file of its own; here it would hide the rest.
LONG = 300


@pytest.fixture(autouse=True)
def harmless():
    yield
    disarm_all()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = await Rig(tmp_path).start()
    yield made
    await made.stop()


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Rig]:
    made = await Rig(tmp_path, mode=Mode.LIVE).start()
    yield made
    await made.stop()


def after(at: datetime | None, begun: datetime) -> str:
    return "-" if at is None else f"{(at - begun).total_seconds():g}"


def kept(order: Order, begun: datetime) -> str:
    """Write an order with every fact that is known of it."""
    flags = ("acked", "unknown", "gave_up", "external", "suspended")
    facts = [
        str(order.ord_status),
        f"{order.side.value} {order.order_qty} of {order.symbol}, {order.cum_qty} at {order.avg_px}",
        f"pending {order.pending}, broker {order.order_id}, in place of {order.orig_cl_ord_id}",
        " ".join(after(at, begun) for at in (order.created_at, order.sent_at, order.updated_at)),
        " ".join(flag for flag in flags if getattr(order, flag)),
        order.text,
    ]
    return f"order {order.cl_ord_id}: {'; '.join(facts)}"


def told(event: object, begun: datetime) -> str | None:
    if isinstance(event, OrderChanged):
        return kept(event.order, begun)
    if isinstance(event, Notice):
        return f"notice {event.severity.value}: {event.text} [{event.subject}]"
    if isinstance(event, FillBooked):
        fill = event.fill
        return f"fill {fill.cl_ord_id}: {fill.signed_qty} at {fill.last_px}, holds {event.position.qty}"
    return None


async def transcript(rig: Rig, begun: datetime) -> list[str]:
    """Return events and records, with our ids numbered as they come."""
    lines = [line for line in (told(event, begun) for event in rig.events) if line is not None]
    # The first record names the database.
    for each in await rig.store.read(lambda reader: reader.audit_records(1, 10_000)):
        payload = each.payload if len(each.payload) < LONG else "..."
        lines.append(
            f"record {each.action} by {each.actor}/{each.role}: {each.entity} [{each.order_id}] "
            f"[{each.cl_ord_id}] {payload}"
        )
    names: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return names.setdefault(found.group(), f"#{len(names) + 1}")

    return [OUR_ID.sub(number, line) for line in lines]


def lay_beside(request: pytest.FixtureRequest, part: str, said: list[str]) -> None:
    """Hold one part of the file against what is said now."""
    parts = dict(PART.findall(FILE.read_text()))
    if request.config.getoption("rewrite_golden"):
        parts[part] = "".join(f"{line}\n" for line in said)
        FILE.write_text("".join(f"== {name}\n{parts[name]}" for name in sorted(parts)))

    assert said == parts[part].splitlines()


async def lost(rig: Rig, qty: int = 10) -> Order:
    rig.market.faults.lose_request(Call.SUBMIT)
    return await rig.submit(draft(qty=qty, price=RESTING))


async def test_a_day_of_troubles_is_recorded_as_in_the_file(rig: Rig, request: pytest.FixtureRequest) -> None:
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

    lay_beside(request, "troubles", await transcript(rig, begun))


async def test_every_answer_to_the_sheet_is_recorded_as_in_the_file(
    live: Rig, request: pytest.FixtureRequest
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

    lay_beside(request, "sheet", await transcript(live, begun))
