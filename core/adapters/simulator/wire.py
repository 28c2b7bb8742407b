"""The way between a program and the embedded exchange: its latency, and what is lost on it."""

from core.adapters.simulator.exchange import Exchange
from core.adapters.simulator.faults import Call, Faults
from core.clock import Clock
from core.errors import BrokerUnavailable, OutcomeUnknown


class Wire:
    """Carries calls to the exchange and answers back."""

    def __init__(self, exchange: Exchange, faults: Faults, clock: Clock) -> None:
        self._exchange = exchange
        self._faults = faults
        self._clock = clock

    async def travel(self) -> None:
        """Take as long as the way takes."""
        delay_s = self._exchange.settings.latency_s + self._faults.delay_s()
        if delay_s > 0:
            await self._clock.sleep(delay_s)

    async def arrive(self, call: Call) -> None:
        """Carry a request.

        Raises:
            BrokerUnavailable: it was not sent.
            OutcomeUnknown: it was lost on the way.
        """
        if self._faults.refuses(call):
            raise BrokerUnavailable(f"{call.value}: the exchange does not answer; nothing was sent")
        await self.travel()
        if self._faults.takes_request(call):
            raise OutcomeUnknown(f"{call.value}: no answer came")

    async def bring_back(self, call: Call) -> None:
        """Carry an answer.

        Raises:
            OutcomeUnknown: it was lost on the way.
        """
        await self.travel()
        if self._faults.takes_answer(call):
            raise OutcomeUnknown(f"{call.value}: no answer came")

    async def query(self, call: Call) -> None:
        """Carry a question that changes nothing.

        Raises:
            BrokerUnavailable: there is no answer.
        """
        await self.travel()
        if self._faults.refuses(call):
            raise BrokerUnavailable(f"{call.value}: the exchange does not answer")
