"""What the actions of backups do: one is made beside the desk, and how far it is stands in the status bar."""

from core.domain.messages import BackupFacts, BackupMoved, BackupStage, InOrder, MakeBackup, StopBackup
from core.errors import StorageError
from ui import format as fmt
from ui.actions.registry import Handlers
from ui.parts import Parts

_WORDS = {
    BackupStage.COPYING: "copying the database",
    BackupStage.CHECKING: "checking every page and the audit chain",
    BackupStage.WRITING: "writing the file",
    BackupStage.READING: "reading it back",
}


class BackupHandlers:
    """Asks for a backup, and says what became of it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        parts.bridge.in_order.connect(self._on_event)

    def handlers(self) -> Handlers:
        """Return what is called, by the names of the catalogue."""
        return {"make_backup": self.make, "stop_backup": self.stop}

    def make(self) -> None:
        """Back the profile up now."""
        self._parts.notices.say("Backup: beginning")
        self._parts.bridge.send(MakeBackup(), self._made, self._not_made)

    def stop(self) -> None:
        """End the backup that is being made."""
        self._parts.bridge.send(StopBackup())

    def _made(self, made: BackupFacts) -> None:
        records = f"{made.head_seq:,} records"
        self._parts.notices.say(f"Backup made and verified: {made.file}, {fmt.size(made.size)}, {records}")

    def _not_made(self, error: Exception) -> bool:
        is_ours = isinstance(error, StorageError)
        if is_ours:
            self._parts.notices.warn(f"No backup was made; earlier ones are as they were. {error}")
        return is_ours

    def _on_event(self, event: InOrder) -> None:
        if not isinstance(event, BackupMoved):
            return
        self._parts.facts.note(backup_runs=event.stage is not None)
        if event.stage is not None:
            self._parts.notices.say(f"Backup: {_WORDS[event.stage]}")
