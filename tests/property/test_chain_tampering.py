"""Whatever is done to the chain, the verifier finds it and says where."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audit import ledger
from core.audit.chain import MOST_FAULTS, START
from core.audit.verify import CL_ORD_ID_ANCHOR, verify
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft, AuditHead, AuditRecord, payload_of
from core.ids import CountedIds, mint_cl_ord_id

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
DESK = Actor("demo", "trader", Origin.DESK, "s1")
LENGTH = 8
COLUMNS = tuple(field.name for field in fields(AuditRecord))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def chain(length: int = LENGTH, word: str = "x") -> tuple[AuditRecord, ...]:
    records = [ledger.seal(START, ledger.genesis("installation", 1, DESK), NOW)]
    ids = CountedIds()
    while len(records) < length:
        head = AuditHead(records[-1].seq, records[-1].digest)
        order = mint_cl_ord_id(ids, head.digest) if len(records) % 2 else ""
        minted = AuditAction.REPLACE_REQUESTED if len(records) % 3 == 0 else AuditAction.ORDER_PREPARED
        action = minted if order else AuditAction.ORDER_FILLED
        payload = payload_of({"n": len(records), "word": word})
        records.append(
            ledger.seal(head, AuditDraft(action, DESK, f"{word} {len(records)}", payload, "B", order), NOW)
        )
    return tuple(records)


WHOLE = chain()
HEAD = AuditHead(WHOLE[-1].seq, WHOLE[-1].digest)
PLACES = st.integers(0, LENGTH - 1)


def resealed(records: list[AuditRecord], start: int) -> list[AuditRecord]:
    """What a forger who knows the program does: make every digest anew from the change on."""
    made = records[:start]
    for record in records[start:]:
        draft = AuditDraft(
            AuditAction(record.action), DESK, record.entity, record.payload, record.order_id, record.cl_ord_id
        )
        head = AuditHead(made[-1].seq, made[-1].digest) if made else START
        made.append(ledger.seal(head, draft, NOW))
    return made


def test_untouched_chain_holds_and_names_its_anchor():
    report = verify(WHOLE, expected=HEAD)

    assert (report.faults, report.verified_to, report.head) == ((), LENGTH, HEAD)
    assert report.anchors == (CL_ORD_ID_ANCHOR,)


def test_empty_chain_holds():
    report = verify(())

    assert (report.verified_to, report.head, report.faults, report.anchors) == (0, START, (), ())


@given(entity=TEXT, user=TEXT, role=TEXT, payload=TEXT, order_id=TEXT)
def test_any_text_seals_into_a_chain_that_holds(entity, user, role, payload, order_id):
    draft = AuditDraft(
        AuditAction.ORDER_FILLED, Actor(user, role, Origin.API, user), entity, payload, order_id
    )
    sealed = ledger.seal(HEAD, draft, NOW)

    assert verify((*WHOLE, sealed)).faults == ()
    assert len(sealed.digest) == len(sealed.payload_hash) == 43


@given(place=PLACES, column=st.sampled_from(COLUMNS), text=TEXT, number=st.integers(-(2**63), 2**63 - 1))
def test_edit_of_any_column_is_found_where_it_is(place, column, text, number):
    record = WHOLE[place]
    known = getattr(record, column)
    value = number if isinstance(known, int) else text
    edited = replace(record, **{column: known if value == known else value})

    report = verify((*WHOLE[:place], edited, *WHOLE[place + 1 :]), expected=HEAD)

    if edited == record:
        assert report.faults == ()
    else:
        assert report.faults[0].seq in {record.seq, edited.seq}
        assert report.verified_to <= place


@given(place=PLACES)
def test_words_moved_from_one_column_to_the_next_are_found(place):
    record = WHOLE[place]
    moved = replace(record, entity=record.entity[:-1], order_id=record.entity[-1] + record.order_id)

    assert verify((*WHOLE[:place], moved, *WHOLE[place + 1 :])).faults[0].seq == record.seq


@given(place=st.integers(0, LENGTH - 2))
def test_deletion_is_found_at_the_record_after_it(place):
    report = verify(WHOLE[:place] + WHOLE[place + 1 :])

    assert report.faults[0].seq == place + 2
    assert report.verified_to == place


@given(place=PLACES, copied=PLACES)
def test_insertion_is_found(place, copied):
    report = verify((*WHOLE[:place], WHOLE[copied], *WHOLE[place:]))

    assert report.faults
    assert report.verified_to <= place


@given(order=st.permutations(range(LENGTH)))
def test_any_other_order_is_found(order):
    report = verify(WHOLE[n] for n in order)

    first_moved = next((n for n in range(LENGTH) if order[n] != n), LENGTH)
    assert bool(report.faults) == (first_moved < LENGTH)
    assert report.verified_to <= first_moved


@given(length=st.integers(0, LENGTH - 1))
def test_truncation_is_found_against_a_head_that_is_known(length):
    report = verify(WHOLE[:length], expected=HEAD)

    assert report.faults[0].seq == length + 1
    assert report.verified_to == length
    assert verify(WHOLE[:length]).faults == ()


@given(place=st.integers(2, LENGTH - 1))
def test_fork_is_found_at_its_first_record_or_against_a_known_head(place):
    other = chain(word="another")
    forked = (*WHOLE[:place], *other[place:])

    report = verify(forked)
    assert report.faults[0].seq == place + 1

    assert verify(other, expected=HEAD).faults[0].seq == LENGTH


@given(place=st.integers(0, LENGTH - 2), forge=st.sampled_from(["edit", "delete"]))
def test_forgery_with_new_digests_is_betrayed_by_the_order_ids_after_it(place, forge):
    records = list(WHOLE)
    if forge == "edit":
        records[place] = replace(records[place], payload=payload_of({"forged": True}))
    elif place == 0:
        return
    else:
        del records[place]
    forged = resealed(records, place)

    report = verify(forged)

    later_orders = (
        [r for r in forged[place + 1 :] if r.cl_ord_id]
        if forge == "edit"
        else [r for r in forged[place:] if r.cl_ord_id]
    )
    assert bool(report.faults) == bool(later_orders)
    if later_orders:
        assert report.faults[0].seq == later_orders[0].seq
        assert "bears witness" in report.faults[0].reason


def test_chain_without_a_genesis_is_found():
    sealed = ledger.seal(START, AuditDraft(AuditAction.ORDER_FILLED, DESK, "x"), NOW)

    assert "genesis" in verify((sealed,)).faults[0].reason


def test_order_of_another_program_bears_no_witness():
    foreign = ledger.seal(HEAD, AuditDraft(AuditAction.ORDER_PREPARED, DESK, "x", cl_ord_id="other-1"), NOW)

    assert verify((foreign,), start=HEAD).faults == ()
    assert verify((foreign,), start=HEAD).anchors == ()


@pytest.mark.parametrize(
    "changes", [{"entity": "\ud800"}, {"prev_digest": "!" * 43}, {"payload": "\ud800"}, {"ts_utc_us": 2**70}]
)
def test_what_cannot_have_been_recorded_is_a_fault_and_no_crash(changes):
    edited = replace(WHOLE[2], **changes)

    assert verify((*WHOLE[:2], edited)).faults[0].seq == 3


def test_chain_with_impossible_link_on_both_sides_is_a_fault():
    start = AuditHead(5, "!" * 43)
    record = replace(WHOLE[5], prev_digest=start.digest)

    assert "cannot have been recorded" in verify((record,), start=start).faults[0].reason


def test_faults_are_capped_and_one_edit_is_one_fault():
    broken = [replace(record, entity="changed") for record in chain(MOST_FAULTS + 20)]

    assert len(verify(broken).faults) == MOST_FAULTS
    assert len(verify((*WHOLE[:3], replace(WHOLE[3], entity="changed"), *WHOLE[4:])).faults) == 1


def test_check_takes_constant_memory_and_reads_once():
    read: list[int] = []

    def stream(mark: Callable[[int], None]):
        for record in WHOLE:
            mark(record.seq)
            yield record

    assert verify(stream(read.append), expected=AuditHead(3, WHOLE[2].digest)).faults == ()
    assert read == list(range(1, LENGTH + 1))


def test_digest_is_the_documented_one():
    import base64
    import hashlib

    record = WHOLE[1]
    columns = [
        record.seq.to_bytes(8, "big"), record.ts_utc_us.to_bytes(8, "big"), b"demo", b"trader", b"s1",
        record.action.encode(), record.entity.encode(), b"B", record.cl_ord_id.encode(),
        record.payload_hash.encode(), base64.urlsafe_b64decode(WHOLE[0].digest + "="),
    ]  # fmt: skip
    text = b"investiq-audit-v1" + b"".join(len(part).to_bytes(4, "big") + part for part in columns)

    assert record.digest == base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip("=")
