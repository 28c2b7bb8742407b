"""alpaca-py is tamed by names that it never promised: an upgrade that moves one must be seen here first."""

import inspect
from importlib.metadata import version

import pytest

from core.adapters.alpaca import transport
from core.adapters.alpaca.lanes import open_lanes
from core.adapters.alpaca.request import AbandonedError, Job, Request
from core.clock import ManualClock
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials
from core.errors import SettingInvalid
from core.settings import AlpacaAddresses, vendor_addresses

KEYS = AlpacaCredentials("PKTEST", "hush-hush")
LOCAL = "http://127.0.0.1:9001"


@pytest.fixture(params=[transport.trading_client, transport.data_client])
def client(request):
    made = request.param(LOCAL, KEYS)
    yield made
    transport.close_client(made)


def test_client_is_of_the_release_that_was_examined():
    assert version("alpaca-py").startswith("0.44.")


def test_client_never_sends_twice(client):
    source = inspect.getsource(type(client)._request)

    assert (client._retry, client._retry_codes) == (0, [])
    assert "retry = self._retry" in source
    assert "while retry >= 0" in source
    assert '"allow_redirects": False' in source


def test_client_looks_into_no_environment_and_checks_certificates(client):
    session = client._session

    assert (session.trust_env, session.verify, session.proxies) == (False, True, {})
    adapters = [session.get_adapter(f"{scheme}://x") for scheme in ("http", "https")]
    assert all(type(each) is transport._Transport for each in adapters)
    assert all(each.max_retries.total == 0 for each in adapters)
    pools = adapters[0].poolmanager.pool_classes_by_scheme
    assert adapters[0].poolmanager.connection_pool_kw["socket_options"] == transport._SOCKET_OPTIONS
    assert (pools["http"].ConnectionCls, pools["https"].ConnectionCls) == (transport._Http, transport._Https)


def test_client_gives_raw_data_and_keeps_to_its_address(client):
    assert client._use_raw_data is True
    assert client._base_url == LOCAL


@pytest.mark.parametrize(
    ("mode", "addresses"),
    [
        (Mode.PAPER, vendor_addresses(Mode.LIVE)),
        (Mode.LIVE, vendor_addresses(Mode.PAPER)),
        (Mode.SIM, vendor_addresses(Mode.PAPER)),
        (Mode.PAPER, AlpacaAddresses("https://paper-api.alpaca.markets.evil.example", "wss://paper-api.alpaca.markets/stream")),
        (Mode.LIVE, AlpacaAddresses(LOCAL, "ws://127.0.0.1:9001/stream")),
    ],
)  # fmt: skip
def test_lanes_to_a_host_of_another_mode_are_never_laid(mode, addresses):
    with pytest.raises(SettingInvalid):
        open_lanes(mode, addresses, KEYS, ManualClock())


def test_job_given_up_lets_no_byte_leave():
    job = Job(Request("POST", "/orders"))

    job.give_up()

    with pytest.raises(AbandonedError):
        job.sending()
    assert not job.sent
