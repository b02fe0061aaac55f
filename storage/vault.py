"""Give the stores the sealer of whom a text is about, inside their transaction.

    sealer = await sealer_of(session, user)           # to read
    sealer = await new_sealer_of(session, user)       # to write; makes the key at the first text

Which key a subject has is a row of the table `data_keys`, read in the transaction itself; the key is in the keyring. So a
transaction never seals with a key that another one has destroyed, and two tasks never make two keys for one person: whoever
writes holds the database's write lock.
"""

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.keyring import PSEUDONYMS, Keyring
from storage.records import PSEUDONYM, UserKey
from storage.sealing import DataKey, Sealer, Subject, kind_of
from storage.tables import DataKeyRow

Clock = Callable[[], datetime]

_MOST_KEYS = 4096  # unwrapped at a time
_SPARES = 32  # keys made at a time
_MOST_IN_A_QUERY = 500


class Vault:
    """Holds the keyring of an open database and the keys that were unwrapped last."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        """Read keys from `keyring`, which is prepared; `clock` dates new ones."""
        self.keyring = keyring
        self.clock = clock
        self._keys: OrderedDict[str, DataKey] = OrderedDict()
        self._spares: list[str] = []

    @cached_property
    def _pseudonyms(self) -> bytes:
        """The secret under which pseudonyms are made."""
        return self.keyring.read([PSEUDONYMS])[PSEUDONYMS]

    def pseudonym(self, user: UserKey) -> UserKey:
        """Return who a forgotten user is in the records that stay: the same for the same user, and no way back."""
        name = f"{user.platform}\n{user.id}".encode()
        digest = hmac.new(self._pseudonyms, name, hashlib.sha256).hexdigest()[:32]
        return UserKey(platform=user.platform, id=PSEUDONYM + digest)

    def ids_of(self, user: UserKey) -> tuple[str, str]:
        """Return the ids that a user's records may bear: their own, and that of their forgotten self."""
        return user.id, self.pseudonym(user).id

    def is_same(self, one: UserKey, other: UserKey) -> bool:
        """Tell whether two records name one person, also where one of them bears the pseudonym."""
        return one == other or one == self.pseudonym(other) or other == self.pseudonym(one)

    async def sealers(self, session: AsyncSession, subjects: Iterable[Subject]) -> Mapping[Subject, Sealer]:
        """Return the sealer of each subject, to read with."""
        known = _known(session)
        missing = list({subject for subject in subjects if subject not in known})
        ids = await _key_ids(session, missing)
        keys = await self._unwrapped(ids.values())
        for subject in missing:
            known[subject] = Sealer(subject, keys.get(ids.get(subject, "")))
        return known

    async def new_sealer(self, session: AsyncSession, subject: Subject) -> Sealer:
        """Return the sealer of a subject, to write with; make its key where it has none."""
        sealer = (await self.sealers(session, [subject]))[subject]
        if sealer.has_key:
            return sealer
        _known(session).pop(subject, None)
        if not await _key_ids(session, [subject]):  # an id whose key is gone stays as it is
            session.add(_to_row(subject, await self._spare_key(), self.clock()))
            await session.flush()
        return (await self.sealers(session, [subject]))[subject]

    async def doom(self, key_ids: Collection[str]) -> None:
        """Note down to the disk that these keys are about to be destroyed."""
        await asyncio.to_thread(self.keyring.doom, key_ids)

    async def spare(self, key_ids: Collection[str]) -> None:
        """Take back what `doom` noted."""
        await asyncio.to_thread(self.keyring.spare, key_ids)

    async def destroy(self, key_ids: Collection[str], now: datetime) -> None:
        """Destroy keys for good: what they sealed cannot be read any more, wherever it is."""
        for key_id in key_ids:
            self._keys.pop(key_id, None)
        await asyncio.to_thread(self.keyring.destroy, key_ids, now)

    async def _spare_key(self) -> str:
        """Return the id of a key that nobody has; keys are made several at a time, because each making waits for the disk.

        A spare that a rolled back transaction or the end of the program leaves over stays in the keyring and seals nothing.
        """
        while not self._spares:
            made = await asyncio.to_thread(self.keyring.create, _SPARES, self.clock())
            self._keep({key_id: DataKey(secret) for key_id, secret in made.items()})
            self._spares += made
        return self._spares.pop()

    async def _unwrapped(self, key_ids: Iterable[str]) -> dict[str, DataKey]:
        wanted = set(key_ids)
        found = {key_id: self._keys[key_id] for key_id in wanted if key_id in self._keys}
        if missing := wanted - found.keys():
            read = await asyncio.to_thread(self.keyring.read, missing)
            found |= {key_id: DataKey(secret) for key_id, secret in read.items()}
        self._keep(found)
        return found

    def _keep(self, keys: Mapping[str, DataKey]) -> None:
        for key_id, key in keys.items():
            self._keys[key_id] = key
            self._keys.move_to_end(key_id)
        while len(self._keys) > _MOST_KEYS:
            self._keys.popitem(last=False)


def utc_now() -> datetime:
    """Return the moment."""
    return datetime.now(UTC)


def vault_of(session: AsyncSession) -> Vault:
    """Return the vault of the database that a session belongs to."""
    vault: Vault = session.info["vault"]
    return vault


async def sealer_of(session: AsyncSession, subject: Subject) -> Sealer:
    """Return the sealer of a person or a conversation, to read with."""
    return (await vault_of(session).sealers(session, [subject]))[subject]


async def new_sealer_of(session: AsyncSession, subject: Subject) -> Sealer:
    """Return the sealer of a person or a conversation, to write with."""
    return await vault_of(session).new_sealer(session, subject)


def forget_sealers(session: AsyncSession) -> None:
    """Drop what a transaction knows of keys, after it has taken some away."""
    session.info.pop("sealers", None)


def _known(session: AsyncSession) -> dict[Subject, Sealer]:
    known: dict[Subject, Sealer] = session.info.setdefault("sealers", {})
    return known


async def _key_ids(session: AsyncSession, subjects: Collection[Subject]) -> dict[Subject, str]:
    """Return the ids of the subjects' keys, for those that have one."""
    found: dict[Subject, str] = {}
    by_kind: dict[tuple[str, str], dict[str, Subject]] = {}
    for subject in subjects:
        by_kind.setdefault((kind_of(subject), subject.platform), {})[subject.id] = subject
    for (kind, platform), named in by_kind.items():
        wanted = list(named)
        for start in range(0, len(wanted), _MOST_IN_A_QUERY):
            some = wanted[start : start + _MOST_IN_A_QUERY]
            query = select(DataKeyRow.subject_id, DataKeyRow.key_id).where(
                DataKeyRow.kind == kind, DataKeyRow.platform == platform, DataKeyRow.subject_id.in_(some)
            )
            found |= {named[row[0]]: row[1] for row in await session.execute(query)}
    return found


def _to_row(subject: Subject, key_id: str, now: datetime) -> DataKeyRow:
    return DataKeyRow(
        kind=kind_of(subject), platform=subject.platform, subject_id=subject.id, key_id=key_id, created_at=now
    )
