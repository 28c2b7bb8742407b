"""The keyring behind its port: only back ends that encrypt, and no failure taken for an absence."""

import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import keyring.backends.SecretService
import pytest
from keyring.errors import InitError, KeyringLocked, PasswordDeleteError, PasswordSetError

from core.adapters import keychain
from core.adapters.keychain import Keychain
from core.clock import ManualClock
from core.domain.credentials import SecretName, SecretPlace, lines
from core.errors import KeyringUnavailable
from tests.fakes.keychain import MemoryKeyring, allow

PAIR = lines("PKTESTKEYID0001", "aSecretOfSomeLength")
PAPER, POLYGON = SecretName.ALPACA_PAPER, SecretName.POLYGON


class PlaintextKeyring(MemoryKeyring):
    """Named as the one that writes base64 into a file."""

    __module__ = "keyrings.alt.file"


class Deceptive(keyring.backends.SecretService.Keyring):
    """Is a Secret Service by inheritance, and anything by behaviour."""


@pytest.fixture
def memory(monkeypatch) -> MemoryKeyring:
    allow(monkeypatch)
    return MemoryKeyring()


@pytest.fixture
def chain(memory: MemoryKeyring) -> Keychain:
    return Keychain(memory, "desk", ManualClock())


@pytest.mark.parametrize(
    "kind",
    [
        keyring.backends.null.Keyring,
        keyring.backends.fail.Keyring,
        keyring.backends.chainer.ChainerBackend,
        MemoryKeyring,
        PlaintextKeyring,
        Deceptive,
    ],
)
def test_keyring_that_is_not_known_to_encrypt_is_refused(kind):
    with pytest.raises(KeyringUnavailable, match="not a keyring that is known to encrypt"):
        Keychain(kind(), "desk", ManualClock())


def test_session_without_a_bus_has_no_keyring_whatever_a_variable_or_a_file_says(monkeypatch, tmp_path):
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "python_keyring").mkdir()
    (tmp_path / "python_keyring" / "keyringrc.cfg").write_text(
        "[backend]\ndefault-keyring=keyring.backends.null.Keyring\n"
    )

    found = keychain.find()

    assert found == keychain.Found(None, "this session has no keyring that encrypts")


def test_stored_credential_is_read_back_listed_replaced_and_removed(chain: Keychain):
    now = ManualClock().now()
    assert (chain.get(PAPER), chain.names()) == (None, ())

    chain.set(PAPER, PAIR)
    chain.set(POLYGON, "key")
    chain.set(POLYGON, "another")

    assert (chain.get(PAPER).text, chain.get(POLYGON).text) == (PAIR, "another")
    assert chain.names() == tuple(SecretPlace(name, "the test's keyring", now) for name in (PAPER, POLYGON))
    chain.remove(PAPER)
    chain.remove(PAPER)
    assert chain.get(PAPER) is None


def test_profiles_and_modes_have_entries_of_their_own(memory: MemoryKeyring):
    for profile in ("desk", "other"):
        for name in SecretName:
            Keychain(memory, profile, ManualClock()).set(name, f"{profile}:{name}")

    assert {account for _, account in memory.held} == {
        f"{profile}/{name}" for profile in ("desk", "other") for name in SecretName
    }
    assert {service for service, _ in memory.held} == {"InvestIQ"}
    assert Keychain(memory, "other", ManualClock()).get(PAPER).text == "other:alpaca.paper"


ERRORS = [
    InitError("Failed to create the collection."),
    KeyringLocked("Failed to unlock the collection!"),
    PasswordSetError("Cancelled by user"),
    PasswordDeleteError("no"),
    ConnectionResetError("gone"),
    KeyringLocked(),
]


@pytest.mark.parametrize("error", ERRORS)
def test_keyring_that_fails_is_unavailable_and_never_empty(memory: MemoryKeyring, chain: Keychain, error):
    memory.error = error

    for act in (
        lambda: chain.get(PAPER),
        lambda: chain.set(PAPER, PAIR),
        lambda: chain.remove(PAPER),
        chain.names,
    ):
        with pytest.raises(KeyringUnavailable, match="the test's keyring gave no answer") as refused:
            act()
        assert not str(refused.value).endswith(": ")


def test_keyring_that_drops_what_it_is_given_is_found_out(memory: MemoryKeyring, chain: Keychain):
    memory.is_deaf = True

    with pytest.raises(KeyringUnavailable, match="did not keep"):
        chain.set(PAPER, PAIR)


@pytest.mark.parametrize(
    "stored", ["aSecret", "[]", "{}", '{"text": "aSecret"}', '{"text":"x","set_at":"y"}']
)
def test_entry_of_another_program_is_refused_without_being_quoted(
    memory: MemoryKeyring, chain: Keychain, stored
):
    memory.held["InvestIQ", "desk/alpaca.paper"] = stored

    with pytest.raises(KeyringUnavailable, match="not written by this program") as refused:
        chain.get(PAPER)

    assert "aSecret" not in str(refused.value)
    assert refused.value.__cause__ is None
