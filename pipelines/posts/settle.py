"""Settles a set of statements about one article into a post.

Captures that no longer look like the article have no voice (`pipelines.posts.doubts`). Of the others, for every field
the best statement wins: by how much it says, by the kind of capture that it was read from, then the latest. A post
depends on the set of statements and on the source's options, and on nothing else: neither on the order in which a
crawl happened to fetch them nor on how often.
"""

from __future__ import annotations

import re
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from pipelines.dates.model import Precision
from pipelines.markup.sanitise import find_text
from pipelines.posts.doubts import find_doubts
from pipelines.posts.items import ANNOUNCING, BY_CAPTURE, Doubt, Evidence, Origin, Post, Statement
from pipelines.posts.normalise import normalise
from pipelines.posts.options import Undated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipelines.posts.options import PostOptions

_ALONE = ("url", "author", "publisher", "inLanguage", "shareLink", "articleBody")
_WITH_FOUND = ("headline", "articleSection", "keywords")
_DATES = ("datePublished", "dateModified")
# Of these every capture's are kept: what an earlier version of a text names, the article named.
_SETS = ("symbols",)
FIELDS = ("headline", "articleSection", "keywords", "articleBody", *_DATES, *_ALONE[:-1], *_SETS)
# What goes with each field from the statement into the post.
_PARTS: Mapping[str, tuple[str, ...]] = (
    {name: (name,) for name in _ALONE + _SETS}
    | {name: (name, f"{name}_found") for name in _WITH_FOUND}
    | {name: (name, f"{name}_precision", f"{name}_found") for name in _DATES}
)

# From the least to the most detailed: a share link's address holds the whole text, an article page states the rest.
_BY_DETAIL = (Origin.SITEMAP, Origin.FEED, Origin.SHARE, Origin.LISTING, Origin.TEXT, Origin.FOREIGN, Origin.ARTICLE)
_BY_BODY = (
    Origin.SITEMAP,
    Origin.FEED,
    Origin.SHARE,
    Origin.LISTING,
    Origin.FOREIGN,
    Origin.ARTICLE,
    Origin.TEXT,
)
_RANK = {origin: rank for rank, origin in enumerate(_BY_DETAIL)}
_RANK_BODY = {origin: rank for rank, origin in enumerate(_BY_BODY)}
_PRECISION = {Precision.DAY: 0, Precision.HOUR: 1, Precision.MINUTE: 2, Precision.SECOND: 3}

_OPENING_CHARACTERS = 40
_SENTENCE_END = re.compile(r"(?<=[。！？!?])|(?<=\.)\s")

_Rank = tuple[int, int, datetime, str, str, str]


class PostRefused(ValueError):
    """Statements that make no post.

    Attributes:
        reason: slug under which it is counted: `no_identifier`, `no_text`, `no_date`, `no_headline`, `not_fetched`,
            `passed_on`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def is_expected(self) -> bool:
        """Whether there is no article to make a post of: it was only announced, or its page says that it is another."""
        return self.reason in ("not_fetched", "passed_on")


def settle(statements: Iterable[Statement], options: PostOptions) -> Post:
    """Return the post that some statements of one article make.

    The same set gives the same post, in whatever order it comes and however often a statement is in it.

    Raises:
        PostRefused: no id, no text or no day is stated, only feeds and sitemaps name the article, or its page says that
            it is another.
        ValueError: there is no statement, or they are of several articles.
    """
    stated = [normalise(statement, options) for statement in statements]
    keys = {statement.key for statement in stated}
    if len(keys) != 1:
        raise ValueError(f"a post is settled from statements of one article, not of {sorted(keys)}")
    stated = _drop_passing(stated)
    post = join(stated)
    if post.datePublished is None and options.undated is Undated.CAPTURED:
        return finish(post, options, first=_find_first(stated))
    return finish(post, options)


def _drop_passing(stated: Sequence[Statement]) -> list[Statement]:
    """Return the statements of an article that speak of it, and not of another.

    What others state of a page that passes the article on belongs to that other article, which the page states itself.
    Of two pages that name each other, the one whose id sorts first is the article.

    Raises:
        PostRefused: the page at the article's address has only ever said that it is another.
    """
    spoken = [statement for statement in stated if not statement.passed_to]
    targets = {statement.passed_to for statement in stated if statement.passed_to}
    mutual = targets & {statement.read_at for statement in spoken}
    is_own = any(statement.origin is Origin.ARTICLE for statement in spoken)
    if not targets or is_own or (mutual and stated[0].identifier < min(mutual)):
        return spoken
    where = f"{stated[0].source}/{stated[0].identifier}"
    raise PostRefused("passed_on", f"{where}: its page says that it is {min(targets)}")


def join(stated: Sequence[Statement]) -> Post:
    """Return the best of some normalised statements of one article, field by field, whether or not it makes a post.

    Captures that no longer look like the article are left out, and listed as its doubts.
    """
    reasons = find_doubts(stated)
    doubts = sorted(
        {
            (stated[place].at, _find_record(stated[place]), reason): Doubt(
                record_id=_find_record(stated[place]), captured_at=stated[place].at, reason=reason
            )
            for place, reason in reasons.items()
        }.items()
    )
    stated = [statement for place, statement in enumerate(stated) if place not in reasons]
    values: dict[str, Any] = {"source": stated[0].source, "identifier": stated[0].identifier}
    values["origin"] = max((statement.origin for statement in stated), key=_RANK.__getitem__)
    values["capture"] = max(stated, key=lambda statement: (statement.at, _find_record(statement))).capture
    evidence: dict[str, Evidence] = {}
    for name in FIELDS:
        having = [statement for statement in stated if getattr(statement, name)]
        if not having:
            continue
        best = having[0] if len(having) == 1 else max(having, key=lambda statement: _rank(statement, name))
        values |= {part: getattr(best, part) for part in _PARTS[name]}
        evidence[name] = Evidence(
            origin=best.origin,
            captured_at=best.at,
            record_id=_find_record(best),
            place=best.witnesses.get(name, ""),
            agreeing=best.agreeing.get(name, 0),
            disagreeing=tuple(best.disagreeing.get(name, ())),
        )
        if name == "articleBody":
            values["capture"] = best.capture
        elif name in _SETS:
            values[name] = sorted({entry for statement in having for entry in getattr(statement, name)})
    return Post(**values, evidence=evidence, doubts=[doubt for _, doubt in doubts])


def _find_first(stated: Sequence[Statement]) -> Evidence | None:
    """Return the first capture that an archive holds of an article, of those that look like it."""
    reasons = find_doubts(stated)
    found = [
        (*(statement.earliest or (statement.at, _find_record(statement))), statement.origin)
        for place, statement in enumerate(stated)
        if place not in reasons and statement.capture is not None
    ]
    if not found:
        return None
    at, record_id, origin = min(found)
    return Evidence(origin=origin, captured_at=at, record_id=record_id, place=BY_CAPTURE)


def _find_record(statement: Statement) -> str:
    return statement.capture.record_id if statement.capture else ""


def _rank(statement: Statement, name: str) -> _Rank:
    says = _measure_saying(getattr(statement, f"{name}_precision"), statement.origin) if name in _DATES else 0
    detail = (_RANK_BODY if name == "articleBody" else _RANK)[statement.origin]
    value = repr([str(getattr(statement, part)) for part in _PARTS[name]])
    return (says, detail, statement.at, _find_record(statement), value, statement.witnesses.get(name, ""))


def _measure_saying(precision: Precision, origin: Origin) -> int:
    """Return how much a date says: a feed's time says more than a bare day, and less than any time of the page's.

    Feeds often date an article by its last change, to the second.
    """
    says = _PRECISION[precision]
    return min(says, 1) if origin in ANNOUNCING else says + (says > 0)


def finish(post: Post, options: PostOptions, *, first: Evidence | None = None) -> Post:
    """Fill what a joined post's statements imply but none of them says outright, and return it.

    A missing headline is the opening of the body, a missing day may be in the id, an aggregator's section is the
    medium, and the tag is the section's name with the source's suffix.

    Args:
        first: the capture whose day is that of a post without another.

    Raises:
        PostRefused: no id, no text or no day is stated.
    """
    if not post.identifier:
        raise PostRefused("no_identifier", f"a post of source {post.source!r} has neither id nor address")
    where = f"{post.source}/{post.identifier}"
    if post.origin in ANNOUNCING:
        raise PostRefused("not_fetched", f"{where}: a feed or a sitemap names it, and its page has not been fetched")
    if not post.articleBody:
        raise PostRefused("no_text", f"{where}: no capture gives its text")
    if post.datePublished is None:
        day = options.find_day(post.identifier)
        if day is None and first is not None:
            day = first.captured_at.astimezone(options.zone).date()
            post.evidence["datePublished"] = first
        if day is None:
            raise PostRefused("no_date", f"{where}: no capture dates it and its id holds no day")
        post.datePublished, post.datePublished_precision = datetime.combine(day, time(), options.zone), Precision.DAY
    post.headline = post.headline or find_opening(post.articleBody)
    if not post.headline:
        raise PostRefused("no_headline", f"{where}: no capture gives it a headline and its body has no words")
    post.articleSection = post.articleSection or ([post.publisher] if post.publisher else [])
    post.keywords = post.keywords or [name + options.tag_suffix for name in post.articleSection]
    post.inLanguage = post.inLanguage or options.language
    return post


def find_opening(body: str) -> str:
    """Return the first sentence of a body, cut to a headline's length."""
    for line in find_text(body).splitlines():
        text = " ".join(line.split())
        if any(character.isalnum() for character in text):
            sentence = _SENTENCE_END.split(text)[0].strip()
            return sentence if len(sentence) <= _OPENING_CHARACTERS else sentence[:_OPENING_CHARACTERS] + "…"
    return ""
