"""Closing every position by ordinary orders of ours, which may only lessen what is held."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from core.domain.access import Actor, TradingState
from core.domain.market import Quote, SessionPhase
from core.domain.money import ZERO, Price, Qty, normal, plain
from core.domain.order import Order
from core.domain.terms import OrderTerms, OrdStatus, OrdType, Side, TimeInForce
from core.errors import Refused, StorageError
from core.ids import IdSource, Symbol, new_idempotency_key
from core.orders.gather import Gatherer, LiveState
from core.orders.intents import Intent, Intents
from core.orders.oms import OrderManagement
from core.orders.progress import Progress
from core.orders.refusals import refusal
from core.orders.sending import Sending
from core.orders.supervision import Means
from core.orders.throttle import Throttle
from core.orders.within import Patiently
from core.ports.broker import Broker
from core.risk.engine import evaluate
from core.risk.pricing import far_touch

# What is not flat by then is named.
DEADLINE_S = 30.0
POLL_S = 0.5
# How long our book may take to come to what the broker says is held.
_SETTLING_S = 5.0
# Outside regular hours only limit orders trade; so far through the market they fill like market orders.
_THROUGH_PCT = Decimal(2)
_LIMIT_PHASES = (SessionPhase.PRE, SessionPhase.POST)


class Flattening:
    """Closes what the broker says is held. Runs on the core loop."""

    def __init__(
        self,
        state: LiveState,
        broker: Broker,
        closer: "Closer",
        means: Means,
    ) -> None:
        self._state = state
        self._broker = broker
        self._closer = closer
        self._clock = means.clock
        self._tasks = means.tasks
        self._patiently = Patiently(means.clock, means.tasks)

    async def close_all(self, progress: Progress, actor: Actor, show: Callable[[], object]) -> None:
        """Send one closing order a symbol, once; then wait until the broker shows nothing held.

        A symbol in which an order of ours may still work is not closed: both could fill.
        """
        deadline = self._clock.monotonic() + DEADLINE_S
        await self._look(progress, deadline)
        show()
        for symbol, qty in progress.held.items():
            reason = self._hindrance(progress, symbol)
            if reason:
                progress.failures[symbol] = reason
            else:
                self._tasks.spawn(self._close(progress, symbol, qty, actor, deadline), "close")
        while progress.held and self._clock.monotonic() < deadline:
            await self._clock.sleep(POLL_S)
            await self._look(progress, deadline)
            show()

    async def _look(self, progress: Progress, deadline: float) -> None:
        found = await self._patiently.ask(deadline, self._broker.positions, "what is held")
        if isinstance(found, str):
            progress.failures["positions"] = found
            if not progress.held:
                progress.held = {each.symbol: each.qty for each in self._state.positions.held()}
            return
        progress.failures.pop("positions", None)
        held = {each.symbol: each.qty for each in found}
        for symbol in progress.held.keys() - held.keys():
            progress.failures.pop(symbol, None)
        progress.held = dict(held)

    def _hindrance(self, progress: Progress, symbol: Symbol) -> str:
        ours = [order for order in self._state.orders.open(symbol) if not order.external]
        unproven = [each for each in ours if each.cl_ord_id not in progress.confirmed]
        if unproven:
            return f"{symbol} is not closed: of {len(unproven)} orders in it nobody has proven the end."
        return ""

    async def _close(
        self, progress: Progress, symbol: Symbol, qty: Decimal, actor: Actor, deadline: float
    ) -> None:
        await self._settle(symbol, qty)
        made = self._closer.terms(symbol, qty)
        if isinstance(made, str):
            progress.failures[symbol] = made
            return
        failure = await self._closer.send(made, actor, deadline, progress)
        if failure:
            progress.failures[symbol] = failure

    async def _settle(self, symbol: Symbol, qty: Decimal) -> None:
        patience = self._clock.monotonic() + _SETTLING_S
        while self._state.positions.qty(symbol) != qty and self._clock.monotonic() < patience:
            await self._clock.sleep(POLL_S)


class Closer:
    """Makes and sends one closing order. Runs on the core loop."""

    def __init__(
        self,
        state: LiveState,
        gatherer: Gatherer,
        throttle: Throttle,
        intents: Intents,
        sending: Sending,
        oms: OrderManagement,
        ids: IdSource,
        means: Means,
    ) -> None:
        self._state = state
        self._gatherer = gatherer
        self._throttle = throttle
        self._intents = intents
        self._sending = sending
        self._oms = oms
        self._ids = ids
        self._clock = means.clock

    def terms(self, symbol: Symbol, held: Decimal) -> OrderTerms | str:
        """Return the order that closes a position, or why there is none."""
        side = Side.SELL if held > 0 else Side.BUY
        working = self._state.orders.working(symbol)
        foreign = working.sell_qty if side is Side.SELL else working.buy_qty
        qty = min(abs(held), abs(self._state.positions.qty(symbol))) - foreign
        if qty <= 0:
            return f"{symbol} is not closed: {plain(normal(foreign))} shares of it are in orders of others."
        # No limit as other market orders have (A9): there is one try, and it must not fail for a good price.
        terms = OrderTerms(symbol, side, OrdType.MARKET, TimeInForce.DAY, Qty(qty))
        session = self._state.session
        if session is None or session.phase not in _LIMIT_PHASES:
            return terms
        price = self._through(symbol, side, self._state.quotes.get(symbol))
        if price is None:
            return f"{symbol} is not closed: outside regular hours a limit is needed, and there is no quote."
        return replace(terms, ord_type=OrdType.LIMIT, price=price, extended_hours=True)

    def _through(self, symbol: Symbol, side: Side, quote: Quote | None) -> Price | None:
        touch, instrument = far_touch(side, quote), self._state.instruments.get(symbol)
        session = self._state.session
        if touch is None or instrument is None or session is None:
            return None
        wanted = touch * (100 + _THROUGH_PCT * side.sign) / 100
        below, above = instrument.nearest_prices(wanted, session.opens.date())
        return above if side is Side.BUY or below <= ZERO else below

    async def send(self, terms: OrderTerms, actor: Actor, deadline: float, progress: Progress) -> str:
        """Write an order ahead and send it, reduce-only; return why it did not work, or nothing."""
        facts = self._gatherer.facts(terms, self._throttle.figures(self._state.limits))
        verdict = evaluate(terms, self._state.limits, replace(facts, trading_state=TradingState.REDUCING))
        intent = Intent(terms, new_idempotency_key(self._ids), verdict, actor)
        reservation = self._state.orders.reserve(terms)
        try:
            order = await self._intents.write_ahead(intent)
        except (StorageError, Refused) as error:
            return f"{terms.symbol} is not closed: it could not be recorded, so nothing was sent: {error}"
        finally:
            self._state.orders.release(reservation)
        if self._clock.monotonic() >= deadline:
            await self._oms.apply(refusal(order, "Not sent: it was recorded too late.", self._clock.now()))
            return f"{terms.symbol} is not closed: the order was recorded too late to be sent."
        progress.closing.append(order.cl_ord_id)
        return _failure(await self._sending.carry_out(order, closes=True))


def _failure(sent: Order) -> str:
    if sent.ord_status is OrdStatus.UNKNOWN:
        return f"{sent.symbol}: whether the broker has the closing order is not known; no second one is sent."
    if sent.ord_status is OrdStatus.REJECTED:
        return f"{sent.symbol} is not closed: {sent.text}"
    return ""
