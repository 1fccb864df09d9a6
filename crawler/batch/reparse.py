"""A reparse in one process or in shards: files are read separately and their statements merged.

A ledger is a set, and joining is its union, so it does not matter which process read what, or when: the posts are
those of a reparse in one process, to the byte.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from crawler.batch.jobs import hold_folder, plan_job, run_tasks
from crawler.projects.progress_bar import show_progress
from crawler.reparsing.contents import CollectionContents
from crawler.reparsing.reparse import Reparsed, gather, write_posts
from crawler.sources import Source, load_source
from crawler.sources.archived import build_options
from pipelines.posts.ledger import Ledger
from pipelines.posts.settle import PostRefused, settle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from crawler.batch.engines import Engine

_FUNCTION = "crawler.batch.reparse:reparse_shard"
_LEDGER = "ledger.sqlite"
# In the job's folder: captures that are not read, which are found in the files of all shards.
_PASSED_OVER = "passed-over.json"


def remake_posts(
    contents: CollectionContents,
    sources: Sequence[Source],
    ledger: Ledger,
    *,
    posts_dir: Path,
    engine: Engine | None = None,
) -> Reparsed:
    """Read every capture of some sources again and write their posts.

    Args:
        ledger: gets what is stated; it may hold already what is not to be rebuilt.
        engine: works in shards; without one this process does it all.

    Raises:
        ShardFailed: some shards could not be done.
        EngineError: the engine is not available.
        OSError: the folder of posts cannot be written.
    """
    options_for = build_options(contents.collection, sources)
    if engine is None:
        with show_progress(f"reparse {contents.collection.name}", contents.count_entries()) as advance:
            done = gather(contents, sources, ledger, advance=lambda: advance(""))
    else:
        done = _gather_in_shards(contents, sources, ledger, engine)
    write_posts(ledger, posts_dir, options_for, done)
    return done


def reparse_shard(arguments: Mapping[str, Any], files: list[Path], folder: Path) -> dict[str, Any]:
    """Read the captures of some files; a ledger of what they state goes to the folder.

    Articles are settled as far as these files tell; those of which other files tell as well are settled again.

    Returns:
        What was read, as `Reparsed` counts it.
    """
    contents = CollectionContents(
        Collection(files[0].parent.parent),
        until=datetime.fromisoformat(arguments["until"]) if arguments["until"] else None,
        files=frozenset(path.name for path in files),
        span=arguments.get("span"),
        passed_over=frozenset(json.loads((folder.parent / _PASSED_OVER).read_text("utf-8"))),
    )
    sources = [load_source(text, path=path) for path, text in arguments["sources"]]
    with closing(Ledger(folder / _LEDGER, is_scratch=True)) as ledger:
        done = gather(contents, sources, ledger)
        options = {source.name: source.post for source in sources}
        with ledger.exclusive():
            for key in list(ledger.iter_due(also_waiting=True)):
                try:
                    ledger.record_settled(settle(ledger.list_statements(key), options[key[0]]))
                except PostRefused:
                    continue
    return {"read": done.read, "damaged": done.damaged, "failed": done.failed, "counts": dict(done.counts)}


def _gather_in_shards(
    contents: CollectionContents, sources: Sequence[Source], ledger: Ledger, engine: Engine
) -> Reparsed:
    collection = contents.collection
    with CollectionIndex(collection) as index:
        index.refresh()
        passed_over = contents.list_passed_over(index)
    arguments = {
        "sources": [(source.path, source.definition) for source in sources],
        "until": contents.until.isoformat() if contents.until else None,
    }
    paths = [path for path in collection.iter_warcs() if contents.has_captures_of(path.name, list(sources))]
    total = Reparsed()
    job = plan_job(collection, _FUNCTION, paths=paths, arguments=arguments, has_parts=True)
    with hold_folder(job.folder):
        (job.folder / _PASSED_OVER).write_text(json.dumps(sorted(passed_over)), "utf-8")
        for shard in run_tasks(engine, job):
            ledger.unite(shard.folder / _LEDGER)
            total.add(Reparsed(**{**shard.result, "counts": Counter(shard.result["counts"])}))
    return total
