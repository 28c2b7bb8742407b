"""The threads of the store: works that wait together, callers that leave, loops that end."""

import asyncio
import contextlib
import threading
from pathlib import Path

import pytest

from core import failpoints
from core.clock import settle
from core.errors import StorageError, StorageUnwritable
from core.storage import lanes, vault
from core.storage.jobs import MOST_WAITING
from core.storage.store import open_store


@pytest.fixture
async def store(tmp_path: Path):
    made = open_store(tmp_path / "a.db", vault.create(tmp_path, None), create=True)
    yield made
    failpoints.disarm_all()
    await made.close_async()


async def test_works_that_wait_together_share_one_commit_and_fail_alone(store):
    commits: list[int] = []
    started = asyncio.Event()
    hold = threading.Event()
    loop = asyncio.get_running_loop()

    def first(uow) -> None:
        loop.call_soon_threadsafe(started.set)
        hold.wait(10)

    def bad(uow) -> None:
        uow.save_setting("bad", "1")
        raise ValueError("mine")

    async def once_started(work):
        await started.wait()
        return await store.write(work)

    async def release() -> None:
        await started.wait()
        await settle()
        hold.set()

    failpoints.arm("store.after_commit", lambda: commits.append(1))
    works = (lambda u: u.save_setting("a", "1"), bad, lambda u: u.save_setting("b", "2"))
    outcomes = await asyncio.gather(
        store.write(first), *(once_started(work) for work in works), release(), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        type(None),
        ValueError,
        type(None),
        type(None),
    ]
    assert await store.read(lambda r: r.settings()) == {"a": "1", "b": "2"}
    assert len(commits) == 2


async def test_queue_that_is_full_refuses_and_loses_nothing_that_it_took(store, monkeypatch):
    started = asyncio.Event()
    hold = threading.Event()
    loop = asyncio.get_running_loop()

    def first(uow) -> None:
        loop.call_soon_threadsafe(started.set)
        hold.wait(10)

    async def flood():
        await started.wait()
        works = [store.write(lambda u, n=n: u.save_setting(str(n), "1")) for n in range(MOST_WAITING + 3)]
        flooded = asyncio.gather(*works, return_exceptions=True)
        await settle()
        hold.set()
        return await flooded

    _, outcomes = await asyncio.gather(store.write(first), flood())

    assert sum(isinstance(outcome, StorageError) for outcome in outcomes) == 3
    assert len(await store.read(lambda r: r.settings())) == MOST_WAITING


async def test_disk_that_fills_among_waiting_works_fails_all_of_that_commit(store):
    started = asyncio.Event()
    hold = threading.Event()
    loop = asyncio.get_running_loop()

    def first(uow) -> None:
        uow._connection.exec_driver_sql("PRAGMA max_page_count = 1")
        loop.call_soon_threadsafe(started.set)
        hold.wait(10)

    async def waiting():
        await started.wait()
        works = [store.write(lambda u, n=n: u.save_setting(str(n), "x" * 300_000 * n)) for n in range(3)]
        waited = asyncio.gather(*works, return_exceptions=True)
        await settle()
        hold.set()
        return await waited

    _, outcomes = await asyncio.gather(store.write(first), waiting())
    settings = await store.read(lambda r: r.settings())

    for n, outcome in enumerate(outcomes):
        assert (outcome is None) == (str(n) in settings)
    assert isinstance(outcomes[1], StorageUnwritable)
    assert isinstance(outcomes[2], StorageUnwritable)


async def test_log_is_folded_into_the_file_when_the_writer_is_idle(store, monkeypatch):
    monkeypatch.setattr(lanes, "IDLE_S", 0.01)
    folded = threading.Event()
    checkpoint = lanes.WriteLane._checkpoint

    def seen(self, statement: str) -> None:
        checkpoint(self, statement)
        folded.set()

    monkeypatch.setattr(lanes.WriteLane, "_checkpoint", seen)
    before = store.path.read_bytes()
    await store.write(lambda u: u.save_setting("a", "1"))

    assert await asyncio.to_thread(folded.wait, 10)
    assert store.path.read_bytes() != before


async def test_caller_that_gave_up_waiting_harms_nobody(store):
    started = asyncio.Event()
    hold = threading.Event()
    loop = asyncio.get_running_loop()

    def slow(uow) -> None:
        loop.call_soon_threadsafe(started.set)
        hold.wait(10)
        uow.save_setting("a", "1")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await store.write(slow)
    await started.wait()
    hold.set()
    await store.write(lambda u: u.save_setting("b", "2"))

    assert await store.read(lambda r: r.settings()) == {"a": "1", "b": "2"}


def test_store_answers_to_any_loop_and_outlives_one_that_ended(tmp_path):
    store = open_store(tmp_path / "a.db", vault.create(tmp_path, None), create=True)
    hold = threading.Event()

    def slow(uow) -> None:
        hold.wait(10)
        uow.save_setting("a", "1")

    async def leave() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                await store.write(slow)

    with asyncio.Runner() as runner:
        runner.run(leave())
    hold.set()
    with asyncio.Runner() as runner:
        runner.run(store.write(lambda u: u.save_setting("b", "2")))
        assert runner.run(store.read(lambda r: r.settings())) == {"a": "1", "b": "2"}
    store.close()
