"""What is in memory at one moment: for whoever asks often and must not trouble the database."""

from dataclasses import replace

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor
from core.domain.messages import (
    LinkChanged,
    LinkState,
    LiveView,
    LoadLive,
    Part,
    ProfileFacts,
    Reconciled,
    ReconciliationRun,
)
from core.orders.gather import LiveState
from core.orders.links import Links
from core.orders.trading_state import TradingStateLatch
from core.orders.valuation import Valuation

_UNWRITABLE = "The book cannot be written; no order is let out until it can."


class Glance:
    """Answers `LoadLive`. Runs on the core loop."""

    def __init__(
        self,
        state: LiveState,
        profile: ProfileFacts,
        latch: TradingStateLatch,
        links: Links,
        valuation: Valuation,
        clock: Clock,
        bus: Bus,
    ) -> None:
        self._state = state
        self._profile = profile
        self._latch = latch
        self._links = links
        self._valuation = valuation
        self._clock = clock
        self._reconciliation: ReconciliationRun | None = None
        bus.subscribe(Reconciled, self._on_reconciled)

    def _on_reconciled(self, event: Reconciled) -> None:
        self._reconciliation = event.run

    async def look(self, command: LoadLive, actor: Actor) -> LiveView:
        """Answer with what is known now; nothing is waited for."""
        del command, actor
        state = self._state
        symbols = [each.symbol for each in state.positions.all()]
        marks = (self._valuation.mark_of(symbol) for symbol in symbols)
        return LiveView(
            profile=self._profile,
            instruments=tuple(state.instruments.values()),
            links=tuple(self._health(part) for part in Part),
            trading_state=self._latch.record,
            limits=state.limits,
            session=state.session,
            account=self._valuation.account_mark(),
            cash=state.account.cash,
            account_age_s=state.account.age_s,
            orders=state.orders.recent(),
            marks=tuple(mark for mark in marks if mark is not None),
            quotes=state.quotes.all(),
            reconciliation=self._reconciliation,
        )

    def _health(self, part: Part) -> LinkChanged:
        found = self._links.states.get(part)
        if found is None:
            return LinkChanged(part, LinkState.CONNECTING, self._clock.now(), "not heard of yet")
        if part is Part.DATABASE and found.state is LinkState.UP and not self._state.book_writable:
            return replace(found, state=LinkState.DOWN, text=_UNWRITABLE)
        return found
