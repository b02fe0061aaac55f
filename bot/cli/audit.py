"""`main.py audit`: look whether what people did is still as it was written."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.lifetimes import storage_settings
from bot.cli.options import DatabaseOption, DataDirOption
from bot.errors import SettingsError
from bot.settings import load_settings
from storage.records import AuditHead

if TYPE_CHECKING:
    from storage.audit_check import AuditFinding
    from storage.settings import StorageSettings

audit_app = typer.Typer(help="Look after the audit of what moderators, admins and the owner did.", no_args_is_help=True)
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")
_FOUND = 1


@audit_app.callback()
def _group() -> None:
    """Keep `verify` a command of its own, however few there are."""


@audit_app.command("verify")
def audit_verify(
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    expect: Annotated[
        str | None, typer.Option("--expect", help="A head that you kept, NUMBER:HASH, as this command printed it.")
    ] = None,
) -> int:
    """Find the first row that was changed, removed, moved or written anew; exit code 1 if there is one."""
    settings = storage_settings(load_settings(data_dir=data_dir, database_url=database_url))
    last, finding = asyncio.run(_verify(settings, None if expect is None else _read_head(expect)))
    if finding is None:
        print(f"the audit is whole: {last.number} rows; head {last.number}:{last.hash or '-'}")
        return 0
    print(f"row {finding.number} is {finding.fault}; the rows before it are as they were written")
    return _FOUND


async def _verify(settings: StorageSettings, expected: AuditHead | None) -> tuple[AuditHead, AuditFinding | None]:
    from storage.audit import AuditStore
    from storage.audit_check import check_audit
    from storage.database import audit_anchor, open_to_read

    anchor = audit_anchor(settings)
    try:
        beside = None if anchor is None else anchor.read()
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{anchor.path if anchor else ''} is no head of an audit; restore it or move it away"
        ) from error
    async with open_to_read(settings) as database, database.read() as session:
        audit = AuditStore(session)
        heads = [head for head in (await audit.head(), beside, expected) if head is not None]
        return await check_audit(audit, *heads)


def _read_head(text: str) -> AuditHead:
    match = _HEAD.fullmatch(text.strip())
    if match is None:
        raise SettingsError(f"--expect {text!r} is no head; write NUMBER:HASH as `audit verify` printed it")
    return AuditHead(number=int(match[1]), hash=match[2])
