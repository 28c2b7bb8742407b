"""The risk desk beside the order path: parameters, target, radar and sizes, put together and answered for."""

from core.domain.access import Actor
from core.domain.messages import (
    GetTargetProfile,
    LoadRadar,
    LoadRisk,
    SetRiskParameters,
    SizeOrder,
    UpdateTargetProfile,
)
from core.orders.daily_bars import DailyBars
from core.orders.desk import Desk
from core.orders.gather import Gatherer, LiveState
from core.orders.parameters import RiskParameters
from core.orders.radar import RadarRoom
from core.orders.sizing import Sizer
from core.orders.supervision import Means
from core.orders.targets import Targets
from core.orders.throttle import Throttle
from core.ports.journal import Journal
from core.ports.market_data import MarketDataFeed
from core.ports.storage import Store


class RiskDesk:
    """What the risk panel, the ticket and the API ask for. Runs on the core loop.

    Args:
        state: what is known; its limits are written here alone.
        gatherer: collects facts for a size, and is told of the usual volume.
        throttle: where it stands is a fact too.
        feed: where daily bars come from.
        store: where changes are read from.
        journal: the way to write.
        means: clock, bus and tasks.
        actor: who puts in force what has waited.
    """

    def __init__(
        self,
        state: LiveState,
        gatherer: Gatherer,
        throttle: Throttle,
        feed: MarketDataFeed,
        store: Store,
        journal: Journal,
        means: Means,
        actor: Actor,
    ) -> None:
        self.tasks = means.tasks
        self.bars = DailyBars(state, feed, means.clock)
        self.targets = Targets(store, journal, means.clock, means.bus, means.tasks)
        self.parameters = RiskParameters(
            state, store, journal, means.clock, means.bus, means.tasks, self.targets, actor
        )
        self.radar = RadarRoom(state, self.bars, self.targets, means.clock)
        self.sizer = Sizer(state, gatherer, throttle, self.bars)
        gatherer.usual_volume = self.bars.usual_volume

    def join(self, desk: Desk) -> None:
        """Carry out its commands from now on."""
        desk.route(LoadRisk, self.parameters.look)
        desk.route(SetRiskParameters, self.parameters.change)
        desk.route(GetTargetProfile, self.targets.get_target_profile)
        desk.route(UpdateTargetProfile, self.targets.update_target_profile)
        desk.route(LoadRadar, self.radar.look)
        desk.route(SizeOrder, self.sizer.size)

    async def load(self) -> None:
        """Begin with what is stored.

        Raises:
            StorageError: it cannot be read, or the first values not be stored.
        """
        await self.parameters.load()

    def begin(self) -> None:
        """Begin the work that goes on by itself."""
        self.tasks.spawn(self.parameters.run(), "risk parameters")
        self.tasks.spawn(self.bars.run(), "daily bars")
