"""Name what can go wrong with the database.

The tree::

    StorageError
    ├── InvalidDatabaseUrl    the URL names no database that this program can use
    ├── DatabaseUnavailable   it cannot be opened, reached or written to
    ├── DatabaseCorrupt       the file is damaged, or is not a database
    ├── DatabaseTooNew        a newer version of this program wrote it
    ├── DatabaseFull          there is no room left to write
    ├── DatabaseBusy          somebody else kept it locked for too long
    ├── PolicyVersionTaken    a policy's version stands for another policy already
    ├── MasterKeyMissing      the master key is not there, and what is stored needs it
    ├── MasterKeyWrong        the master key is another one than the keyring's
    ├── MasterKeyInvalid      what should be a master key is none, or its file cannot be used
    ├── KeyringMissing        the keyring is not there, and what is stored needs it
    └── TextUnreadable        a sealed text does not open: it was changed, moved, or its key is gone

Every message is one line for a person: what was wrong and what to do. No message holds stored
text or a password.
"""


class StorageError(Exception):
    """The database refused an operation; the root of this package's errors."""


class InvalidDatabaseUrl(StorageError):
    """The URL names no database that this program can use."""


class DatabaseUnavailable(StorageError):
    """The database cannot be opened, reached or written to."""


class DatabaseCorrupt(StorageError):
    """The file is damaged, or is not a database."""


class DatabaseTooNew(StorageError):
    """The database has a revision that this version of the program does not know."""


class DatabaseFull(StorageError):
    """There is no room left to write; what the transaction wrote is rolled back."""


class DatabaseBusy(StorageError):
    """Another program kept the database locked for longer than `busy_timeout_s`, or our own writers for `queue_timeout_s`."""


class PolicyVersionTaken(StorageError):
    """A policy's version stands for another policy already, so that sanctions could not say by which they were given."""


class MasterKeyMissing(StorageError):
    """The master key is not there, and what is stored needs it; or it cannot be made."""


class MasterKeyWrong(StorageError):
    """The master key is another one than that which wraps the keyring, or the keyring was tampered with."""


class MasterKeyInvalid(StorageError):
    """What should be a master key is none, or its file cannot be read or written."""


class KeyringMissing(StorageError):
    """The keyring is not there, and what is stored needs its keys."""


class TextUnreadable(StorageError):
    """A sealed text does not open: it was changed, belongs elsewhere, or its key is gone."""
