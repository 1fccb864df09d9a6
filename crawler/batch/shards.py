"""A shard: one or more files, or part of a file, and the result of processing it.

What a shard function makes is a function of the shard's bytes and of the job's arguments, so a shard may be done twice,
by two processes at once, or on two machines: the outputs appear under their name only when they are whole, with a
manifest that tells the digests of what went in and what came out, and who comes later finds them there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archives.storage.files import hash_file, hash_span
from archives.storage.remote_files import find_size, find_stored
from crawler.batch.processes import RESULT, ShardProcess, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

SHARD_BYTES: Final = 16_000_000
"""Upper limit, unless a file cannot be cut."""
# Each shard is an eighth of what is left, so that the last ones are small and all processes finish together.
_LEAST_BYTES: Final = 1_000_000
_SHARE: Final = 8
ATTEMPTS: Final = 3
_MANIFEST: Final = "manifest.json"


class ShardFailed(Exception):
    """A shard could not be done; those that could are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Files that are processed together, or part of a file.

    Attributes:
        span: of the only file, what begins at the first offset or later, and before the second; None for all of it.
    """

    files: tuple[Path, ...]
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The result of a shard.

    Attributes:
        folder: where its outputs are.
        result: what the function returned.
    """

    task: Task
    folder: Path
    result: Mapping[str, Any]

    def list_outputs(self) -> list[Path]:
        """Return the files that the function left, by path."""
        return _list_outputs(self.folder)


def list_shards(paths: Iterable[Path], *, most_bytes: int = SHARD_BYTES, has_parts: bool = False) -> list[Shard]:
    """Cut files into shards, in order: small files together, large ones alone.

    Args:
        has_parts: also cut files that are too large for one shard.
    """
    sizes = {path: find_size(path) for path in paths}
    left = sum(sizes.values())
    shards: list[Shard] = []
    waiting: list[Path] = []
    size = 0
    for path, more in sizes.items():
        room = _find_room(left, most_bytes)
        if waiting and size + more > room:
            shards.append(Shard(files=tuple(waiting)))
            left, waiting, size = left - size, [], 0
            room = _find_room(left, most_bytes)
        if has_parts and more > room:
            shards += [Shard(files=(path,), span=span) for span in _iter_spans(more, left, most_bytes)]
            left -= more
            continue
        waiting.append(path)
        size += more
    return [*shards, Shard(files=tuple(waiting))] if waiting else shards


def _find_room(left: int, most_bytes: int) -> int:
    return min(most_bytes, max(_LEAST_BYTES, left // _SHARE))


def _iter_spans(size: int, left: int, most_bytes: int) -> Iterator[tuple[int, int]]:
    first = 0
    while first < size:
        beyond = min(size, first + _find_room(left - first, most_bytes))
        yield first, beyond
        first = beyond


def run_shard(task: Task, process: ShardProcess | None = None) -> Done:
    """Run one shard in another process, unless its result is there already.

    Args:
        process: runs it; a new one by default.

    Raises:
        ShardFailed: the process failed, or died again and again.
    """
    span = task.arguments.get("span")
    digests = {Path(file).name: _digest_warc(Path(file), span) for file in task.files}
    key = hashlib.sha256(json.dumps([digests, span], sort_keys=True).encode()).hexdigest()[:16]
    folder = Path(task.folder, key)
    manifest = _read_manifest(folder)
    if manifest is None:
        shutil.rmtree(folder, ignore_errors=True)
        with nullcontext(process) if process else ShardProcess() as doing:
            manifest = _make(task, folder, digests, doing)
    return Done(task=task, folder=folder, result=manifest["result"])


def _make(task: Task, folder: Path, digests: Mapping[str, str], process: ShardProcess) -> dict[str, Any]:
    scratch = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}.tmp")
    for _ in range(ATTEMPTS):
        scratch.mkdir(parents=True)
        try:
            if (code := process.do(task, scratch)) == 0:
                return _publish(scratch, folder, digests)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if code > 0:
            raise ShardFailed(f"{task.name}: its process ended with exit code {code}, and says above why")
    raise ShardFailed(f"{task.name}: {ATTEMPTS} processes in a row were killed over it; give them more memory")


def _publish(scratch: Path, folder: Path, digests: Mapping[str, str]) -> dict[str, Any]:
    result = json.loads((scratch / RESULT).read_text("utf-8"))
    outputs = {path.relative_to(scratch).as_posix(): hash_file(path) for path in _list_outputs(scratch)}
    manifest = {"inputs": dict(digests), "outputs": outputs, "result": result}
    (scratch / _MANIFEST).write_text(json.dumps(manifest, indent=2), "utf-8")
    # Where another process was faster, what it made is the same.
    with suppress(OSError):
        scratch.rename(folder)
    return manifest


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a shard that has been done, if all that it names is there and whole."""
    try:
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text("utf-8"))
        is_whole = all(hash_file(folder / name) == digest for name, digest in manifest["outputs"].items())
    except (OSError, ValueError):
        return None
    return manifest if is_whole else None


def _list_outputs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in (_MANIFEST, RESULT))


def _digest_warc(path: Path, span: Sequence[int] | None) -> str:
    stored = None if path.exists() else find_stored(path)
    if stored:
        return stored.sha256
    return hash_span(path, *span) if span else hash_file(path)
