"""The threads of the database: one that writes, with group commit, and some that read."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from sqlcipher3 import dbapi2

from core.clock import SystemClock
from core.failpoints import failpoint
from core.metrics import Counter, Histogram, Stopwatch
from core.storage import engine
from core.storage.faults import DRIVER_ERRORS
from core.storage.jobs import Caught, Job, Jobs
from core.storage.reader import SqlReader
from core.storage.unit_of_work import SqlUnitOfWork
from core.storage.vault import Key

T = TypeVar("T")

MOST_TOGETHER = 64
IDLE_S = 1.0
_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)

_log = structlog.get_logger("storage")


def _in_our_words(error: BaseException, path: Path, key: Key) -> BaseException:
    if not isinstance(error, DRIVER_ERRORS):
        return error
    told = engine.explain(error, path, key)
    told.__cause__ = error
    return told


class WriteLane:
    """The writing connection and its thread. Jobs that wait together share a commit."""

    def __init__(self, path: Path, key: Key) -> None:
        self._path = path
        self._key = key
        self._jobs: Jobs[SqlUnitOfWork] = Jobs()
        self._engine = engine.writing_engine(path, key)
        # Connected by whoever opens the store, so that they hear of it when that fails.
        self._connection = self._engine.connect()
        self._has_log = False
        self.commits = Histogram(
            "investiq_commit_seconds", "From the first job of a transaction to its being on stable storage."
        )
        self.sizes = Histogram("investiq_commit_jobs", "Works that shared one commit.", bounds=_SIZES)
        self.failures = Counter("investiq_commit_failures", "Transactions that the database did not take.")
        self._committing = Stopwatch(self.commits, SystemClock().monotonic)
        self._thread = threading.Thread(target=self._live, name="storage-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[SqlUnitOfWork], T]) -> T:
        """Run a work in a transaction; return once it is durable."""
        return await self._jobs.run(work)

    @property
    def waiting(self) -> int:
        """How many works have not begun."""
        return self._jobs.waiting

    def close(self) -> None:
        """Finish what waits, fold the write-ahead log into the file, end the thread."""
        if self._jobs.close(threads=1):
            self._thread.join()
            self._engine.dispose()

    def _live(self) -> None:
        is_ending = False
        while not is_ending:
            try:
                job = self._jobs.take(IDLE_S if self._has_log else None)
            except queue.Empty:
                self._checkpoint("PRAGMA wal_checkpoint(PASSIVE)")
                continue
            if job is None:
                break
            more, is_ending = self._jobs.take_more(MOST_TOGETHER - 1)
            self._commit([job, *more])
        self._checkpoint("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _commit(self, batch: list[Job[SqlUnitOfWork]]) -> None:
        self._has_log = True
        lap = self._committing.begin()
        with Caught() as caught:
            with self._connection.begin():
                self._run(batch)
                failpoint("store.before_commit")
            failpoint("store.after_commit")
        self.sizes.observe(len(batch))
        if caught.error is None:
            lap.end()
        else:
            self.failures.count(by=float(isinstance(caught.error, DRIVER_ERRORS)))
            self._leave_transaction()
        for job in batch:
            error = job.error or caught.error
            job.error = None if error is None else _in_our_words(error, self._path, self._key)
            job.settle()

    def _run(self, batch: list[Job[SqlUnitOfWork]]) -> None:
        if len(batch) == 1:
            batch[0].run(SqlUnitOfWork(self._connection))
            return
        for job in batch:
            self._run_alone(job)
            if job.error is not None and not self._driver.in_transaction:
                # A full disk rolls back the whole transaction, so what the others did is gone as well.
                raise job.error

    def _run_alone(self, job: Job[SqlUnitOfWork]) -> None:
        with Caught() as undoing, self._connection.begin_nested() as savepoint:
            with Caught() as caught:
                job.run(SqlUnitOfWork(self._connection))
            job.error = caught.error
            if caught.error is not None:
                savepoint.rollback()
        # Where the transaction is gone the savepoint is too; the first error is the one that tells why.
        job.error = job.error or undoing.error

    @property
    def _driver(self) -> dbapi2.Connection:
        return self._connection.connection.dbapi_connection

    def _leave_transaction(self) -> None:
        # A commit that failed may leave it open, and the next begin would fail for no reason of its own.
        try:
            if self._driver.in_transaction:
                self._driver.rollback()
        except DRIVER_ERRORS as error:
            _log.error("rollback.failed", reason=str(error))

    def _checkpoint(self, statement: str) -> None:
        try:
            self._driver.execute(statement).fetchall()
            self._has_log = False
        except DRIVER_ERRORS as error:
            # Nothing is lost: the log stays, and is read at the next start.
            _log.warning("checkpoint.failed", reason=str(error))
            self._has_log = False


class ReadLane:
    """Some query-only connections, a thread each, fed from one queue."""

    def __init__(self, path: Path, key: Key, threads: int) -> None:
        self._path = path
        self._key = key
        self._jobs: Jobs[SqlReader] = Jobs()
        self._engine = engine.reading_engine(path, key)
        connections = [self._engine.connect() for _ in range(threads)]
        self._threads = [
            threading.Thread(target=self._live, args=(one,), name=f"storage-reader-{number}", daemon=True)
            for number, one in enumerate(connections)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, query: Callable[[SqlReader], T]) -> T:
        """Run a query on a snapshot."""
        return await self._jobs.run(query)

    @property
    def waiting(self) -> int:
        """How many queries have not begun."""
        return self._jobs.waiting

    def close(self) -> None:
        """Finish what waits and end the threads."""
        if self._jobs.close(threads=len(self._threads)):
            for thread in self._threads:
                thread.join()
            self._engine.dispose()

    def _live(self, connection: Connection) -> None:
        while (job := self._jobs.take(None)) is not None:
            with Caught() as caught, connection.begin():
                failpoint("store.read")
                job.run(SqlReader(connection))
            if caught.error is not None:
                job.error = _in_our_words(caught.error, self._path, self._key)
            job.settle()
        connection.close()
