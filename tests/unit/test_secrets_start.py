"""What a start is handed: the keys of its own mode, for the hosts of that mode, or a word that helps."""

from pathlib import Path

import pytest

from app import profile as profiles
from app.secrets import Secrets, load_alpaca, load_polygon, needed, open_secrets
from core.adapters import keychain
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials, PolygonKey, SecretName, lines
from core.errors import CredentialMissing, KeyringUnavailable, RefusalCode, Refused, SettingInvalid
from core.settings import AlpacaAddresses, BrokerName, FeedName, ProfileSettings
from core.storage import vault
from tests.fakes.keychain import MemoryKeyring, allow

PASSPHRASE = "correct horse battery"
CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
KEY_ID, SECRET = "PKTESTKEYID0001", "aSecretOfSomeLength"
PAPER, LIVE, POLYGON = SecretName.ALPACA_PAPER, SecretName.ALPACA_LIVE, SecretName.POLYGON


@pytest.fixture(autouse=True)
def no_ring(monkeypatch) -> None:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "there is none here"))


@pytest.fixture
def with_ring(monkeypatch) -> MemoryKeyring:
    allow(monkeypatch)
    ring = MemoryKeyring()
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(ring, "the test's keyring"))
    return ring


@pytest.fixture
def paper(tmp_path: Path) -> profiles.Profile:
    return profiles.create(tmp_path / "root", "desk", PASSPHRASE, mode=Mode.PAPER, cost=CHEAP)


@pytest.fixture
def live(tmp_path: Path) -> profiles.Profile:
    return profiles.create(tmp_path / "root", "real money", PASSPHRASE, mode=Mode.LIVE, cost=CHEAP)


def _secrets(profile: profiles.Profile) -> Secrets:
    return open_secrets(profile, vault.unlock(profile.folder, PASSPHRASE).key)


def test_start_is_handed_the_key_pair_of_its_mode(paper, live):
    _secrets(paper).set(PAPER, lines(KEY_ID, SECRET))
    _secrets(paper).set(POLYGON, SECRET)
    _secrets(live).set(LIVE, "AK\nlive")

    assert load_alpaca(paper, Mode.PAPER, _secrets(paper)) == AlpacaCredentials(KEY_ID, SECRET)
    assert load_polygon(paper, _secrets(paper)) == PolygonKey(SECRET)
    assert load_alpaca(live, Mode.LIVE, _secrets(live)) == AlpacaCredentials("AK", "live")


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.SIM])
def test_paper_profile_hands_nothing_to_another_mode(paper, mode):
    _secrets(paper).set(PAPER, lines(KEY_ID, SECRET))

    with pytest.raises(Refused) as refused:
        load_alpaca(paper, mode, _secrets(paper))

    assert refused.value.code is RefusalCode.NOT_PERMITTED


def test_keys_are_not_handed_out_for_a_foreign_host(paper):
    _secrets(paper).set(PAPER, lines(KEY_ID, SECRET))
    evil = AlpacaAddresses(
        "https://paper-api.alpaca.markets.evil.test", "wss://paper-api.alpaca.markets/stream"
    )
    settings = ProfileSettings(Mode.PAPER, BrokerName.ALPACA, FeedName.ALPACA, evil)

    with pytest.raises(SettingInvalid):
        load_alpaca(profiles.Profile("desk", paper.folder, settings), Mode.PAPER, _secrets(paper))


def test_missing_key_pair_is_told_with_profile_and_command(live, paper):
    with pytest.raises(CredentialMissing) as missing:
        load_alpaca(live, Mode.LIVE, _secrets(live))

    assert str(missing.value).startswith(
        "profile 'real money' needs alpaca.live, and none is stored; "
        "run: investiq --profile 'real money' secrets set alpaca.live"
    )
    assert "there is none here" in str(missing.value)
    with pytest.raises(CredentialMissing, match="secrets set polygon"):
        load_polygon(paper, _secrets(paper))


def test_keyring_that_gives_no_answer_is_no_missing_key(paper, with_ring):
    with_ring.error = ConnectionResetError("gone")

    with pytest.raises(KeyringUnavailable):
        load_alpaca(paper, Mode.PAPER, _secrets(paper))


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (ProfileSettings(), ()),
        (ProfileSettings(feed=FeedName.POLYGON), (POLYGON,)),
        (ProfileSettings(Mode.PAPER, BrokerName.ALPACA, FeedName.ALPACA), (PAPER,)),
        (ProfileSettings(Mode.LIVE, BrokerName.ALPACA, FeedName.POLYGON), (LIVE, POLYGON)),
    ],
)
def test_needed_credentials_follow_from_broker_and_feed(settings, names):
    assert needed(settings) == names


def test_locked_profile_without_a_keyring_has_no_place(paper):
    secrets = open_secrets(paper, None)

    assert (secrets.place, secrets.names(), secrets.get(PAPER)) == ("nowhere", (), None)
