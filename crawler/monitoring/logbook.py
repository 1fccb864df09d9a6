"""Reads the run manifests of all collections, and tells running crawls from dead ones.

A crawl that several workers shared is one run, whose numbers are those of all of them together.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from archives.storage.collection import OPEN_SUFFIX, Collection, list_collections
from archives.storage.files import is_held
from archives.urls import format_timestamp
from crawler.runs.crawl_manifest import build_joint, is_joint, list_parts
from pipelines.posts.filing import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_ROBOTS = "robots/"


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    ENDED = "ended"
    DIED = "died"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run, as its manifest tells of it.

    Attributes:
        collection: the directory that the manifest was found in.
        ended_at: None for a run that is going on or died.
        exit_reason: Scrapy's word for why it ended; '' as long as it has none.
        counts: the manifest's.
        examples: name of a count to addresses of pages that it counts.
        definition: SHA-256 of the source's definition.
        robots: host to the digest of the robots.txt that the run was given.
        bytes_archived: compressed.
        machine: that it ran on; '' where only the manifest on that machine is known.
        workers: the runs that a shared crawl consists of, as far as they are known here.
    """

    run: str
    collection: str
    source: str
    spider: str
    state: RunState
    began_at: datetime
    ended_at: datetime | None
    exit_reason: str
    bytes_archived: int
    counts: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    definition: str = ""
    robots: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    workers: tuple[RunRecord, ...] = ()

    @property
    def seconds(self) -> float | None:
        """How long it took; None if unknown."""
        return (self.ended_at - self.began_at).total_seconds() if self.ended_at else None

    @property
    def has_numbers(self) -> bool:
        """Whether its counts are true: those of a run in progress are some seconds old, of one that died not whole."""
        return self.state is RunState.ENDED or (self.state is RunState.RUNNING and bool(self.counts))

    @property
    def pages(self) -> int:
        """How many pages were read."""
        return self._sum("pages/", but=("pages/failed/", "pages/not_html"))

    @property
    def failed(self) -> int:
        """How many pages could not be fetched."""
        return self._sum("pages/failed/")

    @property
    def dropped(self) -> int:
        """How many articles got no post file."""
        return self._sum("posts/dropped/")

    @property
    def has_changes(self) -> bool:
        """Whether a post was made or changed."""
        return any(self.count_posts(outcome) for outcome in (Outcome.NEW, Outcome.UPDATED))

    def count_posts(self, outcome: Outcome) -> int:
        """Return how many post files had an outcome."""
        return self.counts.get(f"posts/{outcome}", 0)

    def _sum(self, prefix: str, *, but: tuple[str, ...] = ()) -> int:
        names = [name for name in self.counts if name.startswith(prefix) and not name.startswith(but)]
        return sum(self.counts[name] for name in names)


def list_runs(data_dir: Path, *, collection: str = "", source: str = "", most: int | None = None) -> list[RunRecord]:
    """Return the runs of all collections, or one, of all sources, or one; the newest first.

    Args:
        most: look at so many of each collection and no further.
    """
    names = [collection] if collection else list_collections(data_dir)
    runs = [run for name in names for run in _iter_runs(Collection.open(data_dir, name), most=most)]
    chosen = [run for run in runs if source in ("", run.source)]
    return sorted(chosen, key=lambda run: (run.began_at, run.run), reverse=True)


def find_run(collection: Collection, *, source: str, since: datetime) -> RunRecord | None:
    """Return the newest run of a source that began at an instant or later.

    Of a worker in a shared crawl it is that worker's own run, with the counts of all.
    """
    # Names begin with the second in which the run began, so that nothing older has to be opened.
    least = format_timestamp(since - timedelta(seconds=1))
    for manifest in _iter_manifests(collection, least=least):
        if is_joint(manifest):
            continue
        run = _build_record(manifest, RunState.RUNNING, collection)
        if run.source == source and run.began_at >= since:
            return replace(run, counts=_count_all(manifest, collection))
    return None


def _count_all(manifest: Mapping[str, Any], collection: Collection) -> Mapping[str, int]:
    """Return the counts of a run, or of the whole crawl that it is a part of."""
    crawl = manifest.get("crawl")
    if crawl:
        least = crawl.partition("-")[0]
        group = [other for other in _iter_manifests(collection, least=least) if _find_crawl(other) == crawl]
        manifest = build_joint(crawl, _list_runs_of(group))
    return _build_record(manifest, RunState.RUNNING, collection).counts


def _iter_runs(collection: Collection, *, most: int | None = None) -> Iterator[RunRecord]:
    """Yield a collection's runs, the newest first.

    A run is alive if it holds the lock of the WARC file that it writes. Before its first capture it has none; then its
    worker's lock beside the frontier tells that one is alive, and of those in question it is the newest. A worker in a
    shared crawl has a lock of the run's name.
    """
    crawls = {
        crawl: _list_runs_of(group) for crawl, group in _group_manifests(_iter_manifests(collection), most).items()
    }
    manifests = [manifest for group in crawls.values() for manifest in group]
    open_ended = [manifest for manifest in manifests if not manifest.get("ended_at")]
    # The names of runs tell seconds apart.
    open_ended.sort(key=lambda manifest: str(manifest.get("began_at")), reverse=True)
    alive = {manifest["run"] for manifest in open_ended if _is_alive(collection, manifest["run"])}
    spare = sum(is_held(path) for path in collection.path.glob("frontier.sqlite.*.lock")) if open_ended else 0
    in_question = [manifest["run"] for manifest in open_ended if manifest["run"] not in alive]
    alive.update(in_question[: max(0, spare - len(alive))])
    for crawl, group in crawls.items():
        yield _join(crawl, group, collection, alive=alive & {manifest["run"] for manifest in group})


def _join(crawl: str, group: Sequence[dict[str, Any]], collection: Collection, *, alive: set[str]) -> RunRecord:
    """Return a crawl as one run, whether one worker did it or several; it is in progress as long as any of them is."""
    runs = [
        _build_record(manifest, RunState.RUNNING if manifest["run"] in alive else RunState.DIED, collection)
        for manifest in group
    ]
    if crawl == runs[0].run:
        return runs[0]
    joint = build_joint(crawl, group)
    if alive:
        joint |= {"ended_at": None, "exit_reason": None}
    whole = _build_record(joint, RunState.RUNNING if alive else RunState.DIED, collection)
    return replace(whole, workers=tuple(runs))


def _group_manifests(manifests: Iterable[dict[str, Any]], most: int | None) -> dict[str, list[dict[str, Any]]]:
    """Return manifests by the crawl that they are of, at most so many crawls; the joint one is among its workers'."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for manifest in manifests:
        crawl = _find_crawl(manifest)
        if crawl not in groups and len(groups) == most:
            break
        groups.setdefault(crawl, []).append(manifest)
    return groups


def _find_crawl(manifest: Mapping[str, Any]) -> str:
    return str(manifest.get("crawl") or manifest["run"])


def _list_runs_of(group: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the manifests of a crawl's runs, the newest first.

    The joint one tells of workers that left none here; of the others their own are as new and whole as any.
    """
    runs: dict[str, dict[str, Any]] = {}
    for manifest in sorted(group, key=is_joint, reverse=True):
        for part in list_parts(manifest) if is_joint(manifest) else [manifest]:
            runs[part["run"]] = runs.get(part["run"], {}) | part
    return sorted(runs.values(), key=lambda run: str(run["run"]), reverse=True)


def _iter_manifests(collection: Collection, *, least: str = "") -> Iterator[dict[str, Any]]:
    """Yield manifests by name, the last first; what is not a manifest is passed over."""
    for path in sorted(collection.runs_dir.glob("*.json"), reverse=True):
        if path.name < least:
            return
        try:
            manifest = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            continue
        if isinstance(manifest, dict) and manifest.get("run") == path.stem and manifest.get("began_at"):
            yield manifest


def _is_alive(collection: Collection, run: str) -> bool:
    token = run.rpartition("-")[2]
    if is_held(collection.path / f"frontier.sqlite.{run}.lock"):
        return True
    return any(is_held(path) for path in collection.archive_dir.glob(f"*-{token}.*{OPEN_SUFFIX}"))


def _build_record(manifest: Mapping[str, Any], state: RunState, collection: Collection) -> RunRecord:
    ended_at = manifest.get("ended_at")
    stated = manifest.get("counts", {})
    counts = {name: value for name, value in stated.items() if isinstance(value, int)}
    robots = {name.removeprefix(_ROBOTS): str(v) for name, v in stated.items() if name.startswith(_ROBOTS)}
    size = sum(file["bytes"] for file in manifest.get("files", ()))
    return RunRecord(
        run=manifest["run"],
        collection=collection.name,
        source=manifest.get("source") or "",
        spider=manifest.get("spider") or "",
        state=RunState.ENDED if ended_at else state,
        began_at=datetime.fromisoformat(manifest["began_at"]),
        ended_at=datetime.fromisoformat(ended_at) if ended_at else None,
        exit_reason=manifest.get("exit_reason") or "",
        bytes_archived=counts.get("archive/bytes", size),
        counts=counts,
        examples=manifest.get("examples") or {},
        definition=manifest.get("source_sha256") or "",
        robots=robots,
        machine=manifest.get("machine") or "",
    )
