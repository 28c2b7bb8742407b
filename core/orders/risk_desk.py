"""The risk desk beside the order path: parameters, target, put together and answered for."""

from core.domain.access import Actor
from core.domain.messages import GetTargetProfile, LoadRisk, SetRiskParameters, UpdateTargetProfile
from core.orders.desk import Desk
from core.orders.gather import LiveState
from core.orders.parameters import RiskParameters
from core.orders.supervision import Means
from core.orders.targets import Targets
from core.ports.journal import Journal
from core.ports.storage import Store


class RiskDesk:
    """What the risk panel and the API ask for. Runs on the core loop."""

    def __init__(self, state: LiveState, store: Store, journal: Journal, means: Means, actor: Actor) -> None:
        self.tasks = means.tasks
        self.targets = Targets(store, journal, means.clock, means.bus, means.tasks)
        self.parameters = RiskParameters(
            state, store, journal, means.clock, means.bus, means.tasks, self.targets, actor
        )

    def join(self, desk: Desk) -> None:
        """Carry out its commands from now on."""
        desk.route(LoadRisk, self.parameters.look)
        desk.route(SetRiskParameters, self.parameters.change)
        desk.route(GetTargetProfile, self.targets.get_target_profile)
        desk.route(UpdateTargetProfile, self.targets.update_target_profile)

    async def load(self) -> None:
        """Begin with what is stored.

        Raises:
            StorageError: it cannot be read, or the first values not be stored.
        """
        await self.parameters.load()

    def begin(self) -> None:
        """Begin the work that goes on by itself."""
        self.tasks.spawn(self.parameters.run(), "risk parameters")
