"""What a command needs before it can work: which profile, which passphrase, which schema."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path

from app import profile as profiles
from app.profile import Profile
from core.errors import BadInput, RefusalCode, Refused
from core.settings import check_start, read_environment, read_private
from core.storage import vault
from core.storage.vault import Key, Unlocked

NOT_USED_YET = "it is made when the profile is first opened"


@dataclass(frozen=True, slots=True)
class Invocation:
    """What stands before a command.

    Attributes:
        data_dir: where profiles, logs and crash files live.
        profile: as named on the command line; None for the last one used.
        passphrase_file: holds the passphrase, for a start without a person.
        variables: the environment.
    """

    data_dir: Path
    profile: str | None
    passphrase_file: Path | None
    variables: Mapping[str, str]


def usual_profile(invocation: Invocation) -> str | None:
    """Return the profile that is meant: the one named, the last one used, or the only one."""
    if invocation.profile is not None:
        return invocation.profile
    found = profiles.names(invocation.data_dir)
    only = found[0] if len(found) == 1 else None
    return profiles.last_used(invocation.data_dir) or only


def chosen_profile(invocation: Invocation) -> Profile:
    """Return the profile that a command is about.

    Raises:
        Refused: none is named, and none was used before.
        SettingInvalid: its settings are not what this program knows.
    """
    name = usual_profile(invocation)
    if name is None:
        there = ", ".join(profiles.names(invocation.data_dir)) or "none yet"
        raise Refused(
            RefusalCode.NOT_FOUND, f"say which profile, with --profile NAME before the command: {there}"
        )
    return profiles.load(invocation.data_dir, name)


def used_profile(invocation: Invocation) -> Profile:
    """Return the profile that a command is about, if it has been used.

    Raises:
        Refused: as `chosen_profile`, or it has no database yet.
    """
    profile = chosen_profile(invocation)
    if profile.is_new:
        raise Refused(RefusalCode.NOT_READY, f"profile {profile.name!r} has no database yet; {NOT_USED_YET}")
    return profile


def check_may_start(profile: Profile, variables: Mapping[str, str]) -> None:
    """Hold a profile against the environment before anything of it is opened.

    Raises:
        SettingInvalid: a live profile without approval, or required authentication without a key or user.
        StorageError: its key file cannot be read.
    """
    has_user = profile.is_new or bool(vault.users(profile.folder))
    check_start(profile.settings, read_environment(variables), has_user=has_user)


def let_in(profile: Profile, invocation: Invocation) -> Unlocked:
    """Unlock a profile with the passphrase of the file, or with one that is asked for.

    Raises:
        WrongPassphrase: it opens no slot, or there is nobody to ask.
    """
    return profiles.unlock(profile, passphrase(invocation, f"Passphrase of profile {profile.name}: "))


def passphrase(invocation: Invocation, prompt: str, ask: Callable[[str], str] = getpass) -> str | None:
    """Read the passphrase from its file, else ask for it; None where there is nobody to ask."""
    if invocation.passphrase_file is not None:
        return read_passphrase(invocation.passphrase_file)
    return ask(prompt) if sys.stdin is not None and sys.stdin.isatty() else None


def starting_passphrase(profile: Profile, invocation: Invocation) -> str | None:
    """Read what opens a profile for trading; None where the keyring may, or where there is nobody to ask.

    Raises:
        StorageError: its key file cannot be read.
    """
    if invocation.passphrase_file is None and profiles.opens_unasked(profile.folder):
        return None
    return passphrase(invocation, f"Passphrase of profile {profile.name}: ")


def new_passphrase(file: Path | None, whose: str, option: str, ask: Callable[[str], str] = getpass) -> str:
    """Read a passphrase that is to be set, from its file or typed twice.

    Args:
        whose: who or what needs it, for the message.
        option: the one that names the file.

    Raises:
        Refused: there is none, or the two differ.
    """
    if file is not None:
        return read_passphrase(file)
    if sys.stdin is None or not sys.stdin.isatty():
        raise Refused(
            RefusalCode.MALFORMED, f"{whose} needs a new passphrase: run in a terminal, or use {option}"
        )
    first = ask("New passphrase, at least 15 characters: ")
    if ask("The same again: ") != first:
        raise Refused(RefusalCode.MALFORMED, "the two passphrases differ; nothing was written")
    return first


def read_passphrase(path: Path) -> str:
    """Read the first line of a passphrase file.

    Raises:
        Refused: others than its owner could read it, or it belongs to somebody else.
        BadInput: it cannot be read, or there is nothing in it.
    """
    found = read_private(path, "passphrase file").partition("\n")[0]
    if not found:
        raise BadInput(str(path), "expected the passphrase on the first line, found nothing", 1)
    return found


@dataclass(frozen=True, slots=True)
class Schema:
    """Which schema a database has.

    Attributes:
        revision: as stored.
        known: the newest that this program knows.
    """

    revision: str
    known: str

    @property
    def is_current(self) -> bool:
        """Whether nothing is to be upgraded."""
        return self.revision == self.known


def schema_of(path: Path, key: Key) -> Schema:
    """Look up a database's schema without touching a byte of it.

    Raises:
        StorageError: it is missing, damaged, not ours or newer than this program.
    """
    from core.storage import engine, migration
    from core.storage.faults import DRIVER_ERRORS

    engine.check_file(path)
    probe = engine.probing_engine(path, key)
    try:
        with probe.connect() as connection:
            migration.check_revision(connection, path)
            return Schema(migration.current(connection) or "", migration.HEAD)
    except DRIVER_ERRORS as error:
        raise engine.explain(error, path, key) from error
    finally:
        probe.dispose()
