"""A decision survives a power cut: what leaves was on stable storage before (P6)."""

import asyncio
from pathlib import Path

import pytest

from core.domain.messages import CancelOrder, ReplaceOrder, SubmitOrder
from core.failpoints import arm, disarm_all
from tests.fakes.rig import EVERY_RULE, Rig, draft

RESTING = "99.90"


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    disarm_all()
    await made.stop()


def test_every_connection_syncs_each_commit_and_keeps_the_log(tmp_path: Path) -> None:
    from core.storage import engine
    from core.storage.store import open_store
    from tests.fakes.rig import lay_out

    key = lay_out(tmp_path)
    open_store(tmp_path / "book.db", key, create=False).close()
    for make in (engine.writing_engine, engine.reading_engine):
        made = make(tmp_path / "book.db", key)
        with made.connect() as connection:
            driver = connection.connection.dbapi_connection
            found = {
                name: driver.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("synchronous", "journal_mode", "foreign_keys", "fullfsync")
            }
        made.dispose()
        assert found["synchronous"] == 2  # FULL: the log is synced before a commit returns
        assert found["journal_mode"] == "wal"
        assert found["foreign_keys"] == 1


@pytest.mark.parametrize("kind", ["submit", "replace"])
async def test_nothing_is_sent_before_the_commit_has_returned(rig: Rig, kind: str) -> None:
    order = await rig.submit(draft(price=RESTING))
    steps: list[str] = []
    loop = asyncio.get_running_loop()
    arm("store.after_commit", lambda: loop.call_soon_threadsafe(steps.append, "committed"))
    broker, write = rig.market.broker, rig.store.write
    submit, replace = broker.submit, broker.replace

    async def watched_write(work):
        answer = await write(work)
        steps.append("write returned")
        return answer

    async def watched_submit(order):
        steps.append("sent")
        return await submit(order)

    async def watched_replace(request):
        steps.append("sent")
        return await replace(request)

    rig.store.write, broker.submit, broker.replace = watched_write, watched_submit, watched_replace
    command = {
        "submit": SubmitOrder(draft(qty=3, price=RESTING), rig.key(), EVERY_RULE),
        "replace": ReplaceOrder(order.cl_ord_id, rig.key(), "12", "99.85", "", EVERY_RULE),
    }[kind]

    await rig.do(command)

    assert "sent" in steps
    before = steps[: steps.index("sent")]
    assert before.index("committed") < before.index("write returned")
    stored = await rig.store.read(lambda reader: reader.recent_orders(10))
    assert len(stored) == 2


async def test_while_the_commit_hangs_nothing_leaves(rig: Rig) -> None:
    write, release = rig.store.write, asyncio.Event()

    async def hang(work):
        await release.wait()
        return await write(work)

    rig.store.write = hang
    task = await rig.begin(SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE))
    await rig.wait(5, 1)
    during = dict(rig.oracle().orders)

    release.set()
    rig.store.write = write
    await rig.quiet()

    assert during == {}
    assert task.done()
    assert len(rig.oracle().orders) == 1


async def test_the_record_of_a_cancel_is_stored_before_it_is_asked_for(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))
    cancel = rig.market.broker.cancel
    stored: list[bool] = []

    async def watched(request):
        found = await rig.store.read(rig.audit_actions())
        stored.append("cancel.requested" in found)
        return await cancel(request)

    rig.market.broker.cancel = watched

    await rig.do(CancelOrder(order.cl_ord_id))

    assert stored == [True]
