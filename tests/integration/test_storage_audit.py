"""The chain in the database: appended, checked in pages, searched."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import failpoints
from core.audit import ledger, verify
from core.audit.browse import LONGEST_TEXT, MOST_ROWS, load_audit
from core.audit.chain import START
from core.audit.verify import Verifier
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft
from core.domain.messages import LoadAudit
from core.domain.records import AuditQuery
from core.errors import AuditUnwritable, Refused, StorageError
from core.ids import CountedIds, mint_cl_ord_id
from core.storage import audit_search, engine, vault
from core.storage import tables as t
from core.storage.store import open_store
from core.tasks import RightOfWay

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DESK = Actor("demo", "trader", Origin.DESK, "s1")
IDS = CountedIds()
SEALED = ledger.seal(START, AuditDraft(AuditAction.ORDER_SENT, DESK, "x"), NOW)


def begin(uow, installation_id: str = "i", created_at_us: int = 1) -> None:
    ledger.append(uow, ledger.genesis(installation_id, created_at_us, DESK), NOW)


def prepare(uow, count: int = 1) -> None:
    for _ in range(count):
        order = mint_cl_ord_id(IDS, uow.audit_head().digest)
        ledger.append(uow, AuditDraft(AuditAction.ORDER_PREPARED, DESK, "AAPL buy", cl_ord_id=order), NOW)


@pytest.fixture
def key(tmp_path):
    return vault.create(tmp_path, None)


@pytest.fixture
async def store(tmp_path, key):
    made = open_store(tmp_path / "a.db", key, create=True)
    await made.write(begin)
    yield made
    failpoints.disarm_all()
    await made.close_async()


def tamper(store, key, *statements) -> None:
    """What somebody with the key and another program does: the triggers do not stop them."""
    writer = engine.writing_engine(store.path, key)
    with writer.connect() as connection, connection.begin():
        for table in ("audit_log", "audit_payload"):
            for event in ("UPDATE", "DELETE"):
                connection.exec_driver_sql(f"DROP TRIGGER {table}_no_{event}")
        for statement in statements:
            connection.execute(statement)
    writer.dispose()


async def test_chain_in_the_database_holds_page_after_page(store, monkeypatch):
    monkeypatch.setattr(verify, "BATCH", 3)
    await store.write(lambda u: prepare(u, 8))

    report = await Verifier(store).verify()

    assert (report.verified_to, report.faults, report.anchors) == (9, (), ("cl_ord_id",))
    assert report.head == await store.read(lambda r: r.audit_head())


class Counted(RightOfWay):
    """Counts how often somebody stood aside."""

    asked = 0

    def give(self) -> None:
        self.asked += 1


async def test_the_check_stands_aside_after_every_few_records(store, monkeypatch):
    for name, size in (("BATCH", 4), ("PART", 2), ("SLICE", 1)):
        monkeypatch.setattr(verify, name, size)
    await store.write(lambda u: prepare(u, 8))
    way = Counted()

    report = await Verifier(store, way=way).verify()

    # Nine records: two full pages of two parts each, walked one by one, and the rest in one part.
    assert (report.verified_to, report.faults) == (9, ())
    assert way.asked == 2 + 2 + 1 + 4 + 4


async def test_new_records_alone_are_checked_after_a_good_check(store):
    verifier = Verifier(store)
    await store.write(lambda u: prepare(u, 3))
    await verifier.verify_new()
    await store.write(lambda u: prepare(u, 2))

    report = await verifier.verify_new()

    assert (report.verified_to, report.faults, report.anchors) == (6, (), ("cl_ord_id",))


async def test_nothing_new_is_good_as_well(store):
    verifier = Verifier(store)
    first = await verifier.verify_new()

    assert await verifier.verify_new() == first


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (column.name, 7 if column.type.python_type is int else "x" * 43)
        for column in t.audit_log.c
        if column.name != "seq"
    ],
)
async def test_edit_of_any_stored_column_is_found(store, key, column, value):
    await store.write(lambda u: prepare(u, 4))
    tamper(store, key, t.audit_log.update().where(t.audit_log.c.seq == 3).values({column: value}))

    report = await Verifier(store).verify()

    assert report.faults[0].seq in {3, 4}
    assert report.verified_to in {2, 3}


async def test_edit_of_a_payload_and_a_lost_payload_are_found(store, key):
    await store.write(lambda u: prepare(u, 4))
    tamper(store, key, t.audit_payload.update().where(t.audit_payload.c.seq == 3).values(payload="{}x"))
    assert (await Verifier(store).verify()).faults[0].seq == 3

    lost = t.audit_payload.delete().where(t.audit_payload.c.seq == 2)
    writer = engine.writing_engine(store.path, key)
    with writer.connect() as connection, connection.begin():
        connection.execute(lost)
    writer.dispose()
    assert (await Verifier(store).verify()).verified_to == 1


async def test_whole_check_meets_the_head_that_was_good_before(store):
    verifier = Verifier(store)
    await store.write(lambda u: prepare(u, 2))
    await verifier.verify()
    await store.write(lambda u: prepare(u, 2))

    report = await verifier.verify()

    assert (report.verified_to, report.faults) == (5, ())


async def test_chain_swapped_for_another_whole_one_is_found_where_the_known_head_stood(store, tmp_path, key):
    verifier = Verifier(store)
    await store.write(lambda u: prepare(u, 2))
    await verifier.verify()
    other = open_store(tmp_path / "b.db", key, create=True)
    await other.write(lambda u: begin(u, "another"))
    await other.write(lambda u: prepare(u, 4))
    verifier._store = other

    report = await verifier.verify_new()
    await other.close_async()

    # The other chain is whole in itself: the known head is all that tells, so nothing before it counts.
    assert (report.faults[0].seq, report.verified_to) == (3, 0)


async def test_cut_of_what_was_good_before_is_found_by_both_checks(store, key):
    verifier = Verifier(store)
    await store.write(lambda u: prepare(u, 4))
    await verifier.verify()
    tamper(
        store, key, t.audit_payload.delete().where(t.audit_payload.c.seq > 3),
        t.audit_log.delete().where(t.audit_log.c.seq > 3),
    )  # fmt: skip

    for report in (await verifier.verify_new(), await verifier.verify()):
        assert report.faults[0].seq == 4
        assert "missing" in report.faults[0].reason


async def test_chain_that_cannot_be_read_is_neither_good_nor_bad(store):
    def fail() -> None:
        raise StorageError("no answer")

    failpoints.arm("store.read", fail)
    with pytest.raises(StorageError):
        await Verifier(store).verify()


async def test_ledger_on_a_chain_whose_head_is_nonsense_is_unwritable(store, key):
    tamper(store, key, t.audit_log.update().values(digest="x" * 42 + "\u00e9"))

    with pytest.raises(AuditUnwritable):
        await store.write(prepare)


async def test_ledger_on_a_record_that_the_database_refuses_is_unwritable(store, monkeypatch):
    monkeypatch.setattr(ledger, "seal", lambda head, *_: replace(SEALED, seq=head.seq + 5))

    with pytest.raises(AuditUnwritable, match="could not be appended"):
        await store.write(prepare)


async def test_ledger_passes_other_storage_errors_on_as_unwritable(store):
    def fail() -> None:
        raise StorageError("no room")

    failpoints.arm("uow.append_audit", fail)
    with pytest.raises(AuditUnwritable, match="no room"):
        await store.write(prepare)


async def test_page_says_whether_there_is_more(store):
    await store.write(lambda u: prepare(u, 4))

    first = await load_audit(store, LoadAudit(AuditQuery(limit=3)))
    rest = await load_audit(store, LoadAudit(AuditQuery(limit=3, before_seq=first.records[-1].seq)))

    assert ([r.seq for r in first.records], first.has_more) == ([5, 4, 3], True)
    assert ([r.seq for r in rest.records], rest.has_more) == ([2, 1], False)


@pytest.mark.parametrize(
    "query",
    [
        AuditQuery(text="x" * (LONGEST_TEXT + 1)),
        AuditQuery(text="a\0b"),
        AuditQuery(action="\ud800"),
        AuditQuery(limit=0),
        AuditQuery(limit=MOST_ROWS + 1),
        AuditQuery(before_seq=-1),
        AuditQuery(before_seq=2**63),
        AuditQuery(order="x" * (LONGEST_TEXT + 1)),
        AuditQuery(actor="a\0b"),
        AuditQuery(since_us=-1),
        AuditQuery(until_us=2**63),
        AuditQuery(since_us=5, until_us=5),
    ],
)
async def test_search_that_cannot_be_made_is_refused(store, query):
    with pytest.raises(Refused):
        await load_audit(store, LoadAudit(query))


HOUR_US = 3_600_000_000
ACTORS = ("desk", "kim", "Kimberly", "50%")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    steps=st.lists(st.integers(-HOUR_US // 20, 3 * HOUR_US), min_size=1, max_size=20),
    since=st.none() | st.integers(0, 40),
    until=st.none() | st.integers(41, 80),
    actor=st.sampled_from(("", "kim", "KIM", "%", "esk")),
    order=st.sampled_from(("", "IQ-1", "IQ-3", "b-")),
    before=st.none() | st.integers(0, 300),
)
async def test_search_by_time_actor_and_order_finds_what_a_walk_over_all_finds(
    store, steps, since, until, actor, order, before
):
    newest = (await store.read(lambda reader: reader.audit_records(0, 100_000)))[-1].ts_utc_us
    begun = EPOCH + timedelta(microseconds=newest) + timedelta(hours=1)

    def work(uow) -> None:
        now = begun
        for at, step in enumerate(steps):
            now += timedelta(microseconds=step)
            who = Actor(ACTORS[at % len(ACTORS)], "admin", Origin.DESK, "s1")
            ledger.append(uow, AuditDraft(AuditAction.ORDER_SENT, who, "x", "{}", f"b-{at}", f"IQ-{at}"), now)

    await store.write(work)
    since_us, until_us = (None if hours is None else newest + hours * HOUR_US for hours in (since, until))
    query = AuditQuery(
        actor=actor, order=order, since_us=since_us, until_us=until_us, before_seq=before, limit=1000
    )

    page = await load_audit(store, LoadAudit(query))

    everything = await store.read(lambda reader: reader.audit_records(0, 100_000))
    assert (
        page.records
        == tuple(
            each
            for each in everything[::-1]
            if actor.lower() in each.actor.lower()
            and (each.cl_ord_id.startswith(order) or each.order_id.startswith(order))
            and (since_us is None or each.ts_utc_us >= since_us)
            and (until_us is None or each.ts_utc_us < until_us)
            and (before is None or each.seq < before)
        )[:1000]
    )


async def test_search_by_time_looks_at_few_records_of_many(store):
    def work(uow) -> None:
        for at in range(2_000):
            moment = NOW + timedelta(hours=at)
            ledger.append(uow, AuditDraft(AuditAction.ORDER_SENT, DESK, f"n{at}"), moment)

    await store.write(work)
    at_us = (NOW + timedelta(hours=1_000) - EPOCH) // timedelta(microseconds=1)
    query = AuditQuery(since_us=at_us, until_us=at_us + 2 * HOUR_US)

    found = await store.read(lambda reader: audit_search._places(reader._connection, query))
    page = await load_audit(store, LoadAudit(query))

    assert found[1] - found[0] == 4  # two hours, and one on either side
    assert [each.entity for each in page.records] == ["n1001", "n1000"]


ANY = st.text(max_size=LONGEST_TEXT + 2) | st.sampled_from(
    ["%", "_", "/", "\\", "'", '"', "';--", "AAPL%", "a/_b"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ANY, action=ANY, order=ANY, before=st.none() | st.integers(), limit=st.integers())
async def test_any_search_gives_an_answer_or_a_refusal(store, text, action, order, before, limit):
    query = AuditQuery(text=text, action=action, cl_ord_id=order, before_seq=before, limit=limit)

    try:
        page = await load_audit(store, LoadAudit(query))
    except Refused:
        return

    assert all(
        text.lower() in f"{r.entity}\n{r.action}\n{r.actor}\n{r.payload}".lower() for r in page.records
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(text=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20))
async def test_text_of_a_record_finds_it(store, text):
    record = await store.write(
        lambda u: ledger.append(u, AuditDraft(AuditAction.ORDER_SENT, DESK, text), NOW)
    )

    page = await load_audit(store, LoadAudit(AuditQuery(text=text, limit=1)))

    assert page.records == (record,)
