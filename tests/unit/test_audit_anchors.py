"""The head is signed and shown to each witness; one that knows better is shown nothing."""

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from core.adapters.keychain import KeychainAnchor
from core.audit.anchors import Anchorer, anchor_numbers
from core.audit.chain import Chain
from core.audit.verify import Verifier, Walk
from core.audit.witnessed import Witnesses
from core.bus import Bus
from core.clock import ManualClock
from core.domain.audit import AuditAnchor, AuditHead, AuditReport
from core.domain.messages import AuditVerified, Notice, Severity, VerifyAudit
from core.errors import DatabaseDamaged, KeyringUnavailable, StorageError, StorageUnwritable
from core.orders.audit_watch import AuditWatch
from tests.fakes.chain import (
    DESK,
    INSTALLATION,
    SIGNER,
    STRANGER,
    ChainStore,
    KeptLines,
    head_of,
    line_of,
    whole_chain,
)
from tests.fakes.chain import NOW as CHAIN_NOW
from tests.fakes.keychain import MemoryKeyring, allow

CHAIN = whole_chain()


class Desk:
    """An anchorer with all that it needs."""

    def __init__(self, *witnesses) -> None:
        self.store = ChainStore(CHAIN[:5])
        self.clock = ManualClock()
        self.notices: list[Notice] = []
        self.is_told = asyncio.Event()
        bus = Bus()
        bus.subscribe(Notice, self.notices.append)
        bus.subscribe(Notice, lambda _: self.is_told.set())
        self.anchorer = Anchorer(self.store, INSTALLATION, SIGNER, witnesses, self.clock, bus)


def known(*witnesses) -> list[AuditHead]:
    asked = Witnesses(INSTALLATION, SIGNER.public_key, witnesses).ask()
    assert asked.faults == ()
    return [each.head for each in asked.heads]


async def test_head_is_signed_and_shown_once_until_it_moves():
    side = KeptLines()
    desk = Desk(side)

    await desk.anchorer.anchor()
    await desk.anchorer.anchor()
    desk.store.records.append(CHAIN[5])
    await desk.anchorer.anchor()

    assert known(side) == [head_of(CHAIN[:5]), head_of(CHAIN[:6])]
    assert desk.notices == []


async def test_empty_chain_is_not_anchored():
    side = KeptLines()
    desk = Desk(side)
    desk.store.records.clear()

    await desk.anchorer.anchor()

    assert side.kept == []


class Told(KeptLines):
    """Says when it was shown something."""

    def __init__(self) -> None:
        super().__init__()
        self.was_told = threading.Event()

    def keep(self, line: str) -> None:
        super().keep(line)
        self.was_told.set()


async def test_head_that_moves_is_anchored_within_a_second():
    side = Told()
    desk = Desk(side)
    running = asyncio.get_running_loop().create_task(desk.anchorer.run())
    await asyncio.to_thread(side.was_told.wait, 10)
    side.was_told.clear()
    desk.store.records.append(CHAIN[5])

    while not side.was_told.is_set():
        await desk.clock.advance(0.5)
    running.cancel()

    stamps = [json.loads(line)["at_us"] for line in side.kept]
    assert known(side)[-1] == head_of(CHAIN[:6])
    assert len(stamps) == 2
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_witness_that_fails_is_told_of_once_and_the_others_go_on(expected_log):
    expected_log("anchor.missed")
    side, keyring = KeptLines(), KeptLines("the keyring")
    desk = Desk(keyring, side)
    keyring.error = KeyringUnavailable("it is locked")

    await desk.anchorer.anchor()
    await desk.anchorer.anchor()
    keyring.error = None
    await desk.anchorer.anchor()

    assert [(each.severity, each.text) for each in desk.notices] == [
        (Severity.WARNING, "the keyring: the record could not be anchored: it is locked"),
        (Severity.FACT, "the keyring: the record is anchored again"),
    ]
    assert known(side) == known(keyring) == [head_of(CHAIN[:5])]


async def test_witness_that_was_away_is_asked_again_within_a_minute_and_caught_up(expected_log):
    expected_log("anchor.missed")
    share = KeptLines("export folder", every_s=3_600.0)
    desk = Desk(share)
    share.error = StorageUnwritable("it is not there")
    running = asyncio.get_running_loop().create_task(desk.anchorer.run())
    await desk.is_told.wait()
    desk.store.records.append(CHAIN[5])
    await desk.clock.advance(30)
    assert numbers(desk) == {"investiq_anchor_missed_seconds": {"export folder": 30.0}}
    share.error = None
    desk.is_told.clear()

    await desk.clock.advance(30)
    await desk.is_told.wait()
    running.cancel()

    assert known(share) == [head_of(CHAIN[:6])]
    assert numbers(desk) == {
        "investiq_anchored_head": {"export folder": 6.0},
        "investiq_anchor_missed_seconds": {"export folder": 0.0},
    }
    with pytest.raises(asyncio.CancelledError):
        await running


def numbers(desk: Desk) -> dict[str, dict[str, float]]:
    families = [each.family() for each in anchor_numbers(desk.anchorer)]
    return {
        each.name: {sample.labels[0]: sample.value for sample in each.samples}
        for each in families
        if each.samples
    }


def test_numbers_without_an_anchorer_are_none():
    assert [each.family().samples for each in anchor_numbers(None)] == [(), ()]


async def test_witness_that_cannot_write_is_shown_the_head_again(expected_log):
    expected_log("anchor.missed")
    side = KeptLines()
    desk = Desk(side)
    await desk.anchorer.anchor()
    desk.store.records.append(CHAIN[5])
    side.error = StorageUnwritable("the disk is full")
    await desk.anchorer.anchor()
    side.error = None

    await desk.anchorer.anchor()

    assert known(side)[-1] == head_of(CHAIN[:6])


async def test_database_that_gives_no_answer_is_asked_again(expected_log):
    expected_log("anchor.missed")
    side = KeptLines()
    desk = Desk(side)
    desk.store.error = StorageError("no answer")
    await desk.anchorer.anchor()
    desk.store.error = None

    await desk.anchorer.anchor()

    assert known(side) == [head_of(CHAIN[:5])]


@pytest.mark.parametrize("records", [CHAIN[:4], whole_chain("forged")[:6], ()], ids=["cut", "other", "wiped"])
async def test_chain_that_does_not_go_on_from_what_was_anchored_is_an_alarm_and_not_signed(
    records, expected_log
):
    expected_log("anchor.missed")
    side = KeptLines("side file", line_of(CHAIN[4]))
    desk = Desk(side)
    desk.store.records[:] = records

    await desk.anchorer.anchor()
    await desk.anchorer.run()
    await desk.anchorer.anchor()

    assert side.kept == [line_of(CHAIN[4])]
    assert [each.severity for each in desk.notices] == [Severity.ALARM]
    assert "record 5 is not the one that was anchored" in desk.notices[0].text


async def test_chain_that_is_cut_while_it_is_anchored_is_an_alarm(expected_log):
    expected_log("anchor.missed")
    side = KeptLines()
    desk = Desk(side)
    await desk.anchorer.anchor()
    desk.store.records[:] = CHAIN[:3]

    await desk.anchorer.anchor()

    assert known(side) == [head_of(CHAIN[:5])]
    assert [each.severity for each in desk.notices] == [Severity.ALARM]


async def test_lines_of_a_stranger_are_no_witness():
    side = KeptLines("side file", "garbage", line_of(whole_chain("forged")[9], STRANGER))
    desk = Desk(side)

    await desk.anchorer.anchor()

    assert json.loads(side.kept[-1])["seq"] == 5


async def test_keyring_keeps_the_newest_head_only(monkeypatch):
    allow(monkeypatch)
    ring = MemoryKeyring()
    witness = KeychainAnchor(ring, "desk")
    desk = Desk(witness)
    assert witness.lines() == ()

    await desk.anchorer.anchor()
    desk.store.records.append(CHAIN[5])
    await desk.anchorer.anchor()

    assert known(witness) == [head_of(CHAIN[:6])]
    assert list(ring.held) == [("InvestIQ", "desk/anchor")]


def test_keyring_that_is_not_known_to_encrypt_is_no_witness():
    with pytest.raises(KeyringUnavailable):
        KeychainAnchor(MemoryKeyring(), "desk")


GOOD = json.loads(line_of(CHAIN[4]))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "no anchor"),
        ("[]", "no anchor"),
        ("nonsense", "no anchor"),
        (json.dumps({**GOOD, "v": 2}), "no anchor"),
        (json.dumps({**GOOD, "seq": "5"}), "no anchor"),
        (json.dumps({**GOOD, "digest": 5}), "no anchor"),
        (json.dumps({**GOOD, "more": 5}), "no anchor"),
        (json.dumps({**GOOD, "seq": 6}), "record 6 was not signed"),
        (json.dumps({**GOOD, "seq": 2**70}), "was not signed"),
        (json.dumps({**GOOD, "at_us": 6}), "record 5 was not signed"),
        (json.dumps({**GOOD, "digest": CHAIN[5].digest}), "record 5 was not signed"),
        (json.dumps({**GOOD, "digest": "\ud800"}), "record 5 was not signed"),
        (json.dumps({**GOOD, "signature": "00" * 64}), "record 5 was not signed"),
        (json.dumps({**GOOD, "signature": "x"}), "record 5 was not signed"),
        (line_of(CHAIN[4], STRANGER), "record 5 was not signed"),
        (line_of(CHAIN[4], installation="another"), "another installation"),
    ],
)
def test_line_that_was_not_signed_here_is_a_fault_that_names_its_record(line, reason):
    asked = Witnesses(
        INSTALLATION, SIGNER.public_key, [KeptLines("side file", line, line_of(CHAIN[2]))]
    ).ask()

    assert [each.head.seq for each in asked.heads] == [3]
    assert len(asked.faults) == 1
    assert reason in asked.faults[0].reason


def test_witness_that_gives_no_answer_is_named_and_a_lost_one_is_a_fault():
    locked, lost = KeptLines("the keyring"), KeptLines("side file")
    locked.error, lost.error = KeyringUnavailable("it is locked"), DatabaseDamaged("it is not there")

    asked = Witnesses(INSTALLATION, SIGNER.public_key, [locked, lost]).ask()

    assert asked.silent == ("the keyring: it is locked",)
    assert [(each.seq, each.reason) for each in asked.faults] == [(0, "side file: it is not there")]
    assert asked.places == ()


def test_report_says_what_each_witness_keeps_and_how_many_order_ids_agree():
    side = KeptLines("side file", line_of(CHAIN[1]), line_of(CHAIN[3]))
    keyring = KeptLines("the keyring", line_of(CHAIN[2]))
    known_heads = Witnesses(INSTALLATION, SIGNER.public_key, (side, keyring)).ask()

    walk = Walk(Chain(known=known_heads), known_heads.heads, known_heads)
    walk.on(CHAIN)
    report = walk.report()

    at_us = (CHAIN_NOW - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    minted = [each.seq for each in CHAIN if each.cl_ord_id]
    assert report.held == (
        AuditAnchor("side file", 2, 4, at_us),
        AuditAnchor("the keyring", 1, 3, at_us),
        AuditAnchor("cl_ord_id", len(minted), minted[-1] - 1, 0),
    )


async def test_watch_tells_what_witnesses_were_shown_since_the_last_check():
    side = KeptLines("side file")
    desk = Desk(side)
    bus, told = Bus(), list[AuditReport]()
    bus.subscribe(AuditVerified, lambda event: told.append(event.report))
    verifier = Verifier(desk.store, Witnesses(INSTALLATION, SIGNER.public_key, (side,)))
    watch = AuditWatch(verifier, lambda *_: None, desk.clock, bus, desk.anchorer.shown)
    reports = []

    for record in (None, CHAIN[5], CHAIN[6]):
        if record is not None:
            desk.store.records.append(record)
        reports.append(watch._tell(await verifier.verify_new()))
        await desk.anchorer.anchor()
    reports.append(await watch.verify(VerifyAudit(), DESK))

    orders = [sum(bool(each.cl_ord_id) for each in CHAIN[:count]) for count in (5, 6, 7)]
    assert [[(each.place, each.count, each.seq) for each in report.held][:1] for report in reports] == [
        [("cl_ord_id", orders[0], 3)],
        [("cl_ord_id", orders[1], 3)],
        [("cl_ord_id", orders[2], 3)],
        [("side file", 3, 7)],
    ]
    assert [each.seq for report in reports[1:3] for each in report.held if each.place == "side file"] == [
        5,
        6,
    ]
    assert told == reports
    assert AuditWatch(verifier, lambda *_: None, desk.clock, bus)._shown() == ()
