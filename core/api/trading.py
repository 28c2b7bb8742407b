"""The trading state: halted, resumed, and the kill switch."""

from core.api.bodies import KillBody, ReasonBody
from core.api.calls import Answer, Call
from core.api.facts import kill_facts, state_facts
from core.domain.messages import HaltTrading, KillTrading, ResumeTrading


async def halt(call: Call) -> Answer:
    """Let no new order out from now on; cancels nothing."""
    body = await call.body(ReasonBody)
    return Answer(state_facts(await call.do(HaltTrading(_reason(body.reason)))))


async def resume(call: Call) -> Answer:
    """Go back to ACTIVE, with a reason."""
    body = await call.body(ReasonBody)
    return Answer(state_facts(await call.do(ResumeTrading(_reason(body.reason)))))


async def kill(call: Call) -> Answer:
    """Halt, cancel, and close if asked for; answers with what the broker has confirmed, and what not."""
    body = await call.body(KillBody)
    return Answer(kill_facts(await call.do(KillTrading(_reason(body.reason), body.flatten))))


def _reason(text: str) -> str:
    # One line for the record. Nobody in a hurry is turned away for a line break.
    return "".join(each if each.isprintable() else " " for each in text).strip()
