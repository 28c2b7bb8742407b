"""A loopback port that an application listens on, and that can refuse connections and take them again."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from aiohttp import web

HOST = "127.0.0.1"


class Listener:
    """One application on one port. Port 0: the system chooses; it is kept while connections are refused."""

    def __init__(self, app: web.Application, port: int = 0) -> None:
        self.port = port
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        self._site: web.TCPSite | None = None

    @property
    def address(self) -> str:
        """Host and port, as they stand in a URL."""
        return f"{HOST}:{self.port}"

    async def start(self) -> None:
        await self._runner.setup()
        await self.accept()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def accept(self) -> None:
        """Listen (again)."""
        if self._site is None:
            self._site = web.TCPSite(self._runner, HOST, self.port)
            await self._site.start()
            self.port = self._runner.addresses[0][1]

    async def refuse(self, *, drop: bool = True) -> None:
        """Stop listening, so that a connect is refused; `drop` also breaks the connections that are open."""
        if self._site is not None:
            site, self._site = self._site, None
            await site.stop()
        if drop and self._runner.server is not None:
            for connection in self._runner.server.connections:
                if connection.transport is not None:
                    connection.transport.abort()


class Tasks:
    """Background work of a server: ended by `stop`, where its errors come out."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        # A task group must be left by the task that entered it; fixtures start and stop in different ones.
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        return task

    def done(self, task: asyncio.Task[Any]) -> None:
        """Forget a task whose end somebody else has seen."""
        self._running.discard(task)

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        ends = await asyncio.gather(*self._running, return_exceptions=True)
        self._running.clear()
        errors = [end for end in ends if isinstance(end, Exception)]
        if errors:
            raise ExceptionGroup("background work of a local server failed", errors)
