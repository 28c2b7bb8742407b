"""The embedded exchange: the reference implementation of the broker port, and the demo's market."""

from core.adapters.simulator.exchange import Exchange, ExchangeSettings
from core.adapters.simulator.faults import Call, Faults
from core.adapters.simulator.ledger import read_ledger
from core.adapters.simulator.rough import CALM_DAY, ROUGH_DAY, RoughDay
from core.adapters.simulator.wiring import Simulator, replay, synthetic

__all__ = [
    "CALM_DAY",
    "ROUGH_DAY",
    "Call",
    "Exchange",
    "ExchangeSettings",
    "Faults",
    "RoughDay",
    "Simulator",
    "read_ledger",
    "replay",
    "synthetic",
]
