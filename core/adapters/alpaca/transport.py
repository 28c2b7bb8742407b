"""alpaca-py, set up so that it cannot hurt: it sends once, waits no longer than allowed, and reads no more.

Imported on an SDK thread only: the library and what it stands on take half a second.
"""

import socket
import threading
from contextlib import closing
from http.client import HTTPException
from typing import Any

from alpaca.common.exceptions import APIError
from alpaca.common.rest import RESTClient
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.trading.client import TradingClient
from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from core.adapters.alpaca.request import AbandonedError, Job, read_answer
from core.domain.credentials import AlpacaCredentials

CONNECT_S = 3.05
READ_S = 10.0
_CHUNK = 2**16

# Minutes may lie between two orders: a path that died meanwhile must show before the next one is sent.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
_SOCKET_OPTIONS = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in _KEEP_ALIVE.items()
        if hasattr(socket, name)  # each system has its own set
    ),
]

# What the client, its session or the socket may raise. Anything else is a bug of ours.
_FAILURES = (AbandonedError, RequestException, HTTPError, HTTPException, OSError, ValueError)


class _OnThread(threading.local):
    job: Job | None = None


_now = _OnThread()


class _TooLargeError(ValueError):
    pass


def _job() -> Job:
    if _now.job is None:
        raise AbandonedError
    return _now.job


class _Http(HTTPConnection):
    def connect(self) -> None:
        _job().connecting(self)
        super().connect()

    def send(self, data: Any) -> None:  # noqa: ANN401 - the library's own signature
        _mark(self)
        super().send(data)


class _Https(HTTPSConnection):
    def connect(self) -> None:
        _job().connecting(self)
        super().connect()

    def send(self, data: Any) -> None:  # noqa: ANN401 - the library's own signature
        _mark(self)
        super().send(data)


def _mark(connection: HTTPConnection) -> None:
    job = _job()
    job.connecting(connection)
    if connection.sock is None:
        connection.connect()
    job.sending()


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class _Transport(HTTPAdapter):
    """Keeps the whole answer for us, within its limits, and shows the library an empty one."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:  # noqa: FBT001, FBT002 - the library's own signature
        super().init_poolmanager(connections, maxsize, block, socket_options=_SOCKET_OPTIONS, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        job = _job()
        limits = (CONNECT_S, min(READ_S, job.request.total_s))
        response = super().send(request, stream=True, timeout=limits, verify=True)
        body = _read(response.raw, job.request.most_bytes)
        job.answer = read_answer(response.status_code, dict(response.headers), body)
        # The library would read the JSON again, with floats, and quote pages of HTML in its errors.
        response._content = b""  # noqa: SLF001
        response._content_consumed = True  # noqa: SLF001
        return response


def _read(raw: BaseHTTPResponse, most: int) -> bytes:
    body = bytearray()
    # Closing ends the connection, unless it was given back: half an answer must not serve the next request.
    with closing(raw):
        for chunk in raw.stream(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > most:
                raise _TooLargeError(f"more than {most // 2**20} MB")
        raw.release_conn()
    return bytes(body)


def trading_client(url: str, credentials: AlpacaCredentials) -> RESTClient:
    """Make a client of the trading API, for one thread."""
    return _tame(TradingClient(credentials.key_id, credentials.secret, raw_data=True, url_override=url))


def data_client(url: str, credentials: AlpacaCredentials) -> RESTClient:
    """Make a client of the market-data API, for one thread."""
    return _tame(
        StockHistoricalDataClient(credentials.key_id, credentials.secret, raw_data=True, url_override=url)
    )


def _tame(client: RESTClient) -> RESTClient:
    # Names without promise: `tests/unit/test_alpaca_client.py` fails loudly when a release moves them.
    client._retry = 0  # noqa: SLF001
    client._retry_codes = []  # noqa: SLF001
    session = client._session  # noqa: SLF001
    session.trust_env = False
    session.headers["Accept-Encoding"] = "gzip"
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Transport(pool_maxsize=1, max_retries=0))
    return client


def close_client(client: RESTClient) -> None:
    """Close its connections; only once its thread has nothing under way."""
    client._session.close()  # noqa: SLF001


def carry_out(client: RESTClient, job: Job) -> None:
    """Send a job's request once, on the client's thread; the answer or the failure is then in the job."""
    request, _now.job = job.request, job
    data: Any = dict(request.fields)
    try:
        client._request(request.method, request.path, data or None, api_version=request.version)  # noqa: SLF001
    except APIError:
        return  # any status but a success; the answer was kept
    except _FAILURES as error:
        job.failure = _words(error)
    finally:
        _now.job = None


def _words(error: BaseException) -> str:
    # The text of these errors may quote a header, and with it the key.
    if isinstance(error, _TooLargeError):
        return f"the answer was {error} long"
    cause = next((each for each in _chain(error) if isinstance(each, OSError) and each.strerror), None)
    return type(error).__name__ if cause is None else f"{type(error).__name__}: {cause.strerror}"


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    at: object = error
    while isinstance(at, BaseException) and at not in found and len(found) < 10:
        found.append(at)
        at = at.__cause__ or at.__context__ or getattr(at, "reason", None) or next(iter(at.args), None)
    return found
