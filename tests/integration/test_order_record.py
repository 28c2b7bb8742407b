"""What the order path records, publishes and keeps of a day with every kind of trouble, beside a file.

The record is what is left when there is a dispute, so a change of its words is read in a review. After one
that is meant: `make golden`.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.adapters.simulator.faults import Call
from core.domain.access import Mode
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.messages import (
    CancelOrder,
    CheckOrder,
    GiveUpOrder,
    ReplaceOrder,
    ResendOrder,
    SubmitOrder,
)
from core.domain.order import Order
from core.errors import Refused
from core.failpoints import disarm_all
from tests import builders
from tests.fakes.record import RecordedRig, lay_beside, transcript
from tests.fakes.rig import EVERY_RULE, Rig, draft

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
