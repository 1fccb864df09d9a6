"""The PostgreSQL registry of a collection that several machines share: which files each has closed.

Every machine keeps its own directory, its own index and its own catalogue, and asks those; so a lookup costs no round
trip, and a database that is away stops nobody. The registry is where they learn of one another: a place (one
collection's directory on one machine) publishes its closed files with their captures, and takes from it what others
have published and put into object storage, where it can read them. All of it is derived, and may be deleted.

Spec: the tables are described in docs/on-disk.md.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from archives.errors import RegistryError, StoreError
from archives.index.cdxj import dump_line, dump_row, load_line, load_row
from archives.index.sidecars import find_state, read_entries, write_sidecar
from archives.storage.collection import WARC_SUFFIXES
from archives.storage.files import create_file, is_held
from archives.storage.remote_files import Stored, find_stored, write_stored
from archives.storage.schemes import check_scheme, parse_address
from archives.urls import describe_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    from archives.index.cdxj import IndexEntry
    from archives.storage.collection import Collection

ENVIRONMENT: Final = "NEWSREEL_CATALOGUE_URL"
PLACE_NAME: Final = "place"
_SCHEMES: Final = ("postgresql", "postgres")
_CONNECT_S: Final = 10
_RETRY_S: Final = 0.5
# What a server says that has been started and is not done with its log; it has no number before there is a connection.
_STARTING: Final = "the database system is starting up"
_FIRST_VERSION: Final = 130_000
_FILENAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_SETUP_LOCK: Final = 0x6E657773
_SCHEMA: Final = """
CREATE SCHEMA IF NOT EXISTS newsreel;
CREATE TABLE IF NOT EXISTS newsreel.warc (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, collection text NOT NULL, filename text NOT NULL,
    place text NOT NULL, state text NOT NULL, url text, bytes bigint, sha256 text, UNIQUE (collection, filename)
);
CREATE TABLE IF NOT EXISTS newsreel.capture (
    warc bigint NOT NULL REFERENCES newsreel.warc ON DELETE CASCADE, urlkey text COLLATE "C" NOT NULL,
    captured_at bigint NOT NULL, url text NOT NULL, mime text NOT NULL, status integer, digest text NOT NULL,
    length bigint NOT NULL, "offset" bigint NOT NULL, record_id text NOT NULL, truncated text
);
CREATE INDEX IF NOT EXISTS capture_warc ON newsreel.capture (warc);
CREATE INDEX IF NOT EXISTS capture_key ON newsreel.capture (urlkey, captured_at);
CREATE INDEX IF NOT EXISTS capture_digest ON newsreel.capture (digest);
"""
_CAPTURE_COLUMNS: Final = 'urlkey, captured_at, url, mime, status, digest, length, "offset", record_id, truncated'


def find_url(setting: str | None) -> str:
    """Return the registry's address: that of the setting, or of the environment; '' where there is none."""
    return setting or os.environ.get(ENVIRONMENT, "")


def connect(url: str) -> Any:
    """Return a connection to a PostgreSQL database in autocommit mode.

    Raises:
        RegistryError: it does not answer, or is none that can be used.
    """
    if urlsplit(url).scheme not in _SCHEMES:
        raise RegistryError("CATALOGUE_URL must be postgresql://HOST/DATABASE")
    try:
        import psycopg  # noqa: PLC0415 (it needs an extra)
    except ImportError as error:
        raise RegistryError("CATALOGUE_URL needs the extra 'postgres': pip install 'newsreel[postgres]'") from error
    deadline = time.monotonic() + _CONNECT_S
    while True:
        try:
            connection = psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_S, application_name="newsreel")
            break
        except psycopg.Error as error:
            if _STARTING not in str(error) or time.monotonic() > deadline:
                words = f"cannot reach the catalogue at {describe_url(url)}: {_explain(error, url)}"
                raise RegistryError(words) from error
            time.sleep(_RETRY_S)
    if connection.info.server_version < _FIRST_VERSION:
        connection.close()
        raise RegistryError(f"{describe_url(url)} is older than PostgreSQL 13, which is the first that can be used")
    # What a power cut takes away is published again.
    connection.execute("SET synchronous_commit TO off")
    return connection


def _explain(error: Exception, url: str) -> str:
    """The server's word in one line, without the password."""
    text = " ".join(str(error).split()) or type(error).__name__
    password = urlsplit(url).password
    return text.replace(password, "***") if password else text


def find_place(collection: Collection) -> str:
    """Return the name of this directory of the collection, which no other has; made when first asked for."""
    path = collection.indexes_dir / PLACE_NAME
    with suppress(FileNotFoundError):
        return path.read_text("ascii").strip()
    create_file(path, secrets.token_hex(8).encode() + b"\n")  # unless another process was quicker
    return path.read_text("ascii").strip()


class Registry:
    """The registry as one place of a collection sees it.

    Raises:
        RegistryError: it cannot be reached.
    """

    def __init__(self, url: str, collection: Collection) -> None:
        self._collection = collection
        self._place = find_place(collection)
        self._name = describe_url(url)
        self._connection = connect(url)
        try:
            with self._asking(), self._connection.transaction():
                # CREATE … IF NOT EXISTS fails where two do it at once.
                self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SETUP_LOCK,))
                self._connection.execute(_SCHEMA)
        except RegistryError:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def publish(self) -> int:
        """Register the closed files of this place that the catalogue does not have yet.

        Returns:
            How many files were new, changed, gone, or are in storage by now.

        Raises:
            RegistryError: the database does not take it.
        """
        with self._asking():
            known = self._list_files()
            found = {warc.name: warc for warc in self._collection.iter_warcs() if not is_held(warc)}
            published = 0
            for name, warc in found.items():
                place, state, url = known.get(name, (self._place, "", None))
                # A file that is not stored belongs to the place that has it, whatever name that place had before.
                if place == self._place or (url is None and warc.exists()):
                    published += self._publish_file(warc, place, state, url)
            gone = [name for name, (place, _, _) in known.items() if place == self._place and name not in found]
            for name in gone:
                self._connection.execute(
                    "DELETE FROM newsreel.warc WHERE collection = %s AND filename = %s AND place = %s",
                    (self._collection.name, name, self._place),
                )
        return published + len(gone)

    def fetch(self) -> list[Path]:
        """Take in what other places have put into storage: a sidecar and a note of where each file's bytes are.

        Returns:
            All files of other places that can be read here, by name; `open_warc` opens them.

        Raises:
            RegistryError: the database does not give it, or names what cannot be.
        """
        here = {warc.name: warc for warc in self._collection.iter_warcs()}
        with self._asking():
            rows = self._connection.execute(
                "SELECT id, filename, url, bytes, sha256 FROM newsreel.warc"
                " WHERE collection = %s AND place <> %s AND url IS NOT NULL ORDER BY filename",
                (self._collection.name, self._place),
            ).fetchall()
            return [here.get(row[1]) or self._fetch_file(*row) for row in rows]

    def _publish_file(self, warc: Path, place: str, state: str, url: str | None) -> bool:
        now = find_state(self._collection, warc)
        stored = find_stored(warc)
        if not now or (place == self._place and (state, url) == (now, stored.url if stored else None)):
            return False
        where = (stored.url, stored.bytes, stored.sha256) if stored else (None, None, None)
        with self._connection.transaction():
            (number,) = self._connection.execute(
                "INSERT INTO newsreel.warc (collection, filename, place, state, url, bytes, sha256)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (collection, filename) DO UPDATE SET"
                " place = excluded.place, state = excluded.state, url = excluded.url, bytes = excluded.bytes,"
                " sha256 = excluded.sha256 RETURNING id",
                (self._collection.name, warc.name, self._place, now, *where),
            ).fetchone()
            if state != now:
                self._connection.execute("DELETE FROM newsreel.capture WHERE warc = %s", (number,))
                self._copy_captures(number, read_entries(self._collection, warc))
        return True

    def _copy_captures(self, number: int, entries: Iterable[IndexEntry]) -> None:
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY newsreel.capture (warc, {_CAPTURE_COLUMNS}) FROM STDIN") as copy,
        ):
            for entry in entries:
                copy.write_row((number, *dump_row(entry)))

    def _fetch_file(self, number: int, filename: str, url: str, size: int, sha256: str) -> Path:
        """The sidecar first: what has a note is read by its sidecar."""
        warc = self._collection.archive_dir / filename
        if not _FILENAME.fullmatch(filename) or not filename.endswith(WARC_SUFFIXES):
            raise RegistryError(f"{self._name} lists {filename!r}, which is not a name of a WARC file; remove that row")
        rows = self._connection.execute(
            f"SELECT {_CAPTURE_COLUMNS} FROM newsreel.capture WHERE warc = %s",  # noqa: S608 (our columns)
            (number,),
        ).fetchall()
        try:
            check_scheme(parse_address(url).scheme)
        except StoreError as error:
            raise RegistryError(
                f"{self._name} lists {filename} where nothing here can read it: {error}; "
                "install what reads it, or remove its row"
            ) from error
        try:
            lines = [_build_line(filename, row) for row in rows]
        except ValueError as error:
            raise RegistryError(
                f"{self._name} lists {filename} with what cannot be: {error}; remove its row"
            ) from error
        write_sidecar(self._collection, filename, lines)
        write_stored(warc, Stored(url=url, bytes=size, sha256=sha256))
        return warc

    def _list_files(self) -> dict[str, tuple[str, str, str | None]]:
        rows = self._connection.execute(
            "SELECT filename, place, state, url FROM newsreel.warc WHERE collection = %s", (self._collection.name,)
        )
        return {filename: (place, state, url) for filename, place, state, url in rows}

    @contextmanager
    def _asking(self) -> Iterator[None]:
        import psycopg  # noqa: PLC0415 (it needs an extra)

        try:
            yield
        except psycopg.Error as error:
            raise RegistryError(f"the catalogue at {self._name} refuses: {' '.join(str(error).split())}") from error


def learn(url: str, collection: Collection) -> None:
    """Exchange with the registry, where one is named, before work begins that may rest on what others have captured.

    Raises:
        RegistryError: it cannot be reached.
    """
    if url:
        with Registry(url, collection) as registry:
            registry.publish()
            registry.fetch()


def _build_line(filename: str, row: tuple[Any, ...]) -> str:
    """The index line of one row.

    Raises:
        ValueError: the row is that of no capture.
    """
    entry = load_row(row, filename)
    line = dump_line(entry)
    if "\n" not in line and entry.urlkey and load_line(line) == entry:
        return line
    raise ValueError(f"no capture has the key {entry.urlkey!r}")
