"""The broker's list of orders tells of a record that was put back to an earlier state."""

import shutil
from pathlib import Path

import pytest

from core.ids import CountedIds, is_minted, mint_cl_ord_id
from tests import builders
from tests.fakes.rig import Rig, draft

RESTING = "100"
WORDS = "which this program made, and the record does not know it"


def told(rig: Rig) -> list[str]:
    return [text for text in rig.alarms() if WORDS in text]


async def test_database_that_was_put_back_is_betrayed_by_the_order_that_the_broker_has(
    tmp_path: Path, expected_log
) -> None:
    expected_log("record.contradicted")
    rig = await Rig(tmp_path).start()
    await rig.submit(draft(price=RESTING))
    await rig.kill()
    shutil.copy(tmp_path / "book.db", tmp_path / "copy.db")
    await rig.start()
    later = await rig.submit(draft(price=RESTING))
    await rig.kill()
    for name in ("book.db-wal", "book.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "copy.db", tmp_path / "book.db")

    await rig.start()
    await rig.core.reconciler.run()

    (alarm,) = told(rig)
    assert later.cl_ord_id in alarm
    await rig.kill()
    await rig.start()
    await rig.core.reconciler.run()
    assert len(told(rig)) == 1  # what was told is not told again
    await rig.stop()


@pytest.mark.parametrize("cl_ord_id", ["IQ-elsewhere", "another-program"])
async def test_order_whose_id_bears_no_witness_is_none(tmp_path: Path, cl_ord_id: str) -> None:
    rig = await Rig(tmp_path).start()
    rig.market.exchange.submit(builders.single(cl_ord_id, builders.terms(qty=1, price=RESTING)))
    await rig.core.reconciler.run()

    assert rig.order(cl_ord_id).external
    assert told(rig) == []
    await rig.stop()


def test_minted_id_is_told_by_its_layout() -> None:
    assert is_minted(mint_cl_ord_id(CountedIds(), "A" * 43))
    assert not is_minted("IQ-elsewhere")
    assert not is_minted("X" * 36)
