"""vn.py: its main window under a stream of quotes; real paints of its tick monitor are timed.

The other docks are closed, so that the tick monitor has the room for 40 rows and nothing else is painted.
"""

import json
import os
import socket
import struct
import sys
from datetime import UTC, datetime
from threading import Thread
from time import perf_counter

import msgspec
from vnpy.event import EventEngine
from vnpy.trader.constant import Exchange
from vnpy.trader.engine import MainEngine
from vnpy.trader.gateway import BaseGateway
from vnpy.trader.object import TickData
from vnpy.trader.ui import MainWindow, QtCore, QtWidgets, create_qapp
from vnpy.trader.ui.widget import TickMonitor

AFTER_END_S, SIZE = 5.0, (1920, 1440)
LAST_PRICE = 3


class SocketGateway(BaseGateway):
    """Turns frames from the socket into ticks, on a thread of its own."""

    default_name = "SOCKET"
    default_setting: dict = {}  # noqa: RUF012  # the library's own shape
    exchanges = [Exchange.SMART]  # noqa: RUF012

    def __init__(self, event_engine: EventEngine, gateway_name: str) -> None:
        super().__init__(event_engine, gateway_name)
        self.begun_at, self.is_over = 0.0, False

    def connect(self, setting: dict) -> None:
        Thread(target=self._read, args=(setting["port"],), daemon=True).start()

    def _read(self, port: int) -> None:
        decoder = msgspec.msgpack.Decoder(list[tuple[str, str, str, int, int, str, int, int]])
        with socket.create_connection(("127.0.0.1", port)) as stream, stream.makefile("rb") as frames:
            while head := frames.read(4):
                self.begun_at = self.begun_at or perf_counter()
                for quote in decoder.decode(frames.read(struct.unpack(">I", head)[0])):
                    self.on_tick(self._tick(quote))
        self.is_over = True

    def _tick(self, quote: tuple[str, str, str, int, int, str, int, int]) -> TickData:
        symbol, bid, ask, bid_size, ask_size, last, volume, time_us = quote
        return TickData(
            gateway_name=self.gateway_name,
            symbol=symbol,
            exchange=Exchange.SMART,
            datetime=datetime.fromtimestamp(time_us / 1e6, UTC),
            name=symbol,
            volume=volume,
            last_price=float(last),
            bid_price_1=float(bid),
            ask_price_1=float(ask),
            bid_volume_1=bid_size,
            ask_volume_1=ask_size,
        )

    def close(self) -> None:
        """Do nothing."""

    def subscribe(self, req: object) -> None:
        """Do nothing."""

    def send_order(self, req: object) -> str:
        return ""

    def cancel_order(self, req: object) -> None:
        """Do nothing."""

    def query_account(self) -> None:
        """Do nothing."""

    def query_position(self) -> None:
        """Do nothing."""


class Paints(QtCore.QObject):
    """Notes the time of every paint of a viewport."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:  # noqa: N802  # Qt's own
        if event.type() == QtCore.QEvent.Type.Paint:
            self.at.append(perf_counter())
        return False


def only_ticks(window: MainWindow) -> TickMonitor:
    monitor: TickMonitor = window.findChild(TickMonitor)
    for dock in window.findChildren(QtWidgets.QDockWidget):
        if not dock.isAncestorOf(monitor):
            dock.close()
    return monitor


def shown(monitor: TickMonitor) -> dict[str, str]:
    """Return what each visible row shows as the last price."""
    height = monitor.viewport().height()
    rows = [row for row in range(monitor.rowCount()) if 0 <= monitor.rowViewportPosition(row) <= height - 10]
    return {monitor.item(row, 0).text(): monitor.item(row, LAST_PRICE).text() for row in rows}


def main() -> int:
    app = create_qapp()
    event_engine = EventEngine()
    main_engine = MainEngine(event_engine)
    gateway = main_engine.add_gateway(SocketGateway)
    window = MainWindow(main_engine, event_engine)
    monitor = only_ticks(window)
    window.setGeometry(0, 0, *SIZE)
    window.show()
    paints, ended_at = Paints(), 0.0
    monitor.viewport().installEventFilter(paints)
    main_engine.connect({"port": int(sys.argv[1])}, gateway.gateway_name)

    def look() -> None:
        nonlocal ended_at
        if gateway.is_over and not ended_at:
            ended_at = perf_counter()
        if ended_at and perf_counter() - ended_at > AFTER_END_S:
            backlog = event_engine._queue.qsize()  # there is no other way to see it
            answer = {
                "paints": paints.at,
                "begun_at": gateway.begun_at,
                "ended_at": ended_at,
                "shown": shown(monitor),
                "backlog": backlog,
            }
            print(json.dumps(answer), flush=True)
            # Its threads would go on with the backlog.
            os._exit(0)

    timer = QtCore.QTimer()
    timer.timeout.connect(look)
    timer.start(100)
    return app.exec()


if __name__ == "__main__":
    raise SystemExit(main())
