"""Whatever is done to the database or to an export, both verifiers find it and say where.

An anchor is intact in each of these. The program's verifier is asked of the database, the script of the
export that an honest program made of that database, and of an export that was changed afterwards.
"""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.audit import chain, ledger, verify
from core.audit.export import export_chain
from core.audit.verify import Verifier
from core.audit.witnessed import Witnesses
from core.domain.audit import AuditAction, AuditDraft, AuditRecord, AuditReport, payload_of
from resources import verify_audit
from tests.arch.source import ROOT
from tests.fakes.chain import (
    DESK,
    INSTALLATION,
    NOW,
    SIGNER,
    STRANGER,
    ChainStore,
    KeptLines,
    head_of,
    line_of,
    reminted,
    resealed,
    whole_chain,
)

SCRIPT = ROOT / "resources" / "verify_audit.py"
CHAIN = whole_chain()
LENGTH = len(CHAIN)
ANCHORED = (4, 11, 20, LENGTH)
COLUMNS = tuple(field.name for field in fields(AuditRecord))
NUMBERS = ("seq", "ts_utc_us")
MOVED = 1_000


def side_file() -> KeptLines:
    return KeptLines("side file", *(line_of(CHAIN[seq - 1]) for seq in ANCHORED))


def witnesses() -> Witnesses:
    return Witnesses(INSTALLATION, SIGNER.public_key, [side_file()])


def ours(records: Sequence[AuditRecord]) -> AuditReport:
    """Ask the program's verifier."""
    return asyncio.run(Verifier(ChainStore(records), witnesses()).verify())


def export(records: Sequence[AuditRecord], signer=SIGNER, known: Witnesses | None = None) -> bytes:
    """Write what an honest program writes, whatever stands in the database."""
    file = io.BytesIO()
    asyncio.run(export_chain(ChainStore(records), signer, (known or witnesses()).ask(), file, NOW))
    return file.getvalue()


def script(text: bytes, public_key: bytes | None = None) -> list[dict[str, object]]:
    """Ask the script, in this process."""
    check = verify_audit.Check(public_key)
    first, *rest = io.BytesIO(text).readlines() or [b""]
    check.header(first)
    for number, line in enumerate(rest, 2):
        check.line(number, line)
    check.end()
    return check.faults


def child(folder: Path, text: bytes, *words: str) -> tuple[int, dict[str, object]]:
    """Ask the script as whoever received an export does: another process, nothing of ours in reach."""
    path = folder / "export.jsonl"
    path.write_bytes(text)
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), str(path), "--json", *words],
        capture_output=True, text=True, cwd=folder, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def changed(record: AuditRecord, column: str) -> AuditRecord:
    old = getattr(record, column)
    if column in NUMBERS:
        return replace(record, **{column: old + MOVED})
    return replace(record, **{column: ("B" if old[:1] == "A" else "A") + old[1:]})


def with_record(place: int, record: AuditRecord) -> tuple[AuditRecord, ...]:
    return (*CHAIN[:place], record, *CHAIN[place + 1 :])


def test_untouched_chain_holds_for_both_and_names_its_anchors(tmp_path):
    report = ours(CHAIN)
    code, found = child(tmp_path, export(CHAIN), "--public-key", SIGNER.public_key.hex())

    assert (report.faults, report.verified_to, report.anchors) == ((), LENGTH, ("side file", "cl_ord_id"))
    assert (code, found["ok"], found["faults"], found["records"]) == (0, True, [], LENGTH)
    assert (found["anchors"], found["order_ids"]) == ({"side file": len(ANCHORED)}, 2)
    assert found["head"] == {"seq": LENGTH, "digest": CHAIN[-1].digest}


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_of_every_kind_of_record_is_found_where_it_was_changed(column):
    for place, record in enumerate(CHAIN):
        tampered = with_record(place, changed(record, column))

        report, faults = ours(tampered), script(export(tampered))

        seq = record.seq
        # A record whose number was changed stands elsewhere: what is told is the record behind the gap.
        behind = seq + 1 if seq < LENGTH else seq + MOVED
        assert report.faults[0].seq == (behind if column == "seq" else seq), (column, seq)
        assert report.verified_to == seq - 1
        assert faults[0]["seq"] == seq, (column, seq)
        kind = {"seq": "deleted", "payload": "payload"}.get(column, "edited")
        assert faults[0]["kind"] == kind, (column, seq)


@pytest.mark.parametrize(
    ("place", "column"),
    [
        *((place, COLUMNS[place % len(COLUMNS)]) for place in range(LENGTH)),
        *((1, column) for column in COLUMNS),
    ],
)
def test_script_as_a_process_finds_each_kind_of_record_and_each_column(tmp_path, place, column):
    tampered = with_record(place, changed(CHAIN[place], column))

    code, found = child(tmp_path, export(tampered))

    assert (code, found["ok"], found["faults"][0]["seq"]) == (1, False, place + 1)


def taken_out(place: int) -> list[AuditRecord]:
    return [*CHAIN[:place], *CHAIN[place + 1 :]]


def renumbered(records: Sequence[AuditRecord]) -> list[AuditRecord]:
    return [replace(record, seq=number) for number, record in enumerate(records, 1)]


def forged(place: int) -> AuditRecord:
    draft = AuditDraft(AuditAction.ORDER_FILLED, DESK, "MSFT sell 1", payload_of({"forged": True}))
    return ledger.seal(head_of(CHAIN[:place]), draft, NOW)


def exchanged(one: int, other: int) -> list[AuditRecord]:
    made = list(CHAIN)
    made[one] = replace(CHAIN[other], seq=one + 1)
    made[other] = replace(CHAIN[one], seq=other + 1)
    return made


def rolled_back(place: int) -> list[AuditRecord]:
    """An older copy of the database, which was used again since."""
    made = list(CHAIN[:place])
    while len(made) < LENGTH + 3:
        draft = AuditDraft(AuditAction.LINK_CHANGED, DESK, "again", payload_of({}))
        made.append(ledger.seal(head_of(made), draft, NOW))
    return made


def next_anchor(seq: int) -> int:
    return min(anchor for anchor in ANCHORED if anchor >= seq)


PLACES = range(LENGTH)
# What is done, the records after it, what the script calls it and where; ours may name the one behind it.
STRUCTURE = [
    *((f"delete {n + 1}", taken_out(n), "deleted", n + 1) for n in PLACES[:-1]),
    *((f"delete and number anew {n + 1}", renumbered(taken_out(n)), "deleted", n + 1) for n in PLACES[1:-1]),
    *(
        (f"insert {n + 1}", renumbered([*CHAIN[:n], forged(n), *CHAIN[n:]]), "inserted", n + 1)
        for n in PLACES[1:]
    ),
    *((f"swap {n + 1} with the next", exchanged(n, n + 1), "swapped", n + 1) for n in PLACES[:-1]),
    ("swap 3 with 30", exchanged(2, 29), "swapped", 3),
    *((f"cut after {n}", list(CHAIN[:n]), "rolled back", n + 1) for n in PLACES),
    *((f"put back to {n}", rolled_back(n), "rewritten", next_anchor(n + 1)) for n in PLACES[1:]),
    *(
        (
            f"rewrite {n + 1} and all after it, order ids too",
            reminted(with_record(n, replace(CHAIN[n], entity="forged")), n),
            "rewritten",
            next_anchor(n + 1),
        )
        for n in PLACES
    ),
    ("fork at 2 from another whole chain", [*CHAIN[:1], *whole_chain("MSFT")[1:]], "rewritten", 4),
    ("exchange the tail", [*CHAIN[:7], *whole_chain("MSFT")[7:]], "forked", 8),
    ("exchange all of it", list(whole_chain("MSFT", STRANGER)), "genesis", 1),
    ("wipe", [], "rolled back", 1),
]


@pytest.mark.parametrize(
    ("records", "kind", "seq"), [each[1:] for each in STRUCTURE], ids=[each[0] for each in STRUCTURE]
)
def test_what_is_done_to_the_database_is_found_by_both_and_named_by_the_script(records, kind, seq):
    report, faults = ours(records), script(export(records))

    assert report.faults
    assert report.faults[0].seq in {seq, seq + 1}
    assert report.verified_to < report.faults[0].seq
    assert faults[0]["seq"] == seq
    assert (kind, seq) in seqs(faults)


@pytest.mark.parametrize(
    "name", ["delete 9", "insert 9", "swap 3 with 30", "cut after 9", "put back to 9", "wipe"]
)
def test_script_as_a_process_finds_what_was_done_to_the_database(tmp_path, name):
    _, records, kind, seq = next(each for each in STRUCTURE if each[0] == name)

    code, found = child(tmp_path, export(records))

    assert (code, found["faults"][0]["seq"]) == (1, seq)
    assert (kind, seq) in seqs(found["faults"])


@pytest.mark.parametrize("place", [1, 5, 12, 25])
def test_rewritten_history_that_keeps_its_order_ids_is_betrayed_by_them(place):
    records = resealed(with_record(place, replace(CHAIN[place], entity="forged")), place)
    first = next((r.seq for r in records[place + 1 :] if r.cl_ord_id), None)

    report, faults = ours(records), script(export(records))

    known = [(each["kind"], each["seq"]) for each in faults]
    assert ("rewritten", next_anchor(place + 1)) in known
    assert report.verified_to == max((anchor for anchor in ANCHORED if anchor <= place), default=0)
    if first is not None:
        assert ("witness", first) in known
        assert first in {fault.seq for fault in report.faults}


@pytest.mark.parametrize("value", [b"\xff\x00", 7, 1.5, None, "\0", ""])
@pytest.mark.parametrize("column", COLUMNS)
def test_value_of_another_type_is_found_by_both_and_breaks_neither(column, value):
    if column == "seq" and value != 7:  # the row number of the table is a whole number, whatever is done
        return
    tampered = with_record(9, replace(CHAIN[9], **{column: value}))

    report, faults = ours(tampered), script(export(tampered))

    if tampered == CHAIN:
        assert (report.faults, faults) == ((), [])
    elif column == "seq":
        assert report.faults
        assert faults
    else:
        assert report.faults[0].seq == faults[0]["seq"] == 10


@pytest.mark.parametrize("text", ["null", "[]", "{", '{"installation_id": "another"}', '{"public_key": 5}'])
def test_genesis_that_names_something_else_is_found_though_it_is_well_sealed(text):
    draft = AuditDraft(AuditAction.GENESIS, DESK, "x", text)
    records = (ledger.seal(head_of(()), draft, NOW),)

    report = asyncio.run(
        Verifier(ChainStore(records), Witnesses(INSTALLATION, SIGNER.public_key, [])).verify()
    )

    assert (report.faults[0].seq, report.verified_to) == (1, 0)


# What is done to the file itself.

TEXT = export(CHAIN)
LINES = TEXT.splitlines(keepends=True)


def with_lines(lines: Sequence[bytes]) -> bytes:
    return b"".join(lines)


def seqs(faults: Sequence[dict[str, object]]) -> list[tuple[object, object]]:
    return [(each["kind"], each["seq"]) for each in faults]


@given(place=st.integers(1, LENGTH))
def test_line_that_is_taken_out_of_a_file_is_found(place):
    faults = script(with_lines([*LINES[:place], *LINES[place + 1 :]]))

    kind = "deleted" if place < LENGTH else "truncated"
    assert seqs(faults)[0] == (kind, place)
    assert ("signature", 0) in seqs(faults)


@given(place=st.integers(1, LENGTH), again=st.integers(1, LENGTH))
def test_line_that_is_put_in_is_found(place, again):
    faults = script(with_lines([*LINES[: place + 1], LINES[again], *LINES[place + 1 :]]))

    kinds = {kind for kind, _ in seqs(faults)}
    assert kinds & {"inserted", "swapped"}
    assert faults[0]["seq"] in {again, place + 1}


@given(one=st.integers(1, LENGTH), other=st.integers(1, LENGTH))
def test_lines_that_are_exchanged_are_found(one, other):
    one, other = sorted((one, other))
    lines = list(LINES)
    lines[one], lines[other] = lines[other], lines[one]

    faults = script(with_lines(lines))

    if one == other:
        assert faults == []
    else:
        assert seqs(faults)[0] == ("swapped", one)


@given(size=st.integers(0, len(TEXT) - 1))
@example(size=TEXT.find(b"\n", len(TEXT) // 2))
def test_file_that_is_cut_anywhere_is_found(size):
    faults = script(TEXT[:size])

    whole = TEXT[:size].count(b"\n") - 1
    whole += TEXT[size:][:1] == b"\n"  # all of the last line is there but its end
    whole = min(whole, LENGTH)
    assert faults
    if whole >= 0:
        assert faults[0]["kind"] in {"truncated", "format"}
        assert faults[0]["seq"] in {whole + 1, 0}


@given(place=st.integers(0, len(TEXT) - 1), bit=st.integers(0, 7))
@example(place=TEXT.rfind(b"e", 0, -4), bit=5)  # a small figure of the signature becomes a capital
@example(place=TEXT.rfind(b'"records"') + 1, bit=0)
@example(place=TEXT.find(b"e", TEXT.rfind(b'"sha256":"') + 10), bit=5)
def test_no_bit_of_a_file_can_be_changed_unseen(place, bit):
    text = bytearray(TEXT)
    text[place] ^= 1 << bit

    faults = script(bytes(text))

    assert faults
    number = TEXT.count(b"\n", 0, place)
    if 1 <= number <= LENGTH and bytes(text).count(b"\n") == TEXT.count(b"\n"):
        assert any(each["seq"] in {number, number + 1} for each in faults) or seqs(faults) == [
            ("signature", 0)
        ]


@given(text=st.binary(max_size=300) | st.lists(st.sampled_from(LINES), max_size=6).map(with_lines))
def test_nothing_that_is_no_export_is_good_or_breaks_the_script(text):
    assert script(text)


@given(extra=st.sampled_from([LINES[5], LINES[-1], b"\n", b"x"]))
def test_what_stands_behind_the_end_is_found(extra):
    assert ("inserted", 0) in seqs(script(TEXT + extra))


def retold(place: int, **facts: object) -> bytes:
    line = {**json.loads(LINES[place]), **facts}
    return with_lines([*LINES[:place], json.dumps(line).encode() + b"\n", *LINES[place + 1 :]])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (retold(0, version=3), "format"),
        (retold(0, format="another"), "format"),
        (retold(0, public_key="x"), "format"),
        (retold(0, anchors=5), "format"),
        (retold(0, exported_at_us=5), "signature"),
        (retold(0, installation_id="another"), "genesis"),
        (retold(0, public_key=STRANGER.public_key.hex()), "genesis"),
        (retold(0, anchors=[]), "signature"),
        (retold(0, anchors=[{"place": "x", "line": "nonsense"}]), "anchor"),
        (retold(0, anchors=[{"place": "x", "line": line_of(CHAIN[3], STRANGER)}]), "anchor"),
        (retold(0, anchors=[{"place": "x", "line": line_of(CHAIN[3], SIGNER, "another")}]), "anchor"),
        (retold(-1, seq=LENGTH + 5), "truncated"),
        (retold(-1, seq=LENGTH - 5), "inserted"),
        (retold(-1, seq="x"), "format"),
        (retold(-1, digest=5), "format"),
        (retold(-1, digest=CHAIN[3].digest), "inserted"),
        (retold(-1, sha256="00" * 32), "signature"),
        (retold(-1, signature="00" * 64), "signature"),
        (retold(-1, signature="x"), "format"),
    ],
)
def test_what_stands_around_the_records_is_checked_too(text, kind):
    assert kind in {each["kind"] for each in script(text)}


def test_file_that_a_stranger_signed_anew_is_found_by_the_key_in_the_genesis_or_in_ones_hand():
    named = export(CHAIN, STRANGER, Witnesses(INSTALLATION, STRANGER.public_key, []))
    unnamed_chain = resealed(
        (ledger.seal(head_of(()), ledger.genesis(INSTALLATION, 1, DESK), NOW), *CHAIN[1:]), 1
    )
    unnamed_chain = reminted(unnamed_chain, 1)
    unnamed = export(unnamed_chain, STRANGER, Witnesses(INSTALLATION, STRANGER.public_key, []))

    assert ("genesis", 1) in seqs(script(named))
    assert script(unnamed) == []  # nothing in the file itself can tell; the key that was noted does
    assert ("signature", 0) in seqs(script(unnamed, SIGNER.public_key))


def test_anchors_that_were_kept_elsewhere_find_a_chain_that_was_cut_with_its_side_file(tmp_path):
    elsewhere = tmp_path / "anchors.jsonl"
    elsewhere.write_text("".join(f"{line_of(CHAIN[seq - 1])}\n" for seq in (6, 30)) + "torn")
    cut = export(CHAIN[:12], known=Witnesses(INSTALLATION, SIGNER.public_key, []))

    alone, _ = child(tmp_path, cut)
    code, found = child(tmp_path, cut, "--anchors", str(elsewhere))

    assert alone == 0
    assert (code, [(each["kind"], each["seq"]) for each in found["faults"]]) == (1, [("rolled back", 13)])
    assert found["anchors"] == {str(elsewhere): 2}


def test_faults_are_capped_and_the_first_are_kept():
    broken = [replace(record, entity="x") for record in _long(verify_audit.MOST_FAULTS + 20)]

    report, faults = ours(broken), script(export(broken))

    assert len(report.faults) == chain.MOST_FAULTS
    assert len(faults) == verify_audit.MOST_FAULTS
    assert [each["seq"] for each in faults[:3]] == [1, 2, 3]


def _long(length: int) -> list[AuditRecord]:
    made: list[AuditRecord] = [CHAIN[0]]
    while len(made) < length:
        made.append(ledger.seal(head_of(made), AuditDraft(AuditAction.ORDER_FILLED, DESK, "y"), NOW))
    return made


@pytest.mark.parametrize("batch", [1, 2, 7, LENGTH, LENGTH + 1])
def test_pages_of_any_size_give_the_same_report(monkeypatch, batch):
    tampered = with_record(9, replace(CHAIN[9], entity="x"))
    usual = ours(CHAIN), ours(tampered), export(CHAIN)
    monkeypatch.setattr(verify, "BATCH", batch)

    assert (ours(CHAIN), ours(tampered), export(CHAIN)) == usual


def test_progress_is_told_page_after_page(monkeypatch):
    monkeypatch.setattr(verify, "BATCH", 10)
    told: list[int] = []

    asyncio.run(Verifier(ChainStore(CHAIN), witnesses()).verify(told.append))

    assert told == list(range(10, LENGTH + 1, 10))
    assert all(before < after for before, after in pairwise(told))
