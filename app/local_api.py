"""The local API beside a core that runs: opened last, closed first."""

from contextlib import AsyncExitStack

from app.runtime import Running
from core.clock import SystemClock
from core.ids import RandomIds
from core.settings import ApiSettings, Environment


async def with_api(running: Running, api: ApiSettings, environment: Environment) -> Running:
    """Open the local API on the core's loop; the answer is to be stopped in place of what was given.

    Raises:
        SettingInvalid: there is no key; the core was stopped.
        Refused: the port cannot be had; the core was stopped.
    """
    from core.api.server import start_api

    async with AsyncExitStack() as undo:
        undo.push_async_callback(running.stop)
        server = await start_api(
            running.execute, api, environment, SystemClock(), RandomIds(), running.actor.session
        )
        undo.push_async_callback(server.stop)
        return Running(running.execute, running.actor, undo.pop_all().aclose)
