"""How fast captures are written, read and found, beside warcio's and FastWARC's own writers and readers.

    python -m benchmarks.archive [--pages N | --from DIR] [--rounds N] [--captures N] [--json]

Every tool does the same job on the same exchanges in one process, in turn and round after round; what counts is CPU
time. A speed is that of the fastest round, a ratio the median over the rounds of a tool's speed against warcio's.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from warcio.archiveiterator import ArchiveIterator
from warcio.warcwriter import WARCWriter

from archives.captures.writer import WarcWriter
from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import IndexEntry, dump_line
from archives.index.sidecars import write_sidecar
from archives.storage.collection import Collection
from archives.urls import format_timestamp, surt_key
from archives.warc.reader import build_capture, iter_records, read_capture
from archives.warc.records import Exchange
from benchmarks.paper import Pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OURS, WARCIO, FASTWARC = "this project", "warcio", "fastwarc"
TOOLS = [WARCIO, OURS, *([FASTWARC] if find_spec("fastwarc") else [])]
BEGAN_AT = datetime(2026, 3, 1, 6, tzinfo=UTC)
ADDRESS = "http://paper.example"
# What a category page that is requested every half hour has after seven months.
POLLED_SHARE = 100


class BenchmarkError(Exception):
    """A tool did not do the job that it is measured for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one tool took for one job.

    Attributes:
        per_s: records written or read, captures or questions, a second of CPU time.
        ratio: its speed against warcio's; None if warcio has no such job.
    """

    job: str
    data: str
    tool: str
    per_s: float
    ratio: float | None


Job = tuple[str, str, "dict[str, Callable[[], int]]"]


def iter_messages(options: argparse.Namespace) -> Iterator[bytes]:
    """Raw responses whose bodies are gzip-encoded: a paper's stories, or the pages in a folder."""
    if options.folder is None:
        pages = Pages(options.pages)
        yield from (message for target, message in pages.responses.items() if target.startswith("/story/"))
        return
    for path in sorted(options.folder.glob("*.html.gz")):
        body = gzip.compress(gzip.decompress(path.read_bytes()), 6, mtime=0)
        yield build_message(body, b"Content-Encoding: gzip\r\n")


def build_message(body: bytes, fields: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nServer: paper\r\nContent-Type: text/html; charset=utf-8\r\n%bContent-Length: %d\r\n\r\n"
    return head % (fields, len(body)) + body


def decode_message(message: bytes) -> bytes:
    """The same response as a server sends it that knows no gzip."""
    return build_message(gzip.decompress(message.partition(b"\r\n\r\n")[2]))


def build_exchanges(messages: list[bytes]) -> list[Exchange]:
    return [
        Exchange(
            url=f"{ADDRESS}/{number}.html",
            began_at=BEGAN_AT + timedelta(seconds=number),
            raw_request=b"GET /%d.html HTTP/1.1\r\nHost: paper.example\r\nAccept-Encoding: gzip, deflate\r\n\r\n"
            % number,
            raw_response=message,
            ip="192.0.2.7",
        )
        for number, message in enumerate(messages)
    ]


# Writing: a response and a request for every exchange, with both digests, one gzip member a record


def write_ours(exchanges: list[Exchange], folder: Path) -> int:
    """A closed, durable file and its sidecar."""
    collection = Collection(folder / "collection")
    for directory in (collection.archive_dir, collection.indexes_dir):
        directory.mkdir(parents=True, exist_ok=True)
    with WarcWriter(collection, info={"software": "benchmark"}, prefix="ours", token="t") as writer:
        for exchange in exchanges:
            writer.write(exchange)
    return writer.records_written - 1


def write_warcio(exchanges: list[Exchange], folder: Path) -> int:
    with (folder / "warcio.warc.gz").open("wb") as stream:
        writer = WARCWriter(stream, gzip=True, warc_version="1.1")
        for exchange in exchanges:
            fields = {"WARC-Date": f"{exchange.began_at:%Y-%m-%dT%H:%M:%SZ}", "WARC-IP-Address": exchange.ip}
            records = [
                writer.create_warc_record(exchange.url, kind, io.BytesIO(raw), warc_headers_dict=dict(fields))
                for kind, raw in (("response", exchange.raw_response), ("request", exchange.raw_request))
            ]
            writer.write_request_response_pair(records[1], records[0])
    return 2 * len(exchanges)


def write_fastwarc(exchanges: list[Exchange], folder: Path) -> int:
    warc, streams = import_module("fastwarc.warc"), import_module("fastwarc.stream_io")
    kinds = warc.WarcRecordType
    with (folder / "fastwarc.warc.gz").open("wb") as file:
        stream = streams.GzipWriter(file)
        for exchange in exchanges:
            for kind, raw in ((kinds.response, exchange.raw_response), (kinds.request, exchange.raw_request)):
                record = warc.WarcRecord()
                record.init_headers(kind)
                record.headers["WARC-Target-URI"] = exchange.url
                record.headers["WARC-IP-Address"] = exchange.ip or ""
                record.set_bytes_content(raw)
                record.is_http = True
                record.write(stream, checksum_data=True)
        stream.close()
    return 2 * len(exchanges)


# Reading: every record, responses with their bodies decoded


def read_ours(path: Path) -> int:
    return sum(
        len(build_capture(record, path.name).decode()) for record in iter_records(path) if record.type == "response"
    )


def read_warcio(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(
            len(record.content_stream().read()) for record in ArchiveIterator(stream) if record.rec_type == "response"
        )


def read_fastwarc(path: Path) -> int:
    warc = import_module("fastwarc.warc")
    with path.open("rb") as stream:
        records = warc.ArchiveIterator(stream, parse_http=True, auto_decode="all")
        return sum(
            len(record.reader.read()) for record in records if record.record_type == warc.WarcRecordType.response
        )


# Random access: the one capture at a place, its body decoded


def fetch_ours(collection: Collection, entries: list[IndexEntry]) -> int:
    return sum(len(read_capture(collection, entry).decode()) for entry in entries)


def fetch_ours_raw(collection: Collection, entries: list[IndexEntry]) -> int:
    """The block and what its record says, the body left as it crossed the wire."""
    return sum(len(read_capture(collection, entry).block) for entry in entries)


def fetch_warcio(collection: Collection, entries: list[IndexEntry]) -> int:
    size = 0
    for entry in entries:
        with (collection.archive_dir / entry.filename).open("rb") as stream:
            stream.seek(entry.offset)
            size += len(next(iter(ArchiveIterator(stream))).content_stream().read())
    return size


def fetch_fastwarc(collection: Collection, entries: list[IndexEntry]) -> int:
    warc = import_module("fastwarc.warc")
    size = 0
    for entry in entries:
        with (collection.archive_dir / entry.filename).open("rb") as stream:
            stream.seek(entry.offset)
            size += len(next(iter(warc.ArchiveIterator(stream, parse_http=True, auto_decode="all"))).reader.read())
    return size


def measure(name: str, data: str, tools: dict[str, Callable[[], int]], *, count: int, rounds: int) -> list[Result]:
    """Let every tool do its job in turn.

    Args:
        count: how many records, captures or questions a job is.

    Raises:
        BenchmarkError: what they made of it differs.
    """
    taken: dict[str, list[float]] = {tool: [] for tool in tools}
    for number in range(rounds):
        made = {}
        for tool in [*tools][number % len(tools) :] + [*tools][: number % len(tools)]:
            began = time.process_time()
            made[tool] = tools[tool]()
            taken[tool].append(time.process_time() - began)
        if len(set(made.values())) != 1:
            raise BenchmarkError(f"{name}, {data}: {made}")
    against = taken.get(WARCIO)
    return [
        Result(
            job=name,
            data=data,
            tool=tool,
            per_s=count / min(seconds),
            ratio=statistics.median(a / b for a, b in zip(against, seconds, strict=True)) if against else None,
        )
        for tool, seconds in taken.items()
    ]


def measure_files(data: str, messages: list[bytes], folder: Path, rounds: int) -> list[Result]:
    """Write the same exchanges with every tool, then read what was written."""
    exchanges = build_exchanges(messages)
    writers = {WARCIO: write_warcio, OURS: write_ours, FASTWARC: write_fastwarc}
    results = measure(
        "write",
        data,
        {tool: lambda write=writers[tool]: write(exchanges, folder) for tool in TOOLS},  # type: ignore[misc]
        count=2 * len(exchanges),
        rounds=rounds,
    )
    collection = Collection(folder / "collection")
    readers = {WARCIO: read_warcio, OURS: read_ours, FASTWARC: read_fastwarc}
    ours = max(collection.iter_warcs(), key=lambda path: path.stat().st_mtime_ns)
    for path, maker in ((ours, "our file"), (folder / "warcio.warc.gz", "warcio's file")):
        tools = {tool: lambda read=readers[tool], path=path: read(path) for tool in TOOLS}  # type: ignore[misc]
        results += measure("read", f"{data}, {maker}", tools, count=2 * len(exchanges), rounds=rounds)
    lines = collection.sidecar_path(ours.name).read_text("utf-8").splitlines()
    return results + measure_access(data, collection, lines, rounds)


def measure_access(data: str, collection: Collection, lines: list[str], rounds: int) -> list[Result]:
    with CollectionIndex(collection) as index:
        names = {json.loads(line.split(" ", 2)[2])["filename"] for line in lines}
        entries = [entry for entry in index.iter_entries() if entry.filename in names]
    random.Random(16).shuffle(entries)
    fetchers = {WARCIO: fetch_warcio, OURS: fetch_ours, FASTWARC: fetch_fastwarc}
    tools = {tool: lambda fetch=fetchers[tool]: fetch(collection, entries) for tool in TOOLS}  # type: ignore[misc]
    results = measure("random access", data, tools, count=len(entries), rounds=rounds)
    raw = {OURS: lambda: fetch_ours_raw(collection, entries)}
    return results + measure("random access, not decoded", data, raw, count=len(entries), rounds=rounds)


def measure_nearest(captures: int, folder: Path, rounds: int) -> list[Result]:
    """Ask a catalogue for the capture nearest to an instant, of an address that has one in a hundred of them."""
    collection = Collection(folder / "catalogue")
    collection.archive_dir.mkdir(parents=True)
    polled = max(2, captures // POLLED_SHARE)
    write_sidecar(collection, "many.warc.gz", (dump_line(build_entry(number, polled)) for number in range(captures)))
    (collection.archive_dir / "many.warc.gz").touch()
    pick = random.Random(16)
    instants = [BEGAN_AT + timedelta(seconds=pick.randrange(1800 * polled)) for _ in range(1000)]
    with CollectionIndex(collection) as index:
        index.refresh()

        def ask() -> int:
            return sum(index.find_nearest(f"{ADDRESS}/list", at) is not None for at in instants)

        data = f"{polled} of {captures}"
        return measure("nearest in time", data, {OURS: ask}, count=len(instants), rounds=rounds)


def build_entry(number: int, polled: int) -> IndexEntry:
    """The first entries are of one address, the others of an address each."""
    url = f"{ADDRESS}/list" if number < polled else f"{ADDRESS}/page/{number}"
    at = BEGAN_AT + timedelta(seconds=1800 * (number % polled))
    return IndexEntry(
        urlkey=surt_key(url),
        timestamp=format_timestamp(at),
        url=url,
        mime="text/html",
        status=200,
        digest=f"sha1:{number:032}",
        length=1000,
        offset=1000 * number,
        filename="many.warc.gz",
        record_id=f"<urn:uuid:00000000-0000-4000-8000-{number:012}>",
        captured_at=at,
    )


def print_table(results: list[Result]) -> None:
    """Print the results for people."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("job", "data", "tool"):
        table.add_column(heading)
    for heading in ("per CPU second", "against warcio"):
        table.add_column(heading, justify="right")
    for result in results:
        ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
        table.add_row(result.job, result.data, result.tool, f"{result.per_s:,.0f}", ratio)
    Console().print(table)


def main() -> int:
    """Measure, and print a table or JSON; the exit code is 1 where the tools did not do the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = parser.add_mutually_exclusive_group()
    data.add_argument("--pages", type=int, default=1000, metavar="N", help="stories of 16 KB (default: 1000)")
    data.add_argument("--from", type=Path, dest="folder", metavar="DIR", help="the pages NAME.html.gz in a folder")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of each job (default: 5)")
    parser.add_argument("--captures", type=int, default=1_000_000, metavar="N", help="in the catalogue that is asked")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    options = parser.parse_args()
    messages = list(iter_messages(options))
    results = []
    try:
        for name, bodies in (("gzip bodies", messages), ("plain bodies", [*map(decode_message, messages)])):
            with tempfile.TemporaryDirectory(prefix="newsreel-benchmark-") as folder:
                results += measure_files(name, bodies, Path(folder), options.rounds)
        with tempfile.TemporaryDirectory(prefix="newsreel-benchmark-") as folder:
            results += measure_nearest(options.captures, Path(folder), options.rounds)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({"pages": len(messages), "results": [asdict(result) for result in results]}))
    else:
        print_table(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
