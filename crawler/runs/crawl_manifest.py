"""The joint manifest of a crawl shared by several workers.

It is made of the workers' manifests alone and holds all that they say, so the manifests of a crawl may be joined, taken
apart and joined again with others, by any process that has them.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pipelines.examples import MOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Manifest = dict[str, Any]

# Written once for all workers, and again for a worker that differs.
_SHARED: Final = ("spider", "source", "source_sha256", "collection", "seeds", "versions", "settings")
# Every worker counts these from the same heap, so their sum would mean nothing.
_LARGEST: Final = ("frontier/resumed", "request_depth_max")
# How the crawl ended is said elsewhere.
_PRIVATE: Final = ("finish_reason",)
FINISHED: Final = "finished"


def build_joint(crawl: str, manifests: Iterable[Mapping[str, Any]]) -> Manifest:
    """Describe a shared crawl.

    Args:
        crawl: its id, which the manifests name.
        manifests: of its workers, at least one, in any order; a later one of the same run replaces an earlier one.
    """
    by_run = {manifest["run"]: manifest for manifest in manifests}
    parts = sorted(by_run.values(), key=lambda part: (_read_instant(part["began_at"]), part["run"]))
    shared = {name: parts[0].get(name) for name in _SHARED}
    ended_at, exit_reason = find_end(parts)
    return {
        "run": crawl,
        "job": crawl.rpartition("-")[2],
        **shared,
        "began_at": parts[0]["began_at"],
        "ended_at": ended_at,
        "exit_reason": exit_reason,
        "counts": sum_counts([part.get("counts", {}) for part in parts]),
        "examples": join_examples([part.get("examples", {}) for part in parts]),
        "workers": [_list_own(part, shared) for part in parts],
    }


def list_parts(joint: Mapping[str, Any]) -> list[Manifest]:
    """Return the workers' manifests that a joint one was made of."""
    shared = {name: joint.get(name) for name in _SHARED}
    return [{**shared, **worker, "crawl": joint["run"]} for worker in joint["workers"]]


def is_joint(manifest: Mapping[str, Any]) -> bool:
    """Return whether a manifest is that of a whole crawl."""
    return "workers" in manifest


def find_end(parts: Sequence[Mapping[str, Any]]) -> tuple[str | None, str | None]:
    """Return when and why a crawl ended, or None twice for one that is in progress or whose workers died.

    A worker says `finished` only when nothing was left to fetch for anybody, so what it says holds for those who died.
    """
    ended = sorted((part for part in parts if part.get("ended_at")), key=lambda part: _read_instant(part["ended_at"]))
    if ended and any(part["exit_reason"] == FINISHED for part in ended):
        return ended[-1]["ended_at"], FINISHED
    if ended and len(ended) == len(parts):
        return ended[-1]["ended_at"], ended[-1]["exit_reason"]
    return None, None


def sum_counts(counts: Iterable[Mapping[str, int | str]]) -> dict[str, int | str]:
    """Add up the counts of several runs; of texts the last one stands."""
    total: dict[str, int | str] = {}
    for one in counts:
        for name, value in one.items():
            before = total.get(name, 0)
            if isinstance(value, str) or isinstance(before, str):
                total[name] = value
            else:
                total[name] = max(before, value) if name in _LARGEST else before + value
    return {name: total[name] for name in sorted(total) if name not in _PRIVATE}


def join_examples(examples: Iterable[Mapping[str, list[str]]]) -> dict[str, list[str]]:
    """Return examples of several runs, as many for each name as one run keeps."""
    joint: dict[str, list[str]] = {}
    for one in examples:
        for name, addresses in one.items():
            joint[name] = list(dict.fromkeys([*joint.get(name, ()), *addresses]))[:MOST]
    return {name: joint[name] for name in sorted(joint)}


def _list_own(part: Mapping[str, Any], shared: Mapping[str, Any]) -> Manifest:
    return {
        name: value
        for name, value in part.items()
        if name != "crawl" and not (name in shared and shared[name] == value)
    }


def _read_instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
