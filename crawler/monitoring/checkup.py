"""The checks of `newsreel doctor`. They change nothing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import socket
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from urllib.request import getproxies

from archives.errors import ArchiveError
from archives.storage.collection import Collection, list_collections
from archives.storage.schemes import open_bucket
from archives.transfer import registry
from archives.transfer.upload import parse_place
from crawler.environment import name_program
from crawler.frontier.streams import find_url, verify_server
from crawler.projects.folder import CONFIGURATION, find_folder
from crawler.reparsing.ledger import find_ledger, has_ledger
from crawler.sources import SourceError, find_source, list_sources
from pipelines.posts import ledger as ledgers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scrapy.settings import BaseSettings

# Module, and what it is for.
_EXTRAS: Final = {
    "isal": "faster capture and index (extra fast)",
    "redis": "a frontier that workers share (extra redis)",
    "psycopg": "a catalogue that machines share, exports to PostgreSQL (extra postgres)",
    "distributed": "batch work on Dask (extra dask)",
    "playwright": "pages in a browser (extra browser)",
    "pyarrow": "Parquet exports (extra parquet)",
    "confluent_kafka": "changes into Kafka (extra kafka)",
    "boto3": "object storage",
    "brotli": "pages in Brotli coding",
}
_PROGRAMS: Final = {"chromium": "pages in a browser", "java": "Spark"}
# The clock of a machine that has lost its battery.
_LEAST_YEAR: Final = 2024
_PROXY_PORT: Final = 80
_PROXY_S: Final = 5.0


class State(StrEnum):
    """What a check found."""

    GOOD = "good"
    ABSENT = "absent"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        words: what was found and, where it is bad, what to do.
    """

    name: str
    state: State
    words: str


def iter_checks(settings: BaseSettings) -> Iterator[Check]:
    """Yield what was found, one check after the other."""
    yield from _check_machine()
    yield _check_folder()
    yield from _check_data(Path(settings["DATA_DIR"]), settings.getint("ARCHIVE_MIN_FREE_BYTES"))
    yield from _check_definitions()
    yield from _check_services(settings)


def _check_machine() -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    scrapy = importlib.metadata.version("scrapy")
    yield Check(name="python", state=State.GOOD, words=f"{version}, Scrapy {scrapy}")
    year = time.gmtime().tm_year
    state = State.GOOD if year >= _LEAST_YEAR else State.BAD
    words = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    yield Check(
        name="clock", state=state, words=words if state is State.GOOD else f"{words}; set it, captures are dated"
    )
    for module, use in _EXTRAS.items():
        is_there = importlib.util.find_spec(module) is not None
        yield Check(name=module, state=State.GOOD if is_there else State.ABSENT, words=use)
    for program, use in _PROGRAMS.items():
        path = shutil.which(program)
        yield Check(name=program, state=State.GOOD if path else State.ABSENT, words=use)
    for scheme in ("http", "https"):
        if address := getproxies().get(scheme):
            yield try_use("proxy", f"{scheme}_proxy answers", partial(_reach_proxy, scheme, address))


def _reach_proxy(scheme: str, address: str) -> None:
    """Connect to a proxy. The sentence of the error does not show its password."""
    parts = urlsplit(address if "://" in address else f"http://{address}")
    where = (parts.hostname or "", parts.port or _PROXY_PORT)
    try:
        socket.create_connection(where, _PROXY_S).close()
    except OSError as error:
        raise OSError(f"{scheme}_proxy, {where[0]}:{where[1]}, does not answer: {error.strerror or error}") from error


def _check_folder() -> Check:
    folder = find_folder()
    if folder is None:
        words = f"none, so the defaults apply; '{name_program()} init' makes one"
        return Check(name="project", state=State.ABSENT, words=words)
    has_own = (folder / CONFIGURATION).is_file()
    return Check(name="project", state=State.GOOD, words=f"{folder}{'' if has_own else f', without {CONFIGURATION}'}")


def _check_data(data_dir: Path, least: int) -> Iterator[Check]:
    place = next(path for path in (data_dir.absolute(), *data_dir.absolute().parents) if path.exists())
    if not place.is_dir():
        yield Check(name="data", state=State.BAD, words=f"{place} is not a folder; set DATA_DIR to one")
        return
    state = State.GOOD if os.access(place, os.R_OK | os.W_OK | os.X_OK) else State.BAD
    words = (
        str(data_dir) if place == data_dir.absolute() else f"{data_dir} is not there yet, and will be made in {place}"
    )
    yield Check(name="data", state=state, words=words if state is State.GOOD else f"{place} cannot be written")
    free = shutil.disk_usage(place).free
    state = State.GOOD if free > least else State.BAD
    words = f"{free / 1e9:.1f} GB free"
    advice = "" if state is State.GOOD else f"; a crawl stops below {least / 1e9:.1f} GB (ARCHIVE_MIN_FREE_BYTES)"
    yield Check(name="disk", state=state, words=words + advice)
    for name in list_collections(data_dir) if data_dir.is_dir() else ():
        yield _check_collection(data_dir, name)


def _check_collection(data_dir: Path, name: str) -> Check:
    try:
        collection = Collection.open(data_dir, name)
        path = find_ledger(collection)
        if not has_ledger(collection):
            words = f"no ledger; '{name_program()} reparse {name}' makes it"
            return Check(name=name, state=State.GOOD, words=words)
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            (found,) = database.execute("PRAGMA user_version").fetchone()
    except ArchiveError as error:
        return Check(name=name, state=State.BAD, words=str(error))
    except sqlite3.Error as error:
        return Check(name=name, state=State.BAD, words=f"its ledger cannot be read: {error}")
    if found > ledgers.VERSION:
        return Check(name=name, state=State.BAD, words=f"a later version wrote its ledger ({found}); install that one")
    if found < ledgers.VERSION:
        words = f"its ledger has version {found}; it will be rebuilt from the archive at first use"
        return Check(name=name, state=State.GOOD, words=words)
    return Check(name=name, state=State.GOOD, words="up to date")


def _check_definitions() -> Iterator[Check]:
    faults = []
    names = list_sources()
    for name in names:
        try:
            find_source(name)
        except SourceError as error:
            faults.append(str(error))
    words = "; ".join(faults) or f"{len(names)} well formed"
    yield Check(name="sources", state=State.BAD if faults else State.GOOD, words=words)


def _check_services(settings: BaseSettings) -> Iterator[Check]:
    if url := find_url(settings["FRONTIER_URL"]):
        yield try_use("frontier", "it answers", lambda: verify_server(url))
    if url := registry.find_url(settings["CATALOGUE_URL"]):
        yield try_use("catalogue", "it answers", lambda: registry.connect(url).close())
    if url := settings["STORE_URL"]:
        yield try_use("storage", "it answers", partial(_ask_storage, url))


def _ask_storage(url: str) -> None:
    place = parse_place(url)
    open_bucket(place.scheme, place.bucket).find(f"{place.prefix}newsreel-doctor")


def try_use(name: str, words: str, call: Callable[[], object]) -> Check:
    """Return whether a call succeeds; `words` say so."""
    try:
        call()
    except (ArchiveError, OSError, ValueError, RuntimeError) as error:
        return Check(name=name, state=State.BAD, words=str(error))
    return Check(name=name, state=State.GOOD, words=words)
