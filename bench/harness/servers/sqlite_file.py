"""Looks into the SQLite file of a server that is stopped."""

from __future__ import annotations

import sqlite3
from pathlib import Path

MAGIC = b"SQLite format 3\0"
# Where a database's header says how it is written, and the value for a write-ahead log.
WRITE_VERSION_PLACE = 18
WRITE_AHEAD = 2


def count_rows(file: Path, table: str) -> int | None:
    """None where the file is no database or has no such table."""
    if not is_database(file):
        return None
    database = sqlite3.connect(file)
    try:
        return database.execute(f"select count(*) from {table}").fetchone()[0]
    except sqlite3.OperationalError:
        return None
    finally:
        database.close()


def is_database(file: Path) -> bool:
    return file.is_file() and header(file).startswith(MAGIC)


def is_write_ahead(file: Path) -> bool:
    return header(file)[WRITE_VERSION_PLACE] == WRITE_AHEAD


def header(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(100)
