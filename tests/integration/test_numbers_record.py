"""Every number that is measured, with its name, its meaning and its labels, after a short day, beside a file.

Dashboards and alarms of other programs are built on these words. After a change that is meant: `make golden`.
"""

from pathlib import Path

import pytest

from core.domain.messages import CancelOrder, HaltTrading, ResumeTrading, SubmitOrder
from core.errors import Refused
from core.metrics import Family
from tests.fakes.breaker_rig import SHARES, fall, settled, start
from tests.fakes.record import lay_beside
from tests.fakes.rig import EVERY_RULE, Rig, draft

FILE = Path(__file__).with_name("numbers_record.txt")
# What the machine, the disk and the threads make of it is another one each time.
BY_CHANCE = tuple(
    f"investiq_{word}" for word in ("commit", "database", "disk", "storage", "audit_append", "bus", "loop")
)


def lines(family: Family) -> list[str]:
    words = f"{family.name} ({family.kind.value}; {', '.join(family.labels)}): {family.meaning}"
    if family.name.startswith(BY_CHANCE):
        return [words]
    shown = [f"    {', '.join(each.labels)} = {each.value:g}" for each in family.samples]
    return [words, *shown, *(f"    {', '.join(each.labels)}: {each.counts[-1]}" for each in family.spreads)]


async def test_what_is_measured_of_a_short_day_is_as_in_the_file(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    rig: Rig = await start(tmp_path)
    resting = await rig.submit(draft(price="99.90"))
    await rig.do(CancelOrder(resting.cl_ord_id))
    await rig.submit(draft(qty=SHARES))
    with pytest.raises(Refused):
        await rig.do(SubmitOrder(draft(qty=30_000), rig.key(), EVERY_RULE))
    await rig.do(HaltTrading("enough"))
    await rig.do(ResumeTrading("calm again"), "admin")
    await fall(rig, "72.00")
    await settled(rig)

    said = [line for family in rig.core.measuring.registry.families() for line in lines(family)]

    await rig.stop()
    lay_beside(request, FILE, "numbers", said)
