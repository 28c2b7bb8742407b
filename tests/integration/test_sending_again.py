"""An UNKNOWN order that a person sends again: judged and confirmed by the facts of now."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.adapters.simulator.faults import Call
from core.domain.access import Mode
from core.domain.audit import AuditAction
from core.domain.confirmation import ConfirmationReply
from core.domain.messages import ResendOrder, SetConfirmAlways
from core.domain.terms import OrdStatus
from core.errors import RefusalCode, Refused
from core.ids import ClOrdId
from tests.fakes.rig import EASY, Rig, draft


async def lost(rig: Rig, price: str = "99.90") -> ClOrdId:
    """Send an order that never arrives, and ask for it in vain for a minute."""
    rig.market.faults.lose_request(Call.SUBMIT)
    order = await rig.submit(draft(price=price))
    await rig.wait(60, 5)
    return order.cl_ord_id


async def refused(rig: Rig, cl_ord_id: ClOrdId) -> Refused:
    with pytest.raises(Refused) as caught:
        await rig.do(ResendOrder(cl_ord_id))
    return caught.value


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    await made.stop()


async def test_what_a_rule_refuses_by_now_is_not_sent_again_and_stays_unknown(rig: Rig) -> None:
    cl_ord_id = await lost(rig)
    rig.market.quote("80.00", "80.02")
    await rig.quiet()

    refusal = await refused(rig, cl_ord_id)
    recorded = (await rig.store.read(rig.audit_actions()))[-1]

    assert refusal.code is RefusalCode.RISK
    assert refusal.message.startswith("Not sent again: ")
    assert refusal.message.endswith("Give it up, and order anew if you still want it.")
    assert "price_collar" in refusal.details["rules"]
    assert rig.order(cl_ord_id).ord_status is OrdStatus.UNKNOWN
    assert rig.oracle().orders == {}
    assert recorded == AuditAction.ORDER_REFUSED


async def test_an_order_does_not_stand_in_its_own_way(tmp_path: Path) -> None:
    limits = replace(EASY, working_total=1, working_per_symbol=1)
    rig = await Rig(tmp_path, limits=limits).start()
    cl_ord_id = await lost(rig)

    order = await rig.do(ResendOrder(cl_ord_id))

    assert order.ord_status is OrdStatus.NEW
    await rig.stop()


async def test_what_was_asked_about_and_answered_is_not_asked_again_and_all_else_is_refused(
    tmp_path: Path,
) -> None:
    rig = await Rig(tmp_path, limits=replace(EASY, collar_soft_pct=EASY.collar_soft_pct / 10)).start()
    answered = await lost(rig, "100.60")

    await rig.do(ResendOrder(answered))
    await rig.wait(1)

    assert rig.order(answered).ord_status is OrdStatus.FILLED
    quiet = await lost(rig, "99.90")
    rig.market.quote("99.40", "99.42")
    await rig.quiet()
    refusal = await refused(rig, quiet)
    assert (refusal.code, refusal.details["rules"]) == (RefusalCode.RISK, "price_collar")
    await rig.stop()


@pytest.mark.parametrize("accepted", [True, False])
async def test_where_a_yes_is_due_it_is_asked_for_anew(tmp_path: Path, accepted: bool) -> None:
    rig = await Rig(tmp_path, mode=Mode.SIM).start()
    cl_ord_id = await lost(rig)
    await rig.do(SetConfirmAlways(on=True), "admin")
    rig.confirmer.answer = lambda request: ConfirmationReply(request.digest, accepted)

    if accepted:
        await rig.do(ResendOrder(cl_ord_id))
    else:
        assert (await refused(rig, cl_ord_id)).code is RefusalCode.NOT_CONFIRMED

    assert [request.terms for request in rig.confirmer.asked] == [rig.order(cl_ord_id).terms]
    assert len(rig.oracle().orders) == int(accepted)
    await rig.stop()
