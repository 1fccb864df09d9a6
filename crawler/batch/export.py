"""An export in shards: posts are divided, exported separately, and the results merged.

A shard is two files: each post as the ledger has it, and the definitions that these posts are finished by. So nobody
who exports one needs the ledger, and what is written meanwhile changes nothing.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from crawler.batch.engines import EngineError, open_engine
from crawler.batch.jobs import Job, build_folder, build_tasks, hold_folder, run_tasks
from crawler.batch.shards import Shard
from crawler.publishing.formats import find_format
from crawler.sources import load_source
from pipelines.exports.files import ExportError
from pipelines.exports.formats import FORMATS, ExportOptions
from pipelines.exports.records import RecordRefused, build_record
from pipelines.posts.items import load_post
from pipelines.posts.options import PostOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from crawler.batch.engines import Engine
    from crawler.publishing.exporting import ExportPlan
    from crawler.publishing.library import Library
    from crawler.sources import Source
    from pipelines.exports.records import PostRecord

    _Find = Callable[[str], Callable[[str], Source | None]]

SHARD_CHARS: Final = 32_000_000
_FUNCTION: Final = "crawler.batch.export:export_shard"
_POSTS, _PART = "posts", "part"
_MONTH: Final = len("2026-11")


def export_in_shards(library: Library, plan: ExportPlan, engine: Engine) -> int:
    """Do what `crawler.publishing.exporting.run_export` does, in shards.

    Raises:
        ExportError: it cannot be written there, or a post holds what no format can.
        ShardFailed: some shards could not be done.
        EngineError: the engine is not available, or the format is not made of parts.
        FormatError: there is no such format.
    """
    entry = find_format(plan.format)
    if entry.join is None:
        names = ", ".join(name for name, other in FORMATS.items() if other.join)
        raise EngineError(
            f"{plan.format} is made by one process, because its lists and indexes grow with every post; "
            f"leave --engine and --workers out, or take one of {names}"
        )
    with hold_folder(_build_folder(library, plan)), open_engine(engine) as run:
        done = run_tasks(run, _plan_job(library, plan))
        problems = [shard.result["problem"] for shard in done if shard.result["problem"]]
        if problems:
            raise ExportError(problems[0])
        if done:
            entry.join([shard.folder / _PART for shard in done], plan.path)
        else:
            entry.export(iter(()), plan.path, plan.options)
    return sum(shard.result["posts"] for shard in done)


def export_shard(arguments: Mapping[str, Any], files: list[Path], folder: Path) -> dict[str, Any]:
    """Export the posts of a file; returns how many there are, or why they cannot be exported."""
    options = ExportOptions(**arguments["options"])
    try:
        count = find_format(arguments["format"]).export(_iter_records(*files), folder / _PART, options)
    except (ExportError, RecordRefused) as error:
        return {"posts": 0, "problem": str(error)}
    return {"posts": count, "problem": ""}


class _Line(NamedTuple):
    """A post that has a file, as the ledger knows it."""

    collection: str
    source: str
    file: str
    state: str


def _build_folder(library: Library, plan: ExportPlan) -> Path:
    state = {"format": plan.format, "options": asdict(plan.options)}
    state |= {"collection": plan.collection, "source": plan.source}
    return build_folder(library.data_dir, _FUNCTION, state)


def _plan_job(library: Library, plan: ExportPlan) -> Job:
    folder = _build_folder(library, plan)
    arguments = {"format": plan.format, "options": asdict(plan.options)}
    cut = folder / _POSTS
    shutil.rmtree(cut, ignore_errors=True)
    cut.mkdir(parents=True)
    numbered = _number(_iter_lines(library, plan), is_monthly=find_format(plan.format).is_monthly)
    find = cache(library.find_definitions)
    shards = [
        Shard(files=_write_shard(cut / f"{number:05d}", map(itemgetter(1), pairs), find))
        for number, pairs in groupby(numbered, key=itemgetter(0))
    ]
    return Job(title=f"export {plan.format}", folder=folder, tasks=build_tasks(_FUNCTION, folder, shards, arguments))


def _iter_lines(library: Library, plan: ExportPlan) -> Iterator[_Line]:
    for name in [plan.collection] if plan.collection else library.collections:
        for source, file, state in library.open_store(name).iter_states(source=plan.source):
            yield _Line(name, source, file, state)


def _number(lines: Iterable[_Line], *, is_monthly: bool) -> Iterator[tuple[int, _Line]]:
    """Say of each post which shard it belongs to; names of post files begin with the day."""
    number = chars = 0
    month = ""
    for line in lines:
        if chars >= SHARD_CHARS and not (is_monthly and line.file.startswith(month)):
            number, chars = number + 1, 0
        month = line.file[:_MONTH]
        chars += len(line.state)
        yield number, line


def _write_shard(path: Path, lines: Iterable[_Line], find: _Find) -> tuple[Path, ...]:
    posts, definitions = path.with_suffix(".txt"), path.with_suffix(".json")
    owners: set[tuple[str, str]] = set()
    with posts.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            owners.add((line.collection, line.source))
            file.write(f"{line.collection}\t{line.file}\t{line.state}\n")
    found: dict[str, dict[str, str]] = {}
    for collection, name in sorted(owners):
        source = find(collection)(name)
        if source is not None:
            found.setdefault(collection, {})[name] = source.definition
    definitions.write_text(json.dumps(found), "utf-8")
    return posts, definitions


def _iter_records(posts: Path, definitions: Path) -> Iterator[PostRecord]:
    texts: dict[str, dict[str, str]] = json.loads(definitions.read_text("utf-8"))
    options = {
        (collection, name): load_source(text, path=name).post
        for collection, found in texts.items()
        for name, text in found.items()
    }
    with posts.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            collection, file, state = line.split("\t", 2)
            post = load_post(state)
            its_options = options.get((collection, post.source), PostOptions())
            yield build_record(post, its_options, collection=collection, file=file)
