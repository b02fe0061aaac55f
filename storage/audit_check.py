"""Look whether the audit is whole: every row as it was written, none missing, none moved, none cut off."""

from dataclasses import dataclass
from enum import StrEnum

from storage.audit import AuditStore, hash_of
from storage.records import AuditHead


class AuditFault(StrEnum):
    """Say what is wrong at a row."""

    CHANGED = "changed"  # its content is not what was hashed
    MISSING = "missing"  # it was removed
    OUT_OF_ORDER = "out of order"  # it does not follow the row before it
    REWRITTEN = "rewritten"  # a whole chain, but not the one that was known before


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding:
    """Name the first row at fault."""

    number: int
    fault: AuditFault


async def check_audit(audit: AuditStore, *known_heads: AuditHead) -> tuple[AuditHead, AuditFinding | None]:
    """Return the last row that is as it was written, and the first that is not, or None.

    `known_heads` are heads that the audit had at some time: the one in the database, the anchor, one that somebody kept.
    """
    last = AuditHead(number=0, hash="")
    expected = {head.number: head.hash for head in known_heads}
    contradicting = [head for head in known_heads if expected[head.number] != head.hash]
    if contradicting:
        return last, AuditFinding(number=contradicting[0].number, fault=AuditFault.REWRITTEN)
    async for row in audit.rows():
        if row.number != last.number + 1:
            return last, AuditFinding(number=last.number + 1, fault=AuditFault.MISSING)
        if row.previous != last.hash:
            return last, AuditFinding(number=row.number, fault=AuditFault.OUT_OF_ORDER)
        if row.hash != hash_of(row):
            return last, AuditFinding(number=row.number, fault=AuditFault.CHANGED)
        if expected.get(row.number, row.hash) != row.hash:
            return last, AuditFinding(number=row.number, fault=AuditFault.REWRITTEN)
        last = AuditHead(number=row.number, hash=row.hash)
    if any(head.number > last.number for head in known_heads):
        return last, AuditFinding(number=last.number + 1, fault=AuditFault.MISSING)
    return last, None
