"""What stands around a core: store, broker, feed, and whoever can be asked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from app.anchoring import Anchoring
from core.clock import Clock
from core.domain import messages as m
from core.domain.limits import Limits
from core.ids import IdSource
from core.ports.backups import Backups
from core.ports.broker import Broker
from core.ports.confirmation import Confirmer
from core.ports.market_data import MarketDataFeed
from core.ports.snapshots import SnapshotSource
from core.storage.store import SqlStore


@dataclass(frozen=True, slots=True)
class Outside:
    """What a core is given from the outside.

    Attributes:
        emergency: the file for records that the database would not take.
        keep: makes a throwaway profile permanent; None where it is permanent already.
        rng: where chance comes from, such as the jitter between two tries.
        snapshots: answers a scan of many symbols; None where the quotes that stream in have to do.
        anchoring: shows the head of the audit chain to witnesses outside the database.
        backups: where backups are made; None for a throwaway profile.
        unlock: says whose passphrase it is; None where the profile has none. Takes long.
    """

    store: SqlStore
    broker: Broker
    feed: MarketDataFeed
    confirmer: Confirmer
    clock: Clock
    ids: IdSource
    profile: m.ProfileFacts
    emergency: Path
    session: str
    limits: Limits = field(default_factory=Limits)
    keep: Callable[[m.KeepProfile], Path] | None = None
    rng: Random = field(default_factory=Random)
    snapshots: SnapshotSource | None = None
    anchoring: Anchoring | None = None
    unlock: Callable[[str], str] | None = None
    backups: Backups | None = None
