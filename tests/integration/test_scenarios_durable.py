"""The acceptance scenarios DT-1, DT-2 and DT-5: a full disk, files that were spoiled, and odd clocks.

DT-1 and DT-5 run at the local Alpaca server. DT-3 and DT-4 are those of migration and backup.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.audit.verify import Verifier
from core.domain.access import TradingState
from core.domain.audit import AuditAction, AuditDraft
from core.domain.messages import CancelOrder, KillTrading, SubmitOrder
from core.domain.terms import OrdStatus, TimeInForce
from core.errors import (
    AuditUnwritable,
    DatabaseDamaged,
    DatabaseMissing,
    NotADatabase,
    Refused,
    StorageError,
    StorageUnwritable,
    WrongPassphrase,
)
from core.storage import vault
from core.storage.store import open_store
from core.storage.vault import Key
from tests.fakes.alpaca_rig import AlpacaRig
from tests.fakes.rig import EVERY_RULE, Rig, draft

FAR = "90.00"
ORDERS = "/v2/orders"
ROOM_PAGES = 1_000_000
HOUR_S = 3600


@pytest.fixture
async def rig(tmp_path: Path):
    made = await AlpacaRig(tmp_path).serve()
    yield made
    await made.stop()


async def quota(rig: Rig, pages: int) -> None:
    """Let the database grow to so many pages, as a full disk does."""
    await rig.store.inner.write(
        lambda uow: uow._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").scalar()
    )


async def fill_the_disk(rig: Rig) -> None:
    """Leave no room, that in the last page of the record included."""
    await quota(rig, 1)
    for size in (50_000, 500, 5):
        with pytest.raises(StorageUnwritable):
            await _write_settings(rig, "x" * size)
        with pytest.raises(AuditUnwritable):
            await _write_records(rig, "x" * size)


async def _write_settings(rig: Rig, text: str) -> None:
    while True:
        name = os.urandom(8).hex()
        await rig.store.write(lambda uow, name=name: uow.save_setting(name, text))


async def _write_records(rig: Rig, text: str) -> None:
    while True:
        await rig.core.journal.record(AuditDraft(AuditAction.SETTING_CHANGED, rig.core.desk_actor, text))


# DT-1: the disk is full when an intent is to be committed.


async def test_dt_1_order_whose_intent_finds_no_room_is_not_sent_and_says_so(
    rig: AlpacaRig, expected_log
) -> None:
    expected_log("audit.unwritable")
    await fill_the_disk(rig)

    with pytest.raises(Refused, match=r"Nothing was sent.*disk is full"):
        await rig.submit(draft(qty=1, price=FAR))

    assert rig.server.journal.requests("POST", ORDERS) == []
    assert rig.core.state.orders.open() == ()
    await quota(rig, ROOM_PAGES)


async def test_dt_1_cancel_and_kill_reach_the_broker_while_the_disk_is_full(
    rig: AlpacaRig, expected_log
) -> None:
    first = await rig.submit(draft(qty=1, price=FAR))
    second = await rig.submit(draft(qty=2, price=FAR))
    await fill_the_disk(rig)
    for words in ("cancel.unwritable", "kill.unwritable", "report.unwritable", "link.lost"):
        expected_log(words)

    await rig.begin(CancelOrder(first.cl_ord_id))
    is_cancelled = not rig.at_server(first.cl_ord_id).is_open
    killing = await rig.begin(KillTrading("the disk is full"))
    await rig.wait(5, 0.5)
    is_killed = not rig.at_server(second.cl_ord_id).is_open
    await quota(rig, ROOM_PAGES)
    await rig.end(killing)
    await rig.wait(10, 1)

    assert (is_cancelled, is_killed) == (True, True)
    assert rig.core.state.trading_state is TradingState.HALTED
    assert rig.order(second.cl_ord_id).ord_status is OrdStatus.CANCELED
    await rig.reconnect()
    await rig.agree()


# DT-2: files that are not what they were.


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def _plain(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00" + bytes(8176))


SPOILED: list[tuple[str, Callable[[Path], object], type[StorageError]]] = [
    ("a flipped bit", _flip, DatabaseDamaged),
    ("a cut", _cut, DatabaseDamaged),
    ("plain SQLite", _plain, NotADatabase),
    ("no file", Path.unlink, DatabaseMissing),
]


@pytest.fixture
def profile(tmp_path: Path) -> tuple[Path, Key]:
    key = vault.create(tmp_path, "correct horse battery")
    open_store(tmp_path / "investiq.db", key, create=True).close()
    return tmp_path, key


def _message(path: Path, key: Key, kind: type[StorageError]) -> str:
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(kind) as caught:
        open_store(path, key, create=False)
    after = path.read_bytes() if path.exists() else None
    assert after == before
    return str(caught.value)


def test_dt_2_five_losses_have_five_messages_and_nothing_is_overwritten(
    profile: tuple[Path, Key],
) -> None:
    folder, key = profile
    path = folder / "investiq.db"
    whole = path.read_bytes()
    messages = []

    for _, spoil, kind in SPOILED:
        spoil(path)
        messages.append(_message(path, key, kind))
        path.write_bytes(whole)
    with pytest.raises(WrongPassphrase) as caught:
        vault.unlock(folder, "wrong horse battery")
    messages.append(str(caught.value))

    assert len(set(messages)) == len(messages) == 5
    open_store(path, key, create=False).close()


# DT-5: clocks that jump, the end of the day and of the year.


@pytest.mark.parametrize("hours", [1, -1])
async def test_dt_5_clock_that_jumps_an_hour_costs_a_new_connection_and_no_order(
    rig: AlpacaRig, expected_log, hours: int
) -> None:
    expected_log("link.lost")
    key = rig.key()
    wanted = draft(qty=10, price=FAR)
    before = await rig.submit(wanted, key)

    rig.clock._now += timedelta(hours=hours)
    await rig.wait(30, 1)
    again = (await rig.do(SubmitOrder(wanted, key, EVERY_RULE))).order
    after = await rig.submit(draft(qty=5, price=FAR))

    assert again.cl_ord_id == before.cl_ord_id
    assert rig.server.journal.posts_by_id() == {before.cl_ord_id: 1, after.cl_ord_id: 1}
    records = await rig.store.read(lambda reader: reader.audit_records(0, 100_000))
    assert [each.seq for each in records] == list(range(1, len(records) + 1))
    assert (await Verifier(rig.store).verify()).faults == ()
    await rig.agree()


async def test_dt_5_day_order_ends_with_the_day_that_was_slept_through_and_a_gtc_lives(
    rig: AlpacaRig, expected_log
) -> None:
    expected_log("link.lost")
    day = await rig.submit(draft(qty=1, price=FAR))
    gtc = await rig.submit(draft(qty=1, price=FAR, tif=TimeInForce.GTC))

    rig.clock.turn(8 * HOUR_S)
    await rig.wait(60, 1)

    assert rig.order(day.cl_ord_id).ord_status is OrdStatus.EXPIRED
    assert rig.order(gtc.cl_ord_id).ord_status is OrdStatus.NEW
    await rig.agree()


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 12, 31, 23, 59, 50, tzinfo=UTC),  # the year ends in UTC
        datetime(2026, 3, 8, 6, 59, 50, tzinfo=UTC),  # clocks go forward in New York
        datetime(2026, 11, 1, 5, 59, 50, tzinfo=UTC),  # and back
        datetime(2028, 2, 28, 23, 59, 50, tzinfo=UTC),  # a leap day begins
    ],
)
async def test_dt_5_decision_stands_and_the_record_holds_over_an_odd_midnight(
    tmp_path: Path, moment: datetime
) -> None:
    rig = AlpacaRig(tmp_path)
    rig.clock._now = moment
    rig.server.exchange.settings.session = "regular"
    await rig.serve()
    key = rig.key()
    wanted = draft(qty=10, price=FAR, tif=TimeInForce.GTC)
    before = await rig.submit(wanted, key)

    await rig.wait(20, 1)
    again = (await rig.do(SubmitOrder(wanted, key, EVERY_RULE))).order
    await rig.kill()
    await rig.start()
    once_more = (await rig.do(SubmitOrder(wanted, key, EVERY_RULE))).order

    assert before.cl_ord_id == again.cl_ord_id == once_more.cl_ord_id
    assert rig.server.journal.posts(before.cl_ord_id) == 1
    assert (await Verifier(rig.store).verify()).faults == ()
    await rig.agree()
    await rig.stop()
