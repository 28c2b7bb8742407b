"""The audit record of the links: what came up, what was lost and why, and nothing of the tries between."""

import json
from pathlib import Path

import pytest

from core.domain.audit import AuditAction
from core.domain.messages import LinkChanged, LinkState, Part
from core.domain.records import AuditQuery
from core.errors import BrokerUnavailable, StorageUnwritable
from core.failpoints import arm, disarm_all
from tests.fakes.rig import Rig, draft


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    disarm_all()
    await made.stop()


async def told(rig: Rig) -> list[tuple[str, str, str]]:
    """The records of the links, oldest first: what it is about, the state, and why."""
    query = AuditQuery(action=AuditAction.LINK_CHANGED.value, limit=200)
    records = await rig.store.read(lambda reader: reader.audit_page(query))
    facts = [(each.entity, json.loads(each.payload)) for each in sorted(records, key=lambda each: each.seq)]
    return [(entity, found["after"], found["reason"]) for entity, found in facts]


async def test_links_that_come_up_at_the_start_are_recorded_once_each(rig: Rig) -> None:
    assert sorted(await told(rig)) == [
        ("broker and order stream up", "up", ""),
        ("market data up", "up", ""),
    ]


async def test_lost_link_is_recorded_with_its_reason_and_tries_are_not(rig: Rig, expected_log) -> None:
    expected_log("link.lost")
    begun, connect = len(await told(rig)), rig.market.broker.connect

    async def refuse() -> None:
        raise BrokerUnavailable("there is no network")

    rig.market.broker.connect = refuse
    rig.market.faults.disconnect()

    await rig.wait(120, 1, refresh=False)
    tries = [e for e in rig.events if isinstance(e, LinkChanged) and e.state is LinkState.CONNECTING]
    lost = (await told(rig))[begun:]
    rig.market.broker.connect = connect
    await rig.wait(60, 1, refresh=False)

    assert len(tries) > 6
    assert [(entity, state) for entity, state, _ in lost] == [("broker and order stream lost", "down")]
    assert lost[0][2]
    assert [entity for entity, _, _ in (await told(rig))[begun:]] == [
        "broker and order stream lost", "broker and order stream up",
    ]  # fmt: skip


async def test_links_that_flap_are_recorded_in_order(rig: Rig) -> None:
    begun = len(await told(rig))

    for state in (LinkState.DOWN, LinkState.CONNECTING, LinkState.DOWN, LinkState.UP, LinkState.DOWN):
        rig.core.links.show(Part.FEED, state, "x")
    rig.core.links.show(Part.AUDIT, LinkState.DOWN, "x")
    await rig.quiet()

    assert [state for _, state, _ in (await told(rig))[begun:]] == ["down", "up", "down"]


async def test_record_that_cannot_be_written_holds_up_no_order(rig: Rig, expected_log) -> None:
    expected_log("audit.unwritable")

    def fail() -> None:
        disarm_all()
        raise StorageUnwritable("full")

    arm("store.before_commit", fail)
    rig.core.links.show(Part.FEED, LinkState.DOWN, "x")
    await rig.quiet()

    assert AuditAction.LINK_CHANGED.value in (rig.folder / "emergency.jsonl").read_text()
    assert (await rig.submit(draft(price="99.90"))).acked
