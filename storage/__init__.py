"""Keep what must last: sanctions, memories, conversations and turns, in SQLite or PostgreSQL.

Start reading at `records.py` (what is kept), then `database.py` (how a unit of work runs) and one
store for each aggregate. This package imports nothing of `bot`, `engine` or `models`.
"""
