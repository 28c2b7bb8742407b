"""The core and the local API without a window, until a signal says that it is enough."""

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from app import crash
from app import profile as profiles
from app.instance import ProfileLock
from app.local_api import with_api
from app.opening import Invocation, chosen_profile, starting_passphrase
from app.options import DesktopOptions, Kind
from app.profile import SETTINGS, Profile
from app.runtime import STOP_WITHIN_S, new_loop
from app.sessions import start_profile
from core.api.server import require_key
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.messages import AlarmEscalated, Event, Notice, Severity
from core.errors import RefusalCode, Refused, SettingInvalid
from core.settings import Environment, check_start, read_environment
from core.storage import vault

_log = structlog.get_logger("headless")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A start of which all that can be refused beforehand was looked at."""

    profile: Profile
    environment: Environment
    options: DesktopOptions
    passphrase: str | None


def prepare(invocation: Invocation) -> Prepared:
    """Look at settings, keys and the lock, and ask for the passphrase.

    Raises:
        SettingInvalid: the local API is switched off or has no key, or the environment forbids the start.
        ProfileInUse: another instance has the profile.
    """
    profile = chosen_profile(invocation)
    environment = read_environment(invocation.variables)
    check_start(profile.settings, environment, has_user=profile.is_new or bool(vault.users(profile.folder)))
    if not profile.settings.api.enabled:
        words = "headless is there for the local API: set enabled = true under [api]"
        raise SettingInvalid(str(profile.folder / SETTINGS), "api.enabled", words)
    require_key(environment)
    ProfileLock(profile.lock).release()
    found = starting_passphrase(profile, invocation)
    profiles.note_used(invocation.data_dir, profile.name)
    options = DesktopOptions(Kind.PROFILE, invocation.data_dir, profile.folder)
    return Prepared(profile, environment, options, found)


def run(prepared: Prepared) -> int:
    """Run until SIGTERM or SIGINT, and end in order.

    Raises:
        InvestIQError: it could not start; nothing runs any more.
    """
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_serve(prepared))
    return 0


async def _serve(prepared: Prepared) -> None:
    loop, enough = asyncio.get_running_loop(), asyncio.Event()
    loop.set_exception_handler(crash.handle_loop_error)
    _on_signals(loop, enough.set)
    opened = await start_profile(prepared.options, _note, _nobody, prepared.passphrase)
    api = prepared.profile.settings.api
    running = await with_api(opened, api, prepared.environment)
    print(f"investiq headless: profile {prepared.profile.name}, API on 127.0.0.1:{api.port}", flush=True)
    await enough.wait()
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await running.stop()
    except TimeoutError:
        _log.error("core.stop_overdue", after_s=STOP_WITHIN_S)


def _on_signals(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, end)
        except NotImplementedError:  # the loops of Windows have none
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))


def _nobody(request: ConfirmationRequest) -> "Future[ConfirmationReply]":
    del request
    raise Refused(
        RefusalCode.NO_WINDOW,
        "This order must be confirmed in the window, and none is open. Nothing was sent.",
    )


def _note(event: Event) -> None:
    # Nobody looks at a screen, so what a person should know goes to the log.
    if isinstance(event, AlarmEscalated):
        _log.error("alarm.unseen", text=event.alarm.text, subject=event.alarm.subject)
    if not isinstance(event, Notice) or event.severity is Severity.FACT:
        return
    tell = _log.error if event.severity is Severity.ALARM else _log.warning
    tell("notice.published", text=event.text, subject=event.subject)
