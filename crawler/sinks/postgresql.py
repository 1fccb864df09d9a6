"""A table of posts in PostgreSQL that is kept up to date: inserted, updated and deleted as changes come.

The cursor is in a table beside it and moves in the same transaction, so each change takes effect exactly once. A
lock of the session keeps two pushes apart; the server drops it with the connection.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

from archives.urls import describe_url
from crawler.sinks.pushing import SinkError
from pipelines.exports.records import COLUMNS, NAMES, Kind, build_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipelines.exports.records import PostRecord

SCHEMES = ("postgresql", "postgres")
_CONNECT_S = 10
_LOCK = 0x6E657770
_TYPES: dict[Kind, LiteralString] = {Kind.LIST: "text[]", Kind.INSTANT: "timestamptz", Kind.INTEGER: "bigint"}
_KEY = ("collection", "id")
_PLACES = "CREATE TABLE IF NOT EXISTS newsreel_cursor (stream text PRIMARY KEY, cursor text NOT NULL)"
_MOVE = "INSERT INTO newsreel_cursor VALUES (%s, %s) ON CONFLICT (stream) DO UPDATE SET cursor = excluded.cursor"
# PostgreSQL has no place for it in any text.
_NUL, _REPLACEMENT = "\x00", "\ufffd"


class PostgresSink:
    """Table `newsreel_post` of one database.

    Args:
        url: `postgresql://HOST/DATABASE`; user and password may also stand where libpq looks for them.
        stream: names the stream that is pushed: a collection, or '' for all.

    Raises:
        SinkError: psycopg is not installed, or the database cannot be used.
    """

    def __init__(self, url: str, stream: str) -> None:
        try:
            import psycopg  # noqa: PLC0415 (an extra)
            from psycopg import sql  # noqa: PLC0415
        except ImportError as error:
            raise SinkError("postgresql needs the extra 'postgres': pip install 'newsreel[postgres]'") from error
        self._stream = stream
        self._label = describe_url(url)
        self._error: type[Exception] = psycopg.Error
        names = sql.SQL(", ").join(map(sql.Identifier, NAMES))
        columns = sql.SQL(", ").join(
            sql.SQL("{} " + _find_type(column.kind)).format(sql.Identifier(column.name)) for column in COLUMNS
        )
        key = sql.SQL(", ").join(map(sql.Identifier, _KEY))
        kept = [name for name in NAMES if name not in _KEY]
        values = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in kept)
        table = sql.SQL("CREATE TABLE IF NOT EXISTS newsreel_post ({}, PRIMARY KEY ({}))")
        self._table: Any = table.format(columns, key)
        self._upsert: Any = sql.SQL(
            "INSERT INTO newsreel_post ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}"
        ).format(names, sql.SQL(", ").join([sql.Placeholder()] * len(NAMES)), key, values)
        with self._explain():
            self._connection: Any = psycopg.connect(url, connect_timeout=_CONNECT_S, application_name="newsreel")
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        with self._explain(), self._connection.transaction():
            (is_ours,) = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
            if not is_ours:
                raise SinkError(f"another export writes to {self._label}; wait until it has ended")
            self._connection.execute(self._table)
            self._connection.execute(_PLACES)

    def close(self) -> None:
        """Close the connection, and with it the lock."""
        self._connection.close()

    def find_cursor(self) -> str:
        """Return the cursor behind the last change that the table has."""
        with self._explain(), self._connection.transaction():
            query = "SELECT cursor FROM newsreel_cursor WHERE stream = %s"
            row = self._connection.execute(query, (self._stream,)).fetchone()
        return row[0] if row else ""

    def store(self, records: Sequence[PostRecord], cursor: str) -> None:
        """Insert, update and delete rows, and move the cursor, in one transaction."""
        kept = [_build_values(record) for record in records if not record.is_removed]
        removed = [(record.collection, record.id) for record in records if record.is_removed]
        with self._explain(), self._connection.transaction(), self._connection.cursor() as database:
            if kept:
                database.executemany(self._upsert, kept)
            if removed:
                database.executemany("DELETE FROM newsreel_post WHERE collection = %s AND id = %s", removed)
            database.execute(_MOVE, (self._stream, cursor))

    @contextmanager
    def _explain(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            words = " ".join(str(error).split()) or type(error).__name__
            raise SinkError(f"{self._label}: {words}") from error


def _find_type(kind: Kind) -> LiteralString:
    return "jsonb" if kind is Kind.OBJECT else _TYPES.get(kind, "text")


def _build_values(record: PostRecord) -> list[Any]:
    values: list[Any] = []
    for column, value in zip(COLUMNS, build_row(record), strict=True):
        cleaned = _clean(value)
        values.append(json.dumps(cleaned, ensure_ascii=False) if column.kind is Kind.OBJECT else cleaned)
    return values


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return str(value).replace(_NUL, _REPLACEMENT)
    if isinstance(value, tuple | list):
        return [_clean(entry) for entry in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(entry) for name, entry in value.items()}
    return value
