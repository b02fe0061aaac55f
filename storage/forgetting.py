"""Forget a user: rows and keys, across two files that no transaction spans.

    1. within the transaction that erases the rows, the keys are noted as doomed in the keyring;
    2. the transaction commits;
    3. the keys are destroyed.

A crash before 1 leaves everything, one after it is finished at the next start: what a doomed key belongs to is erased, then the key
is destroyed. The same look at the start erases again whom a database brought back that was copied before they were forgotten.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from storage.erasure import ErasureStore
from storage.errors import KeyringMissing, StorageError
from storage.records import ConversationKey, UserKey
from storage.sealing import Subject

if TYPE_CHECKING:
    from storage.database import Database

_log = logging.getLogger(__name__)


async def forget_user(database: Database, user: UserKey, now: datetime) -> None:
    """Erase a user and destroy their key: what they wrote cannot be read any more, not even in a backup made before.

    Runs to its end even when the caller is cancelled.

    Raises:
        StorageError: the database or the keyring refused; unless the keyring alone failed at the end, nothing is erased.
    """
    await asyncio.shield(asyncio.ensure_future(_forget(database, [user], [], now)))


async def forget_summaries(database: Database, conversations: Sequence[ConversationKey], now: datetime) -> None:
    """Forget the summaries of conversations and destroy their keys; as `forget_user`."""
    await asyncio.shield(asyncio.ensure_future(_forget(database, conversations, [], now)))


async def finish_forgetting(database: Database, now: datetime) -> None:
    """Finish what a crash cut short, and erase again whom an older copy of the database brought back.

    Raises:
        KeyringMissing: the keyring is not the one of this database.
    """
    async with database.read() as session:
        used = await ErasureStore(session).key_ids()
    # Read after: another process may add keys meanwhile, to the keyring before the database.
    state = await asyncio.to_thread(database.vault.keyring.state)
    if unknown := used - state.living - state.destroyed:
        raise KeyringMissing(
            f"{database.vault.keyring.place} is not the one of this database: it does not know {len(unknown)} of its "
            f"{len(used)} keys; nothing was changed. Put the right keyring back."
        )
    if not (gone := state.doomed | (used & state.destroyed)):
        return
    async with database.read() as session:
        subjects = await ErasureStore(session).subjects_of(gone)
    await _forget(database, subjects, list(state.doomed), now)
    _log.info("%d erasures of before were finished", len(subjects))


async def _forget(database: Database, subjects: Sequence[Subject], doomed: list[str], now: datetime) -> None:
    """Erase subjects, and destroy their keys and those that were doomed before."""
    vault = database.vault
    taken: list[str] = []
    try:
        async with database.begin() as session:
            store = ErasureStore(session)
            for subject in subjects:
                taken += await store.erase_subject(subject, now)
            await vault.doom(taken)
    except Exception:
        await _spare_used(database, taken)
        raise
    await vault.destroy([*taken, *doomed], now)


async def _spare_used(database: Database, key_ids: Sequence[str]) -> None:
    """Take back the doom of keys that are still used; where that cannot be found out, the next start finishes what was begun."""
    with suppress(StorageError):
        async with database.read() as session:
            used = await ErasureStore(session).key_ids()
        await database.vault.spare([key_id for key_id in key_ids if key_id in used])
