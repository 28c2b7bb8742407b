"""The search of the audit panel."""

from dataclasses import replace

from core.domain.messages import AuditPage, LoadAudit
from core.domain.records import AuditQuery
from core.errors import RefusalCode, Refused
from core.ports.storage import Store

LONGEST_TEXT = 200
MOST_ROWS = 1_000
_LARGEST = 2**63 - 1
_LATEST_US = 32_503_680_000_000_000  # 3000-01-01 UTC


async def load_audit(store: Store, command: LoadAudit) -> AuditPage:
    """Answer one page, newest first.

    Raises:
        Refused: the search cannot be made, and why; nothing was asked of the database.
        StorageError: the log could not be read.
    """
    query = command.query
    _check(query)
    one_more = replace(query, limit=query.limit + 1)
    found = await store.read(lambda reader: reader.audit_page(one_more))
    return AuditPage(found[: query.limit], has_more=len(found) > query.limit)


def _check(query: AuditQuery) -> None:
    texts = {
        "text": query.text,
        "action": query.action,
        "order": query.cl_ord_id or query.order,
        "actor": query.actor,
    }
    for name, text in texts.items():
        if len(text) > LONGEST_TEXT:
            raise Refused(
                RefusalCode.MALFORMED, f"the {name} to look for has at most {LONGEST_TEXT} characters"
            )
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise Refused(
                RefusalCode.MALFORMED, f"the {name} to look for holds a character that no record can hold"
            )
    if not 1 <= query.limit <= MOST_ROWS:
        raise Refused(RefusalCode.MALFORMED, f"a page has 1 to {MOST_ROWS} rows, not {query.limit}")
    if query.before_seq is not None and not 0 <= query.before_seq <= _LARGEST:
        raise Refused(RefusalCode.MALFORMED, "the number to look before is not that of a record")
    times = [each for each in (query.since_us, query.until_us) if each is not None]
    if any(not 0 <= each <= _LATEST_US for each in times):
        raise Refused(RefusalCode.MALFORMED, "a record is of a time after 1970 and before the year 3000")
    if len(times) == 2 and times[0] >= times[1]:
        raise Refused(RefusalCode.MALFORMED, "the time to look from is not before the time to look up to")
