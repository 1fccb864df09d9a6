"""The logbook: what the run manifests of all collections say, and which of the runs without an end are still alive."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from archives.collection import OPEN_SUFFIX, Collection, list_collections
from archives.files import is_held
from archives.urls import format_timestamp
from pipelines.shelf import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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
        robots: host to the digest of the robots.txt that the run was given.
        bytes_archived: compressed.
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
    robots: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """How long it took; None where nobody knows."""
        return (self.ended_at - self.began_at).total_seconds() if self.ended_at else None

    @property
    def pages(self) -> int:
        """How many pages were read."""
        return self._sum("pages/", but=("pages/failed/", "pages/not_html"))

    @property
    def failed(self) -> int:
        """How many pages could not be had."""
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
    """Return the newest run of a source that began at an instant or later."""
    # Names begin with the second in which the run began, so that nothing older has to be opened.
    least = format_timestamp(since - timedelta(seconds=1))
    for manifest in _iter_manifests(collection, least=least):
        run = _build_record(manifest, collection, state=RunState.RUNNING)
        if run.source == source and run.began_at >= since:
            return run
    return None


def _iter_runs(collection: Collection, *, most: int | None = None) -> Iterator[RunRecord]:
    """Yield a collection's runs, the newest first.

    A run is alive if it holds the lock of the WARC file that it writes. Before its first capture it has none; then its
    worker's lock beside the frontier tells that one is alive, and of those in question it is the newest.
    """
    manifests = list(islice(_iter_manifests(collection), most))
    open_ended = [manifest for manifest in manifests if not manifest.get("ended_at")]
    alive = {manifest["run"] for manifest in open_ended if _is_writing(collection, manifest["run"])}
    spare = sum(is_held(path) for path in collection.path.glob("frontier.sqlite.*.lock")) if open_ended else 0
    in_question = [manifest["run"] for manifest in open_ended if manifest["run"] not in alive]
    alive.update(in_question[: max(0, spare - len(alive))])
    for manifest in manifests:
        state = RunState.RUNNING if manifest["run"] in alive else RunState.DIED
        yield _build_record(manifest, collection, state=state)


def _iter_manifests(collection: Collection, *, least: str = "") -> Iterator[dict[str, Any]]:
    """Yield manifests by name, the last first; what is no manifest is passed over."""
    for path in sorted(collection.runs_dir.glob("*.json"), reverse=True):
        if path.name < least:
            return
        try:
            manifest = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            continue
        if isinstance(manifest, dict) and manifest.get("run") == path.stem and manifest.get("began_at"):
            yield manifest


def _is_writing(collection: Collection, run: str) -> bool:
    token = run.rpartition("-")[2]
    return any(is_held(path) for path in collection.archive_dir.glob(f"*-{token}.*{OPEN_SUFFIX}"))


def _build_record(manifest: Mapping[str, Any], collection: Collection, *, state: RunState) -> RunRecord:
    ended_at = manifest.get("ended_at")
    told = manifest.get("counts", {})
    counts = {name: value for name, value in told.items() if isinstance(value, int)}
    robots = {name.removeprefix(_ROBOTS): str(v) for name, v in told.items() if name.startswith(_ROBOTS)}
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
        robots=robots,
    )
