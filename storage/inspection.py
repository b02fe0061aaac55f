"""Tell which keys a database needs, without opening it for use."""

from storage.database import current_revision, open_to_read
from storage.erasure import ErasureStore
from storage.migration import newest_revision
from storage.settings import StorageSettings


async def keys_used(settings: StorageSettings) -> frozenset[str]:
    """Return the ids of the keys that a database names; none where it is older than they are, or not there yet.

    Raises:
        StorageError: it cannot be read.
    """
    if await current_revision(settings) != newest_revision():
        return frozenset()
    async with open_to_read(settings) as database, database.read() as session:
        return await ErasureStore(session).key_ids()
