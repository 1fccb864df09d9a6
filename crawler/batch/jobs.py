"""A job: all shards of one task, in a folder that exists until the results are merged.

The folder's name says what the result depends on beside each shard's bytes: the arguments, the code and, where shards
are WARC files, the files of the collection, because a capture may rest on one in another file. A job that was
interrupted is continued where nothing of that has changed; otherwise it starts over, and its remains are deleted.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archives.storage.files import is_held, lock_file
from archives.storage.remote_files import find_size
from crawler.batch.engines import Engine, EngineError, Run, open_engine, run_shards
from crawler.batch.processes import Task
from crawler.batch.shards import SHARD_BYTES, Done, Shard, list_shards
from crawler.projects.progress_bar import show_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from archives.storage.collection import Collection

WORK_DIR: Final = "work"
_LOCK: Final = "lock"
_PACKAGES: Final = ("archives", "pipelines", "crawler")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be done.

    Attributes:
        title: for people.
        folder: gets what the shards make; it goes with the job.
    """

    title: str
    folder: Path
    tasks: tuple[Task, ...]


def plan_job(
    collection: Collection,
    function: str,
    *,
    paths: Iterable[Path],
    arguments: Mapping[str, Any],
    shard_bytes: int = SHARD_BYTES,
    has_parts: bool = False,
) -> Job:
    """Cut WARC files of a collection into shards.

    Args:
        function: `module:name`, as `crawler.batch.processes.Task` has it.
        paths: of the files, in the order of the result.
        has_parts: the function can process part of a file.
    """
    holding = [
        (path.name, find_size(path), path.stat().st_mtime_ns if path.exists() else "stored")
        for path in collection.iter_warcs()
    ]
    folder = build_folder(collection.path, function, {**arguments, "holding": holding})
    shards = list_shards(paths, most_bytes=shard_bytes, has_parts=has_parts)
    title = f"{function.rpartition(':')[2]} {collection.name}"
    return Job(title=title, folder=folder, tasks=build_tasks(function, folder, shards, arguments))


def build_folder(place: Path, function: str, state: Mapping[str, Any]) -> Path:
    """Return where a job works.

    Args:
        place: the folder of a collection, or of all data.
        state: what the result depends on beside the shards and the code.
    """
    digest = hashlib.sha256(json.dumps(state, sort_keys=True, default=str).encode())
    root = Path(__file__).resolve().parents[2]
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return place.absolute() / WORK_DIR / f"{function.rpartition(':')[2]}-{digest.hexdigest()[:16]}"


def build_tasks(function: str, folder: Path, shards: Iterable[Shard], arguments: Mapping[str, Any]) -> tuple[Task, ...]:
    """Return what is to be done with each shard."""
    return tuple(
        Task(
            function=function,
            folder=str(folder),
            files=tuple(str(path.absolute()) for path in shard.files),
            arguments={**arguments, "span": shard.span} if shard.span else arguments,
        )
        for shard in shards
    )


@contextmanager
def run_job(engine: Engine, job: Job) -> Iterator[list[Done]]:
    """Run every shard; their outputs go when the block has ended well.

    Raises:
        ShardFailed: some could not be done.
        EngineError: the engine is not available, or another process is doing this job.
    """
    with hold_folder(job.folder), open_engine(engine) as run:
        yield run_tasks(run, job)


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Make a job's folder and lock it; it goes when the block has ended well.

    Unlocked folders of the same kind of job are deleted at once: they are of no use any more.

    Raises:
        EngineError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        if not lock_file(lock.fileno()):
            raise EngineError(f"another process is doing this very job, in {folder}; wait until it has ended")
        for other in folder.parent.glob(f"{folder.name.rpartition('-')[0]}-*"):
            if other != folder and not is_held(other / _LOCK):
                shutil.rmtree(other, ignore_errors=True)
        yield
        shutil.rmtree(folder)
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def run_tasks(run: Run, job: Job, take: Callable[[Done], None] | None = None) -> list[Done]:
    """Run every shard of a job whose folder is held; return the results in the order of the job.

    Args:
        run: what `open_engine` yields.
        take: called with each result as it arrives, in no particular order.

    Raises:
        ShardFailed: some could not be done.
    """
    with show_progress(job.title, len(job.tasks)) as advance:

        def note(done: Done) -> None:
            if take:
                take(done)
            advance(done.task.name)

        return run_shards(run, job.tasks, note)
