"""A backup of a profile that is in use."""

from core.api.calls import Answer, Call
from core.domain.messages import MakeBackup


async def create(call: Call) -> Answer:
    """Make one now: 201 once it is made and verified, also where nobody waited for it."""
    made = await call.do(MakeBackup())
    facts = {"file": made.file, "bytes": made.size, "records": made.head_seq, "digest": made.head_digest}
    return Answer({"backup": {**facts, "removed": list(made.removed)}}, status=201)
