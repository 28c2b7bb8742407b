"""Every error this program raises on purpose.

InvestIQError
  Refused            expected, for the person; carries a code from one enum, and numbers
  BrokerError        BrokerRejected · BrokerUnavailable · OutcomeUnknown
    BrokerUnavailable  CredentialsRefused · NotEntitled · RateLimited · ConnectionLimit · Unreadable
  StorageError       WrongPassphrase · DatabaseDamaged · DatabaseMissing · NotADatabase
                     · DatabaseTooNew · StorageUnwritable · AuditUnwritable
  SettingInvalid     with file and line
  BadInput           a file of the person's that cannot be read: file, line, what was expected
  ProfileInUse       another instance has the profile
  CredentialMissing  a key that the profile trades or looks with is not stored
  KeyringUnavailable the operating system's keyring gave no answer
  InvariantBroken    a bug: halts trading, writes a crash file
"""

from collections.abc import Mapping
from enum import StrEnum


class RefusalCode(StrEnum):
    """Why something was refused; machine values, stable, documented."""

    NOT_PERMITTED = "not_permitted"
    UNKNOWN_ROLE = "unknown_role"
    MALFORMED = "malformed"
    UNKNOWN_SYMBOL = "unknown_symbol"
    UNKNOWN_ORDER = "unknown_order"
    ORDER_NOT_OPEN = "order_not_open"
    ORDER_BUSY = "order_busy"
    ORDER_NOT_UNKNOWN = "order_not_unknown"
    STILL_ASKING = "still_asking"
    RISK = "risk"
    NEEDS_ACKNOWLEDGEMENT = "needs_acknowledgement"
    THROTTLED = "throttled"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    IN_FLIGHT = "in_flight"
    NOT_CONFIRMED = "not_confirmed"
    CONFIRMATION_EXPIRED = "confirmation_expired"
    CONFIRMATION_STALE = "confirmation_stale"
    NO_WINDOW = "no_window"
    NO_POSITION = "no_position"
    BROKER_REFUSED = "broker_refused"
    HALTED = "halted"
    LOCKED = "locked"
    PROPOSAL_DECIDED = "proposal_decided"
    RECORD_UNWRITABLE = "record_unwritable"
    NOT_READY = "not_ready"
    REASON_MISSING = "reason_missing"
    NAME_TAKEN = "name_taken"
    WEAK_PASSPHRASE = "weak_passphrase"  # noqa: S105 - a reason
    NOT_FOUND = "not_found"


class InvestIQError(Exception):
    """The root of all errors of this program."""


class Refused(InvestIQError):
    """Expected, and for the person: nothing was sent and nothing changed.

    Args:
        code: the reason, from one enum.
        message: what was expected, what was found, what to do; plain text.
        details: numbers and names behind the message, as text.
        cause: a value of the domain that explains it, such as a risk verdict.
    """

    def __init__(
        self,
        code: RefusalCode,
        message: str,
        details: Mapping[str, str] | None = None,
        cause: object | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details: Mapping[str, str] = dict(details or {})
        self.cause = cause


class BrokerError(InvestIQError):
    """The broker did not do what was asked; the subclass says what that proves."""


class BrokerRejected(BrokerError):
    """Proves that the broker did not accept the request."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class BrokerUnavailable(BrokerError):
    """Proves that nothing was sent."""


class CredentialsRefused(BrokerUnavailable):
    """The key is wrong, revoked or of another account: nothing is tried again until a person says so."""


class NotEntitled(BrokerUnavailable):
    """The plan behind the key does not include what was asked for; asking again does not help."""


class ConnectionLimit(BrokerUnavailable):
    """Another program holds the only connection that the key may have; a person decides which one stays."""


class Unreadable(BrokerUnavailable):
    """An answer came, and a field of it that is needed is no number, text or time; the message names it."""


class RateLimited(BrokerUnavailable):
    """The broker takes no more requests for now, so this one was not accepted.

    Attributes:
        retry_after_s: seconds until it may take more; None if it did not say.
    """

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class OutcomeUnknown(BrokerError):
    """Proves nothing: the request may have been accepted, or not."""


class StorageError(InvestIQError):
    """The database did not do what was asked; nothing of the unit of work was written."""


class WrongPassphrase(StorageError):
    """The passphrase opens no key slot of this profile."""


class DatabaseDamaged(StorageError):
    """A page, the file or the chain in it is not what was written."""


class DatabaseMissing(StorageError):
    """The profile has keys or anchors, but its database is gone."""


class NotADatabase(StorageError):
    """The file in the database's place is not one of ours (a plain SQLite file, or text)."""


class DatabaseTooNew(StorageError):
    """The database was written by a newer program; nothing was touched."""


class StorageUnwritable(StorageError):
    """The disk is full, the folder is read-only or permission is missing."""


class AuditUnwritable(StorageError):
    """A record could not be appended to the audit log, so what it records must not happen."""


class SettingInvalid(InvestIQError):
    """A setting is unknown, of the wrong type or out of range."""

    def __init__(self, file: str, key: str, message: str, line: int | None = None) -> None:
        where = f"{file}:{line}" if line is not None else file
        super().__init__(f"{where}: {key}: {message}")
        self.file = file
        self.key = key
        self.line = line


class BadInput(InvestIQError):
    """A file that a person gave cannot be used; says where and what was expected."""

    def __init__(self, file: str, message: str, line: int | None = None) -> None:
        where = f"{file}, line {line}" if line is not None else file
        super().__init__(f"{where}: {message}")
        self.file = file
        self.message = message
        self.line = line


class ProfileInUse(InvestIQError):
    """Another running instance has this profile."""


class CredentialMissing(InvestIQError):
    """A credential that a profile needs is not stored; says which, for which profile and what to do."""


class KeyringUnavailable(InvestIQError):
    """The operating system's keyring is locked, gone, or did not do what was asked."""


class InvariantBroken(InvestIQError):
    """A bug: what must always hold does not. Trading halts and a crash file is written."""
