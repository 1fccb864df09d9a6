"""Checks a collection against its signed log: the chain, signatures, time-stamps, and every file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archives.erasure.register import load_register
from archives.signed_log.keys import is_signed_by
from archives.signed_log.log import LOG_NAME, NOTHING, find_files, find_key, is_erasure, read_log
from archives.signed_log.timestamps import EVENT, check_timestamp
from archives.storage.remote_files import find_digest, find_size
from archives.verify.file_changes import FileChanges

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from archives.signed_log.log import Entry
    from archives.storage.collection import Collection
    from archives.verify.findings import Findings

_RESTORE: Final = "restore it from a copy"
_SIGN: Final = '"python -m archives sign" adds it'


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a log is checked against, besides itself.

    Attributes:
        key: a public key, in Base64, that at least one entry is to be signed with. Such an entry vouches for those
            before it, whose digests it holds, and for the keys announced after it.
        roots: a PEM file with the certificates of trusted time-stamp authorities.
    """

    key: str | None = None
    roots: Path | None = None


def verify_log(collection: Collection, findings: Findings, trust: Trust) -> None:
    """Note what of a collection's log does not hold.

    Raises:
        SignatureError: the certificates cannot be read, or a package is missing.
    """
    path = collection.path / LOG_NAME
    entries = list(read_log(collection))
    if not entries:
        if trust.key is not None:
            findings.add("log-missing", path, f"{path.name} is missing or empty, and a key was given; {_RESTORE}")
        return
    if not _verify_chain(path, entries, findings, trust):
        return
    _verify_stamps(path, entries, findings, trust)
    _verify_files(collection, entries, findings)


def _verify_chain(path: Path, entries: list[Entry], findings: Findings, trust: Trust) -> bool:
    """Whether the entries are those that were signed, in their order."""
    previous = NOTHING
    key: str | None = None
    for number, entry in enumerate(entries, 1):
        fault = _find_fault(entry, number, previous, key)
        if fault:
            what = f"{path.name} line {number} {fault}, so that nothing behind it is proved; {_RESTORE}"
            findings.add("log-broken", path, what)
            return False
        previous = entry.digest
        key = find_key([entry])
    if trust.key is not None and all(entry.fields["key"] != trust.key for entry in entries):
        findings.add(
            "log-broken", path, f"{path.name} has no entry that is signed with the key that is given; {_RESTORE}"
        )
        return False
    if trust.key is None:
        what = f"{path.name} is signed throughout, by an unverified key; give the public key to check it"
        findings.add_note("log-key", path, what)
    return True


def _find_fault(entry: Entry, number: int, previous: str, key: str | None) -> str:
    fields = entry.fields
    if not entry.is_readable or "event" not in fields or "key" not in fields:
        return "is not an entry"
    if fields["number"] != number or fields.get("previous") != previous:
        return "does not follow the one before it"
    if key is not None and fields["key"] != key:
        return "is signed with a key that was not announced"
    if not is_signed_by(str(fields["key"]), entry.signed, entry.signature):
        return "does not have the signature of its key"
    return ""


def _verify_stamps(path: Path, entries: list[Entry], findings: Findings, trust: Trust) -> None:
    for number, entry in enumerate(entries, 1):
        if entry.fields["event"] != EVENT:
            continue
        stamp = check_timestamp(entry.fields, trust.roots)
        what = f"the time-stamp in {path.name} line {number}"
        if stamp.fault:
            findings.add("time-stamp", path, f"{what} {stamp.fault}; {_RESTORE}")
        elif trust.roots is None:
            message = f"{what}, of {stamp.at}, is not checked: give the certificates of its authority"
            findings.add_note("unchecked-time-stamp", path, message)
        else:
            findings.add_note("time-stamp", path, f"{what} proves the {number - 1} entries before it, at {stamp.at}")


def _verify_files(collection: Collection, entries: list[Entry], findings: Findings) -> None:
    """Compare files with what was logged of them last; of a file that is damaged already nothing more is said."""
    known = {problem.path for problem in findings.problems}
    changes = FileChanges(collection)
    logged = find_files(entries)
    there = {warc.name: warc for warc in collection.iter_warcs()}
    for name, noted in sorted(logged.items()):
        path = there.pop(name, None)
        if path is None:
            missing = collection.archive_dir / name
            if missing not in known and not changes.accounts_for(name, str(noted.get("sha256"))):
                findings.add("missing-file", missing, f"{name} is missing: the signed log names it; {_RESTORE}")
        elif path not in known:
            _verify_file(collection, path, noted, findings)
    for name, path in there.items():
        findings.add_note("unlogged-file", path, f"{name} is not in the signed log; {_SIGN}")


def _verify_file(collection: Collection, path: Path, noted: Mapping[str, Any], findings: Findings) -> None:
    sha256 = find_digest(path)
    if sha256 == noted.get("sha256"):
        return
    if is_erasure(load_register(collection), noted, sha256):
        what = f"{path.name} was erased from since it was logged; {_SIGN}"
        findings.add_note("unlogged-erasure", path, what)
        return
    what = f"{path.name} is not the file that was logged: {find_size(path)} bytes with SHA-256 {sha256},"
    what += f" and the signed log says {noted.get('bytes')} bytes with {noted.get('sha256')}"
    findings.add("changed-file", path, f"{what}; {_RESTORE}")
