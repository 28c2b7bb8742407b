"""The words of the command line. Imports nothing that a person would have to wait for."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from app.version import build, version

MODES = ("sim", "paper", "live")
BROKERS = ("simulator", "alpaca")
ROLES = ("viewer", "trader", "admin")
SECRETS = ("alpaca.paper", "alpaca.live", "polygon")
FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")
REPLAY_SPEED = 60.0
FASTEST = 100_000.0
PICTURE_AFTER_S = 2.0

_EXIT_CODES = """exit codes:
  0 done   1 refused, or a check failed   2 wrong usage   3 locked, or wrong passphrase
  4 the database or the audit chain is damaged   5 another instance has the profile
  6 cannot be written (full, read-only, permissions)   7 the database is newer than the program"""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line.

    Raises:
        SystemExit: 2 for wrong usage, 0 after help or version.
    """
    parser = command_line()
    arguments = parser.parse_args(argv)
    fault = _fault(arguments)
    if fault is not None:
        parser.error(fault)
    return arguments


def command_line() -> argparse.ArgumentParser:
    """Return the reader of the command line, which the manual page is printed from as well."""
    parser = argparse.ArgumentParser(
        prog="investiq",
        description="A trading terminal for US equities that can prove what it did.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print version and build")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="where profiles, backups and logs live")
    parser.add_argument(
        "--profile", metavar="NAME", help="which profile to open; the last one used if not said"
    )
    parser.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="unattended unlock; your own file, mode 0600"
    )
    parser.add_argument("--log-format", choices=FORMATS, help="text or json")
    parser.add_argument("--log-level", choices=LEVELS, help="the least important event that is written")
    _add_window(parser)
    _add_commands(parser)
    return parser


class _Version(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        print(f"investiq {version()} ({build()})")
        parser.exit()


def _add_window(parser: argparse.ArgumentParser) -> None:
    window = parser.add_argument_group("with the window")
    kind = window.add_mutually_exclusive_group()
    kind.add_argument("--demo", action="store_true", help="a throwaway profile on the embedded exchange")
    kind.add_argument(
        "--replay", type=Path, metavar="PATH", help="the same on recorded bars: a CSV file or a folder"
    )
    window.add_argument(
        "--rough-day",
        action="store_true",
        help="the demo's exchange loses answers, repeats itself, cuts the line",
    )
    window.add_argument(
        "--speed", type=_speed, metavar="X", help=f"market seconds a second of a replay ({REPLAY_SPEED:g})"
    )
    window.add_argument(
        "--screenshot", type=Path, metavar="FILE.png", help="save a picture of the window and end"
    )
    window.add_argument(
        "--after", type=_seconds, metavar="SECONDS", help=f"when the picture is taken ({PICTURE_AFTER_S:g})"
    )
    window.add_argument("--mark-first-paint", type=Path, help=argparse.SUPPRESS)


def _add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _command(commands, "desktop", "open the window; so does no command at all")
    _command(commands, "headless", "run the core and the local API without a window")
    doctor = _command(commands, "doctor", "check this computer and a profile")
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.add_argument(
        "--paper-checks",
        action="store_true",
        help="ask a paper account, with orders that are cancelled again",
    )
    doctor.add_argument(
        "--by-hand", action="store_true", help="with --paper-checks: print the questions only"
    )
    doctor.add_argument(
        "--record", type=Path, metavar="FILE", help="with --paper-checks: keep what is said, without keys"
    )
    profile = _group(commands, "profile", "make and list profiles")
    create = _command(profile, "create", "a new profile, with its first user and a passphrase")
    create.add_argument("name", metavar="NAME")
    create.add_argument("--mode", choices=MODES, default="sim", help="what an order costs (sim)")
    create.add_argument("--broker", choices=BROKERS, help="where orders go; follows from the mode")
    _command(profile, "list", "one a line")
    audit = _group(commands, "audit", "the audit chain")
    verify = _command(audit, "verify", "check the chain of a profile, and name what it was held against")
    verify.add_argument("--json", action="store_true", help="for programs")
    export = _command(audit, "export", "write the chain into a signed file, for verify_audit.py")
    export.add_argument("file", type=Path, metavar="FILE", help="where to; nothing is overwritten")
    _add_secrets(commands)
    _add_keys(commands)
    _add_users(commands)
    _add_backups(commands)
    retention = _group(commands, "retention", "what is past its keep-by date")
    run = _command(retention, "run", "move audit records that are due into encrypted archives")
    run.add_argument("--dry-run", action="store_true", help="say what a run would do, and change nothing")
    schema = _group(commands, "db", "the database's schema")
    _command(schema, "current", "which schema the database has")
    _command(schema, "upgrade", "bring it to this program's")


def _add_secrets(commands: "_Commands[argparse.ArgumentParser]") -> None:
    secrets = _group(commands, "secrets", "keys of brokers and data vendors")
    _command(secrets, "list", "what is stored, where and since when; never the values")
    for word, words in (("set", "store one"), ("rotate", "store a new one in the place of the old")):
        put = _command(secrets, word, f"{words}; asked for, or read from standard input")
        put.add_argument("name", metavar="NAME", choices=SECRETS, help=", ".join(SECRETS))
        put.add_argument("--from-file", type=Path, metavar="FILE", help="your own file, mode 0600")
    remove = _command(secrets, "remove", "forget one")
    remove.add_argument("name", metavar="NAME", choices=SECRETS, help=", ".join(SECRETS))


def _add_keys(commands: "_Commands[argparse.ArgumentParser]") -> None:
    keys = _group(commands, "keys", "the keys of a profile")
    passphrase = _command(keys, "passphrase", "change your own passphrase")
    _add_new_passphrase(passphrase)
    _command(keys, "rotate", "re-encrypt the profile under a new key; every passphrase stays")
    recovery = _command(keys, "recovery", "make a recovery key for paper, or use it")
    recovery.add_argument("--use", action="store_true", help="set a new passphrase with the recovery key")
    recovery.add_argument("--from-file", type=Path, metavar="FILE", help="with --use: your own, mode 0600")
    _add_new_passphrase(recovery)
    keyring = _command(keys, "keyring", "let this computer's keyring open the profile, or no longer")
    keyring.add_argument("switch", choices=("on", "off"), help="on or off")


def _add_users(commands: "_Commands[argparse.ArgumentParser]") -> None:
    users = _group(commands, "users", "who may open a profile, and in which role")
    _command(users, "list", "name, role and passphrase, one a line")
    add = _command(users, "add", "a new user with a passphrase of their own")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=ROLES, required=True, help="what they may do")
    _add_new_passphrase(add)
    change = _command(users, "set-role", "give a user another role")
    change.add_argument("name", metavar="NAME")
    change.add_argument("role", choices=ROLES, metavar="ROLE", help=", ".join(ROLES))
    remove = _command(users, "remove", "shut a user out; the profile is re-encrypted under a new key")
    remove.add_argument("name", metavar="NAME")


def _add_backups(commands: "_Commands[argparse.ArgumentParser]") -> None:
    backups = _group(commands, "backup", "encrypted backups of a profile")
    _command(backups, "create", "make one now, verified; the program makes one a day while it runs")
    _command(backups, "list", "what there is, and what each says of itself")
    verify = _command(backups, "verify", "check every byte of one, and the audit chain in it")
    verify.add_argument("file", type=Path, metavar="FILE", help="the backup")
    restore = _command(backups, "restore", "put one in the place of a profile, which is kept beside it")
    restore.add_argument("file", type=Path, metavar="FILE", help="the backup")


def _add_new_passphrase(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--new-passphrase-file", type=Path, metavar="FILE", help="the new one; your own file, mode 0600"
    )


_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what it returns


def _command(
    commands: "_Commands[argparse.ArgumentParser]", name: str, words: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=words, description=words, allow_abbrev=False)


def _group(
    commands: "_Commands[argparse.ArgumentParser]", name: str, words: str
) -> "_Commands[argparse.ArgumentParser]":
    made = _command(commands, name, words)
    return made.add_subparsers(dest="subcommand", metavar="WHAT", required=True)


def _fault(arguments: argparse.Namespace) -> str | None:
    throwaway = arguments.demo or arguments.replay is not None
    if arguments.command not in (None, "desktop"):
        if throwaway or arguments.screenshot is not None:
            return f"--demo, --replay and --screenshot open the window, {arguments.command} does not"
    elif throwaway and arguments.profile is not None:
        return "--profile does not go with --demo or --replay: they make a profile of their own"
    if (
        arguments.command == "doctor"
        and (arguments.by_hand or arguments.record)
        and not arguments.paper_checks
    ):
        return "--by-hand and --record go with --paper-checks"
    if (
        arguments.command == "keys"
        and arguments.subcommand == "recovery"
        and not arguments.use
        and (arguments.from_file or arguments.new_passphrase_file)
    ):
        return "--from-file and --new-passphrase-file go with --use"
    if arguments.speed is not None and arguments.replay is None:
        return "--speed goes with --replay"
    if arguments.rough_day and not arguments.demo:
        return "--rough-day goes with --demo"
    if arguments.after is not None and arguments.screenshot is None:
        return "--after goes with --screenshot"
    return _fault_of_picture(arguments.screenshot)


def _fault_of_picture(picture: Path | None) -> str | None:
    if picture is None:
        return None
    if picture.suffix.lower() != ".png":
        return f"--screenshot: expected a name that ends in .png, found {picture.name}"
    return (
        None if picture.absolute().parent.is_dir() else f"--screenshot: there is no folder {picture.parent}"
    )


def _speed(text: str) -> float:
    number = _number(text)
    if not 0 < number <= FASTEST:
        raise argparse.ArgumentTypeError(f"expected a number above 0, at most {FASTEST:g}, found {text!r}")
    return number


def _seconds(text: str) -> float:
    number = _number(text)
    if not 0 <= number <= 3600:
        raise argparse.ArgumentTypeError(f"expected seconds from 0 to 3600, found {text!r}")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
