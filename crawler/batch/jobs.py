"""A job: all shards of a collection under one purpose, in a folder that lasts until the result has been put together.

The folder's name says what the result depends on beside each shard's bytes: the arguments, the code, and the files of
the collection, because a capture may rest on one in another file. A job that was interrupted is taken up where nothing
of that has changed; otherwise it begins anew.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archives.stored import find_size
from crawler.batch.engines import Engine, run_shards
from crawler.batch.shards import SHARD_BYTES, Done, Task, list_shards
from crawler.watching.progress import show_progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from archives.collection import Collection

WORK_DIR: Final = "work"
_PACKAGES: Final = ("archives", "pipelines", "crawler")


@contextmanager
def run_job(
    engine: Engine,
    collection: Collection,
    function: str,
    *,
    paths: Iterable[Path],
    arguments: Mapping[str, Any],
    shard_bytes: int = SHARD_BYTES,
) -> Iterator[list[Done]]:
    """Have every shard of some files done; their outputs go when the block has ended well.

    Args:
        function: `module:name`, as `crawler.batch.shards.Task` has it.
        paths: WARC files, in the order of the result.

    Raises:
        ShardFailed: some could not be done.
        EngineError: the engine cannot be had.
    """
    name = function.rpartition(":")[2]
    folder = collection.path.absolute() / WORK_DIR / f"{name}-{_build_key(collection, arguments)}"
    shards = list_shards(paths, most_bytes=shard_bytes)
    tasks = [
        Task(
            function=function,
            folder=str(folder),
            files=tuple(str(path.absolute()) for path in shard),
            arguments=arguments,
        )
        for shard in shards
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with show_progress(f"{name} {collection.name}", len(tasks)) as advance:
        done = run_shards(engine, tasks, advance)
    yield done
    shutil.rmtree(folder)
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def _build_key(collection: Collection, arguments: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(arguments, sort_keys=True, default=str).encode())
    for path in collection.iter_warcs():
        changed_at = path.stat().st_mtime_ns if path.exists() else "stored"
        digest.update(f"{path.name} {find_size(path)} {changed_at}\n".encode())
    root = Path(__file__).resolve().parents[2]
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
