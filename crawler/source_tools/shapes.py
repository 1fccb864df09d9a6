"""Groups a page's links by the shape of their addresses, and finds the articles' pattern.

Addresses that one program made differ only in dates, numbers and names, so a page's links fall into few shapes, and
the shape with the long link texts and the changing tails is that of the articles. Nothing here asks the network.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pipelines.page.addresses import join_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FRAME = frozenset(["nav", "header", "footer", "aside"])
_SECOND_LEVEL = frozenset(["com", "co", "org", "net", "gov", "ac", "edu", "or", "ne", "go"])
EXTENSION = re.compile(r"\.(?:s?html?|php|aspx?|jsp|do|cms|ece)$", re.IGNORECASE)
_FILES = re.compile(r"\.(?:jpe?g|png|gif|svg|webp|ico|css|js|json|xml|rss|pdf|zip|apk|exe|dmg|mp[34]|m3u8)$", re.I)
_YEAR = re.compile(r"(?:19|20)\d\d")
_DATE = re.compile(r"(?:19|20)\d\d[-_]?(?:0[1-9]|1[0-2])(?:[-_]?(?:0[1-9]|[12]\d|3[01]))?")
_HAS_DATE = re.compile(r"(?:19|20)\d\d[-/_]?(?:0[1-9]|1[0-2])(?!\d)|(?:19|20)\d\d[-_]?(?:0[1-9]|1[0-2])[-_]?[0-3]\d")
_CHARSETS = (r"\d+", r"[a-z]+", r"[a-z0-9]+", r"[A-Za-z0-9]+", r"[\w-]+", r"[\w.-]+")
_SLUG_CHARSETS = (r"\d+", r"[\w-]+", r"[\w.-]+")
_WORDS = re.compile(r"\w+(?:-+\w+)+-*")
_CODE = re.compile(r"(?=\D*\d)[A-Za-z0-9]+")
# A number within a segment that may be an article's: at its end or its beginning.
_TAIL = re.compile(r".*[-_.,](?P<number>\d+)")
_HEAD = re.compile(r"(?P<number>\d+)[-_.,].*")
_LONG_ID = 5
ANYTHING = r"[^/?&#]+"
_FEWEST = 2
_FEWEST_SLUGS = 5
_HEADLINE = 20
_MOST_SECTIONS = 30
_DISTINCT = 0.9
# Of long ids: one article may be in two sections, and of an id of a section most would be alike.
_DISTINCT_IDS = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One address that a page links to.

    Attributes:
        text: of the longest link to it.
        is_framed: it stands only in what frames the page: navigation, header, footer, aside.
    """

    url: str
    text: str
    is_framed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Addresses of one shape.

    Attributes:
        score: how much they look like articles; only to be compared on the same page.
    """

    anchors: tuple[Anchor, ...]
    score: float

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses, in the order of the page."""
        return tuple(anchor.url for anchor in self.anchors)


def list_anchors(root: Any, base_url: str) -> list[Anchor]:
    """Return the pages that a parsed page links to, each once, in document order; files are left out."""
    texts: dict[str, str] = {}
    bare: set[str] = set()
    base = root.find(".//base[@href]")
    base_url = (join_url(base_url, base.get("href")) if base is not None else "") or base_url
    for element in root.iter("a"):
        url = join_url(base_url, element.get("href") or "")
        if not url or _FILES.search(urlsplit(url).path):
            continue
        text = " ".join("".join(element.itertext()).split()) or (element.get("title") or "").strip()
        texts[url] = max(texts.get(url, ""), text, key=len)
        if not any(parent.tag in _FRAME for parent in element.iterancestors()):
            bare.add(url)
    return [Anchor(url=url, text=text, is_framed=url not in bare) for url, text in texts.items()]


def find_site(url: str) -> str:
    """Return what the hosts of one publisher have in common: the name registered, as far as its labels tell."""
    host = urlsplit(url).netloc.rpartition("@")[2].lower()
    labels = host.split(".")
    if ":" in host or labels[-1].isdigit() or len(labels) < 3:
        return host
    wanted = 3 if len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else 2
    return ".".join(labels[-wanted:])


def is_same_site(url: str, site: str) -> bool:
    """Return whether an address belongs to a publisher's hosts."""
    host = urlsplit(url).netloc.rpartition("@")[2].lower()
    return host == site or host.endswith(f".{site}")


def group_anchors(anchors: Iterable[Anchor]) -> list[Cluster]:
    """Return the clusters of at least two addresses, those that look most like articles first."""
    by_shape: dict[tuple[str, ...], list[Anchor]] = defaultdict(list)
    for anchor in anchors:
        shape = find_shape(anchor.url)
        if shape:
            by_shape[shape].append(anchor)
    groups = [group for group in _join_sections(by_shape) if len(group) >= _FEWEST]
    clusters = [Cluster(anchors=tuple(group), score=_score(group)) for group in groups]
    return sorted(clusters, key=lambda cluster: -cluster.score)


def _join_sections(by_shape: dict[tuple[str, ...], list[Anchor]]) -> Iterable[list[Anchor]]:
    """Return the groups, those joined that differ in their first word only and whose texts are headlines all.

    What a sitemap names has no text; it goes where a page's links of the same form went.
    """
    joined: dict[tuple[str, ...], list[Anchor]] = defaultdict(list)
    for shape, group in sorted(by_shape.items(), key=lambda pair: not _measure_texts(pair[1])):
        is_section = len(shape) > 3 and bool({"name", "number"} & set(shape[1:]))
        section = ("", *shape[1:])
        is_headed = _measure_texts(group) >= _HEADLINE or (section in joined and not _measure_texts(group))
        joined[section if is_section and is_headed else shape] += group
    return joined.values()


def _measure_texts(group: Sequence[Anchor]) -> float:
    """Return how wide the link texts are in the middle, 0 if there are none; a Han character is two wide."""
    widths = [len(anchor.text) + sum(ord(char) > 0x2E80 for char in anchor.text) for anchor in group if anchor.text]
    return median(widths) if widths else 0.0


def find_shape(url: str) -> tuple[str, ...]:
    """Return what addresses made by one program share; empty for a site's front page."""
    parts = urlsplit(url)
    segments = [segment for segment in parts.path.split("/") if segment]
    keys = sorted({key for key, _ in parse_qsl(parts.query)})
    if not segments and not keys:
        return ()
    extension = EXTENSION.search(segments[-1]) if segments else None
    kinds = [_find_kind(EXTENSION.sub("", unquote(segment))) for segment in segments]
    if "number" in kinds[:-1] and kinds[-1] == "word":
        kinds[-1] = "name"  # a headline of one or two words
    # What stands before a date is a section; elsewhere the first word tells programs apart.
    if "date" in kinds:
        kinds[: kinds.index("date")] = ["section"] * kinds.index("date")
    elif len(kinds) > 1 and kinds[0] == "word":
        kinds[0] = segments[0]
    return (*kinds, extension[0].lower() if extension else "", "?", *keys)


def _find_kind(segment: str) -> str:
    if _YEAR.fullmatch(segment) or _DATE.fullmatch(segment):
        return "date"
    if segment.isdigit():
        return "part" if len(segment) <= 2 else "number"
    if any(char.isdigit() for char in segment) or segment.count("-") >= 2 or len(segment) > 24:
        return "name"
    return "word"


def _score(group: Sequence[Anchor]) -> float:
    text_weight = min(_measure_texts(group) / 20, 2.0)
    kinds = {_find_kind(EXTENSION.sub("", part)) for anchor in group for part in urlsplit(anchor.url).path.split("/")}
    weight = 0.3
    if {"number", "name"} & kinds:
        weight = 1.5
    if all(_HAS_DATE.search(anchor.url) for anchor in group):
        weight = 3.0
    framed = sum(anchor.is_framed for anchor in group) / len(group)
    return min(len(group), 40) * text_weight * weight * (1 - 0.8 * framed)


def build_pattern(urls: Sequence[str]) -> str:
    """Return the regular expression that addresses of one shape share, scheme left open; '' where they share none.

    The number or code by which the site tells its articles apart is a group called `id`. A headline in an address is
    none, since two articles may be named alike: they are then known by their addresses.
    """
    parts = [urlsplit(url) for url in urls]
    rows = [part.path.rstrip("/").split("/")[1:] for part in parts]
    queries = [dict(parse_qsl(part.query)) for part in parts]
    if len({len(row) for row in rows}) != 1:
        return ""
    columns = list(zip(*rows, strict=True))
    place = _find_id_place(columns, queries)
    # Before a date stands a section, and other sections than those of this page have articles, too.
    is_dated = any(_YEAR.fullmatch(column[0]) or _DATE.fullmatch(column[0]) for column in columns)
    path = "".join(
        "/"
        + _match_column(
            column,
            is_id=place == str(number),
            is_open=is_dated,
            is_last=number == len(columns) - 1 and not any(queries),
            is_at_top=len(columns) == 1,
        )
        for number, column in enumerate(columns)
    )
    slash = "/?" if any(part.path.endswith("/") for part in parts) else ""
    return f"//{match_hosts([part.netloc for part in parts])}{path}{slash}{_match_query(queries, place)}"


def _find_id_place(columns: Sequence[tuple[str, ...]], queries: Sequence[dict[str, str]]) -> str:
    """Return where the id stands: the number of a segment, the name of a key, or ''.

    A long number or code is an id wherever nearly every address has another. A short one is only where nothing else
    varies, since each section or day may count from one.
    """
    fewest = _DISTINCT * len(queries)
    stems = [[EXTENSION.sub("", value) for value in column] for column in columns]
    varying = sum(len(set(column)) > 1 for column in stems)
    for number in range(len(columns) - 1, -1, -1):
        ids = _list_ids(stems[number])
        is_long = all(len(text) >= _LONG_ID for text in ids)
        if not ids or any(map(_DATE.fullmatch, ids)):
            continue
        if len(set(ids)) >= (_DISTINCT_IDS * len(ids) if is_long else fewest) and (is_long or varying == 1):
            return str(number)
    for key in queries[0]:
        if len({query.get(key) for query in queries}) >= fewest:
            return f"?{key}"
    return ""


def _list_ids(stems: Sequence[str]) -> list[str]:
    """Return the number or code that each segment is or holds; nothing if one holds none."""
    for form in (_CODE, _TAIL, _HEAD):
        found = [match for stem in stems if (match := form.fullmatch(stem))]
        if len(found) == len(stems):
            return [match.groupdict().get("number") or match[0] for match in found]
    return []


def match_hosts(hosts: Sequence[str]) -> str:
    """Return the expression for the hosts of one site."""
    if len(set(hosts)) == 1:
        return re.escape(hosts[0])
    return r"(?:[\w-]+\.)*" + re.escape(find_site(f"//{hosts[0]}"))


def _match_column(column: tuple[str, ...], *, is_id: bool, is_open: bool, is_last: bool, is_at_top: bool) -> str:
    extensions = {found[0] if (found := EXTENSION.search(value)) else "" for value in column}
    tail = re.escape(extensions.pop()) if len(extensions) == 1 else ""
    stems = [EXTENSION.sub("", value) if tail else value for value in column]
    if is_id:
        return _match_id_segment(stems) + tail
    if is_last and len(set(stems)) > 1:
        return _match_slug(stems, is_at_top=is_at_top) + tail
    if all(_find_kind(stem) == "word" for stem in stems):
        return (ANYTHING if is_open else match_words(stems)) + tail
    if all(_YEAR.fullmatch(stem) for stem in stems):
        return r"\d{4}" + tail
    if all(stem.isdigit() and len(stem) == 2 for stem in stems):
        return r"\d{2}" + tail
    return _match_charset(stems, _CHARSETS) + tail


def _match_slug(stems: Sequence[str], *, is_at_top: bool) -> str:
    """Return the expression for headlines; at the top of a site a single word is the name of a page or a section."""
    if is_at_top and len(set(stems)) >= _FEWEST_SLUGS and all(map(_WORDS.fullmatch, stems)):
        return _WORDS.pattern
    return _match_charset(stems, _SLUG_CHARSETS)


def _match_id_segment(stems: Sequence[str]) -> str:
    """Return the expression for a segment that is or holds the id."""
    if all(map(_CODE.fullmatch, stems)):
        return f"(?P<id>{_match_id(stems)})"
    if all(map(_TAIL.fullmatch, stems)):
        return r"[^/?&#]*[-_.,](?P<id>\d+)"
    return r"(?P<id>\d+)[-_.,][^/?&#]*"


def match_words(words: Iterable[str]) -> str:
    """Return the expression for one of several words, as long as they are not too many to be named."""
    seen = list(dict.fromkeys(words))
    if len(seen) > _MOST_SECTIONS:
        return _match_charset(seen, _CHARSETS)
    return re.escape(seen[0]) if len(seen) == 1 else f"(?:{'|'.join(map(re.escape, seen))})"


def _match_id(stems: Sequence[str]) -> str:
    if all(_CODE.fullmatch(stem) for stem in stems) and not all(stem.isdigit() for stem in stems):
        return "[A-Za-z0-9]+"
    return _match_charset(stems, _SLUG_CHARSETS)


def _match_charset(stems: Sequence[str], charsets: Sequence[str]) -> str:
    return next((charset for charset in charsets if all(re.fullmatch(charset, stem) for stem in stems)), ANYTHING)


def _match_query(queries: Sequence[dict[str, str]], place: str) -> str:
    if place.startswith("?"):
        key = place[1:]
        values = _match_id([query.get(key, "") for query in queries])
        return rf"\?(?:[^#]*&)?{re.escape(key)}=(?P<id>{values})"
    return r"(?:[?#]|$)" if any(queries) else "$"
