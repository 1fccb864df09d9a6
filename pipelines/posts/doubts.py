"""Detects captures of an article that no longer look like it, such as block pages, walls or error pages.

Nothing is compared with what an article should be, only captures with each other. Those that share a headline, a text
or an instant of publication, or that the publisher's own date of change is between, are of one article. Where
they fall apart, the article is what was there first, unless that was weaker by every measure. The others are doubted:
kept, shown, and without a voice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pipelines.article.main_text import list_long_words, measure_mentioned
from pipelines.dates.model import Precision
from pipelines.markup.sanitise import find_text
from pipelines.page.classes import PageClass
from pipelines.page.interstitials import list_subjects
from pipelines.page.page import fold_title
from pipelines.posts.duplicates import compare_texts
from pipelines.posts.items import ANNOUNCING, Origin, Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

UNLIKE: Final = "unlike"
"""Neither headline nor text are those of the article."""
OTHER_TEXT: Final = "other_text"
"""The headline is the article's, and a short text that is not."""
CUT_SHORT: Final = "cut_short"
"""Hardly more than the beginning of the article, or a page that breaks off."""
GARBLED: Final = "garbled"
"""Letters of the article are damaged, as by a wrong encoding."""

_ONE_DAY, _ONE_MINUTE = timedelta(days=1), timedelta(minutes=1)
_PAGES = (Origin.ARTICLE, Origin.TEXT)
_MIN_CONTAINED = 0.3
_MAX_FOREIGN = 0.15
_MIN_ALIKE = 0.6
# Shorter texts have too few words to be compared, in letters; longer ones are articles as far as length can tell.
_COMPARABLE, _LONG = 120, 1_200
_MUCH_SHORTER, _A_STUB = 0.5, 0.2
# Nearly as long as the article; what ends early then is no stub.
_WHOLE = 0.95
_LEAST_WORDS, _CLEARLY = 3, 0.5
_CUT_OFF = re.compile(r"(?:…|\.\.\.|\[…\])\s*$")
_SENTENCE_END = re.compile(r"[.!?。！？।؟۔።፧։။។]['\"”’»」』）)\]]*$")
# A letter that a decoder did not know, or that was written in UTF-8 and read as Windows-1252.
_CONTINUED = f"[\u0080-\u00bf{bytes(range(0x80, 0xA0)).decode('cp1252', 'replace')}]"
_DAMAGED = re.compile(f"[\u00c2-\u00df]{_CONTINUED}|[\u00e0-\u00ef]{_CONTINUED}{{2}}|\ufffd")
_AS_BYTES = {ord(bytes([byte]).decode("cp1252", "ignore") or chr(byte)): byte for byte in range(0x80, 0xA0)}
# What an encoder writes for letters that it does not have; editors write it for other question marks.
_REPLACED = re.compile(r"\?(?=[\w?])")
_QUESTION_MARKS = re.compile("[\u037e\u061f\uff1f]")
_LEAST_DAMAGED, _MAX_DIFFERENCE = 2, 0.2
_OFFERS = frozenset((PageClass.PAYWALL, PageClass.LOGIN))


@dataclass(slots=True)
class _View:
    """A statement as it is compared."""

    statement: Statement
    text: str
    headline: str

    @property
    def at(self) -> datetime:
        return self.statement.at


@dataclass(slots=True)
class _Cluster:
    """Captures that look like one article, the earliest first."""

    views: list[_View] = field(default_factory=list)

    @property
    def length(self) -> int:
        return max(len(view.text) for view in self.views)

    @property
    def is_dated(self) -> bool:
        return any(view.statement.datePublished for view in self.views)


def find_doubts(stated: Sequence[Statement]) -> dict[int, str]:
    """Return position to reason of the statements that no longer look like the article.

    It depends on the set alone: positions follow the statements, in whatever order they stand.

    Args:
        stated: normalised statements of one article.
    """
    doubts: dict[int, str] = {}
    for origin in _PAGES:
        views = {place: one for place, one in enumerate(stated) if one.origin is origin and one.capture}
        if len(views) > 1:
            doubts |= _compare(views, stated)
    return doubts


def _compare(statements: dict[int, Statement], stated: Sequence[Statement]) -> dict[int, str]:
    # What says the same is one statement, however often it was seen: the latest capture of it counts.
    latest: dict[tuple[str, str, str], Statement] = {}
    for one in statements.values():
        key = _identify(one)
        if key not in latest or _order(one) > _order(latest[key]):
            latest[key] = one
    if len(latest) < 2:
        return {}
    views = [
        _View(one, find_text(one.articleBody), fold_title(one.headline)) for one in sorted(latest.values(), key=_order)
    ]
    announced = {fold_title(one.headline) for one in stated if one.origin in ANNOUNCING or one.origin is Origin.LISTING}
    changes = sorted({one.dateModified for one in stated if one.dateModified})
    clusters = _gather(views, changes)
    chosen = _choose(clusters, announced - {""})
    reasons = {
        _identify(view.statement): UNLIKE for cluster in clusters if cluster is not chosen for view in cluster.views
    }
    reasons |= dict(_iter_poorer(chosen.views, changes))
    return {place: reasons[key] for place, one in statements.items() if (key := _identify(one)) in reasons}


def _identify(one: Statement) -> tuple[str, str, str]:
    return (one.headline, one.articleBody, str(one.datePublished))


def _order(one: Statement) -> tuple[datetime, str, tuple[str, str, str]]:
    return (one.at, one.capture.record_id if one.capture else "", _identify(one))


def _gather(views: Iterable[_View], changes: Sequence[datetime]) -> list[_Cluster]:
    clusters: list[_Cluster] = []
    for view in views:
        own = next((found for found in clusters if any(_is_alike(one, view, changes) for one in found.views)), None)
        if own is None:
            own = _Cluster()
            clusters.append(own)
        own.views.append(view)
    return clusters


def _is_alike(earlier: _View, later: _View, changes: Sequence[datetime]) -> bool:
    """Return whether two captures look like one article."""
    if _has_same_instant(earlier.statement, later.statement):
        return True
    if _is_changed(earlier, later, changes) and not _has_other_date(earlier.statement, later.statement):
        return True
    is_comparable = min(len(earlier.text), len(later.text)) >= _COMPARABLE
    if earlier.headline and later.headline:
        if _share_pairs(earlier.headline, later.headline) >= _MIN_ALIKE:
            return True
        if not earlier.text or not later.text:
            return earlier.text == later.text
    elif not is_comparable:
        return True  # nothing tells
    return compare_texts(earlier.text, later.text).containment >= _MIN_CONTAINED


def _is_exact(one: Statement) -> bool:
    """Return whether the instant of publication is stated; "two hours ago" is an earlier one on each later page."""
    return one.datePublished_precision in (Precision.SECOND, Precision.MINUTE)


def _has_same_instant(left: Statement, right: Statement) -> bool:
    return _is_exact(left) and left.datePublished == right.datePublished


def _has_other_date(left: Statement, right: Statement) -> bool:
    """Return whether both date their publication differently: instants by more than rounding, days than a time zone."""
    if left.datePublished is None or right.datePublished is None:
        return False
    allowed = _ONE_MINUTE if _is_exact(left) and _is_exact(right) else _ONE_DAY
    return abs(left.datePublished - right.datePublished) > allowed


def _is_changed(earlier: _View, later: _View, changes: Sequence[datetime]) -> bool:
    """Return whether the publisher dates a change between two captures, or a later one in the later of them."""
    if any(earlier.at < change <= later.at for change in changes):
        return True
    before = earlier.statement.dateModified or earlier.statement.datePublished
    change = later.statement.dateModified
    return before is not None and change is not None and before < change <= later.at


def _choose(clusters: list[_Cluster], announced: set[str]) -> _Cluster:
    """Return the article: what was there first, unless it is weaker than what came later."""
    chosen = clusters[0]
    for other in clusters[1:]:
        mine, theirs = _weigh(chosen, announced), _weigh(other, announced)
        if theirs > mine or (theirs == mine and _is_slight(chosen, other)):
            chosen = other
    return chosen


def _is_slight(chosen: _Cluster, other: _Cluster) -> bool:
    """Return whether a short text is less likely to be the article than a much longer one of the same date."""
    if chosen.length >= _LONG or chosen.length >= _MUCH_SHORTER * other.length:
        return False
    one, two = chosen.views[0], other.views[0]
    return not _has_other_date(one.statement, two.statement) and not _is_garbled(one.text, two.text)


def _weigh(cluster: _Cluster, announced: set[str]) -> int:
    is_announced = any(view.headline in announced for view in cluster.views)
    return 2 * is_announced + cluster.is_dated


def _iter_poorer(views: Sequence[_View], changes: Sequence[datetime]) -> Iterable[tuple[tuple[str, str, str], str]]:
    """Yield those that have the article's headline and something poorer than its text, with the reason."""
    best: _View | None = None
    for view in views:
        reason = _find_damage(best, view) if best else ""
        if best and not reason and not _is_changed(best, view, changes):
            reason = _find_poorer(best, view)
        if reason:
            yield _identify(view.statement), reason
        elif view.text:
            best = view


def _find_damage(best: _View, view: _View) -> str:
    """Return how a page was damaged on its way; no date of change explains that."""
    if view.statement.is_cut and not best.statement.is_cut and _ends_early(best.text, view.text):
        return CUT_SHORT
    return GARBLED if _is_garbled(best.text, view.text) else ""


def _ends_early(best: str, text: str) -> bool:
    """Return whether a text is empty or ends inside of the article: in a line, or behind one before the last."""
    end = text.rpartition("\n")[2]
    *earlier, last = best.splitlines() or [""]
    return len(text) < len(best) and end != last and any(line.startswith(end) for line in (*earlier, last))


def _is_garbled(best: str, text: str) -> bool:
    """Return whether a text has damaged letters or question marks for about as many letters of the article."""
    best, text = (_QUESTION_MARKS.sub("?", one) for one in (best, text))
    letters = frozenset(best)
    damage, earlier = _list_damaged(text, letters), _list_damaged(best, letters)
    marks = len(damage) - len(earlier)
    if len(_REPLACED.findall(text)) - len(_REPLACED.findall(best)) >= _LEAST_DAMAGED:
        marks += text.count("?") - best.count("?")
    if marks < _LEAST_DAMAGED:
        return False
    lost = _count_foreign(best, earlier) - _count_foreign(text, damage)
    return abs(marks - lost) <= _MAX_DIFFERENCE * marks


def _list_damaged(text: str, letters: frozenset[str]) -> list[str]:
    """Return what stands for one of the letters, read in a wrong encoding: `Ã¤`, but not the `Ö–` of `SPÖ–`."""
    found = _DAMAGED.findall(text)
    return [mark for mark in found if "\ufffd" in mark or _read_letter(mark) in letters]


def _read_letter(mark: str) -> str:
    return mark.translate(_AS_BYTES).encode("latin-1").decode("utf-8", "ignore")


def _count_foreign(text: str, damaged: Iterable[str]) -> int:
    """Return how many letters beyond ASCII are whole."""
    return len(text) - len(text.encode("ascii", "ignore")) - sum(map(len, damaged))


def _find_poorer(best: _View, view: _View) -> str:
    if len(best.text) < 2 * _COMPARABLE:
        return ""
    if not view.text:
        return CUT_SHORT
    share = len(view.text) / len(best.text)
    contained = compare_texts(best.text, view.text).containment
    if contained < _MAX_FOREIGN and (share < _MUCH_SHORTER or _is_about_other(best, view)):
        return OTHER_TEXT
    lines = [line.strip() for line in view.text.splitlines() if line.strip()]
    whole = {line.strip() for line in best.text.splitlines()}
    if share < _WHOLE and lines[-1] not in whole and _breaks_off(lines[-1], whole):
        return CUT_SHORT
    is_cut = any(line not in whole and (_CUT_OFF.search(line) or _begins(line, whole)) for line in lines)
    return CUT_SHORT if share < _MUCH_SHORTER and (is_cut or share < _A_STUB) else ""


def _is_about_other(best: _View, view: _View) -> bool:
    """Return whether one text has the words of their headline and the other hardly any."""
    words = list_long_words(best.statement.headline)
    if len(words) < _LEAST_WORDS:
        return False
    return measure_mentioned(words, best.text) - measure_mentioned(words, view.text) >= _CLEARLY


def _breaks_off(line: str, whole: set[str]) -> bool:
    """Return whether a last line ends inside of a sentence of the article, or offers more for money or an account."""
    if _begins(line, whole) and not _SENTENCE_END.search(line):
        return True
    return not _OFFERS.isdisjoint(list_subjects(line, share=1.0))


def _begins(line: str, whole: set[str]) -> bool:
    """Return whether a line is the beginning of a longer paragraph."""
    return len(line) >= 20 and any(len(other) > len(line) and other.startswith(line) for other in whole)


def _share_pairs(left: str, right: str) -> float:
    """Return how much of the shorter headline's pairs of letters the longer one has, 0 to 1."""
    one, other = ({text[at : at + 2] for at in range(len(text) - 1)} for text in (left, right))
    least = min(len(one), len(other))
    return len(one & other) / least if least else float(left == right)
