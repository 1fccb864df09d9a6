"""Verification in shards: files are checked separately, references between them at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from archives.storage.collection import Collection
from archives.verify.findings import Problem
from archives.verify.fixity import verify_files, verify_parts
from archives.verify.log_checks import Trust
from crawler.batch.jobs import Job, plan_job, run_job
from crawler.batch.shards import SHARD_BYTES, Done

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from crawler.batch.engines import Engine

_FUNCTION = "crawler.batch.verify:verify_shard"
_SEEN = "seen.sqlite"


def verify_shard(arguments: Mapping[str, Any], files: list[Path], folder: Path) -> dict[str, Any]:  # noqa: ARG001 (has none)
    """Verify some files; the ids they hold go to the folder, their problems and notes are returned."""
    notes: list[Problem] = []
    problems = verify_files(Collection(files[0].parent.parent), files, folder / _SEEN, on_note=notes.append)
    return {"problems": [*map(_dump_problem, problems)], "notes": [*map(_dump_problem, notes)]}


def verify_in_shards(
    collection: Collection,
    engine: Engine,
    *,
    shard_bytes: int = SHARD_BYTES,
    on_note: Callable[[Problem], None] | None = None,
    trust: Trust | None = None,
) -> list[Problem]:
    """Do what `archives.verify.fixity.verify_collection` does, in shards.

    Raises:
        ShardFailed: some shards could not be done.
        EngineError: the engine is not available.
    """
    with run_job(engine, plan_verification(collection, shard_bytes=shard_bytes)) as done:
        return join_verdicts(collection, done, on_note=on_note, trust=trust)


def plan_verification(collection: Collection, *, shard_bytes: int = SHARD_BYTES) -> Job:
    """Cut the verification of a collection into shards."""
    # What a sidecar says is not part of a shard's digest, so an earlier attempt's results would not do.
    arguments = {"sidecars": [(path.name, path.stat().st_mtime_ns) for path in collection.iter_sidecars()]}
    return plan_job(collection, _FUNCTION, paths=collection.iter_warcs(), arguments=arguments, shard_bytes=shard_bytes)


def join_verdicts(
    collection: Collection,
    done: Iterable[Done],
    *,
    on_note: Callable[[Problem], None] | None = None,
    trust: Trust | None = None,
) -> list[Problem]:
    """Return the problems in the shards and between them."""
    parts = []
    for shard in done:
        parts.append((shard.folder / _SEEN, [*map(_load_problem, shard.result["problems"])]))
        if on_note is not None:
            for note in map(_load_problem, shard.result["notes"]):
                on_note(note)
    return verify_parts(collection, parts, on_note=on_note, trust=trust)


def _dump_problem(problem: Problem) -> dict[str, Any]:
    return {
        "kind": problem.kind,
        "path": str(problem.path),
        "offset": problem.offset,
        "record_id": problem.record_id,
        "message": problem.message,
    }


def _load_problem(values: Mapping[str, Any]) -> Problem:
    return Problem(**{**values, "path": Path(values["path"])})
