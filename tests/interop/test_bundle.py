"""Tools that other people wrote read a packed collection: py-wacz, pywb, warcio and FastWARC.

py-wacz is an oracle of a valid file, not of an invalid one: it passes files without any archive in them.
`NEWSREEL_WACZ` names the `bin` directory of the environment that it has to itself.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator

from archives.storage.collection import Collection
from archives.wacz.pack import pack_collection
from archives.wacz.validate import validate_wacz
from archives.warc.reader import iter_records
from tests.interop.pywb import PYWB, get, needs_pywb, serve
from tests.interop.sample import CASES, write_sample

WACZ = os.environ.get("NEWSREEL_WACZ", "")
needs_wacz = pytest.mark.skipif(
    not WACZ, reason="NEWSREEL_WACZ does not name the bin directory of a py-wacz of its own"
)


@pytest.fixture
def sample(tmp_path: Path) -> Collection:
    """Every capture is in its own WARC file, so originals are in other files."""
    return write_sample(tmp_path / "data", max_bytes=1)


@pytest.fixture
def packed(sample: Collection, tmp_path: Path) -> Path:
    return pack_collection(sample, tmp_path / "sample.wacz", key_file=tmp_path / "key.pem").path


def run(*command: object, cwd: Path | None = None) -> str:
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def load_index(path: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Key, instant and fields of every line; the statuses that one tool leaves out and the other marks are left out."""
    lines: list[tuple[str, str, dict[str, Any]]] = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("indexes/") and not name.endswith(".idx"):
                data = archive.read(name)
                text = gzip.decompress(data) if name.endswith(".gz") else data
                parts = (line.split(" ", 2) for line in text.decode().splitlines())
                lines += [(key, timestamp, json.loads(fields)) for key, timestamp, fields in parts]
    return [(key, at, {name: value for name, value in fields.items() if value != "-"}) for key, at, fields in lines]


@needs_wacz
def test_py_wacz_calls_it_valid(packed: Path) -> None:
    assert "the passed WACZ is valid" in run(Path(WACZ, "wacz"), "validate", "-f", packed)


@needs_wacz
def test_py_wacz_makes_the_same_index_of_our_files(sample: Collection, packed: Path, tmp_path: Path) -> None:
    """Keys (by the package `surt`), instants, places, digests, media types and statuses.

    It also lists metadata records, ours without an address, puts cookies into its index, which are masked in our files,
    and writes no page list; our validator misses what these lack.
    """
    target = tmp_path / "theirs.wacz"
    run(Path(WACZ, "wacz"), "create", "-o", target, *sample.iter_warcs())
    ours, theirs = load_index(packed), [line for line in load_index(target) if line[0] != "-"]
    for *_, fields in ours:
        del fields["record_id"], fields["captured_at"]
    for *_, fields in theirs:
        del fields["recordDigest"]
        assert set(fields.pop("req.http:cookie", "*")) == {"*"}
    assert theirs == ours
    assert {problem.kind for problem in validate_wacz(target)} == {"pages", "index-line"}


@needs_pywb
@pytest.mark.parametrize("form", ["directory", "index of its own", "wacz"])
def test_pywb_replays_every_capture(sample: Collection, packed: Path, tmp_path: Path, form: str) -> None:
    """Bodies in every coding, revisits of both profiles: with our index or its own, and from a WACZ file."""
    data = tmp_path / "data"
    if form == "wacz":
        data = tmp_path / "other"
        data.mkdir()
        run(Path(PYWB, "wb-manager"), "init", "sample", cwd=data)
        run(Path(PYWB, "wb-manager"), "add", "--unpack-wacz", "sample", packed, cwd=data)
    elif form == "index of its own":
        for sidecar in sample.iter_sidecars():
            sidecar.unlink()
        run(Path(PYWB, "wb-manager"), "reindex", "sample", cwd=data)
    with serve(data) as address:
        for case in CASES:
            seen = get(f"{address}/sample/{case.timestamp}id_/{case.url}")
            assert (case.name, seen) == (case.name, (200, case.body))


def test_warcio_reads_the_records_in_a_packed_file(sample: Collection, packed: Path) -> None:
    """From the ZIP as it is: the WARC files are stored in it."""
    with zipfile.ZipFile(packed) as archive:
        for path in sample.iter_warcs():
            with archive.open(f"archive/{path.name}") as stream:
                theirs = [
                    (r.rec_headers.get_header("WARC-Record-ID"), r.raw_stream.read())
                    for r in ArchiveIterator(stream, no_record_parse=True)
                ]
            assert theirs == [(record.record_id, record.block) for record in iter_records(path)]


def test_fastwarc_reads_the_records_in_a_packed_file(sample: Collection, packed: Path) -> None:
    fastwarc = pytest.importorskip("fastwarc.warc", reason="fastwarc is not installed")
    with zipfile.ZipFile(packed) as archive:
        for path in sample.iter_warcs():
            with archive.open(f"archive/{path.name}") as stream:
                records = fastwarc.ArchiveIterator(stream, parse_http=False)
                theirs = [(record.record_id, record.reader.read()) for record in records]
            assert theirs == [(record.record_id, record.block) for record in iter_records(path)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_index_line_leads_to_its_record_inside_the_zip(packed: Path, case: Any) -> None:
    """As a reader with ranges does it: place of the file in the ZIP, plus the offset, and so many bytes."""
    (line,) = [fields for _, at, fields in load_index(packed) if (at, fields["url"]) == (case.timestamp, case.url)]
    with zipfile.ZipFile(packed) as archive, packed.open("rb") as stream:
        info = archive.getinfo(f"archive/{line['filename']}")
        stream.seek(info.header_offset + 30 + len(info.filename) + len(info.extra) + int(line["offset"]))
        record = gzip.decompress(stream.read(int(line["length"])))
    assert f"\r\nWARC-Target-URI: {case.url}\r\n".encode() in record
    assert (b"\r\nWARC-Type: revisit\r\n" in record) == case.is_revisit
