"""The local API beside a core that runs: opened last, closed first."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from app.profile import load_folder
from app.runtime import Running
from app.version import build, version
from core.clock import SystemClock
from core.errors import InvestIQError
from core.ids import RandomIds
from core.metrics import Sample, Watched
from core.settings import ApiSettings, Environment, read_environment


async def with_api(running: Running, api: ApiSettings, environment: Environment) -> Running:
    """Open the local API on the core's loop; the answer is to be stopped in place of what was given.

    Raises:
        SettingInvalid: there is no key; the core was stopped.
        Refused: the port cannot be had; the core was stopped.
    """
    from core.api.server import start_api

    running.registry.add(version_number())
    async with AsyncExitStack() as undo:
        undo.push_async_callback(running.stop)
        server = await start_api(
            running.execute, api, environment, SystemClock(), RandomIds(), running.actor.session
        )
        undo.push_async_callback(server.stop)
        return replace(running, stop=undo.pop_all().aclose)


async def with_profile_api(running: Running, folder: Path | None, variables: Mapping[str, str]) -> Running:
    """Open the local API where the profile has it switched on; a throwaway profile has none.

    Raises:
        SettingInvalid: there is no key, or a setting is not one of ours; the core was stopped.
        Refused: the port cannot be had; the core was stopped.
    """
    if folder is None:
        return running
    try:
        api, environment = load_folder(folder).settings.api, read_environment(variables)
    except InvestIQError:
        await running.stop()
        raise
    return await with_api(running, api, environment) if api.enabled else running


def version_number() -> Watched:
    """Make the number that tells which program answers."""
    sample = Sample((version(), build()), 1.0)
    return Watched("investiq_build", "1, for the version that runs.", lambda: (sample,), "version", "build")
