"""Keys go to the hosts of their mode and nowhere else, whatever an address looks like."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.access import Mode
from core.errors import SettingInvalid
from core.settings import AlpacaAddresses, check_alpaca_hosts, vendor_addresses

PAPER, LIVE = vendor_addresses(Mode.PAPER), vendor_addresses(Mode.LIVE)
KEYS = [each.name for each in fields(AlpacaAddresses)]
LOCAL = AlpacaAddresses(
    "http://127.0.0.1:9001", "ws://127.0.0.1:9001/stream", "http://[::1]:9002", "ws://localhost:9002/v2/iex"
)


def _tricks(address: str) -> list[str]:
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    weak = {"https": "http", "wss": "ws"}[scheme]
    path = slash + path
    return [
        "",
        host,
        f"//{rest}",
        f"{weak}://{rest}",
        f"{scheme.upper()}://{rest}",
        f"{scheme}://{host.upper()}{path}",
        f"{scheme}://{host}.{path}",
        f"{scheme}://{host}.evil.test{path}",
        f"{scheme}://evil.test/{host}{path}",
        f"{scheme}://evil.test?{host}{path}",
        f"{scheme}://evil.test#{host}{path}",
        f"{scheme}://evil-{host}{path}",
        f"{scheme}://evil.test\\@{host}{path}",
        f"{scheme}://user@{host}{path}",
        f"{scheme}://user:word@{host}{path}",
        f"{scheme}://{host}@evil.test{path}",
        f"{scheme}://{host}:443{path}",
        f"{scheme}://{host}:8443{path}",
        f"{scheme}://{host}:{path}",
        f"{scheme}://{host}%2eevil.test{path}",
        f"{scheme}://{host}\n.evil.test{path}",
        f"{scheme}://{host}{path}\n",
        f" {scheme}://{host}{path}",
        f"{scheme}://{host}{path}/",
        f"{scheme}://{host}{path}?a=b",
        f"{scheme}://{host}{path}#a",
        f"{scheme}://{host.replace('a', chr(0x430))}{path}",
        f"{scheme}://{host.replace('.', chr(0x3002))}{path}",
        f"{scheme}://{host.replace('l', chr(0x2113))}{path}",
        f"{scheme}://xn--{host}{path}",
        f"{scheme}://127.0.0.1.evil.test{path}",
        f"{scheme}://localhost.evil.test{path}",
        f"{weak}://127.0.0.1@evil.test{path}",
        f"{weak}://127.0.0.1\t.evil.test{path}",
        f"{weak}://169.254.169.254{path}",
        f"{weak}://10.0.0.1{path}",
    ]


@pytest.mark.parametrize(("mode", "addresses"), [(Mode.PAPER, PAPER), (Mode.LIVE, LIVE), (Mode.PAPER, LOCAL)])
def test_addresses_of_the_mode_pass(mode, addresses):
    check_alpaca_hosts(mode, addresses)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("mode", "vendor"), [(Mode.PAPER, PAPER), (Mode.LIVE, LIVE)])
def test_address_that_only_looks_like_the_vendors_is_refused(mode, vendor, key):
    for trick in _tricks(getattr(vendor, key)):
        with pytest.raises(SettingInvalid, match=f"alpaca[.]{key}: "):
            check_alpaca_hosts(mode, replace(vendor, **{key: trick}))


@pytest.mark.parametrize("key", ["trading_url", "trade_stream_url"])
@pytest.mark.parametrize(("mode", "own", "other"), [(Mode.PAPER, PAPER, LIVE), (Mode.LIVE, LIVE, PAPER)])
def test_key_of_one_mode_is_never_sent_to_the_host_of_the_other(mode, own, other, key):
    with pytest.raises(SettingInvalid, match=f"alpaca[.]{key}: keys of mode {mode} are not sent to"):
        check_alpaca_hosts(mode, replace(own, **{key: getattr(other, key)}))


@pytest.mark.parametrize("key", KEYS)
def test_live_key_is_not_sent_to_this_computer_either(key):
    with pytest.raises(SettingInvalid):
        check_alpaca_hosts(Mode.LIVE, replace(LIVE, **{key: getattr(LOCAL, key)}))


@pytest.mark.parametrize("addresses", [PAPER, LIVE, LOCAL])
def test_simulator_sends_no_key_anywhere(addresses):
    with pytest.raises(SettingInvalid):
        check_alpaca_hosts(Mode.SIM, addresses)


@given(st.sampled_from(KEYS), st.text(max_size=60))
def test_live_mode_takes_no_text_but_the_vendors(key, text):
    addresses = replace(LIVE, **{key: text})

    if addresses == LIVE:
        check_alpaca_hosts(Mode.LIVE, addresses)
    else:
        with pytest.raises(SettingInvalid):
            check_alpaca_hosts(Mode.LIVE, addresses)
