"""A broker's account whose numbers cannot be read: nothing is opened, the field is named, and exits go on."""

from pathlib import Path

import pytest

from core.domain.messages import ClosePosition
from core.domain.risk import Outcome, RuleCode, Verdict
from core.errors import Refused
from tests.builders import AAPL
from tests.fakes.alpaca_rig import AlpacaRig
from tests.fakes.rig import EVERY_RULE, draft

NEAR = "100.02"


@pytest.fixture
async def rig(tmp_path: Path):
    made = AlpacaRig(tmp_path)
    await made.serve()
    await made.wait(1, 1)
    yield made
    await made.stop()


@pytest.mark.parametrize(
    ("path", "field", "found"),
    [
        ("/v2/account", "equity", "abc"),
        ("/v2/account", "cash", "1,000"),
        ("/v2/account", "last_equity", None),
        ("/v2/account", "buying_power", "NaN"),
        ("/v2/positions", "qty", "ten"),
    ],
)
async def test_a_number_that_cannot_be_read_blocks_at_once_and_is_named(
    rig: AlpacaRig, expected_log, path: str, field: str, found: str | None
) -> None:
    expected_log("account.unanswered")
    await rig.submit(draft(qty=10, price=NEAR))
    await rig.wait(5, 1)
    rule = rig.server.faults.http("edit", "GET", path, times=None, set={field: found})
    await rig.wait(11, 1)

    with pytest.raises(Refused) as caught:
        await rig.submit(draft(qty=1, price=NEAR))

    verdict = caught.value.cause
    assert isinstance(verdict, Verdict)
    (told,) = (each for each in verdict.results if each.outcome is Outcome.HARD)
    assert told.code is RuleCode.FACTS
    assert field in told.text
    await rig.do(ClosePosition(AAPL, rig.key(), EVERY_RULE))
    await rig.wait(2, 1)
    assert rig.core.state.positions.qty(AAPL) == 0
    rig.server.faults.rules.remove(rule)
    await rig.wait(12, 1)
    assert (await rig.submit(draft(qty=1, price=NEAR))).order_id is not None
