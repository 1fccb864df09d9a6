"""A reparse in one process or in shards: files are read separately and their statements merged.

A ledger is a set, and joining is its union, so it does not matter which process read what, or when: the posts are
those of a reparse in one process, to the byte.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from crawler.batch.engines import open_engine
from crawler.batch.jobs import Job, build_tasks, hold_folder, plan_job, run_tasks
from crawler.batch.shards import Shard
from crawler.projects.progress_bar import show_progress
from crawler.reparsing.contents import CollectionContents
from crawler.reparsing.reparse import Reparsed, gather, write_posts
from crawler.sources import Source, load_source
from crawler.sources.archived import build_options
from pipelines.posts.ledger import Ledger
from pipelines.posts.post_files import PostFiles, build_file_name, render
from pipelines.posts.post_folder import WRITTEN_AT_ONCE
from pipelines.posts.settle import PostRefused, settle
from pipelines.whole_files import sweep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crawler.batch.engines import Engine, Run
    from crawler.batch.shards import Done

_FUNCTION = "crawler.batch.reparse:reparse_shard"
_WRITE_FUNCTION = "crawler.batch.reparse:write_shard"
_LEDGER = "ledger.sqlite"
# In the job's folder: the posts to write.
_WRITING = "writing"
_WRITTEN = "written.json"
POSTS_AT_ONCE = 300
# In the job's folder: captures to skip, which are listed once for all shards.
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
        done = _remake_in_shards(contents, sources, ledger, posts_dir, engine)
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
    sources = _load_sources(arguments)
    with closing(Ledger(folder / _LEDGER, is_scratch=True)) as ledger:
        done = gather(contents, sources, ledger)
        options = {source.name: source.post for source in sources}
        with ledger.exclusive():
            for key in list(ledger.iter_due(also_waiting=True)):
                try:
                    post = settle(ledger.list_statements(key), options[key[0]])
                except PostRefused:
                    continue
                ledger.record_settled(post, claim=build_file_name(post, options[key[0]]).casefold())
    return {"read": done.read, "damaged": done.damaged, "failed": done.failed, "counts": dict(done.counts)}


def write_shard(arguments: Mapping[str, Any], files: list[Path], folder: Path) -> dict[str, Any]:
    """Write the files of settled posts whose names no other post claims, given their keys.

    Key, file name and outcome of each are written to the folder.

    Returns:
        The error, if they could not be written.
    """
    options = {source.name: source.post for source in _load_sources(arguments)}
    posts_dir = Path(arguments["posts_dir"])
    post_files, written = PostFiles(swept=[posts_dir]), []
    try:
        with closing(Ledger(Path(arguments["ledger"]), is_scratch=True)) as ledger:
            posts = ledger.list_posts(json.loads(files[0].read_text("utf-8")))
        for number, post in enumerate(posts, start=1):
            name = build_file_name(post, options[post.key[0]])
            outcome = post_files.write(posts_dir / name, render(post, options[post.key[0]]))
            written.append((post.key, name, outcome))
            if number % WRITTEN_AT_ONCE == 0:
                post_files.settle()
        post_files.settle()
    except OSError as error:
        return {"fault": [error.errno, error.strerror, error.filename]}
    finally:
        post_files.drop()
    (folder / _WRITTEN).write_text(json.dumps(written), "utf-8")
    return {"fault": None}


def _load_sources(arguments: Mapping[str, Any]) -> list[Source]:
    return [load_source(text, path=path) for path, text in arguments["sources"]]


def _remake_in_shards(
    contents: CollectionContents, sources: Sequence[Source], ledger: Ledger, posts_dir: Path, engine: Engine
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
    with hold_folder(job.folder), open_engine(engine) as run:
        (job.folder / _PASSED_OVER).write_text(json.dumps(sorted(passed_over)), "utf-8")

        def take(shard: Done) -> None:
            ledger.unite(shard.folder / _LEDGER)
            total.add(Reparsed(**{**shard.result, "counts": Counter(shard.result["counts"])}))

        run_tasks(run, job, take)
        # The workers of a cluster may not have the folder of posts.
        if engine.name == "local":
            where = {"ledger": str(ledger.path.absolute()), "posts_dir": str(posts_dir.absolute())}
            _write_in_shards(run, job.folder / _WRITING, ledger, arguments | where, total)
    return total


def _write_in_shards(run: Run, folder: Path, ledger: Ledger, arguments: Mapping[str, Any], done: Reparsed) -> None:
    """Write the posts whose text and file name depend on no other shard or post; `write_posts` writes the others."""
    shutil.rmtree(folder, ignore_errors=True)  # files of an earlier attempt may be gone
    folder.mkdir()
    sweep(Path(arguments["posts_dir"]))
    shards: list[Shard] = []
    keys = ledger.iter_unrivalled()
    while some := list(islice(keys, POSTS_AT_ONCE)):
        path = folder / f"{len(shards):06d}.json"
        path.write_text(json.dumps(some), "utf-8")
        shards.append(Shard(files=(path,)))
    tasks = build_tasks(_WRITE_FUNCTION, folder, shards, arguments)

    def take(shard: Done) -> None:
        if shard.result["fault"]:
            raise OSError(*shard.result["fault"])
        written = json.loads((shard.folder / _WRITTEN).read_text("utf-8"))
        ledger.record_written(written)
        done.counts.update(f"posts/{outcome}" for *_, outcome in written)

    run_tasks(run, Job(title="write posts", folder=folder, tasks=tasks), take)
