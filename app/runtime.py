"""The core's own thread: one event loop, started and stopped in order."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from core.domain.access import Actor
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.messages import Command
from core.errors import RefusalCode, Refused
from core.metrics import Registry

R = TypeVar("R")

STOP_WITHIN_S = 10.0
ANSWER_WITHIN_S = 0.5

_OVER = "The program ends."

_log = structlog.get_logger("runtime")

Execute = Callable[[Command[Any], Actor], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Running:
    """A core that has started.

    Attributes:
        execute: the desk's door.
        actor: who sits at the window, as the passphrase said.
        stop: ends it in order: streams, then the exchange, then the database.
        registry: its numbers; whoever stands beside it may add some.
    """

    execute: Execute
    actor: Actor
    stop: Callable[[], Coroutine[Any, Any, None]]
    registry: Registry = field(default_factory=Registry)


class CoreThread:
    """Runs a core beside the window's thread.

    Commands may be sent from any thread and at any time: those that come before the core
    has started wait for it.

    Args:
        start: makes and starts the core; runs on the core thread, where its slow imports belong.
    """

    def __init__(self, start: Callable[[], Coroutine[Any, Any, Running]]) -> None:
        self._start = start
        self._loop = new_loop()
        self._stopping = asyncio.Event()
        self._door = threading.Lock()
        self._is_over = False
        self.started: Future[Running] = Future()
        self.ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._main, name="core", daemon=True)

    def begin(self) -> None:
        """Start the thread; `started` resolves when the core takes commands, or fails."""
        self._thread.start()

    def send(self, command: Command[R]) -> "Future[R]":
        """Hand a command to the desk, as the person at the window; once the core has ended it is refused."""
        with self._door:
            if not self._is_over:
                return asyncio.run_coroutine_threadsafe(self._execute(command), self._loop)
        late: Future[R] = Future()
        late.set_exception(Refused(RefusalCode.NOT_READY, _OVER))
        return late

    async def _execute(self, command: Command[R]) -> R:
        running = await asyncio.wrap_future(self.started)
        result: R = await running.execute(command, running.actor)
        return result

    def end(self) -> None:
        """Ask the core to stop; `ended` resolves when it has."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        elif not self.started.done():
            self.started.set_exception(Refused(RefusalCode.NOT_READY, _OVER))
            threading.Thread(target=self._close, name="core", daemon=True).start()

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._start_and_stop())
        finally:
            self._close()

    def _close(self) -> None:
        with self._door:
            self._is_over = True
        try:
            self._loop.run_until_complete(self._tell_who_waits())
        finally:
            self._loop.close()
            self.ended.set_result(None)

    async def _tell_who_waits(self) -> None:
        # Commands that still wait are told: by the error of the start, or by being cancelled.
        await asyncio.sleep(0)  # lets those begin that were sent last
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        if waiting:
            _, unheard = await asyncio.wait(waiting, timeout=ANSWER_WITHIN_S)
            for task in unheard:
                task.cancel()
            await asyncio.gather(*unheard, return_exceptions=True)

    async def _start_and_stop(self) -> None:
        try:
            running = await self._start_unless_stopped()
        except asyncio.CancelledError:
            self.started.set_exception(Refused(RefusalCode.NOT_READY, _OVER))
            return
        except Exception as error:  # the window shows what it was; nothing is running
            self.started.set_exception(error)
            return
        self.started.set_result(running)
        await self._stopping.wait()
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await running.stop()
        except TimeoutError:
            _log.error("core.stop_overdue", after_s=STOP_WITHIN_S)

    async def _start_unless_stopped(self) -> Running:
        # Whoever closes the window does not wait for a start that may take long.
        starting = asyncio.ensure_future(self._start())
        asked = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not starting.done():
            starting.cancel()
        return await starting


def new_loop() -> asyncio.AbstractEventLoop:
    """Make a loop for a core: uvloop's where there is one."""
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class WindowConfirmer:
    """The port of confirmation in front of a window."""

    def __init__(self, ask: Callable[[ConfirmationRequest], "Future[ConfirmationReply]"]) -> None:
        self._ask = ask

    async def ask(self, request: ConfirmationRequest) -> ConfirmationReply:
        """Show the sheet on the window's thread and await the answer on the core's."""
        return await asyncio.wrap_future(self._ask(request))
