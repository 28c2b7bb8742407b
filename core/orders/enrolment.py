"""One profile, one account: the first account that a profile's keys open is the one it belongs to."""

from core.domain.access import Actor, Mode
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.errors import CredentialsRefused
from core.ports.broker import Broker
from core.ports.journal import Journal, Record
from core.ports.storage import Store, UnitOfWork

SETTING = "enrolled_account"


class Enrolment:
    """Holds the account behind the keys against the one that was enrolled. Runs on the core loop.

    Paper or live follows from the account that was enrolled under the profile's mode, never from an
    address alone: keys that open another account are refused, whatever host took them.
    """

    def __init__(self, broker: Broker, store: Store, journal: Journal, mode: Mode, desk: Actor) -> None:
        self._broker = broker
        self._store = store
        self._journal = journal
        self._mode = mode
        self._desk = desk

    async def check(self) -> None:
        """Enrol the account at the first connection; refuse another one at every later one.

        Raises:
            CredentialsRefused: the keys open another account than this profile's.
            BrokerUnavailable, OutcomeUnknown: the account could not be asked for.
            StorageError: what is enrolled could not be read or written.
        """
        found = (await self._broker.account()).account_id
        known = (await self._store.read(lambda reader: reader.settings())).get(SETTING)
        if known is None:
            await self._enrol(found)
        elif known != found:
            raise CredentialsRefused(
                f"The keys open account …{found[-4:]}, and this profile belongs to account …{known[-4:]}."
                " Store the keys of its own account, or make another profile for the other one."
            )

    async def _enrol(self, account_id: str) -> None:
        facts = {"account": account_id, "mode": self._mode.value}
        draft = AuditDraft(AuditAction.ACCOUNT_ENROLLED, self._desk, account_id, payload_of(facts))

        def work(uow: UnitOfWork, record: Record) -> None:
            uow.save_setting(SETTING, account_id)
            record(draft)

        await self._journal.write(work)
