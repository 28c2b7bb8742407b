"""A database brought to this program's schema, with a backup of it as it was before."""

from app.admission import record
from app.backing_up import facts_of, make_backup
from app.opening import schema_of
from app.profile import Profile
from core.access.users import role_of
from core.clock import SystemClock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.ids import RandomIds
from core.orders.backups import backup_made
from core.storage.anchors import signing_key
from core.storage.backup import Backup
from core.storage.store import migrate
from core.storage.user_store import stored_users
from core.storage.vault import Unlocked


def upgrade(profile: Profile, unlocked: Unlocked) -> Backup:
    """Back a profile up that is held, upgrade its database, and record both.

    The upgrade was carried out on the copy in the backup before, so one that fails fails there.

    Raises:
        StorageError: no backup could be made, or the upgrade was undone; the database is as it was.
    """
    before = schema_of(profile.database, unlocked.key)
    signing_key(profile.folder, unlocked.key)  # made before, so that the backup has it
    found = make_backup(profile.folder, unlocked.key, SystemClock().now())
    migrate(profile.database, unlocked.key)
    role = role_of(stored_users(profile.database, unlocked.key), unlocked.user)
    actor = Actor(unlocked.user, role.value, Origin.DESK, RandomIds().unique())
    facts = {
        "before": before.revision,
        "after": before.known,
        "reason": f"{before.revision} to {before.known}",
    }
    drafts = [
        backup_made(facts_of(found), actor, "before an upgrade"),
        AuditDraft(AuditAction.SCHEMA_UPGRADED, actor, profile.name, payload_of(facts)),
    ]
    record(profile.database, profile.folder, unlocked.key, drafts)
    return found
