"""Settings: what is not one of ours is refused with its file, key and line."""

from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.access import Mode, Role
from core.domain.limits import Limits
from core.domain.money import Qty
from core.errors import RefusalCode, Refused, SettingInvalid
from core.settings import (
    ApiKey,
    BrokerName,
    Environment,
    FeedName,
    ProfileSettings,
    check_start,
    parse_profile,
    profile_text,
    read_environment,
    read_profile,
    vendor_addresses,
)

PAPER = '[account]\nmode = "paper"\nbroker = "alpaca"\n'
LIVE = '[account]\nmode = "live"\nbroker = "alpaca"\n'
LONG = "k" * 32


def test_profile_without_a_word_is_the_simulator():
    assert parse_profile("") == ProfileSettings()


@pytest.mark.parametrize(
    ("mode", "broker"),
    [(Mode.SIM, BrokerName.SIMULATOR), (Mode.PAPER, BrokerName.ALPACA), (Mode.LIVE, BrokerName.ALPACA)],
)
def test_profile_as_it_is_first_written_reads_back(mode, broker):
    settings = parse_profile(profile_text(mode, broker))

    assert (settings.mode, settings.broker, settings.feed.value) == (mode, broker, broker.value)


def test_profile_with_every_table_is_read():
    text = PAPER + (
        '[feed]\nprovider = "polygon"\n'
        '[alpaca]\ntrading_url = "http://127.0.0.1:9001"\ndata_stream_url = "ws://localhost:9002/v2/iex"\n'
        '[polygon]\nbase_url = "http://[::1]:9003"\n'
        "[api]\nenabled = true\nport = 9999\nopen_metrics = true\n"
        "[risk]\ncollar_soft_pct = 2.5\norder_qty_soft = 100\nburst = 3\nquote_age_s = 2\n"
    )

    settings = parse_profile(text)

    assert settings.feed is FeedName.POLYGON
    assert settings.alpaca.trading_url == "http://127.0.0.1:9001"
    assert settings.alpaca.trade_stream_url == vendor_addresses(Mode.PAPER).trade_stream_url
    assert settings.polygon.base_url == "http://[::1]:9003"
    assert (settings.api.enabled, settings.api.port, settings.api.open_metrics) == (True, 9999, True)
    assert settings.risk == Limits(
        collar_soft_pct=Decimal("2.5"), order_qty_soft=Qty(100), burst=3, quote_age_s=2.0
    )
    assert isinstance(settings.risk.order_qty_soft, Qty)


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("[acount]\n", "acount", 1),
        ('[account]\nmood = "sim"\n', "account.mood", 2),
        ('\n[account]\nmode = "demo"\n', "account.mode", 3),
        ("[account]\nmode = 1\n", "account.mode", 2),
        ("account = 3\n", "account", 1),
        ('[account]\nbroker = "alpaca"\n', "account.broker", 2),
        ('[account]\nmode = "paper"\nbroker = "simulator"\n', "account.broker", 3),
        (PAPER + '[feed]\nprovider = "replay"\n', "feed.provider", 5),
        ("[api]\nport = 80\n", "api.port", 2),
        ("[api]\nport = true\n", "api.port", 2),
        ('[api]\nenabled = "yes"\n', "api.enabled", 2),
        ("[risk]\ncollar = 1\n", "risk.collar", 2),
        ("[risk]\ncollar_soft_pct = -1\n", "risk.collar_soft_pct", 2),
        ("[risk]\ncollar_soft_pct = nan\n", "risk.collar_soft_pct", 2),
        ("[risk]\ncollar_soft_pct = true\n", "risk.collar_soft_pct", 2),
        ('[risk]\ncollar_soft_pct = "3"\n', "risk.collar_soft_pct", 2),
        ("[risk]\ncollar_soft_pct = 11\n", "risk.collar_soft_pct", 2),
        ("[risk]\ncollar_hard_pct = 2\n", "risk.collar_hard_pct", 2),
        ("[risk]\norder_qty_soft = 1.5\n", "risk.order_qty_soft", 2),
        ("[risk]\nburst = 1.5\n", "risk.burst", 2),
        ("[api]\nport = 8787\nport = 8788\n", "file", 3),
        ("[account\n", "file", 1),
    ],
)
def test_profile_with_a_wrong_word_is_refused_with_its_line(text, key, line):
    with pytest.raises(SettingInvalid) as refused:
        parse_profile(text, "p.toml")

    assert (refused.value.file, refused.value.key, refused.value.line) == ("p.toml", key, line)


@pytest.mark.parametrize(
    "address",
    [
        "https://api.alpaca.markets",
        "http://192.0.2.1:9001",
        "http://127.0.0.1.example.test",
        "http://127.0.0.1@example.test",
        "http://localhost.example.test",
        "ws://127.0.0.1:9001",
        "ftp://127.0.0.1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:9001/?to=example.test",
        "http://0.0.0.0:9001",
        "127.0.0.1:9001",
        "http://",
        "",
    ],
)
def test_address_that_is_not_on_this_computer_is_refused(address):
    with pytest.raises(SettingInvalid, match=r"alpaca\.trading_url") as refused:
        parse_profile(f'{PAPER}[alpaca]\ntrading_url = "{address}"\n')

    assert refused.value.line == 5


@pytest.mark.parametrize("mode", ["", LIVE])
def test_address_outside_paper_is_refused_even_on_this_computer(mode):
    with pytest.raises(SettingInvalid, match="paper only"):
        parse_profile(f'{mode}[polygon]\nbase_url = "http://127.0.0.1:9003"\n')


def test_live_takes_the_vendors_own_hosts_and_not_the_paper_one():
    live = vendor_addresses(Mode.LIVE)

    settings = parse_profile(f'{LIVE}[alpaca]\ntrading_url = "{live.trading_url}"\n')

    assert settings.alpaca == live
    with pytest.raises(SettingInvalid):
        parse_profile(f'{LIVE}[alpaca]\ntrading_url = "{vendor_addresses(Mode.PAPER).trading_url}"\n')


def test_file_that_is_absent_or_not_text_is_refused(tmp_path):
    with pytest.raises(SettingInvalid, match="cannot be read"):
        read_profile(tmp_path / "profile.toml")
    (tmp_path / "profile.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingInvalid, match="UTF-8"):
        read_profile(tmp_path / "profile.toml")


def test_environment_that_says_nothing_permits_nothing():
    assert read_environment({}) == Environment()
    assert not read_environment({"LIVE_TRADING_APPROVED": "true"}).live_trading_approved


def test_api_keys_are_read_with_their_roles(tmp_path):
    text = f"{LONG}a:viewer, {LONG}:b:admin\n"
    (tmp_path / "keys").touch(mode=0o600)
    (tmp_path / "keys").write_text(text)
    expected = (ApiKey(f"{LONG}a", Role.VIEWER), ApiKey(f"{LONG}:b", Role.ADMIN))

    assert read_environment({"API_KEYS": text}).api_keys == expected
    assert read_environment({"API_KEYS_FILE": str(tmp_path / "keys")}).api_keys == expected
    assert LONG not in repr(expected)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o666, 0o700])
def test_file_of_api_keys_that_others_could_read_is_refused_and_says_what_to_do(tmp_path, mode):
    file = tmp_path / "keys"
    file.write_text(f"{LONG}:admin\n")
    file.chmod(mode)

    with pytest.raises(Refused, match=f"has mode {mode:04o}, expected 0600 .* run: chmod 600") as refused:
        read_environment({"API_KEYS_FILE": str(file)})

    assert refused.value.code is RefusalCode.NOT_PERMITTED
    assert LONG not in str(refused.value)


def test_file_of_api_keys_that_not_even_its_owner_writes_is_read(tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"{LONG}:admin\n")
    file.chmod(0o400)

    assert read_environment({"API_KEYS_FILE": str(file)}).api_keys == (ApiKey(LONG, Role.ADMIN),)


def test_file_of_api_keys_of_somebody_else_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "keys"
    file.touch(mode=0o600)
    monkeypatch.setattr("os.geteuid", lambda: file.stat().st_uid + 1)

    with pytest.raises(Refused, match="belongs to another user"):
        read_environment({"API_KEYS_FILE": str(file)})


def test_anchor_folder_is_a_whole_path_and_need_not_be_there():
    settings = parse_profile('[audit]\nanchor_folder = "/mnt/share/anchors"\n')

    assert settings.anchor_folder == Path("/mnt/share/anchors")
    assert parse_profile("").anchor_folder is None


@pytest.mark.parametrize("value", ['""', '"anchors"', '"~/anchors"', '"/mnt/\\u0000"', "3", "true", "[]"])
def test_anchor_folder_that_is_no_whole_path_is_refused_with_its_line(value):
    with pytest.raises(SettingInvalid, match="the whole path of a folder") as refused:
        parse_profile(f"[audit]\nanchor_folder = {value}\n")

    assert (refused.value.key, refused.value.line) == ("audit.anchor_folder", 2)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"API_KEYS": LONG}, "no role"),
        ({"API_KEYS": f"{LONG}:"}, "has no role; expected key:role"),
        ({"API_KEYS": f"{LONG}:readonly"}, "no role of viewer, trader, admin, written exactly so"),
        ({"API_KEYS": f"{LONG}:ADMIN "}, "no role of viewer, trader, admin, written exactly so"),
        ({"API_KEYS": f"{LONG}:admin "}, "without blanks"),
        ({"API_KEYS": f"{LONG}: admin"}, "without blanks"),
        ({"API_KEYS": ":admin"}, "the key of entry 1 is empty"),
        ({"API_KEYS": f"{LONG}:viewer,   :admin"}, "the key of entry 2 is empty"),
        ({"API_KEYS": f"{LONG}:Admin"}, "no role"),
        ({"API_KEYS": f"{LONG}:root"}, "no role"),
        ({"API_KEYS": f"{LONG[:-1]}:admin"}, "fewer than 32"),
        ({"API_KEYS": f"{LONG}:admin,{LONG}:viewer"}, "twice"),
        ({"API_KEYS": f"{LONG}:admin", "API_KEYS_FILE": "x"}, "as well"),
        ({"REQUIRE_AUTH": "yes"}, "true or false"),
        ({"RATE_LIMIT_PER_MINUTE": "0"}, "whole number"),
        ({"RATE_LIMIT_PER_MINUTE": "1e3"}, "whole number"),
    ],
)
def test_environment_with_a_wrong_value_is_refused_without_quoting_it(variables, words):
    with pytest.raises(SettingInvalid, match=words) as refused:
        read_environment(variables)

    assert LONG[:-1] not in str(refused.value)


def test_live_profile_starts_only_with_approval():
    live = parse_profile(LIVE)

    check_start(live, read_environment({"LIVE_TRADING_APPROVED": "yes"}), has_user=True)
    with pytest.raises(SettingInvalid, match="LIVE_TRADING_APPROVED"):
        check_start(live, Environment(), has_user=True)


def test_required_authentication_needs_a_user_and_a_key():
    required = read_environment({"REQUIRE_AUTH": "true"})
    with_api = parse_profile("[api]\nenabled = true\n")

    check_start(ProfileSettings(), required, has_user=True)
    with pytest.raises(SettingInvalid, match="no user"):
        check_start(ProfileSettings(), required, has_user=False)
    with pytest.raises(SettingInvalid, match="no key"):
        check_start(with_api, required, has_user=True)
    check_start(
        with_api,
        read_environment({"REQUIRE_AUTH": "true", "API_KEYS": f"{LONG}:viewer"}),
        has_user=True,
    )
