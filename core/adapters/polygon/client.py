"""The vendor's blocking client, made to keep time: one lane's, used in that lane's thread only.

The vendor's package is slow to import, so this module is imported in that thread.
"""

import logging
import socket
import ssl
import threading
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import certifi
import urllib3
from polygon import RESTClient
from urllib3.connection import HTTPConnection, HTTPSConnection

from core.adapters.polygon.decoding import Unreadable
from core.adapters.polygon.lanes import Refusal

CONNECT_WITHIN_S = 5.0
READ_WITHIN_S = 10.0
MOST_BYTES = 4_000_000  # a page of 5,000 bars has about 600,000
_CHUNK = 65_536
_STOCKS = "stocks"
# What its package logs to standard output from the import on.
_VENDOR_LOGGERS = ("RESTClient", "WebSocketClient")

# What a call may raise beside `Refusal` and `Unreadable`.
FAILURES = (urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError)


def reason(failure: BaseException) -> str:
    """Say in words why there was no answer; names neither key nor address."""
    if isinstance(failure, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError):
        return "it cannot be reached"
    if isinstance(failure, urllib3.exceptions.TimeoutError | TimeoutError):
        return f"nothing came for {READ_WITHIN_S:.0f} s"
    if isinstance(failure, urllib3.exceptions.SSLError | ssl.SSLError):
        return "its certificate or TLS was not accepted"
    return f"the connection broke off ({type(failure).__name__})"


class Cord:
    """The socket that a lane's thread waits on, so that another thread can cut it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_cut = False

    def mend(self) -> None:
        """Begin another request."""
        with self._lock:
            self._is_cut = False

    def hold(self, opened: socket.socket) -> None:
        """Take the socket of a new connection."""
        with self._lock:
            self._socket = opened
            if self._is_cut:
                _shut(opened)

    def cut(self) -> None:
        """End the request that runs: whoever reads from its socket fails at once."""
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                _shut(self._socket)


class VendorClient:
    """The requests that are made of Polygon; each returns the body of a 200.

    Every one raises `Refusal` for another status, `Unreadable` for a body that is too large,
    or one of `FAILURES`.

    Args:
        base_url: scheme and host; the vendor's own, or a server on this computer.
        key: sent in a header, never in the address.
        cord: takes the sockets.
    """

    def __init__(self, base_url: str, key: str, cord: Cord) -> None:
        quieten()
        self._base = base_url.rstrip("/")
        self._client = RESTClient(key, retries=0, num_pools=1, base=self._base, pagination=False)
        # Its own manager ignores time-outs and follows redirects; this one does neither.
        self._requests = _Requests(cord)
        self._client.client = self._requests

    def aggregates(
        self, symbol: str, multiplier: int, timespan: str, start_ms: int, end_ms: int, limit: int
    ) -> bytes:
        """Ask for bars, the newest first; `limit` counts the minutes or days that they are made of."""
        return _body(
            self._client.list_aggs(
                symbol,
                multiplier,
                timespan,
                start_ms,
                end_ms,
                adjusted=True,
                sort="desc",
                limit=limit,
                raw=True,
            )
        )

    def snapshots(self, symbols: list[str]) -> bytes:
        """Ask for the snapshots of many."""
        return _body(self._client.get_snapshot_all(_STOCKS, tickers=symbols, raw=True))

    def snapshot(self, symbol: str) -> bytes:
        """Ask for one snapshot."""
        return _body(self._client.get_snapshot_ticker(_STOCKS, symbol, raw=True))

    def last_trade(self, symbol: str) -> bytes:
        """Ask for the last trade."""
        return _body(self._client.get_last_trade(symbol, raw=True))

    def last_quote(self, symbol: str) -> bytes:
        """Ask for the last quote."""
        return _body(self._client.get_last_quote(symbol, raw=True))

    def tickers(self, limit: int) -> bytes:
        """Ask for the first page of the listed stocks."""
        return _body(self._client.list_tickers(market=_STOCKS, active=True, limit=limit, raw=True))

    def market_status(self) -> bytes:
        """Ask whether the market is open."""
        return _body(self._client.get_market_status(raw=True))

    def page(self, next_url: str) -> bytes:
        """Ask for a further page at our own address, whatever host its URL names."""
        parts = urlsplit(next_url)
        if not parts.path.startswith("/v"):
            raise Unreadable("the next page has no path of the vendor's")
        url = f"{self._base}{parts.path}?{parts.query}"
        return _body(self._requests.request("GET", url, headers=self._client.headers))

    def close(self) -> None:
        """Close what is open."""
        self._requests.close()


class _Requests:
    """What the vendor's client asks for its connections: no redirects, no retries, a limit to what comes."""

    def __init__(self, cord: Cord) -> None:
        self._cord = cord
        timeout = urllib3.Timeout(connect=CONNECT_WITHIN_S, read=READ_WITHIN_S)
        # The computer's own authorities too: the vendor's client holds certifi to an old year's.
        trusted = ssl.create_default_context()
        trusted.load_verify_locations(certifi.where())
        self._manager = urllib3.PoolManager(1, timeout=timeout, ssl_context=trusted, maxsize=1)
        self._manager.pool_classes_by_scheme = _held_pools(cord)

    def request(
        self,
        method: str,
        url: str,
        fields: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        self._cord.mend()
        response = self._manager.request(
            method, url, fields=fields, headers=headers, redirect=False, retries=False, preload_content=False
        )
        body: bytes | None = None
        try:
            body = _bounded(response)
        finally:
            if body is None:
                response.close()
        response.release_conn()
        if response.status != 200:
            raise Refusal(response.status, body, response.headers.get("Retry-After", ""))
        return urllib3.HTTPResponse(body, response.headers, response.status)

    def close(self) -> None:
        self._manager.clear()


def quieten() -> None:
    """Take out the handlers that print to standard output, and the log of frames: one holds the key."""
    for name in _VENDOR_LOGGERS:
        logging.getLogger(name).handlers.clear()
    logging.getLogger("websockets.client").setLevel(logging.INFO)


def _held_pools(cord: Cord) -> dict[str, Any]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            cord.hold(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            cord.hold(self.sock)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _bounded(response: urllib3.BaseHTTPResponse) -> bytes:
    body = bytearray()
    for chunk in response.stream(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > MOST_BYTES:
            raise Unreadable(f"the answer is longer than {MOST_BYTES // 1_000_000} MB")
    return bytes(body)


def _body(response: urllib3.BaseHTTPResponse) -> bytes:
    return response.data or b""  # None where there was no body


def _shut(opened: socket.socket) -> None:
    # The plain method even for TLS: that of SSLSocket takes the session away from under its reader.
    try:
        socket.socket.shutdown(opened, socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already
