"""Where a profile's credentials are: in the system's keyring, else in an encrypted file of its own."""

import shlex
from collections.abc import Sequence

from app.admission import Admitted
from app.profile import Profile
from core.adapters import keychain
from core.adapters.keychain import Keychain
from core.clock import Clock, SystemClock
from core.domain.access import Mode
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.credentials import (
    AlpacaCredentials,
    PolygonKey,
    Secret,
    SecretName,
    SecretPlace,
    alpaca_name,
    check_mode,
    parse,
    parse_alpaca,
    parse_polygon,
)
from core.errors import CredentialMissing, RefusalCode, Refused
from core.ports.secret_store import SecretStore
from core.settings import BrokerName, FeedName, ProfileSettings, check_alpaca_hosts
from core.storage.secrets import SecretFile
from core.storage.vault import Key


class Secrets:
    """One profile's credentials, wherever they lie. Every call may wait for a person: never on an event loop.

    Args:
        stores: new ones go to the first.
        without: why the keyring is not among them; "" where it is.
    """

    def __init__(self, stores: Sequence[SecretStore], without: str = "") -> None:
        self._stores = tuple(stores)
        self.without = without

    @property
    def place(self) -> str:
        """Where a new credential goes."""
        return self._stores[0].place if self._stores else "nowhere"

    def get(self, name: SecretName) -> Secret | None:
        """Return a credential; the newest, if a keyring that came or went has left two.

        Raises:
            KeyringUnavailable, StorageError: nobody knows whether it is there.
        """
        found = [held for store in self._stores if (held := store.get(name)) is not None]
        return max(found, key=lambda held: held.set_at, default=None)

    def set(self, name: SecretName, text: str) -> None:
        """Store a credential in its place, and in no other.

        Raises:
            KeyringUnavailable, StorageError: the one before may be as it was.
        """
        first, *others = self._stores
        first.set(name, text)
        for store in others:
            store.remove(name)

    def remove(self, name: SecretName) -> None:
        """Forget a credential everywhere.

        Raises:
            KeyringUnavailable, StorageError: it may be there still.
        """
        for store in self._stores:
            store.remove(name)

    def names(self) -> tuple[SecretPlace, ...]:
        """List what is stored, place by place."""
        return tuple(each for store in self._stores for each in store.names())


def open_secrets(profile: Profile, key: Key | None, clock: Clock | None = None) -> Secrets:
    """Find the places of a profile's credentials. A locked keyring may ask the person to unlock it.

    Args:
        key: of the profile; None where it is locked, and then its file cannot be read.
    """
    clock = clock or SystemClock()
    found = keychain.find()
    stores: list[SecretStore] = []
    if found.backend is not None:
        stores.append(Keychain(found.backend, profile.name, clock))
    if key is not None:
        stores.append(SecretFile(profile.folder, key, clock))
    return Secrets(stores, "" if found.backend is not None else found.words)


def needed(settings: ProfileSettings) -> tuple[SecretName, ...]:
    """List the credentials that a profile cannot open without."""
    names = [alpaca_name(settings.mode)] if settings.broker is BrokerName.ALPACA else []
    return (*names, SecretName.POLYGON) if settings.feed is FeedName.POLYGON else tuple(names)


def load_alpaca(profile: Profile, mode: Mode, secrets: Secrets) -> AlpacaCredentials:
    """Hand out the key pair that a client of a mode signs with.

    Raises:
        CredentialMissing: it is not stored.
        Refused: the profile is of another mode, or what is stored is no key pair.
        SettingInvalid: the profile's addresses are not those that the keys may be sent to.
        KeyringUnavailable, StorageError: nobody knows whether it is there.
    """
    if mode is not profile.settings.mode:
        raise Refused(
            RefusalCode.NOT_PERMITTED,
            f"profile {profile.name!r} is of mode {profile.settings.mode}; it has no keys for mode {mode}",
        )
    name = alpaca_name(mode)
    check_alpaca_hosts(mode, profile.settings.alpaca)
    return parse_alpaca(name, _held(profile, name, secrets))


def load_polygon(profile: Profile, secrets: Secrets) -> PolygonKey:
    """Hand out the key of Polygon.

    Raises:
        CredentialMissing, Refused, KeyringUnavailable, StorageError: as `load_alpaca`.
    """
    return parse_polygon(_held(profile, SecretName.POLYGON, secrets))


def _held(profile: Profile, name: SecretName, secrets: Secrets) -> str:
    held = secrets.get(name)
    if held is None:
        words = f"profile {profile.name!r} needs {name}, and none is stored; run: {command(profile, name)}"
        if secrets.without:
            words += f". The keyring could not be asked ({secrets.without}); if it is there, unlock it first"
        raise CredentialMissing(words)
    return held.text


def command(profile: Profile, name: SecretName) -> str:
    """Return what a person types to store a credential."""
    return f"investiq --profile {shlex.quote(profile.name)} secrets set {name}"


def store_secret(admitted: Admitted, secrets: Secrets, name: SecretName, text: str) -> None:
    """Check a credential, store it and record that, as one act.

    Raises:
        Refused: it is for another mode, or is no such credential; nothing was stored.
        KeyringUnavailable, StorageError: nothing was recorded, and the one before may be as it was.
    """
    check_mode(name, admitted.profile.settings.mode)
    parse(name, text)
    facts = {"place": secrets.place, "replaced": secrets.get(name) is not None}
    draft = AuditDraft(AuditAction.SECRET_SET, admitted.actor, name.value, payload_of(facts))
    admitted.record([draft], lambda _: secrets.set(name, text))


def remove_secret(admitted: Admitted, secrets: Secrets, name: SecretName) -> None:
    """Forget a credential and record that, as one act.

    Raises:
        KeyringUnavailable, StorageError: nothing was recorded, and it may be there still.
    """
    draft = AuditDraft(AuditAction.SECRET_REMOVED, admitted.actor, name.value)
    admitted.record([draft], lambda _: secrets.remove(name))
