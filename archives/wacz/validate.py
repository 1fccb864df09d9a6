"""Validates a WACZ file against the standard, including the records that its index points to.

Spec: WACZ 1.1.1; CDXJ 0.1.0; WACZ Signing and Verification 0.1.0.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from typing import TYPE_CHECKING, Any, Final

from archives.errors import PackageError, RecordError
from archives.index.zipnum import iter_block_lines
from archives.verify.findings import Problem
from archives.wacz.reader import DATAPACKAGE, DIGEST, INDEX_ENDINGS, PAGES, WARC_ENDINGS, Bundle
from archives.wacz.sign import find_signature_fault
from archives.warc.members import MAGIC
from archives.warc.reader import scan_stream
from archives.warc.records import RecordType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from archives.warc.parser import Record

_VERSIONS: Final = ("1.0.0", "1.1.0", "1.1.1")
# The draft also asks for digest and status; every tool leaves them out where a record has none.
_REQUIRED: Final = ("url", "mime", "filename", "offset", "length")
_TIMESTAMP: Final = re.compile(r"[0-9]{14}(?:[0-9]{3})?")
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_WARC: Final = b"WARC/"
_MAX_SAID: Final = 5
_SHOWN: Final = (RecordType.RESPONSE, RecordType.REVISIT)


def validate_wacz(path: Path) -> list[Problem]:
    """Every problem of a WACZ file; none for a good one. Nothing is extracted.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with Bundle(path) as bundle:
            return _Validation(bundle).run()
    except PackageError as error:
        return [Problem(kind="not-a-zip", path=path, message=str(error))]


class _Validation:
    """The check of one file; each kind of problem is reported a few times at most."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._problems: list[Problem] = []
        self._said: dict[str, int] = {}
        # Where the index says that records begin, in each file.
        self._listed: dict[str, set[int]] = {}

    def run(self) -> list[Problem]:
        for fault in self._bundle.faults:
            self._add("unsafe-entry", f"{fault}; do not unpack it")
        if self._bundle.faults:
            return self._problems
        package: dict[str, Any] = {}
        steps: tuple[tuple[str, Callable[[], None]], ...] = (
            ("datapackage", lambda: package.update(self._bundle.load_document(DATAPACKAGE))),
            ("datapackage", lambda: self._check_package(package)),
            ("digest", self._check_digest),
            ("archive", self._check_archive),
            ("index", self._check_indexes),
            ("record", self._check_records),
            ("pages", self._check_pages),
        )
        for kind, step in steps:
            try:
                step()
            except PackageError as error:
                self._add(kind, str(error))
        return self._problems

    def _add(self, kind: str, message: str) -> None:
        self._said[kind] = self._said.get(kind, 0) + 1
        if self._said[kind] <= _MAX_SAID:
            words = message if self._bundle.path.name in message else f"{self._bundle.path.name}: {message}"
            self._problems.append(Problem(kind=kind, path=self._bundle.path, message=words))

    def _check_package(self, package: dict[str, Any]) -> None:
        if not package:
            return
        version = package.get("wacz_version")
        if version not in _VERSIONS:
            self._add("version", f"wacz_version is {version!r}; known are {', '.join(_VERSIONS)}")
        if package.get("profile") != "data-package":
            self._add("datapackage", f"profile is {package.get('profile')!r} and must be 'data-package'")
        resources = package.get("resources")
        if not isinstance(resources, list) or not all(isinstance(resource, dict) for resource in resources):
            self._add("datapackage", "resources must be a list of objects")
            return
        paths = [str(resource.get("path")) for resource in resources]
        for name in sorted({*self._bundle.list_names()} - {*paths, DATAPACKAGE, DIGEST}):
            self._add("unlisted", f"{name} is in no resource of {DATAPACKAGE}; pack the file again")
        for name in sorted({name for name in paths if paths.count(name) > 1}):
            self._add("datapackage", f"{name} is a resource twice")
        for resource in resources:
            self._check_resource(resource)

    def _check_resource(self, resource: dict[str, Any]) -> None:
        """Compare a file with its resource; version 1.0 wrote digest and length in another place."""
        name = str(resource.get("path"))
        if name not in self._bundle.list_names():
            self._add("missing", f"{name} is a resource and not in the file; get another copy of the file")
            return
        stats = resource.get("stats")
        if isinstance(stats, dict):
            label, size = f"{resource.get('hashing')}:{stats.get('hash')}", stats.get("bytes")
        else:
            label, size = str(resource.get("hash")), resource.get("bytes")
        algorithm, _, value = label.partition(":")
        if algorithm not in ("sha256", "md5"):
            self._add("datapackage", f"the digest of {name} is {label!r} and must be sha256 or md5")
            return
        digest, length = hashlib.new(algorithm, usedforsecurity=False), 0
        for chunk in self._bundle.iter_chunks(name):
            digest.update(chunk)
            length += len(chunk)
        if size != length:
            self._add("resource-size", f"{name} has {length} bytes and should have {size}; get another copy")
        if digest.hexdigest() != value.lower():
            self._add("resource-digest", f"{name} has another digest than {label}; get another copy")

    def _check_digest(self) -> None:
        if DIGEST not in self._bundle.list_names():
            return
        proof = self._bundle.load_document(DIGEST)
        digest = "sha256:" + hashlib.sha256(b"".join(self._bundle.iter_chunks(DATAPACKAGE))).hexdigest()
        if unknown := sorted(proof.keys() - {"path", "hash", "signedData"}):
            self._add("digest", f"{DIGEST} says {', '.join(unknown)}, which is not allowed there")
        if proof.get("path") != DATAPACKAGE or proof.get("hash") != digest:
            self._add("digest", f"{DIGEST} does not give the digest of {DATAPACKAGE}; the file was changed")
        signed = proof.get("signedData")
        if isinstance(signed, dict):
            self._check_signature(signed, digest)
        elif signed is not None:
            self._add("signature", "signedData must be an object")

    def _check_signature(self, signed: dict[str, Any], digest: str) -> None:
        """An anonymous signature is checked; a domain's needs its certificates, which others judge."""
        if "publicKey" in signed:
            fault = find_signature_fault(signed, digest)
        elif {"domain", "domainCert"} <= signed.keys():
            fault = None if signed.get("hash") == digest else "signs another digest"
        else:
            fault = "is neither anonymous nor a domain's"
        if fault:
            self._add("signature", f"the signature {fault}; do not trust the file")

    def _check_archive(self) -> None:
        if size := self._bundle.preceding_bytes:
            self._add("joined", f"{size} bytes precede the ZIP that is read; if two files were joined, separate them")
        if not self._bundle.list_names("archive/", WARC_ENDINGS):
            self._add("archive", "there is no WARC file below archive/; pack the file again")
        for name in self._bundle.list_names("archive/"):
            if not name.endswith(WARC_ENDINGS):
                self._add("archive", f"{name} is no WARC file")
            if not self._bundle.is_stored(name):
                self._add("compressed", f"{name} is compressed by the ZIP, so no record can be read from its middle")

    def _check_indexes(self) -> None:
        names = self._bundle.list_names("indexes/", INDEX_ENDINGS)
        if not names:
            self._add("index", "there is no CDXJ file below indexes/; pack the file again")
        for name in names:
            if name.endswith(".gz") and not self._bundle.is_stored(name):
                self._add("compressed", f"{name} is compressed by the ZIP once more")
            self._check_lines(name)

    def _check_lines(self, name: str) -> None:
        previous = b""
        count = 0
        try:
            for line in self._iter_index_lines(name):
                count += 1
                if line < previous:
                    self._add("unsorted-index", f"{name} line {count} is not in the order of bytes; sort it")
                previous = line
                if fault := self._find_line_fault(line):
                    self._add("index-line", f"{name} line {count} {fault}")
        except zlib.error as error:
            self._add("index", f"{name} is not gzip ({error})")
        if not count:
            self._add("index", f"{name} is empty")

    def _iter_index_lines(self, name: str) -> Iterator[bytes]:
        if name.endswith(".gz"):
            return iter_block_lines(self._bundle.iter_chunks(name))
        return self._bundle.iter_lines(name)

    def _find_line_fault(self, line: bytes) -> str | None:
        try:
            _, timestamp, text = line.decode("utf-8").split(" ", 2)
            fields = json.loads(text)
            missing = [key for key in _REQUIRED if key not in fields]
            name, offset, length = str(fields["filename"]), int(fields["offset"]), int(fields["length"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return "is not an index line with filename, offset and length"
        if not _TIMESTAMP.fullmatch(timestamp):
            return f"has the timestamp {timestamp!r} instead of 14 or 17 digits"
        path = f"archive/{name.removeprefix('archive/')}"
        if path not in self._bundle.list_names("archive/"):
            return f"speaks of {name}, which is not there"
        if offset < 0 or length <= 0 or offset + length > self._bundle.get_size(path):
            return f"points outside of {name}"
        self._listed.setdefault(path, set()).add(offset)
        if not self._begins_record(path, offset):
            return f"points at offset {offset} of {name}, where no record begins"
        return f"lacks {', '.join(missing)}" if missing else None

    def _begins_record(self, path: str, offset: int) -> bool:
        start = self._bundle.read_at(path, offset, len(_WARC)) if self._bundle.is_stored(path) else _WARC
        return start.startswith((MAGIC, _WARC))

    def _check_records(self) -> None:
        """Read every record, and look whether the index lists those that replay shows."""
        for name in self._bundle.list_names("archive/", WARC_ENDINGS):
            if self._bundle.is_stored(name):
                self._check_file(name)

    def _check_file(self, name: str) -> None:
        listed = self._listed.get(name, set())
        # An index that cannot be read lists nothing; that was reported already.
        is_index_good = not self._said.keys() & {"index", "index-line"}

        def tell(error: RecordError) -> None:
            self._add("damaged-record", f"{name}: {error}")

        with self._bundle.open_section(name) as stream:
            for record in scan_stream(stream, name, tell):
                is_shown = record.type in _SHOWN and record.url[:4].lower() == "http"
                if is_shown and is_index_good and record.offset not in listed and self._is_dated(record, name):
                    message = f"the capture of {record.url} at offset {record.offset} of {name} is in no index"
                    self._add("unindexed-capture", f"{message}; pack the file again")

    def _is_dated(self, record: Record, name: str) -> bool:
        """Whether an index can list a record; in drafts of the format a date that cannot be read is no problem."""
        try:
            return record.captured_at is not None
        except RecordError as error:
            if not record.version.startswith("WARC/0."):
                self._add("damaged-record", f"{name}: {error}")
            return False

    def _check_pages(self) -> None:
        if PAGES not in self._bundle.list_names():
            self._add("pages", f"there is no {PAGES}; pack the file again")
            return
        for number, line in enumerate(self._bundle.iter_lines(PAGES), 1):
            if not line.strip():
                continue
            try:
                page = json.loads(line)
                is_header = number == 1 and "format" in page
                is_good = is_header or (bool(page["url"]) and _RFC3339.fullmatch(str(page["ts"])) is not None)
            except (ValueError, KeyError, TypeError, RecursionError):
                is_good = False
            if not is_good:
                self._add("pages", f"{PAGES} line {number} is not a page with url and ts")
