"""vn.py: from send_order to the gateway's door. Nothing is stored, no rule asked. Own environment."""

import json
import sys
from time import perf_counter_ns

from vnpy.event import EventEngine
from vnpy.trader.constant import Direction, Exchange, Offset, OrderType
from vnpy.trader.engine import MainEngine
from vnpy.trader.gateway import BaseGateway
from vnpy.trader.object import CancelRequest, OrderRequest, SubscribeRequest

WARM_UP = 50


class DoorGateway(BaseGateway):
    """Notes when an order arrives."""

    default_name = "DOOR"
    default_setting: dict = {}  # noqa: RUF012  # the library's own shape
    exchanges = [Exchange.SMART]  # noqa: RUF012

    def __init__(self, event_engine: EventEngine, gateway_name: str) -> None:
        super().__init__(event_engine, gateway_name)
        self.entered: list[int] = []

    def connect(self, setting: dict) -> None:
        """Do nothing: there is nobody behind the door."""

    def close(self) -> None:
        """Do nothing."""

    def subscribe(self, req: SubscribeRequest) -> None:
        """Do nothing."""

    def send_order(self, req: OrderRequest) -> str:
        self.entered.append(perf_counter_ns())
        order = req.create_order_data(str(len(self.entered)), self.gateway_name)
        self.on_order(order)
        return order.vt_orderid

    def cancel_order(self, req: CancelRequest) -> None:
        """Do nothing."""

    def query_account(self) -> None:
        """Do nothing."""

    def query_position(self) -> None:
        """Do nothing."""


def main() -> int:
    count = int(sys.argv[1])
    engine = MainEngine(EventEngine())
    gateway = engine.add_gateway(DoorGateway)
    begun = []
    for number in range(count + WARM_UP):
        begun.append(perf_counter_ns())
        request = OrderRequest(
            symbol=f"S{number % 30}",
            exchange=Exchange.SMART,
            direction=Direction.LONG,
            type=OrderType.MARKET,
            volume=1,
            offset=Offset.NONE,
        )
        engine.send_order(request, gateway.gateway_name)
    taken = [(after - before) / 1e6 for before, after in zip(begun, gateway.entered, strict=True)]
    engine.close()
    print(json.dumps({"ms": taken[WARM_UP:]}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
