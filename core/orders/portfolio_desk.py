"""The portfolio's room: its figures, its closes and what both are asked."""

from core.domain.access import Actor
from core.orders.closing import Closing
from core.orders.gather import LiveState
from core.orders.last_closes import LastCloses
from core.orders.portfolio import Portfolio
from core.orders.supervision import Means
from core.orders.throttle import Throttle
from core.orders.valuation import Valuation
from core.ports.journal import Journal
from core.ports.market_data import MarketDataFeed
from core.ports.storage import Store


class PortfolioDesk:
    """Puts the room together. Lives on the core loop.

    Attributes:
        valuation: what everything is worth now.
        load: answers `LoadPortfolio`.
        explain: answers `ExplainFigure`.
        explain_position: answers `ExplainPosition`.
    """

    def __init__(
        self,
        state: LiveState,
        throttle: Throttle,
        feed: MarketDataFeed,
        store: Store,
        journal: Journal,
        actor: Actor,
        means: Means,
    ) -> None:
        self._tasks = means.tasks
        self.valuation = valuation = Valuation(state, throttle, means.clock, means.bus)
        self._closing = Closing(state, valuation, journal, actor, means)
        self._last_closes = LastCloses(state, valuation, self._closing, feed, store, means.clock)
        answers = Portfolio(state, valuation, feed, store, means.clock, means.bus)
        self.load, self.explain = answers.load, answers.explain
        self.explain_position = answers.explain_position

    def begin(self) -> None:
        """Watch for closes from now on."""
        self._tasks.spawn(self._closing.run(), "closing")
        self._tasks.spawn(self._last_closes.run(), "last closes")
