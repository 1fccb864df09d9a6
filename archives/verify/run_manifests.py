"""Compares WARC files with the manifests of the runs that wrote them: missing, shortened, emptied, changed.

A file that was cut between two records and indexed again is whole by itself; only what the run noted of it tells.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archives.storage.remote_files import find_size
from archives.verify.file_changes import FileChanges
from archives.verify.findings import Problem

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from archives.storage.collection import Collection

_RESTORE: Final = "restore it from a copy; a new index would only forget what is lost"


class _Noted(NamedTuple):
    """What a run noted of a file that it wrote."""

    size: int
    sha256: str
    run: str


def iter_departures(collection: Collection, *, but: Container[Path] = ()) -> Iterator[Problem]:
    """Yield a problem for every WARC file that is not as the run that wrote it left it.

    Args:
        but: of these files something worse is known.
    """
    changes = FileChanges(collection)
    for name, noted in sorted(_read_manifests(collection).items()):
        path = collection.archive_dir / name
        if path not in but and (problem := _compare(path, noted, changes)):
            yield problem


def _read_manifests(collection: Collection) -> dict[str, _Noted]:
    found: dict[str, _Noted] = {}
    if not collection.runs_dir.is_dir():
        return found
    for path in sorted(collection.runs_dir.glob("*.json")):
        try:
            manifest = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        files = manifest.get("files") if isinstance(manifest, dict) else None
        for file in files if isinstance(files, list) else ():
            if (noted := _read_entry(file, path.stem)) is not None:
                found[file["name"]] = noted
    return found


def _read_entry(file: Any, run: str) -> _Noted | None:
    if not isinstance(file, dict):
        return None
    name, size, sha256 = file.get("name"), file.get("bytes"), file.get("sha256")
    if not isinstance(name, str) or not isinstance(size, int) or not isinstance(sha256, str) or "/" in name:
        return None
    return _Noted(size, sha256, run)


def _compare(path: Path, noted: _Noted, changes: FileChanges) -> Problem | None:
    where = f"the manifest of run {noted.run}"
    try:
        size = find_size(path)
    except FileNotFoundError:
        if changes.accounts_for(path.name, noted.sha256):
            return None
        what = f"{path.name} is missing: {where} notes {noted.size} bytes of it"
        return Problem(kind="missing-file", path=path, message=f"{what}; {_RESTORE}")
    if size == noted.size and not path.is_file():
        return None  # it is in object storage, which checks what it keeps
    if changes.is_same(path.name, noted.sha256):
        return None
    if size != noted.size:
        how = "is empty" if not size else "is shorter" if size < noted.size else "is longer"
        what = f"{path.name} {how} than it was: {size} bytes, and {where} notes {noted.size}"
        what = what.replace("is empty than it was", "has been emptied")
        kind = "emptied-file" if not size else "shortened-file" if size < noted.size else "changed-file"
    else:
        kind = "changed-file"
        what = f"{path.name} is not the file that was written: its SHA-256 is not the one that {where} notes, "
        what += noted.sha256
    return Problem(kind=kind, path=path, message=f"{what}; {_RESTORE}")
