"""Old fills and closed lots in archives: what goes, what stays, and that every figure is as it was."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core import failpoints
from core.audit import ledger
from core.audit.sealing import Sealer
from core.domain.audit import AuditAction, AuditDraft
from core.domain.money import Money, Price, Qty
from core.domain.records import AuditQuery
from core.domain.terms import Side
from core.errors import DatabaseDamaged, StorageError, StorageUnwritable
from core.ids import ClOrdId, ExecId
from core.portfolio import retiring
from core.portfolio.archiving import FillArchiver
from core.storage.archive_folder import FOLDER
from core.storage.fill_files import FillFiles
from core.storage.segments import archives_of
from tests.fakes.fill_history import BEFORE, DESK, NOW, OLD, FillHistory, days, fill, round_trip

BUY, SELL = Side.BUY, Side.SELL
# The newest fill of a symbol stays.
YOUNG, YOUNG_MSFT = fill("young", at=NOW), fill("young msft", symbol="MSFT", at=NOW)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[FillHistory]:
    made = FillHistory.begin(tmp_path)
    yield made
    failpoints.disarm_all()
    await made.store.close_async()


async def test_lots_that_were_closed_long_ago_are_archived_with_their_fills(desk):
    await desk.book(*round_trip("a"), *round_trip("b", symbol="MSFT"), YOUNG, YOUNG_MSFT)
    positions = await desk.store.read(lambda reader: reader.positions())

    (archive,) = await desk.archiver.run(BEFORE, NOW, DESK)

    assert (archive.fills, archive.closes, archive.number) == (4, 2, 1)
    assert await desk.names() == ["young", "young msft"]
    assert await desk.store.read(lambda reader: reader.lot_closes()) == ()
    assert await desk.store.read(lambda reader: reader.positions()) == positions
    assert await desk.adds_up()
    assert await desk.run() == 0


async def test_archive_holds_every_row_as_it_stood_and_is_closed_to_others(desk):
    await desk.book(*round_trip("a"), YOUNG)
    fills = await desk.store.read(lambda reader: reader.fills())
    closes = await desk.store.read(lambda reader: reader.lot_closes())

    (archive,) = await desk.archiver.run(BEFORE, NOW, DESK)

    held = desk.files.read(archive)
    assert tuple(each.fill for each in held.fills) == fills[:-1]
    assert tuple(each.close for each in held.closes) == closes
    assert [each.place for each in held.fills] == [1, 2]
    path = desk.folder / FOLDER / archive.file
    assert hashlib.sha256(path.read_bytes()).hexdigest() == archive.sha256
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"AAPL" not in path.read_bytes()


@pytest.mark.parametrize(
    "facts",
    [
        {"ended": None},
        {"unknown": True, "acked": False, "ended": None},
        {"gave_up": True},
        {"updated_at": BEFORE},
        {"cum_qty": Qty(1)},  # told of more than is booked
    ],
)
async def test_order_that_is_not_settled_keeps_its_fills(desk, facts):
    await desk.book(*round_trip("a"), **facts)
    await desk.book(YOUNG)

    assert await desk.run() == 0


async def test_lot_that_is_open_in_part_keeps_all_that_touches_it(desk):
    await desk.book(fill("in", qty=10), fill("out", SELL, 4, at=OLD + days(1)), YOUNG)

    assert await desk.run() == 0


async def test_lot_that_was_closed_lately_keeps_its_fills_and_the_lots_before_it_go(desk):
    await desk.book(*round_trip("a"), *round_trip("b", at=OLD + days(2)))
    await desk.book(fill("in", at=OLD + days(3)), fill("out", SELL, at=BEFORE), YOUNG)

    assert await desk.run() == 4
    assert await desk.names() == ["in", "out", "young"]
    assert await desk.adds_up()


async def test_fill_that_closes_two_lots_stays_until_the_second_is_due(desk):
    await desk.book(fill("1", qty=10), fill("2", qty=10, at=OLD + days(1)))
    await desk.book(fill("3", SELL, 15, "12", at=OLD + days(2)))
    await desk.book(fill("4", SELL, 5, "13", at=BEFORE + days(1)), YOUNG)

    assert await desk.run() == 1
    assert await desk.names() == ["2", "3", "4", "young"]
    assert await desk.adds_up()
    assert (await desk.check()).faults == ()

    assert await desk.run(BEFORE + days(40)) == 3
    assert await desk.names() == ["young"]
    assert await desk.adds_up()
    assert (await desk.check()).faults == ()


async def test_fills_of_one_order_go_together_or_not_at_all(desk):
    await desk.book(fill("1", order="IQ-x", qty=10), fill("2", SELL, 10))
    await desk.book(fill("3", order="IQ-x", qty=5, at=OLD + days(1)), YOUNG)

    assert await desk.run() == 1
    assert await desk.names() == ["1", "3", "young"]
    assert await desk.adds_up()


async def test_order_that_took_the_place_of_another_counts_its_fills(desk):
    old, new = fill("1", order="IQ-a", qty=4), fill("2", order="IQ-b", qty=6)
    await desk.book(old, new, fill("3", SELL, 10, at=OLD + days(1)), YOUNG)
    order = replace(desk.orders[ClOrdId("IQ-b")], orig_cl_ord_id=ClOrdId("IQ-a"), cum_qty=Qty(11))
    await desk.store.write(lambda uow: uow.update_order(order))

    assert [len(each.orders) for each in await desk.archiver.due(BEFORE)] == [2]
    await desk.store.write(lambda uow: uow.update_order(replace(order, cum_qty=Qty(10))))
    assert [len(each.orders) for each in await desk.archiver.due(BEFORE)] == [3]


async def test_inferred_fill_that_stands_keeps_its_order(desk):
    await desk.book(fill("1", inferred=True), fill("2", SELL), YOUNG)
    await desk.book(fill("3", inferred=True, symbol="MSFT", order="IQ-3"), YOUNG_AGAIN)
    back = fill("3:back", SELL, symbol="MSFT", order="IQ-3", inferred=True, fee="-0.01", corrects=ExecId("3"))
    await desk.book(back, YOUNG_MSFT)

    assert await desk.run() == 3
    assert await desk.names() == ["1", "young", "young again", "young msft"]
    assert await desk.adds_up()


YOUNG_AGAIN = replace(YOUNG, exec_id=ExecId("young again"), cl_ord_id=ClOrdId("IQ-again"))


async def test_newest_fill_of_a_symbol_stays_whatever_its_age(desk):
    await desk.book(*round_trip("a"), *round_trip("b", symbol="MSFT"))

    assert await desk.run() == 2
    assert await desk.names() == ["a-out", "b-out"]
    assert await desk.adds_up()


async def test_what_is_fed_into_the_record_names_file_sums_and_seal(desk):
    await desk.book(*round_trip("a"), YOUNG)
    (archive,) = await desk.archiver.run(BEFORE, NOW, DESK)

    query = AuditQuery(action=AuditAction.FILLS_ARCHIVED)
    (record,) = await desk.store.read(lambda reader: reader.audit_page(query))
    facts = json.loads(record.payload)

    assert (facts["file"], facts["seal"], facts["sha256"]) == (archive.file, archive.digest, archive.sha256)
    assert (facts["fills"], facts["closes"], facts["symbols"]) == (2, 1, ["AAPL"])


async def test_due_says_what_the_run_does_and_changes_nothing(desk, monkeypatch):
    monkeypatch.setattr(retiring, "MOST_ROWS", 7)
    for number in range(5):
        await desk.book(*round_trip(f"a{number}"), *round_trip(f"b{number}", symbol="MSFT"))
    await desk.book(YOUNG, YOUNG_MSFT)
    before = desk.rows()

    due = await desk.archiver.due(BEFORE)
    assert desk.rows() == before
    made = await desk.archiver.run(BEFORE, NOW, DESK)

    assert sum(each.fills for each in made) == sum(each.fills for each in due) == 20
    assert sum(each.closes for each in made) == sum(len(each.closes) for each in due) == 10
    assert [each.number for each in made] == [1, 2, 3, 4, 5]
    assert (await desk.check()).faults == ()


async def test_order_that_changes_meanwhile_is_left_to_the_next_run(desk):
    await desk.book(*round_trip("a"), YOUNG)
    order = replace(desk.orders[ClOrdId("IQ-a-in")], updated_at=NOW, text="told anew")

    class Busy:
        async def write(self, work):
            await desk.store.write(lambda uow: uow.update_order(order))
            return await desk.journal.write(work)

    archiver = FillArchiver(desk.store, Busy(), desk.files)

    assert await archiver.run(BEFORE, NOW, DESK) == ()
    assert await desk.names() == ["a-in", "a-out", "young"]
    assert list((desk.folder / FOLDER).iterdir()) == []
    assert await desk.store.read(lambda reader: reader.audit_page(AuditQuery("archived"))) == ()


@pytest.mark.parametrize(
    "place", ["retention.written", "fills.compared", "uow.archive_fills", "fills.half_deleted"]
)
async def test_run_that_fails_before_its_commit_leaves_the_fills_as_they_were(desk, place):
    await desk.book(*round_trip("a"), YOUNG)
    before = desk.rows()

    def fail() -> None:
        raise StorageError("no answer")

    failpoints.arm(place, fail)
    with pytest.raises(StorageError):
        await desk.run()
    failpoints.disarm_all()

    assert desk.rows() == before
    assert await desk.store.read(lambda reader: reader.fill_archives()) == ()
    assert await desk.run() == 2
    assert [path.suffix for path in (desk.folder / FOLDER).iterdir()] == [".db"]


async def test_archive_without_its_name_is_read_and_survives_a_run_of_the_audits_sealing(desk):
    await desk.book(*round_trip("a"), YOUNG)

    def fail() -> None:
        raise StorageError("no answer")

    failpoints.arm("fills.archived", fail)
    with pytest.raises(StorageError):
        await desk.run()
    failpoints.disarm_all()
    await Sealer(desk.store, desk.journal, archives_of(desk.store.path)).settle()

    assert [path.suffix for path in (desk.folder / FOLDER).iterdir()] == [".partial"]
    assert (await desk.check()).faults == (await desk.check()).absent == ()
    await desk.archiver.settle()
    assert [path.suffix for path in (desk.folder / FOLDER).iterdir()] == [".db"]


async def test_rows_that_do_not_hold_are_not_archived(desk):
    await desk.book(*round_trip("a"), YOUNG)
    desk.tamper("UPDATE lot_closes SET realised = '1000'")
    before = desk.rows()

    with pytest.raises(DatabaseDamaged, match="from there on no fill was archived"):
        await desk.run()

    assert desk.rows() == before


async def test_fill_whose_price_is_not_that_of_its_lot_is_not_archived(desk):
    await desk.book(*round_trip("a"), YOUNG)
    desk.tamper("UPDATE fills SET last_px = '12' WHERE exec_id = 'a-out'")

    with pytest.raises(DatabaseDamaged, match="fill a-out and what it closed or opened have other prices"):
        await desk.run()

    assert await desk.store.read(lambda reader: reader.fill_archives()) == ()


async def test_archive_that_reads_otherwise_than_it_was_written_is_not_sealed(desk):
    await desk.book(*round_trip("a"), YOUNG)
    before = desk.rows()

    class Forgetful(FillFiles):
        def read(self, archive):
            return replace(super().read(archive), closes=())

    with pytest.raises(DatabaseDamaged, match="does not hold what was written"):
        await FillArchiver(desk.store, desk.journal, Forgetful(desk.folder / FOLDER)).run(BEFORE, NOW, DESK)

    assert desk.rows() == before


async def test_folder_that_takes_nothing_is_told_and_nothing_is_archived(desk):
    await desk.book(*round_trip("a"), YOUNG)
    (desk.folder / FOLDER).write_text("a file in its place")

    with pytest.raises(StorageUnwritable, match="archive"):
        await desk.run()

    assert await desk.names() == ["a-in", "a-out", "young"]


@pytest.mark.parametrize("table", ["fills", "lot_closes"])
async def test_database_lets_go_of_no_row_that_is_in_no_archive(desk, table):
    await desk.book(*round_trip("a"), YOUNG)
    await desk.run()
    late = fill("late", order="IQ-a-in", at=OLD)
    await desk.book(late, fill("later", SELL, at=OLD))

    def work(uow) -> None:
        uow._connection.exec_driver_sql(f"DELETE FROM {table}")

    with pytest.raises(StorageError):
        await desk.store.write(work)
    assert len(await desk.names()) == 3


async def test_fill_that_is_told_late_of_an_archived_order_stays(desk):
    await desk.book(*round_trip("a"), YOUNG)
    await desk.run()
    await desk.book(fill("late", order="IQ-a-in"), fill("out", SELL, at=OLD + timedelta(hours=2)))
    await desk.book(YOUNG_AGAIN)

    assert await desk.run() == 1
    assert await desk.names() == ["young", "late", "young again"]
    assert await desk.adds_up()
    assert (await desk.check()).faults == ()


TAMPERED = {
    "fees of what is carried forward": "UPDATE carried_forward SET fees = '5'",
    "realised of what is carried forward": "UPDATE carried_forward SET realised = '5'",
    "shares of an order": "UPDATE archived_orders SET shares = '5'",
    "an order": "DELETE FROM archived_orders WHERE cl_ord_id = 'IQ-a-in'",
    "number of fills": "UPDATE fill_archives SET fills = 5 WHERE number = 1",
    "date": "UPDATE fill_archives SET up_to = 5 WHERE number = 1",
    "hash": "UPDATE fill_archives SET sha256 = 'x' WHERE number = 1",
    "the newest seal": "DELETE FROM fill_archives WHERE number = 2",
    "all seals": "DELETE FROM fill_archives",
    "key": "UPDATE fill_archives SET key = '00' WHERE number = 1",
    "a position": "UPDATE positions SET realised = '1' WHERE symbol = 'AAPL'",
}


@pytest.mark.parametrize("what", TAMPERED)
async def test_change_of_what_is_carried_forward_is_found(desk, what):
    await desk.book(*round_trip("a"), YOUNG)
    await desk.run()
    await desk.book(*round_trip("b", at=OLD + days(1)), YOUNG_AGAIN)
    await desk.run()
    assert (await desk.check()).faults == ()

    desk.tamper(TAMPERED[what])

    assert (await desk.check()).faults != ()


async def test_archive_that_was_changed_is_a_fault_and_one_that_is_gone_is_told(desk):
    await desk.book(*round_trip("a"), YOUNG)
    (archive,) = await desk.archiver.run(BEFORE, NOW, DESK)
    path = desk.folder / FOLDER / archive.file
    whole = path.read_bytes()

    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    changed = await desk.check()
    path.unlink()
    gone = await desk.check()

    assert "is not the file that was sealed" in changed.faults[0]
    assert (gone.faults, len(gone.absent), gone.fills) == ((), 1, 2)
    assert "2 fills is not at hand" in gone.absent[0]
    assert await desk.adds_up()


async def test_seal_is_held_against_a_record_that_was_archived_itself(desk):
    await desk.book(*round_trip("a"), YOUNG)
    await desk.run()
    audit = archives_of(desk.store.path)
    later = AuditDraft(AuditAction.PROGRAM_STARTED, DESK, "desk")
    await desk.store.write(lambda uow: ledger.append(uow, later, NOW + days(800)))
    sealed = await Sealer(desk.store, desk.journal, audit).run(NOW + days(400), NOW + days(800), DESK)
    assert len(sealed) == 1
    assert (await desk.check()).faults == ()

    desk.tamper("DELETE FROM fill_archives", "DELETE FROM carried_forward", "DELETE FROM archived_orders")

    assert (await desk.check()).faults != ()
    (desk.folder / FOLDER / sealed[0].file).unlink()
    assert (await desk.check()).faults == ()  # the record that told of it is not at hand


async def test_price_or_money_of_many_digits_is_carried_forward_exactly(desk):
    qty, price = Qty("0.123456789"), Price("1234.56789")
    await desk.book(fill("1", qty=qty, price=price, fee=Money("0.000000001")))
    await desk.book(fill("2", SELL, qty, "0.000000001", at=OLD + days(1)), YOUNG)

    assert await desk.run() == 2
    (sums,) = await desk.store.read(lambda reader: reader.carried_forward())
    assert sums.realised == qty * Price("0.000000001") - qty * price
    assert sums.fees == Money("0.010000001")
    assert await desk.adds_up()
