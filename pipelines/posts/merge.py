"""One article, many captures: joining what each of them states into one post.

The join takes, for every field, the best statement: by how much it says, by the kind of capture it comes from, then
the latest. It is commutative, associative and idempotent, so a post depends on the set of captures and on nothing
else: neither on the order in which a crawl happened to fetch them nor on how often.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelines.posts.items import HEARSAY, Evidence, Origin, Post, Precision

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALONE = ("url", "author", "publisher", "inLanguage", "shareLink")
_WITH_FOUND = ("headline", "articleSection", "keywords", "articleBody")
_DATES = ("datePublished", "dateModified")
# Of these every capture's are kept: what an earlier version of a text names, the article named.
_SETS = ("symbols",)
FIELDS = _WITH_FOUND + _DATES + _ALONE + _SETS
# What goes with each field from the one post to the other.
_PARTS: Mapping[str, tuple[str, ...]] = (
    {name: (name,) for name in _ALONE + _SETS}
    | {name: (name, f"{name}_found") for name in _WITH_FOUND}
    | {name: (name, f"{name}_precision", f"{name}_found") for name in _DATES}
)

# Least telling first. A share link's address holds the whole text; an article page states the rest best.
_TELLING = (Origin.SITEMAP, Origin.FEED, Origin.SHARE, Origin.LISTING, Origin.TEXT, Origin.FOREIGN, Origin.ARTICLE)
_TELLING_BODY = (Origin.SITEMAP, Origin.FEED, Origin.SHARE, Origin.LISTING, Origin.FOREIGN, Origin.ARTICLE, Origin.TEXT)
_PRECISION = (Precision.DAY, Precision.HOUR, Precision.MINUTE, Precision.SECOND)

_Rank = tuple[int, int, datetime, str, str, str]


def attest(post: Post, *, captured_at: datetime | None = None) -> Post:
    """Return the post with evidence for every field it states: its own capture.

    Args:
        captured_at: stands in where the post has no capture; it then ranks below every captured statement.
    """
    if post.capture is not None:
        at, record_id = post.capture.captured_at, post.capture.record_id
    else:
        at, record_id = captured_at or datetime.min.replace(tzinfo=UTC), ""
    evidence = {
        name: Evidence(origin=post.origin, captured_at=at, record_id=record_id, place=post.places.get(name, ""))
        for name in FIELDS
        if getattr(post, name)
    }
    return replace(post, evidence=evidence, places={})


def join(left: Post, right: Post) -> Post:
    """Return the join of two attested posts of the same article.

    Raises:
        ValueError: they are of different articles.
    """
    if left.key != right.key:
        raise ValueError(f"posts of two articles cannot be joined: {left.key} and {right.key}")
    values: dict[str, Any] = {"source": left.source, "identifier": left.identifier}
    values["origin"] = max(left.origin, right.origin, key=_TELLING.index)
    evidence: dict[str, Evidence] = {}
    for name in FIELDS:
        best = left if _is_same(left, right, name) else max((left, right), key=lambda post: _rank(post, name))
        if name in best.evidence:
            values |= {part: getattr(best, part) for part in _PARTS[name]}
            evidence[name] = best.evidence[name]
            if name == "articleBody":
                values["capture"] = best.capture
    for name in _SETS:
        values[name] = sorted({*getattr(left, name), *getattr(right, name)})
    if "capture" not in values:
        values["capture"] = max(left.capture, right.capture, key=_captured_at)
    return Post(**values, evidence=evidence)


def _captured_at(ref: Any) -> tuple[str, str]:
    return (ref.captured_at.isoformat(), ref.record_id) if ref else ("", "")


def _is_same(left: Post, right: Post, name: str) -> bool:
    """Tell whether both say the same on the same evidence, as a post does that is joined with itself."""
    is_same_evidence = left.evidence.get(name) == right.evidence.get(name)
    return is_same_evidence and all(getattr(left, part) == getattr(right, part) for part in _PARTS[name])


def _rank(post: Post, name: str) -> _Rank:
    evidence = post.evidence.get(name)
    if evidence is None:
        return (-1, -1, datetime.min.replace(tzinfo=UTC), "", "", "")
    says = _measure_saying(getattr(post, f"{name}_precision"), evidence.origin) if name in _DATES else 0
    telling = (_TELLING_BODY if name == "articleBody" else _TELLING).index(evidence.origin)
    # A set is joined whichever side's evidence is named, so its value must not decide on that.
    value = "" if name in _SETS else repr([getattr(post, part) for part in _PARTS[name]])
    return (says, telling, evidence.captured_at, evidence.record_id, value, evidence.place)


def _measure_saying(precision: Precision, origin: Origin) -> int:
    """Return how much a date says: hearsay with a time says more than a bare day, and less than any time of the page's.

    Feeds often date an article by its last change, to the second.
    """
    says = _PRECISION.index(precision)
    return min(says, 1) if origin in HEARSAY else says + (says > 0)
