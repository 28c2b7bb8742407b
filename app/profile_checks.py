"""Start-up validation of a profile: what is wrong, by name, and what to do."""

import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime

from app.admission import held_alone
from app.checks import DO_WHAT_IT_SAYS, Check, check, guarded
from app.opening import NOT_USED_YET, Invocation, check_may_start, let_in, schema_of, usual_profile
from app.profile import Profile, load
from app.record_checks import record_checks
from core.clock import SystemClock
from core.domain.access import Mode, Role
from core.errors import InvestIQError, ProfileInUse, StorageError
from core.settings import ProfileSettings
from core.storage import vault
from core.storage.vault import Key

OLDEST_KEY_DAYS = 730  # of the database; a passphrase has no age (NIST SP 800-63B-4, 3.1.1.2)


def _live_gate(settings: ProfileSettings | None, variables: Mapping[str, str]) -> Check:
    is_open = variables.get("LIVE_TRADING_APPROVED") == "yes"
    found = "open: live profiles may start, and ask again" if is_open else "closed: no live profile starts"
    is_wanted = settings is not None and settings.mode is Mode.LIVE
    return check(
        "live gate", is_open or not is_wanted, found, "set LIVE_TRADING_APPROVED=yes if this is meant"
    )


def profile_checks(invocation: Invocation) -> Iterator[Check]:
    """Check the profile that is meant: settings, files, keys, users, and what `record_checks` looks at."""
    name = usual_profile(invocation)
    if name is None:
        yield _live_gate(None, invocation.variables)
        yield Check("profile", passed=True, found="none named and none used yet; nothing to check")
        return
    try:
        profile = load(invocation.data_dir, name)
        yield _live_gate(profile.settings, invocation.variables)
        check_may_start(profile, invocation.variables)
    except InvestIQError as error:
        yield Check("settings", passed=False, found=str(error), advice="correct what is named and try again")
        return
    yield Check("settings", passed=True, found=f"profile {name}, mode {profile.settings.mode}")
    yield _permissions(profile)
    with ExitStack() as held:
        try:
            held.enter_context(held_alone(profile))
        except (ProfileInUse, StorageError) as error:
            advice = "end the other instance; the database can be checked only then"
            yield Check("one instance", passed=False, found=str(error), advice=advice)
            return
        yield Check("one instance", passed=True, found="no other instance has the profile")
        yield from _database(profile, invocation)


def _permissions(profile: Profile) -> Check:
    if sys.platform == "win32":
        return Check("permissions", passed=True, found="kept by the user's own folder")
    open_to_others = [
        path.name
        for path in (profile.folder, *profile.folder.iterdir())
        if stat.S_IMODE(path.stat().st_mode) & 0o077 or path.stat().st_uid != os.geteuid()
    ]
    found = (
        f"open to others: {', '.join(open_to_others)}"
        if open_to_others
        else "folder and files are yours alone"
    )
    return check("permissions", not open_to_others, found, f"run: chmod -R go= '{profile.folder}'")


def _database(profile: Profile, invocation: Invocation) -> Iterator[Check]:
    if profile.is_new:
        yield Check("database", passed=True, found=f"none yet; {NOT_USED_YET}")
        yield from _credentials(profile, None)
        return
    keys: list[Key] = []
    yield guarded("passphrase", lambda: _unlocked(profile, invocation, keys))
    if not keys:
        return
    yield guarded("keys", lambda: _keys(profile))
    yield from _credentials(profile, keys[0])
    schema = guarded("database schema", lambda: _schema(profile, keys[0]))
    yield schema
    if schema.passed:
        yield guarded("users", lambda: _users(profile, keys[0]))
        yield from record_checks(profile, keys[0])


def _credentials(profile: Profile, key: Key | None) -> Iterator[Check]:
    from app.secrets import command, needed, open_secrets

    names = needed(profile.settings)
    if not names:
        yield Check("credentials", passed=True, found="none needed")
        return
    try:
        there = {each.name: each.place for each in open_secrets(profile, key).names()}
    except InvestIQError as error:
        yield Check("credentials", passed=False, found=str(error), advice=DO_WHAT_IT_SAYS)
        return
    for name in names:
        found = f"{name} in {there[name]}" if name in there else f"{name} is not stored"
        yield check("credentials", name in there, found, f"run: {command(profile, name)}")


def _unlocked(profile: Profile, invocation: Invocation, keys: list[Key]) -> Check:
    unlocked = let_in(profile, invocation)
    keys.append(unlocked.key)
    return Check("passphrase", passed=True, found=f"opens the slot of user {unlocked.user}")


def _keys(profile: Profile) -> Check:
    now, found = SystemClock().now(), vault.ages(profile.folder)
    made = found.data_key
    words = [f"database {_age(made, now)}", *(f"{user} {_age(at, now)}" for user, at in found.passphrases)]
    words.append("no recovery key" if found.recovery is None else f"recovery key {_age(found.recovery, now)}")
    if vault.has_keyring(profile.folder):
        words.append("the keyring opens it unasked")
    is_young = made is None or (now - made).days <= OLDEST_KEY_DAYS
    return check("keys", is_young, "; ".join(words), "run: investiq keys rotate")


def _age(at: datetime | None, now: datetime) -> str:
    return "of unknown age" if at is None else f"{max(0, (now - at).days)} days old"


def _users(profile: Profile, key: Key) -> Check:
    from core.access.users import present
    from core.storage.user_store import stored_users

    roles = {each.name: each.role for each in present(stored_users(profile.database, key))}
    slots = vault.users(profile.folder)
    strangers = [name for name in slots if name not in roles]
    if strangers:
        advice = f"run: investiq users add {strangers[0]} --role viewer, or users remove"
        return Check("users", passed=False, found=f"without a role: {', '.join(strangers)}", advice=advice)
    is_ruled = any(roles[name] == Role.ADMIN for name in slots)
    found = ", ".join(f"{name} {role}" for name, role in roles.items()) or "nobody"
    return check("users", is_ruled, found, "no administrator has a passphrase; use the recovery key")


def _schema(profile: Profile, key: Key) -> Check:
    schema = schema_of(profile.database, key)
    return check(
        "database schema",
        schema.is_current,
        f"{schema.revision} of {schema.known}",
        "run: investiq db upgrade",
    )
