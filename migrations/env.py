"""Run the migrations on the connection that `storage/migration.py` gives.

Alembic loads this file; nobody imports it. There is no alembic.ini: the connection comes in
`config.attributes`, already in the one transaction that holds every step, so that a process
killed in between leaves the database as it was.

To add a revision: change `storage/tables.py`, copy `script.py.mako` to `versions/NNNN_name.py` and
fill it in by hand; `tests/storage/test_migrations.py` tells whether the two agree.
"""

from alembic import context

from storage.tables import Base

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("no connection given: run the migrations with `python main.py db upgrade`")

# Batch mode rewrites a table where SQLite cannot alter it in place; elsewhere it changes nothing.
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
