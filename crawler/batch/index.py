"""The index in shards: the sidecars of each shard's files, then the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archives.index.catalogue import rebuild_catalogue
from archives.index.cdxj import dump_line
from archives.index.sidecars import salvage_sidecar, write_sidecar
from crawler.batch.jobs import plan_job, run_job

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from archives.storage.collection import Collection
    from crawler.batch.engines import Engine

_FUNCTION = "crawler.batch.index:index_shard"


def index_shard(arguments: Mapping[str, Any], files: list[Path], folder: Path) -> dict[str, Any]:  # noqa: ARG001 (none)
    """List the captures of some files, a text file for each; returns the damage between them."""
    damage: list[str] = []
    for path in files:
        entries, errors = salvage_sidecar(path)
        (folder / path.name).write_text("\n".join(map(dump_line, entries)), "utf-8")
        damage += map(str, errors)
    return {"damage": damage}


def index_in_shards(collection: Collection, engine: Engine) -> tuple[int, list[str]]:
    """Rebuild every sidecar and the catalogue; drop the sidecars that belong to no file.

    Returns:
        How many captures there are, and what was damaged.

    Raises:
        ShardFailed: some shards could not be done.
        EngineError: the engine is not available.
    """
    with run_job(engine, plan_job(collection, _FUNCTION, paths=collection.iter_warcs(), arguments={})) as done:
        wanted = set()
        for path in [path for shard in done for path in shard.list_outputs()]:
            wanted.add(write_sidecar(collection, path.name, path.read_text("utf-8").splitlines()))
        for stale in set(collection.iter_sidecars()) - wanted:
            stale.unlink()
        return rebuild_catalogue(collection), [words for shard in done for words in shard.result["damage"]]
