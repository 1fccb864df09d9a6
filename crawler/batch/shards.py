"""A shard: one or more files, and the results of processing them.

What a shard function makes is a function of the shard's bytes and of the job's arguments, so a shard may be done twice,
by two processes at once, or on two machines: the outputs appear under their name only when they are whole, with a
manifest that tells the digests of what went in and what came out, and who comes later finds them there.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archives.storage.files import hash_file
from archives.storage.remote_files import find_size, find_stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Some 3,000 short pages, which take ten times as long as the start of a process.
SHARD_BYTES: Final = 16_000_000
ATTEMPTS: Final = 3
_MANIFEST: Final = "manifest.json"
_RESULT: Final = "result.json"
_ROOT: Final = Path(__file__).resolve().parents[2]


class ShardFailed(Exception):
    """A shard could not be done; those that could are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One shard and what is to be done with it; plain data, so that it may be sent anywhere.

    Attributes:
        function: `module:name` of `(arguments, files, folder) -> result`; it leaves its outputs in the folder.
        folder: of the job.
        files: paths of the shard's files: WARC files, or what a job has cut its work into.
        arguments: values that JSON can hold.
    """

    function: str
    folder: str
    files: tuple[str, ...]
    arguments: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The first file's name, for people."""
        return Path(self.files[0]).name


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


def list_shards(paths: Iterable[Path], *, most_bytes: int = SHARD_BYTES) -> list[tuple[Path, ...]]:
    """Cut files into shards, in their order: large ones stand alone, small ones together up to so many bytes."""
    shards: list[tuple[Path, ...]] = []
    shard: list[Path] = []
    size = 0
    for path in paths:
        more = find_size(path)
        if shard and size + more > most_bytes:
            shards.append(tuple(shard))
            shard, size = [], 0
        shard.append(path)
        size += more
    return [*shards, tuple(shard)] if shard else shards


def run_shard(task: Task) -> Done:
    """Do one shard in its own process, unless it has been done.

    Raises:
        ShardFailed: the process failed, or died again and again.
    """
    digests = {Path(file).name: _digest_warc(Path(file)) for file in task.files}
    key = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()[:16]
    folder = Path(task.folder, key)
    manifest = _read_manifest(folder)
    if manifest is None:
        shutil.rmtree(folder, ignore_errors=True)
        manifest = _make(task, folder, digests)
    return Done(task=task, folder=folder, result=manifest["result"])


def _make(task: Task, folder: Path, digests: Mapping[str, str]) -> dict[str, Any]:
    scratch = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}.tmp")
    for _ in range(ATTEMPTS):
        scratch.mkdir(parents=True)
        try:
            if (code := _run_child(task, scratch)) == 0:
                return _publish(scratch, folder, digests)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if code > 0:
            raise ShardFailed(f"{task.name}: its process ended with exit code {code}, and says above why")
    raise ShardFailed(f"{task.name}: {ATTEMPTS} processes in a row were killed over it; give them more memory")


def _publish(scratch: Path, folder: Path, digests: Mapping[str, str]) -> dict[str, Any]:
    result = json.loads((scratch / _RESULT).read_text("utf-8"))
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


def _run_child(task: Task, scratch: Path) -> int:
    """Run the function in its own process; its exit code, negative if it was killed."""
    command = [sys.executable, "-m", "crawler.batch.shards", str(scratch)]
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    with subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": path}, text=True
    ) as child:
        assert child.stdin is not None
        try:
            child.stdin.write(json.dumps(asdict(task)) + "\n")
            child.stdin.flush()
        except BrokenPipeError:
            with suppress(BrokenPipeError):  # what could not be written is tried once more
                child.stdin.close()
        try:
            # The pipe stays open as long as this process lives, so that the child need not outlive it.
            return child.wait()
        except BaseException:
            child.kill()
            raise


def main() -> None:
    """Be the child: read a task from standard input, write its result to the folder named."""
    task = Task(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_follow_parent, daemon=True).start()
    module, _, name = task.function.partition(":")
    function = getattr(importlib.import_module(module), name)
    folder = Path(sys.argv[1])
    result = function(task.arguments, [Path(file) for file in task.files], folder)
    (folder / _RESULT).write_text(json.dumps(result), "utf-8")


def _follow_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _list_outputs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in (_MANIFEST, _RESULT))


def _digest_warc(path: Path) -> str:
    stored = None if path.exists() else find_stored(path)
    return stored.sha256 if stored else hash_file(path)


if __name__ == "__main__":
    main()
