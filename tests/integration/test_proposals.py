"""Proposals on a whole core: what is taken, who decides, what is sent, and what a wild program can do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.agent import pace
from core.domain.access import Actor, Origin
from core.domain.messages import (
    HaltTrading,
    LoadProposals,
    ProposalChanged,
    ProposeOrder,
    Reviewed,
    ReviewProposal,
    SubmitOrder,
)
from core.domain.money import Price, Qty
from core.domain.proposals import Proposal, ProposalState
from core.domain.risk import RuleCode
from core.domain.terms import Side
from core.errors import RefusalCode, Refused, StorageError, StorageUnwritable
from core.failpoints import arm, disarm_all
from tests.builders import AAPL
from tests.fakes.market import MSFT
from tests.fakes.rig import EASY, EVERY_RULE, Rig, draft

AGENT = Actor("momentum", "trader", Origin.AGENT, "s-1")
_S = ProposalState


@pytest.fixture(autouse=True)
def harmless():
    yield
    disarm_all()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = await Rig(tmp_path).start()
    await free_the_agent(made)
    yield made
    disarm_all()
    await made.stop()


def full() -> None:
    """Refuse to write, as a full disk does."""
    raise StorageUnwritable("full")


async def free_the_agent(rig: Rig) -> None:
    """Let the agent trade the symbols of the market; all else of its column stays as it is."""
    await rig.wait(12.0, 0.5)
    state = rig.core.state
    state.agent_limits = replace(state.agent_limits, allowed=frozenset({AAPL, MSFT}))


async def propose(
    rig: Rig, thesis: str = "it rises", source: str = "momentum", qty: int = 2, **more: object
) -> Proposal:
    command = ProposeOrder(draft(qty=qty, **more), source, thesis)  # type: ignore[arg-type]
    made = await rig.core.desk.execute(command, AGENT)
    await rig.quiet()
    return made


async def review(rig: Rig, proposal: Proposal, *, approve: bool = True, reason: str = "agreed") -> Reviewed:
    return await rig.do(ReviewProposal(proposal.proposal_id, approve, reason))


async def refused(work: object) -> Refused:
    with pytest.raises(Refused) as caught:
        await work  # type: ignore[misc]
    return caught.value


async def now(rig: Rig, proposal: Proposal) -> Proposal:
    listed = await rig.do(LoadProposals(), "viewer")
    return next(each for each in listed if each.proposal_id == proposal.proposal_id)


def sent(rig: Rig) -> int:
    return len(rig.oracle().orders)


async def test_a_proposal_is_kept_recorded_and_told_of_and_sends_nothing(rig: Rig) -> None:
    made = await propose(rig)

    assert await rig.do(LoadProposals(), "viewer") == (made,)
    assert (made.state, made.source, made.thesis) == (_S.PENDING, "momentum", "it rises")
    assert (made.expires_at - made.made_at).total_seconds() == 900
    assert [e.proposal for e in rig.events if isinstance(e, ProposalChanged)] == [made]
    assert sent(rig) == 0


async def test_an_approval_sends_the_order_once_by_the_agents_limits(rig: Rig) -> None:
    made = await propose(rig)

    done = await review(rig, made)

    assert done.submitted is not None
    order = rig.order(done.submitted.order.cl_ord_id)
    assert (order.origin, order.order_qty) == (Origin.AGENT, Decimal(2))
    found = await now(rig, made)
    assert (found.state, found.decided_by, found.cl_ord_id) == (_S.APPROVED, "kim", order.cl_ord_id)
    assert sent(rig) == 1


async def test_a_rejection_sends_nothing_and_keeps_the_reason(rig: Rig) -> None:
    made = await propose(rig)

    done = await review(rig, made, approve=False, reason="earnings tomorrow")

    assert (done.submitted, done.proposal.reason) == (None, "earnings tomorrow")
    assert (await now(rig, made)).state is _S.REJECTED
    assert sent(rig) == 0


async def test_the_second_reviewer_is_told_who_decided(rig: Rig) -> None:
    made = await propose(rig)
    await review(rig, made, approve=False, reason="no")

    error = await refused(review(rig, made))

    assert error.code is RefusalCode.PROPOSAL_DECIDED
    assert "rejected by kim: no" in error.message
    assert sent(rig) == 0


async def test_two_reviewers_at_once_make_one_order(rig: Rig) -> None:
    made = await propose(rig)

    answers = await asyncio.gather(
        *(
            rig.core.desk.execute(ReviewProposal(made.proposal_id, True, "agreed"), rig.actor())
            for _ in range(5)
        ),
        return_exceptions=True,
    )
    await rig.quiet()

    assert sum(isinstance(each, Reviewed) for each in answers) == 1
    assert {each.code for each in answers if isinstance(each, Refused)} == {RefusalCode.IN_FLIGHT}
    assert sent(rig) == 1


async def test_a_failed_approval_leaves_the_proposal_pending(rig: Rig) -> None:
    made = await propose(rig)
    await rig.do(HaltTrading("x"))

    error = await refused(review(rig, made))

    assert error.code is RefusalCode.RISK
    assert (await now(rig, made)).state is _S.PENDING
    assert sent(rig) == 0


async def test_nothing_is_proposed_that_the_agents_rules_refuse(rig: Rig) -> None:
    error = await refused(propose(rig, qty=600))

    assert error.code is RefusalCode.RISK
    assert RuleCode.ORDER_QTY.value in error.details["rules"]
    assert await rig.do(LoadProposals(), "viewer") == ()


async def test_without_a_list_of_symbols_the_agent_opens_nothing(tmp_path: Path) -> None:
    rig = await Rig(tmp_path, limits=EASY).start()
    await rig.wait(12.0, 0.5)

    error = await refused(propose(rig))

    assert RuleCode.INSTRUMENT.value in error.details["rules"]
    await rig.stop()


async def test_a_proposal_runs_out_of_time_and_cannot_be_approved(rig: Rig) -> None:
    made = await propose(rig)
    await rig.wait(901.0, 60.0)

    error = await refused(review(rig, made))

    assert error.code is RefusalCode.PROPOSAL_DECIDED
    assert (await now(rig, made)).state is _S.EXPIRED
    assert sent(rig) == 0


async def test_a_price_that_runs_away_voids_a_proposal(rig: Rig) -> None:
    made = await propose(rig)
    last = Price(made.decision_px * Decimal("1.006"))
    rig.market.show(AAPL, bid=last, ask=Price(last + Decimal("0.02")), last=last)
    await rig.wait(2.0, 0.5, refresh=False)

    found = await now(rig, made)

    assert found.state is _S.VOID
    assert "moved by" in found.reason
    assert sent(rig) == 0


async def test_the_agent_may_propose_and_nothing_else(rig: Rig) -> None:
    made = await propose(rig)
    tries = (
        SubmitOrder(draft(), rig.key(), EVERY_RULE),
        ReviewProposal(made.proposal_id, True, "mine"),
        HaltTrading("x"),
    )

    codes = {(await refused(rig.core.desk.execute(each, AGENT))).code for each in tries}

    assert codes == {RefusalCode.NOT_PERMITTED}
    assert sent(rig) == 0


async def test_a_viewer_neither_proposes_nor_decides(rig: Rig) -> None:
    made = await propose(rig)

    first = await refused(rig.do(ProposeOrder(draft(qty=1), "x", "y"), "viewer"))
    second = await refused(rig.do(ReviewProposal(made.proposal_id, True, "z"), "viewer"))

    assert {first.code, second.code} == {RefusalCode.NOT_PERMITTED}


async def test_a_thousand_proposals_fill_no_queue_and_no_record(rig: Rig) -> None:
    head = await rig.store.read(lambda reader: reader.audit_head())
    codes = []
    for number in range(1_000):
        try:
            await rig.core.desk.execute(ProposeOrder(draft(qty=2), "wild", f"thesis {number}"), AGENT)
        except Refused as error:
            codes.append(error.code)
    await rig.quiet()

    taken = await rig.do(LoadProposals(1_000), "viewer")

    assert len(taken) == pace.MOST_PER_MINUTE
    assert set(codes) == {RefusalCode.THROTTLED}
    after = await rig.store.read(lambda reader: reader.audit_head())
    assert after.seq - head.seq == pace.MOST_PER_MINUTE + 1  # the first refusal of the run is recorded
    assert sent(rig) == 0


async def test_many_sources_together_fill_no_more_than_a_person_can_look_at(rig: Rig) -> None:
    codes = []
    for number in range(80):
        try:
            await propose(rig, f"thesis {number}", f"source {number}")
        except Refused as error:
            codes.append(error.code)

    assert len(await rig.do(LoadProposals(1_000), "viewer")) == pace.MOST_PENDING
    assert set(codes) == {RefusalCode.THROTTLED}


async def test_the_same_thesis_again_and_again_waits_once(rig: Rig) -> None:
    await propose(rig, "It  rises")

    error = await refused(propose(rig, "it rises", "another"))

    assert error.code is RefusalCode.THROTTLED
    assert (await propose(rig, "it rises", symbol=MSFT)).state is _S.PENDING  # of another symbol


@pytest.mark.parametrize(("source", "thesis", "field"), [("", "x", "source"), ("x", " \n\t ", "thesis")])
async def test_a_proposal_says_who_makes_it_and_why(rig: Rig, source: str, thesis: str, field: str) -> None:
    error = await refused(rig.core.desk.execute(ProposeOrder(draft(), source, thesis), AGENT))

    assert (error.code, error.details["field"]) == (RefusalCode.MALFORMED, field)


async def test_a_decision_needs_a_reason(rig: Rig) -> None:
    made = await propose(rig)

    error = await refused(review(rig, made, reason="  "))

    assert error.code is RefusalCode.REASON_MISSING


async def test_an_unknown_proposal_is_not_found(rig: Rig) -> None:
    error = await refused(rig.do(ReviewProposal("nothing", True, "x")))

    assert error.code is RefusalCode.NOT_FOUND


async def test_what_cannot_be_recorded_is_not_proposed(rig: Rig) -> None:
    arm("uow.save_proposal", full)

    with pytest.raises(StorageError):
        await propose(rig)

    disarm_all()
    assert await rig.do(LoadProposals(), "viewer") == ()
    assert (await propose(rig)).state is _S.PENDING  # the thesis is free


async def test_pending_proposals_survive_a_restart_and_run_out_after_it(rig: Rig) -> None:
    made = await propose(rig)

    await rig.kill()
    await rig.start()
    await free_the_agent(rig)

    assert (await now(rig, made)).state is _S.PENDING
    assert (await review(rig, made)).submitted is not None
    assert sent(rig) == 1


async def test_an_approval_cut_off_before_its_record_is_the_order_that_it_sent(
    rig: Rig, expected_log: Callable[[str], None]
) -> None:
    expected_log("proposal.unwritable")
    made = await propose(rig)

    arm("uow.save_proposal", full)
    done = await review(rig, made)
    disarm_all()
    assert done.submitted is not None

    await rig.kill()
    await rig.start()

    found = await now(rig, made)
    assert (found.state, found.cl_ord_id) == (_S.APPROVED, done.submitted.order.cl_ord_id)
    error = await refused(review(rig, made))
    assert error.code is RefusalCode.PROPOSAL_DECIDED
    assert sent(rig) == 1


async def test_hostile_words_are_one_plain_line(rig: Rig) -> None:
    made = await propose(rig, "<b>buy</b>\n\u202enow\x00 approve me", "x" * 500)

    assert made.thesis == "<b>buy</b> now approve me"
    assert len(made.source) == 60


async def test_a_sale_to_open_is_refused_as_the_agents_shorts_are_off(rig: Rig) -> None:
    error = await refused(propose(rig, side=Side.SELL))

    assert RuleCode.SELL_HELD.value in error.details["rules"]


@pytest.mark.parametrize("approve", [True, False])
async def test_an_approval_that_could_not_be_recorded_is_never_taken_for_another_end(
    rig: Rig, expected_log: Callable[[str], None], approve: bool
) -> None:
    expected_log("proposal.unwritable")
    made = await propose(rig)

    arm("uow.save_proposal", full)
    done = await review(rig, made)
    assert done.submitted is not None
    assert (await now(rig, made)).state is _S.PENDING
    disarm_all()

    error = await refused(review(rig, made, approve=approve))

    found = await now(rig, made)
    assert error.code is RefusalCode.PROPOSAL_DECIDED
    assert (found.state, found.cl_ord_id) == (_S.APPROVED, done.submitted.order.cl_ord_id)
    assert sent(rig) == 1


async def test_an_approval_that_could_not_be_recorded_is_recorded_later_and_not_as_run_out(
    rig: Rig, expected_log: Callable[[str], None]
) -> None:
    expected_log("proposal.unwritable")
    made = await propose(rig)

    arm("uow.save_proposal", full)
    await review(rig, made)
    disarm_all()
    await rig.wait(901.0, 60.0)

    assert (await now(rig, made)).state is _S.APPROVED
    assert sent(rig) == 1


async def test_a_thesis_is_not_traded_again_after_a_restart(rig: Rig) -> None:
    await review(rig, await propose(rig))
    await rig.kill()
    await rig.start()
    await free_the_agent(rig)

    error = await refused(propose(rig))

    assert RuleCode.DUPLICATE.value in error.details["rules"]
    await rig.wait(901.0, 60.0)
    assert (await propose(rig)).state is _S.PENDING


async def test_an_approval_acknowledges_nothing_of_what_opens(rig: Rig) -> None:
    state = rig.core.state
    state.agent_limits = replace(state.agent_limits, strict=False, order_qty_soft=Qty(1))
    made = await propose(rig)

    error = await refused(review(rig, made))

    assert error.code is RefusalCode.NEEDS_ACKNOWLEDGEMENT
    assert (await now(rig, made)).state is _S.PENDING
    assert sent(rig) == 0
