"""Proposals: listed, made by a program, decided by a person."""

from core.api.bodies import Decision, ProposalBody, ReviewBody
from core.api.calls import Answer, Call
from core.api.facts import Facts, moment, order_facts, terms_facts
from core.domain.messages import LoadProposals, ProposeOrder, ReviewProposal
from core.domain.proposals import Proposal
from core.orders.bodies import number


async def proposals(call: Call) -> Answer:
    """List the newest proposals, newest first."""
    return Answer({"proposals": [_facts(each) for each in await call.do(LoadProposals())]})


async def propose(call: Call) -> Answer:
    """Take a proposal: 201; nothing is sent."""
    body = await call.body(ProposalBody)
    made = await call.do(ProposeOrder(body.order.draft(), body.source, body.thesis))
    return Answer({"proposal": _facts(made)}, status=201)


async def review(call: Call) -> Answer:
    """Approve or reject; an approval answers with the order that it sent."""
    body = await call.body(ReviewBody)
    approve = body.decision is Decision.APPROVE
    done = await call.do(ReviewProposal(call.place("proposal_id"), approve, body.reason))
    order = None if done.submitted is None else order_facts(done.submitted.order)
    return Answer({"proposal": _facts(done.proposal), "order": order})


def _facts(proposal: Proposal) -> Facts:
    return {
        "proposal_id": proposal.proposal_id,
        "source": proposal.source,
        "thesis": proposal.thesis,
        "order": terms_facts(proposal.terms),
        "decision_px": number(proposal.decision_px),
        "made_at": moment(proposal.made_at),
        "expires_at": moment(proposal.expires_at),
        "state": proposal.state.value,
        "decided_by": proposal.decided_by,
        "decided_at": moment(proposal.decided_at),
        "reason": proposal.reason,
        "cl_ord_id": proposal.cl_ord_id,
    }
