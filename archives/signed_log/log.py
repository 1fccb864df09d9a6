"""The signed log of a collection: one JSON line for each file that was closed, imported or rewritten.

An entry holds the SHA-256 of the line before it and is signed, so that nobody without the key can change, leave out or
insert one; only the end can be cut off unseen, which a time-stamp, or a copy of the last line elsewhere, prevents.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from archives.erasure.register import load_register
from archives.errors import SignatureError
from archives.merging.parts import load_merge
from archives.storage.files import sync_directory
from archives.storage.remote_files import find_digest, find_size
from archives.urls import format_warc_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from archives.erasure.register import Register
    from archives.signed_log.keys import SigningKey
    from archives.storage.collection import Collection

LOG_NAME: Final = "signed-log.jsonl"
IMPORTS_NAME: Final = "imports.jsonl"
# What the first entry names as the one before it.
NOTHING: Final = "0" * 64
_SIGNATURE: Final = "signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line.

    Attributes:
        fields: `number`, `at`, `event`, `previous` and `key`, and of a file its `file`, `bytes` and `sha256`.
        digest: SHA-256 of the line without its end, hexadecimal.
        is_readable: it is a line of JSON with these fields at all.
    """

    fields: Mapping[str, Any]
    signature: str
    digest: str
    is_readable: bool = True

    @property
    def signed(self) -> bytes:
        """What the signature is over."""
        return dump_signed(self.fields)


def dump_signed(fields: Mapping[str, Any]) -> bytes:
    """The fields as they are signed: JSON, names in order, no blanks, UTF-8.

    Spec: RFC 8785, for the strings and integers that stand here.
    """
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read_log(collection: Collection) -> Iterator[Entry]:
    """Yield the entries of a collection's log; none where there is no log."""
    try:
        stream = (collection.path / LOG_NAME).open("rb")
    except FileNotFoundError:
        return
    with stream:
        for line in stream:
            yield _load(line)


def _load(line: bytes) -> Entry:
    digest = hashlib.sha256(line.removesuffix(b"\n")).hexdigest()
    try:
        fields = json.loads(line)
        signature = str(fields.pop(_SIGNATURE))
        if not line.endswith(b"\n") or not isinstance(fields["number"], int):
            raise ValueError(line)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return Entry(fields={}, signature="", digest=digest, is_readable=False)
    return Entry(fields=fields, signature=signature, digest=digest)


def find_files(entries: list[Entry]) -> dict[str, Mapping[str, Any]]:
    """What the log says last of each file."""
    return {entry.fields["file"]: entry.fields for entry in entries if "file" in entry.fields}


def extend_log(
    collection: Collection,
    key: SigningKey,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[str], None] | None = None,
) -> int:
    """Log every closed file that is not in the log, and those from which something was erased since.

    A file that has changed otherwise is not logged again: that is damage, and `verify` names it.

    Returns:
        How many entries were added.

    Raises:
        SignatureError: the log is damaged, or its entries were made with another key.
        OSError: it cannot be written.
    """
    with LogWriter(collection, key, clock=clock) as writer:
        known = find_files(writer.entries)
        register = load_register(collection)
        imported = _read_imports(collection)
        begun = len(writer.entries)
        for warc in collection.iter_warcs():
            noted = known.get(warc.name)
            if noted is not None and not (register and _was_erased_from(register, warc.name)):
                continue
            if progress is not None:
                progress(warc.name)
            sha256 = find_digest(warc)
            state = {"file": warc.name, "bytes": find_size(warc), "sha256": sha256}
            if noted is None:
                is_merged = load_merge(collection, warc.name) is not None
                event = "merged" if is_merged else "taken-in" if warc.name in imported else "closed"
                writer.append({"event": event, **state})
            elif noted["sha256"] != sha256 and is_erasure(register, noted, sha256):
                writer.append({"event": "erased-from", **state, "sha256-before": noted["sha256"]})
        return len(writer.entries) - begun


def is_erasure(register: Register, noted: Mapping[str, Any], sha256: str) -> bool:
    """Return whether a file is what erasures made of the file that was logged."""
    name, digest = noted["file"], sha256
    for erasure in reversed(register.erasures):
        for file in reversed(erasure.files):
            if (file.name, file.after) == (name, digest):
                digest = file.before
                if digest == noted["sha256"]:
                    return True
    return False


def _was_erased_from(register: Register, name: str) -> bool:
    return any(file.name == name for erasure in register.erasures for file in erasure.files)


def _read_imports(collection: Collection) -> set[str]:
    try:
        lines = (collection.path / IMPORTS_NAME).read_bytes().splitlines()
    except FileNotFoundError:
        return set()
    names = set()
    for line in lines:
        try:
            names.add(json.loads(line)["file"])
        except (ValueError, KeyError, TypeError):
            continue
    return names


class LogWriter:
    """Adds entries; one process at a time does.

    Attributes:
        entries: the log as it stands.
    """

    def __init__(
        self,
        collection: Collection,
        key: SigningKey,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._path = collection.path / LOG_NAME
        self._key = key
        self._clock = clock
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            self._cut_torn_line()
            self.entries = list(read_log(collection))
            self._check_key()
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        os.close(self._descriptor)

    def _cut_torn_line(self) -> None:
        """Drop a last line without its end: its writer died before it was one."""
        data = self._path.read_bytes()
        if data and not data.endswith(b"\n"):
            os.ftruncate(self._descriptor, data.rfind(b"\n") + 1)

    def _check_key(self) -> None:
        for entry in self.entries:
            if not entry.is_readable:
                raise SignatureError(f"{self._path.name} is damaged; restore it from a copy", path=self._path)
        current = find_key(self.entries)
        if current is not None and current != self._key.public:
            message = f"{self._path.name} is signed with another key; name that one, or announce this with --next-key"
            raise SignatureError(message, path=self._path)

    def append(self, fields: Mapping[str, Any]) -> Entry:
        """Sign an entry and put it on the disk."""
        whole = {
            "number": len(self.entries) + 1,
            "at": format_warc_date(self._clock()),
            "previous": self.entries[-1].digest if self.entries else NOTHING,
            "key": self._key.public,
            **fields,
        }
        signature = self._key.sign(dump_signed(whole))
        line = dump_signed({**whole, _SIGNATURE: signature}) + b"\n"
        os.lseek(self._descriptor, 0, os.SEEK_END)
        if os.write(self._descriptor, line) != len(line):
            raise OSError(f"{self._path.name} was not written whole; make room on the disk and run again")
        os.fsync(self._descriptor)
        if not self.entries:
            sync_directory(self._path.parent)
        self.entries.append(_load(line))
        return self.entries[-1]

    def announce_key(self, key: SigningKey) -> None:
        """Let later entries be signed with another key, by the word of the present one."""
        self.append({"event": "next-key", "next-key": key.public})


def find_key(entries: list[Entry]) -> str | None:
    """The key that the next entry is to be signed with; None if there is no entry yet."""
    if not entries:
        return None
    fields = entries[-1].fields
    return str(fields.get("next-key") if fields.get("event") == "next-key" else fields.get("key"))
