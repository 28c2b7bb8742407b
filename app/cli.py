"""The console script: what was asked, who carries it out, and the exit code of what went wrong."""

import gc
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from app.arguments import FORMATS, LEVELS, PICTURE_AFTER_S, REPLAY_SPEED, parse
from core import errors as e

if TYPE_CHECKING:
    from app.opening import Invocation
    from app.options import DesktopOptions

# What a collection of each generation waits for; also that of the running window (app/collecting.py).
COLLECT_AFTER = (50_000, 20, 100)
WINDOW = (None, "desktop")

REFUSED, LOCKED, DAMAGED, IN_USE, UNWRITABLE, TOO_NEW, INTERRUPTED = 1, 3, 4, 5, 6, 7, 130

# The nearest kind counts. Wrong usage (2) is told by the reader of the command line. A setting that
# is not one of ours is a refusal to start, not wrong usage: the command line was right.
EXIT_CODES: Mapping[type[BaseException], int] = {
    e.InvestIQError: REFUSED,
    e.Refused: REFUSED,
    e.BadInput: REFUSED,
    e.SettingInvalid: REFUSED,
    e.BrokerError: REFUSED,
    e.BrokerUnavailable: REFUSED,
    e.InvariantBroken: REFUSED,
    e.StorageError: REFUSED,
    e.WrongPassphrase: LOCKED,
    e.DatabaseDamaged: DAMAGED,
    e.DatabaseMissing: DAMAGED,
    e.NotADatabase: DAMAGED,
    e.ProfileInUse: IN_USE,
    e.StorageUnwritable: UNWRITABLE,
    e.AuditUnwritable: UNWRITABLE,
    e.DatabaseTooNew: TOO_NEW,
}


def exit_code_of(error: BaseException) -> int:
    """Return the exit code that belongs to an error; 1 for one that nobody foresaw."""
    return next((EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES), REFUSED)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code; what went wrong is told on standard error.

    Raises:
        SystemExit: 2 for wrong usage, 0 after help or version.
    """
    # A start makes objects that stay. Looking for rubbish among them again and again costs a tenth of it.
    gc.set_threshold(*COLLECT_AFTER)
    arguments = parse(argv)
    try:
        code = _run(arguments, os.environ)
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a reader that has gone is answered for
        return code
    except e.InvestIQError as error:
        _complain(str(error))
        return exit_code_of(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more can be said to them, also not at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except Exception as error:
        _complain(_recorded(error, arguments))
        return REFUSED
    finally:
        gc.enable()


def _complain(words: str) -> None:
    with suppress(OSError):
        print(f"investiq: {words}", file=sys.stderr)


def _recorded(error: BaseException, arguments: Namespace) -> str:
    from app.crash import CrashFiles
    from app.profile import data_dir

    crashes = CrashFiles(data_dir(arguments.data_dir, os.environ) / "crashes", lambda *_: None)
    return crashes.told(crashes.record(error, str(arguments.command or "desktop")))


def _run(arguments: Namespace, variables: Mapping[str, str]) -> int:
    if arguments.command in WINDOW:
        gc.disable()  # hardly an object of a start is rubbish; from the first paint on see app/collecting.py
    from app import profile as profiles
    from app.hardening import forbid_core_dumps
    from app.opening import Invocation

    forbid_core_dumps()  # before the first secret is read
    given = variables.get("INVESTIQ_PASSPHRASE_FILE")
    invocation = Invocation(
        data_dir=profiles.data_dir(arguments.data_dir, variables),
        profile=arguments.profile,
        passphrase_file=arguments.passphrase_file or (Path(given) if given else None),
        variables=variables,
    )
    _settle_restores(invocation.data_dir)
    if arguments.command in WINDOW:
        return _open_window(arguments, invocation)
    if arguments.command == "headless":
        return _run_headless(arguments, invocation)
    _configure_log(arguments, variables, None)
    return _command(arguments)(invocation)


def _settle_restores(root: Path) -> None:
    from app.profile import PROFILES
    from core.storage.backup_swap import is_unfinished

    if is_unfinished(root / PROFILES):
        from app.swapping import settle

        settle(root)


def _command(arguments: Namespace) -> "Callable[[Invocation], int]":
    from app import commands, doctor, retention_commands
    from core.domain.access import Mode
    from core.settings import BrokerName

    groups = {"audit": _audit, "backup": _backup, "keys": _keys, "secrets": _secrets, "users": _users}
    if arguments.command in groups:
        return groups[arguments.command](arguments)
    match arguments.command, getattr(arguments, "subcommand", None):
        case "doctor", None:
            if arguments.paper_checks:
                return _paper_checks(arguments)
            return lambda invocation: doctor.run(invocation, as_json=arguments.json)
        case "profile", "create":
            mode, broker = Mode(arguments.mode), arguments.broker and BrokerName(arguments.broker)
            return lambda invocation: commands.create_profile(invocation, arguments.name, mode, broker)
        case "profile", "list":
            return commands.list_profiles
        case "retention", "run":
            return lambda invocation: retention_commands.run(invocation, is_dry=arguments.dry_run)
        case "db", "current":
            return commands.show_schema
        case "db", "upgrade":
            return commands.upgrade_schema
        case unknown:
            raise e.InvariantBroken(f"nobody carries out {unknown}")


def _paper_checks(arguments: Namespace) -> "Callable[[Invocation], int]":
    from app import paper_checks

    if arguments.by_hand:
        return lambda invocation: paper_checks.run(invocation, as_json=arguments.json)
    return lambda invocation: paper_checks.ask(invocation, as_json=arguments.json, record=arguments.record)


def _audit(arguments: Namespace) -> "Callable[[Invocation], int]":
    from app import audit_commands

    if arguments.subcommand == "export":
        return lambda invocation: audit_commands.export_audit(invocation, arguments.file)
    return lambda invocation: audit_commands.verify_audit(invocation, as_json=arguments.json)


def _backup(arguments: Namespace) -> "Callable[[Invocation], int]":
    from app import backup_commands

    match arguments.subcommand:
        case "create":
            return backup_commands.create
        case "verify":
            return lambda invocation: backup_commands.verify(invocation, arguments.file)
        case "restore":
            return lambda invocation: backup_commands.put_back(invocation, arguments.file)
    return backup_commands.show


def _secrets(arguments: Namespace) -> "Callable[[Invocation], int]":
    from app import secret_commands
    from core.domain.credentials import SecretName

    if arguments.subcommand == "list":
        return secret_commands.show
    name = SecretName(arguments.name)
    if arguments.subcommand == "remove":
        return lambda invocation: secret_commands.take_away(invocation, name)
    rotates = arguments.subcommand == "rotate"
    return lambda invocation: secret_commands.put(invocation, name, arguments.from_file, rotates=rotates)


def _keys(arguments: Namespace) -> "Callable[[Invocation], int]":
    from app import key_commands

    match arguments.subcommand:
        case "passphrase":
            return lambda invocation: key_commands.change_passphrase(
                invocation, arguments.new_passphrase_file
            )
        case "rotate":
            return key_commands.rotate
        case "keyring":
            return lambda invocation: key_commands.switch_keyring(invocation, is_on=arguments.switch == "on")
        case "recovery" if arguments.use:
            return lambda invocation: key_commands.use_recovery(
                invocation, arguments.from_file, arguments.new_passphrase_file
            )
    return key_commands.make_recovery


def _users(arguments: Namespace) -> "Callable[[Invocation], int]":
    from app import user_commands
    from core.domain.access import Role

    match arguments.subcommand:
        case "add":
            role = Role(arguments.role)
            return lambda invocation: user_commands.add(
                invocation, arguments.name, role, arguments.new_passphrase_file
            )
        case "set-role":
            role = Role(arguments.role)
            return lambda invocation: user_commands.set_role(invocation, arguments.name, role)
        case "remove":
            return lambda invocation: user_commands.remove(invocation, arguments.name)
    return user_commands.show


def _open_window(arguments: Namespace, invocation: "Invocation") -> int:
    # Everything that can be refused is refused before a window opens.
    options = _desktop_options(arguments, invocation)

    def run() -> int:
        from app import lean_qt

        lean_qt.load()
        from app import desktop

        return desktop.run(options)

    return _watched(arguments, invocation, run)


def _run_headless(arguments: Namespace, invocation: "Invocation") -> int:
    from app import headless

    prepared = headless.prepare(invocation)
    return _watched(arguments, invocation, lambda: headless.run(prepared))


def _watched(arguments: Namespace, invocation: "Invocation", run: Callable[[], int]) -> int:
    from app.crash import CrashFiles
    from app.profile import make_data_dir

    make_data_dir(invocation.data_dir)
    _configure_log(arguments, invocation.variables, invocation.data_dir / "logs" / "investiq.log")

    crashes = CrashFiles(
        invocation.data_dir / "crashes", lambda reference, _: _complain(crashes.told(reference))
    )
    crashes.install()
    try:
        return run()
    finally:
        crashes.close()


def _desktop_options(arguments: Namespace, invocation: "Invocation") -> "DesktopOptions":
    from app.options import DesktopOptions, Kind

    kind, folder, passphrase = Kind.DEMO, None, None
    if arguments.replay is not None:
        kind = Kind.REPLAY
        _check_bars(arguments.replay)
    elif not arguments.demo:
        folder, passphrase = _profile(invocation)
        kind = Kind.WELCOME if folder is None else Kind.PROFILE
    return DesktopOptions(
        kind=kind,
        data_dir=invocation.data_dir,
        profile_folder=folder,
        passphrase=passphrase,
        replay_path=arguments.replay,
        is_rough=arguments.rough_day,
        speed=REPLAY_SPEED if arguments.speed is None else arguments.speed,
        screenshot=arguments.screenshot,
        after_s=PICTURE_AFTER_S if arguments.after is None else arguments.after,
        mark_first_paint=arguments.mark_first_paint,
    )


def _check_bars(path: Path) -> None:
    from core.adapters.simulator.replay import BarReplay

    BarReplay(path)


def _profile(invocation: "Invocation") -> tuple[Path | None, str | None]:
    from app import profile as profiles
    from app.instance import ProfileLock
    from app.opening import check_may_start, starting_passphrase
    from core.settings import read_environment

    read_environment(invocation.variables)  # a value that is none of ours is refused without a profile too
    name = invocation.profile or profiles.last_used(invocation.data_dir)
    if name is None:
        return None, None
    profile = profiles.load(invocation.data_dir, name)
    check_may_start(profile, invocation.variables)
    # Asked of the profile's lock here so that a second start says so at once; the core holds it later.
    ProfileLock(profile.lock).release()
    found = starting_passphrase(profile, invocation)
    profiles.note_used(invocation.data_dir, name)
    return profile.folder, found


def _configure_log(arguments: Namespace, variables: Mapping[str, str], file: Path | None) -> None:
    from core.logs import LogFormat, LogLevel, LogSettings, configure

    form = arguments.log_format or _variable(variables, "INVESTIQ_LOG_FORMAT", FORMATS)
    level = arguments.log_level or _variable(variables, "INVESTIQ_LOG_LEVEL", LEVELS)
    is_written = configure(
        LogSettings(
            file,
            level=LogLevel(level or "info"),
            format=LogFormat(form or "text"),
            # Whoever asks for a format or a level wants to see it; otherwise the screen is for messages.
            echo=form is not None or level is not None,
        )
    )
    if not is_written:
        _complain(f"{file} cannot be written; the program runs on without a log file")


def _variable(variables: Mapping[str, str], name: str, words: tuple[str, ...]) -> str | None:
    found = variables.get(name)
    if found and found not in words:
        raise e.SettingInvalid("environment", name, f"expected one of {', '.join(words)}, found {found!r}")
    return found or None
