"""Threads for the vendor's blocking client, each with its own client; the core loop never waits in one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from core.adapters.polygon.decoding import Unreadable
from core.clock import Clock
from core.domain.credentials import PolygonKey
from core.errors import BrokerUnavailable
from core.tasks import Tasks

if TYPE_CHECKING:
    from core.adapters.polygon.client import Cord, VendorClient

LANES = 2
ANSWER_WITHIN_S = 20.0

T = TypeVar("T")


class Refusal(Exception):
    """The vendor answered, and not with 200."""

    def __init__(self, status: int, body: bytes, retry_after: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.retry_after = retry_after


class Lanes:
    """Lends a free lane to each call. Used on the core loop.

    Args:
        base_url: where Polygon is spoken to.
    """

    def __init__(self, base_url: str, key: PolygonKey, clock: Clock, tasks: Tasks) -> None:
        self._clock = clock
        self._tasks = tasks
        self._closed = False
        self._free: asyncio.Queue[_Lane] = asyncio.Queue()
        self._lanes = [_Lane(base_url, key) for _ in range(LANES)]
        for lane in self._lanes:
            self._free.put_nowait(lane)

    async def call(self, work: Callable[["VendorClient"], T], what: str) -> T:
        """Run one request in a lane, and the reading of its answer with it.

        Raises:
            Refusal: the vendor refused it.
            Unreadable: the answer is too large, or not what it should be.
            BrokerUnavailable: there was no answer, or no complete one in time; then the socket was closed.
        """
        if self._closed:
            raise self._no_answer(what)
        late = self._tasks.spawn(self._clock.sleep(ANSWER_WITHIN_S), "polygon-deadline")
        try:
            lane = await self._free_lane(late)
            if lane is None or self._closed:
                raise self._no_answer(what)
            answer = lane.start(work)
            answer.add_done_callback(partial(self._when_done, lane))
            waiting: set[asyncio.Future[Any]] = {answer, late}
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not answer.done():
                    lane.cut()
            if not answer.done():
                raise self._no_answer(what)
            return answer.result()
        except _Unanswered as error:
            raise BrokerUnavailable(f"Polygon, {what}: {error}") from error
        finally:
            late.cancel()

    async def _free_lane(self, late: asyncio.Task[None]) -> "_Lane | None":
        getting = self._tasks.spawn(self._free.get(), "polygon-lane")
        taken = False
        try:
            await asyncio.wait({getting, late}, return_when=asyncio.FIRST_COMPLETED)
            taken = getting.done() and not getting.cancelled()
            return getting.result() if taken else None
        finally:
            if not taken and getting.done() and not getting.cancelled():
                self._free.put_nowait(getting.result())
            getting.cancel()

    def _when_done(self, lane: "_Lane", answer: "asyncio.Future[Any]") -> None:
        self._free.put_nowait(lane)
        # Whoever asked may be gone; reading the error keeps asyncio from complaining.
        if not answer.cancelled():
            answer.exception()

    def _no_answer(self, what: str) -> BrokerUnavailable:
        why = "the feed was closed" if self._closed else f"no complete answer within {ANSWER_WITHIN_S:.0f} s"
        return BrokerUnavailable(f"Polygon, {what}: {why}")

    def close(self) -> None:
        """Cut what runs and end the threads; every later call fails."""
        self._closed = True
        for lane in self._lanes:
            lane.close()


class _Unanswered(Exception):
    """Why there was no answer, in words."""


class _Lane:
    """One thread and its client, made in it at the first call."""

    def __init__(self, base_url: str, key: PolygonKey) -> None:
        self._base_url = base_url
        self._key = key
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="polygon")
        self._client: VendorClient | None = None
        self._cord: Cord | None = None

    def start(self, work: Callable[["VendorClient"], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    def _run(self, work: Callable[["VendorClient"], T]) -> T:
        from core.adapters.polygon.client import FAILURES, Cord, VendorClient, reason

        try:
            if self._client is None:
                self._cord = Cord()
                self._client = VendorClient(self._base_url, self._key.key, self._cord)
            return work(self._client)
        except Unreadable:
            raise
        except FAILURES as error:
            raise _Unanswered(reason(error)) from error

    def cut(self) -> None:
        if self._cord is not None:
            self._cord.cut()

    def close(self) -> None:
        self.cut()
        with suppress(RuntimeError):  # it was closed before
            self._thread.submit(self._end)
        self._thread.shutdown(wait=False)

    def _end(self) -> None:
        if self._client is not None:
            self._client.close()
