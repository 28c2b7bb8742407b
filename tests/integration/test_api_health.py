"""`/health` with real damage: what a vendor does degrades, what the database or the record do is down."""

import asyncio
from pathlib import Path

import pytest

from core.domain.messages import CancelOrder, VerifyAudit
from core.errors import StorageUnwritable
from core.failpoints import arm, disarm_all
from core.storage import engine
from core.storage import tables as t
from core.storage.vault import Key
from tests.fakes.local_api import LocalApi, limit
from tests.fakes.rig import draft


@pytest.fixture
async def api(tmp_path: Path):
    made = await LocalApi.open(tmp_path)
    yield made
    disarm_all()
    await made.close()


async def part(api: LocalApi, name: str) -> tuple[int, str, dict]:
    found = await api.get("/health")
    return found.status, found.body["status"], found.body["parts"][name]


async def test_vendor_of_prices_that_is_out_degrades_and_kills_nothing(api: LocalApi, expected_log) -> None:
    expected_log("link.lost")
    order = await api.rig.submit(draft(price="99.00"))
    api.rig.market.faults.lose_feed()
    await api.rig.quiet()

    status, whole, feed = await part(api, "feed")
    await api.rig.do(CancelOrder(order.cl_ord_id))
    preview = await api.post("/v1/orders/preview", limit())

    assert (status, whole) == (200, "degraded")
    assert feed["state"] in ("down", "connecting")
    assert preview.status == 200


async def test_record_that_was_changed_is_down_with_its_reason(api: LocalApi, tmp_path: Path) -> None:
    await api.rig.submit(draft(price="99.00"))
    await api.rig.wait(3.0, 1.0)
    assert (await part(api, "audit"))[:2] == (200, "ok")
    tamper(tmp_path)

    await api.rig.do(VerifyAudit())

    status, whole, audit = await part(api, "audit")
    assert (status, whole, audit["state"]) == (503, "down", "down")
    assert audit["text"]


def tamper(folder: Path) -> None:
    writer = engine.writing_engine(folder / "book.db", Key((folder / "raw.key").read_bytes()))
    with writer.connect() as connection, connection.begin():
        for event in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(f"DROP TRIGGER audit_log_no_{event}")
        connection.execute(t.audit_log.update().where(t.audit_log.c.seq == 2).values(entity="another"))
    writer.dispose()


async def test_database_that_takes_nothing_is_down_since_then_and_up_again(
    api: LocalApi, expected_log
) -> None:
    expected_log("report.unwritable")
    await api.rig.submit(draft(price="99.00"))
    await api.rig.wait(10.0, 5.0)

    def full() -> None:
        raise StorageUnwritable("the disk is full")

    arm("store.before_commit", full)
    api.rig.market.quote("98.00", "98.02")
    await api.rig.quiet()
    down = await part(api, "database")
    api.rig.clock.turn(3.0)
    later = await part(api, "database")
    numbers = (await api.get("/metrics")).body
    disarm_all()
    await api.rig.wait(10.0, 1.0)
    up = await part(api, "database")

    assert (down[0], down[1], down[2]["state"]) == (503, "down", "down")
    assert "disk is full" in down[2]["text"]
    assert later[2]["age_s"] == pytest.approx(3.0, abs=0.5)
    assert 'investiq_link_state{part="database",state="down"} 1.0' in numbers
    assert (up[0], up[2]["state"]) == (200, "up")


async def test_health_answers_while_another_program_holds_the_database(api: LocalApi, tmp_path: Path) -> None:
    holder = engine.writing_engine(tmp_path / "book.db", Key((tmp_path / "raw.key").read_bytes()))
    with holder.connect() as connection, connection.begin():
        connection.execute(t.settings.select())
        placing = api.post("/v1/orders", limit(price="99.00"))
        order = asyncio.get_running_loop().create_task(placing)
        answers = [await asyncio.wait_for(api.get("/health"), 2.0) for _ in range(5)]
        is_waiting = not order.done()
    holder.dispose()

    assert {each.status for each in answers} == {200}
    assert is_waiting
    assert (await order).status == 201
