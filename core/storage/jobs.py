"""Work on its way to a storage thread: a bounded queue, and the future of whoever waits."""

import asyncio
import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar, cast

from core.errors import StorageError

S = TypeVar("S")
T = TypeVar("T")

MOST_WAITING = 1024


class Caught:
    """A context that keeps what was raised in it: it belongs to whoever asked, not to the thread."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self.error = error
        return True


class Job(Generic[S]):
    """One work, run at most once, and its outcome."""

    def __init__(self, work: Callable[[S], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = work
        self._result: object = None
        self.future: asyncio.Future[object] = self._loop.create_future()
        self.error: BaseException | None = None

    def run(self, subject: S) -> None:
        """Do the work, on a storage thread."""
        self._result = self._work(subject)

    def settle(self) -> None:
        """Tell whoever waits, on their own loop."""
        try:
            self._loop.call_soon_threadsafe(self._resolve)
        except RuntimeError:
            # The loop has ended, and with it whoever waited.
            return

    def _resolve(self) -> None:
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self._result)
        else:
            self.future.set_exception(self.error)


class Jobs(Generic[S]):
    """A bounded queue of jobs; once closed it takes no more, and lets each thread end."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Job[S] | None] = queue.Queue(MOST_WAITING)
        self._door = threading.Lock()
        self._is_closed = False

    async def run(self, work: Callable[[S], T]) -> T:
        """Queue a work and wait for its outcome.

        Raises:
            StorageError: the store is closed, or too much waits already; the work was not run.
        """
        job: Job[S] = Job(work)
        with self._door:
            if self._is_closed:
                raise StorageError("the database is closed")
            try:
                self._queue.put_nowait(job)
            except queue.Full as error:
                raise StorageError(
                    f"{MOST_WAITING} works wait for the database already; try again"
                ) from error
        return cast("T", await job.future)

    @property
    def waiting(self) -> int:
        """How many jobs no thread has taken yet."""
        return self._queue.qsize()

    def take(self, timeout_s: float | None) -> Job[S] | None:
        """Return the next job, None when the thread should end.

        Raises:
            queue.Empty: nothing came in time.
        """
        return self._queue.get(timeout=timeout_s)

    def take_more(self, most: int) -> tuple[list[Job[S]], bool]:
        """Return what waits already, and whether the thread should end after it."""
        taken: list[Job[S]] = []
        while len(taken) < most:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return taken, True
            taken.append(job)
        return taken, False

    def close(self, threads: int) -> bool:
        """Take no more; False if that was so already."""
        with self._door:
            if self._is_closed:
                return False
            self._is_closed = True
        for _ in range(threads):
            self._queue.put(None)
        return True
