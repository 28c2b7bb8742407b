"""The commands about credentials. A value is asked for, piped in or read from a file, and is never shown."""

import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path

from app.admission import admit, held_alone
from app.opening import Invocation, chosen_profile, let_in, used_profile
from app.profile import Profile
from app.secrets import Secrets, command, open_secrets, remove_secret, store_secret
from core.access.policy import Duty
from core.domain.credentials import PARTS, SecretName, check_mode, lines, parse
from core.errors import BadInput, RefusalCode, Refused
from core.settings import read_private
from core.storage.vault import Key

_MOST_CHARACTERS = 4096


def show(invocation: Invocation) -> int:
    """Print what is stored: name, place and date, one a line, and where a new one would go."""
    profile = chosen_profile(invocation)
    key: Key | None = None
    if profile.secrets.exists():
        key = let_in(profile, invocation).key
    secrets = open_secrets(profile, key)
    held = secrets.names()
    for each in held:
        print(f"{each.name}\t{each.place}\tset {each.set_at:%Y-%m-%d %H:%M} UTC")
    if not held:
        print(f"no credential is stored for profile {profile.name}")
    print(f"new ones go to {_place(secrets)}")
    return 0


def _place(secrets: Secrets) -> str:
    return f"the profile's encrypted file: {secrets.without}" if secrets.without else secrets.place


def put(invocation: Invocation, name: SecretName, file: Path | None, *, rotates: bool) -> int:
    """Store a credential: the first of its name, or one in the place of another."""
    profile = used_profile(invocation)
    check_mode(name, profile.settings.mode)
    with held_alone(profile):
        admitted = admit(profile, invocation, Duty.MANAGE_CREDENTIALS)
        secrets = open_secrets(profile, admitted.key)
        held = secrets.get(name)
        _check_turn(profile, name, is_held=held is not None, rotates=rotates)
        text = lines(*read_value(name, file))
        if held is not None and held.text == text:
            raise Refused(
                RefusalCode.MALFORMED, f"this is the {name} that is stored already; nothing changed"
            )
        store_secret(admitted, secrets, name, text)
    print(f"{name} of profile {profile.name} is stored in {secrets.place}")
    if rotates:
        print("Revoke the old one where it was made: until then it still opens the account.")
    return 0


def take_away(invocation: Invocation, name: SecretName) -> int:
    """Forget a credential."""
    profile = used_profile(invocation)
    with held_alone(profile):
        admitted = admit(profile, invocation, Duty.MANAGE_CREDENTIALS)
        secrets = open_secrets(profile, admitted.key)
        if name not in {each.name for each in secrets.names()}:
            raise Refused(RefusalCode.NOT_FOUND, f"profile {profile.name!r} has no {name}; nothing changed")
        remove_secret(admitted, secrets, name)
    print(f"{name} of profile {profile.name} is removed from this computer")
    print("It still opens the account: revoke it where it was made, unless it is used elsewhere.")
    return 0


def _check_turn(profile: Profile, name: SecretName, *, is_held: bool, rotates: bool) -> None:
    if rotates and not is_held:
        words = f"profile {profile.name!r} has no {name} yet; run: {command(profile, name)}"
        raise Refused(RefusalCode.NOT_FOUND, words)
    if is_held and not rotates:
        other = command(profile, name).replace("secrets set", "secrets rotate")
        words = f"profile {profile.name!r} has {name} already; nothing was overwritten. Run: {other}"
        raise Refused(RefusalCode.NAME_TAKEN, words)


def read_value(name: SecretName, file: Path | None, ask: Callable[[str], str] = getpass) -> tuple[str, ...]:
    """Read a credential, part by part.

    Raises:
        Refused: it is no such credential, or the file is open to others; the value is not quoted.
        BadInput: there is nothing to read it from.
    """
    if file is not None:
        return parse(name, read_private(file, "file with a credential"))
    if sys.stdin is not None and sys.stdin.isatty():
        return parse(name, lines(*(_typed(f"{name}, {part}: ", ask) for part in PARTS[name])))
    return parse(name, _from_input())


def _typed(prompt: str, ask: Callable[[str], str]) -> str:
    try:
        return ask(prompt)
    except EOFError:
        raise BadInput("prompt", "nothing was typed; nothing was stored") from None


def _from_input() -> str:
    if sys.stdin is None:
        raise BadInput("standard input", "there is none: run in a terminal, or use --from-file FILE")
    try:
        return sys.stdin.read(_MOST_CHARACTERS)
    except UnicodeDecodeError:
        raise BadInput("standard input", "expected text") from None
