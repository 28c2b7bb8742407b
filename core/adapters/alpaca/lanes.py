"""The threads on which alpaca-py waits: lanes for orders, for cancels, for questions and for prices.

The core loop never waits for a socket. Each thread has a client of its own, since the library's sessions are
not made to be shared; and each request has an end, since the library itself waits for ever.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.adapters.alpaca.request import Answer, Job, Request
from core.adapters.alpaca.sockets import deadline
from core.clock import Clock
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials
from core.errors import BrokerUnavailable, OutcomeUnknown
from core.settings import AlpacaAddresses, check_alpaca_hosts

if TYPE_CHECKING:
    from alpaca.common.rest import RESTClient

# A thread whose socket was ended comes back within this; one that looks up a name may not.
_COMES_BACK_S = 1.0
QUERY_THREADS = 2


class Lane:
    """A few threads that carry out requests, in the order in which they were asked. For the core loop.

    Args:
        name: of the threads.
        threads: how many requests may be under way at once.
        make_client: called once on each thread, when it has its first request.
        clock: for the deadlines.
    """

    def __init__(
        self, name: str, threads: int, make_client: "Callable[[], RESTClient]", clock: Clock
    ) -> None:
        self._name = name
        self._threads = threads
        self._make_client = make_client
        self._clock = clock
        self._pool: ThreadPoolExecutor | None = None
        self._mine = threading.local()
        self._clients: list[RESTClient] = []
        self._running: dict[Job, asyncio.Future[None]] = {}

    async def run(self, request: Request) -> Answer:
        """Carry out a request, once.

        Whoever stops waiting leaves it to its end, if a byte has left, and else takes it back.

        Raises:
            BrokerUnavailable: proves that nothing was sent.
            OutcomeUnknown: bytes left, and no whole answer came.
        """
        job = Job(request)
        done = asyncio.get_running_loop().run_in_executor(self._executor(), self._carry_out, job)
        self._running[job] = done
        done.add_done_callback(lambda future: self._finished(job, future))
        late = ""
        try:
            async with deadline(self._clock, request.total_s):
                await asyncio.wait({done})
        except TimeoutError:
            late = f"no whole answer within {request.total_s:g} s"
            job.give_up()
            await asyncio.wait({done}, timeout=_COMES_BACK_S)
        except asyncio.CancelledError:
            if not job.sent:
                job.give_up()
            raise
        return self._outcome(job, done, late)

    def _outcome(self, job: Job, done: asyncio.Future[None], late: str) -> Answer:
        if job.answer is not None:
            return job.answer
        if done.done() and not done.cancelled():
            done.result()  # a bug of ours is raised as it is
        reason = late or job.failure or "the lane was closed"
        if job.sent:
            raise OutcomeUnknown(f"Alpaca, {job.request.name}: {reason}")
        raise BrokerUnavailable(f"Alpaca, {job.request.name}: {reason}; nothing was sent")

    def _finished(self, job: Job, future: asyncio.Future[None]) -> None:
        self._running.pop(job, None)
        if not future.cancelled():
            future.exception()  # seen by `run`, unless nobody waits

    def _executor(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix=self._name)
        return self._pool

    def _carry_out(self, job: Job) -> None:
        from core.adapters.alpaca.transport import carry_out

        client = getattr(self._mine, "client", None)
        if client is None:
            client = self._mine.client = self._make_client()
            self._clients.append(client)
        carry_out(client, job)

    async def close(self) -> None:
        """End what is under way, its sockets and the threads. The next `run` begins anew."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        pool.shutdown(wait=False, cancel_futures=True)
        running = dict(self._running)
        for job in running:
            job.give_up()
        if running:
            await asyncio.wait(running.values(), timeout=_COMES_BACK_S)
        clients, self._clients, self._mine = self._clients, [], threading.local()
        if clients:
            from core.adapters.alpaca.transport import close_client

            for client in clients:
                close_client(client)


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes of one account.

    Attributes:
        submit: new orders and replacements, one after the other.
        cancel: cancels and the kill switch; nothing else can stand in their way.
        query: look-ups and lists.
        history: the market-data API.
    """

    submit: Lane
    cancel: Lane
    query: Lane
    history: Lane

    @property
    def all(self) -> tuple[Lane, ...]:
        """Every lane."""
        return self.submit, self.cancel, self.query, self.history

    async def close(self) -> None:
        """Close every lane."""
        for lane in self.all:
            await lane.close()


def open_lanes(mode: Mode, addresses: AlpacaAddresses, credentials: AlpacaCredentials, clock: Clock) -> Lanes:
    """Lay out the lanes of an account; no thread begins and nothing is sent before it is asked for.

    Raises:
        SettingInvalid: an address is not one that this mode may speak to.
    """
    check_alpaca_hosts(mode, addresses)

    def trading() -> "RESTClient":
        from core.adapters.alpaca.transport import trading_client

        return trading_client(addresses.trading_url, credentials)

    def data() -> "RESTClient":
        from core.adapters.alpaca.transport import data_client

        return data_client(addresses.data_url, credentials)

    return Lanes(
        submit=Lane("alpaca-submit", 1, trading, clock),
        cancel=Lane("alpaca-cancel", 1, trading, clock),
        query=Lane("alpaca-query", QUERY_THREADS, trading, clock),
        history=Lane("alpaca-history", 1, data, clock),
    )
