"""Metadata of a page about its article: JSON-LD, microdata, `meta`, links.

Nothing is judged here. Each statement is kept as found with the place that it was found in, in the order of how far
such places were right on real pages; who needs a headline or a date chooses among them.

Spec: schema.org Article; Open Graph protocol (article); HTML Living Standard §5 (microdata) and §4.6.7 (link types).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from pipelines.page import jsonld
from pipelines.page.addresses import read_host
from pipelines.page.page import fold_blanks, fold_title, read_text

if TYPE_CHECKING:
    from pipelines.page.page import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing that a page states.

    Attributes:
        text: as found.
        evidence: the place, such as `jsonld:datePublished` or `meta:pubdate`.
    """

    text: str
    evidence: str


@dataclass(slots=True, kw_only=True)
class Metadata:
    """Everything that a page states about its article, most trustworthy first in every list.

    Attributes:
        persons: those of the authors whom JSON-LD calls a person; on a page of news only those with a page elsewhere.
        is_news: its JSON-LD calls it news, as the systems of newspapers do; other systems repeat their `title` in it.
    """

    headlines: list[Statement] = field(default_factory=list)
    published: list[Statement] = field(default_factory=list)
    keywords: list[list[Statement]] = field(default_factory=list)
    sections: list[Statement] = field(default_factory=list)
    authors: list[list[Statement]] = field(default_factory=list)
    persons: list[str] = field(default_factory=list)
    bodies: list[Statement] = field(default_factory=list)
    site_names: list[str] = field(default_factory=list)
    description: str = ""
    canonical_url: str = ""
    is_news: bool = False


_HEADLINE_METAS = ("og:title", "twitter:title", "articletitle", "title", "dc.title", "sailthru.title")
_KEYWORD_METAS = ("article:tag", "og:article:tag", "news_keywords", "parsely-tags", "sailthru.tags", "keywords")
_SECTION_METAS = ("article:section", "og:article:section", "parsely-section", "section")
_AUTHOR_METAS = ("author", "article:author", "dc.creator", "parsely-author", "sailthru.author", "byl", "byline")
# Other metas that name an author, such as `content_author` and `cXenseParse:author`, folded to letters and digits.
_AUTHORS = re.compile(r"(?:article|content|parse|story|news|post)authors?(?:name)?$")
# Scholarly journals state `Surname, Given names`, an author an element.
_INVERTED_METAS = ("citation_author",)
_SITE_METAS = ("og:site_name", "application-name", "site_name", "copyright", "mediaid", "publisher", "twitter:site")
_DESCRIPTION_METAS = ("description", "og:description", "twitter:description")
_MICRODATA = {"headline", "datepublished", "datecreated", "articlesection", "author", "keywords"}

# Names of a `meta` that holds the day of publication, letters and digits only, by how they end.
_EXACT_DATES = ("articlepublishedtime", "ogarticlepublishedtime")
_DATES = re.compile(
    r"(?:publish(?:ed)?(?:time|date|at|on)|pub(?:date|time)|date(?:published|issued|available|original)"
    r"|^ptime|(?:sailthru|citation|citationonline)date|publication(?:date|time)|release(?:date|time)"
    r"|ogtime|displaydate|firstpublished|articledate|postdate)$|^published$"
)
_CREATED_DATES = re.compile(r"(?:create(?:at|date|time)|datecreated|dcdate|dctermsdate|dctermscreated)$")
_TAG_LINK = re.compile(
    r"[/?&](?:(?<=/)(?:taxonomy/term/\d|(?:tags?|topics?|themen?|tema|temas|keywords?|schlagw[oö]rter?|stichwort|sujets?"
    r"|etiquetas?|argoment[oi]|labels?)/[^/?#])|(?<=[?&])(?:tag|keyword)=)",
    re.IGNORECASE,
)
_MAX_TAG_LINKS = 12
_LAST_DATES = ("date", "dateupdate")
_NO_NAME = re.compile("[^a-z0-9]")
_NOT_DATES = re.compile(r"modif|updat|expir|revis|unpub|event|(?<!news)letter")


def read_metadata(page: Page) -> Metadata:
    """Return all that a page states about its article."""
    metadata = Metadata(description=page.find_meta(*_DESCRIPTION_METAS))
    nodes = page.nodes
    article = _find_article(nodes, page)
    if article:
        metadata.is_news = "news" in str(article.get("@type")).lower()
        _read_article(article, nodes, metadata, host=read_host(page.url))
    _read_named_date(page, metadata, _EXACT_DATES)
    _read_microdata(page, metadata)
    for node in nodes:
        if jsonld.is_cambrian(node):
            _add(metadata.headlines, node.get("title"), "cambrian:title")
            _add(metadata.published, node.get("pubDate"), "cambrian:pubDate")
    _read_metas(page, metadata)
    _read_links(page, metadata)
    metadata.site_names += _list_site_names(nodes, page)
    return metadata


def _add(statements: list[Statement], value: Any, evidence: str) -> None:
    for text in jsonld.list_texts(value)[:1]:
        statements.append(Statement(text=fold_blanks(text), evidence=evidence))


def _add_group(groups: list[list[Statement]], texts: list[str], evidence: str) -> None:
    if texts:
        groups.append([Statement(text=fold_blanks(text), evidence=evidence) for text in texts])


def _find_article(nodes: list[dict[str, Any]], page: Page) -> dict[str, Any]:
    """Return the object that describes this page's article: of several the one whose headline the title knows."""
    articles = [node for node in nodes if jsonld.is_article(node) and (node.get("headline") or node.get("name"))]
    title = fold_title(page.title + page.find_meta("og:title"))
    for node in articles:
        headline = fold_title("".join(jsonld.list_texts(node.get("headline"))))
        if headline and headline[:30] in title:
            return node
    dated = [node for node in articles if node.get("datePublished")]
    return (dated or articles or [{}])[0]


def _read_article(node: dict[str, Any], nodes: list[dict[str, Any]], metadata: Metadata, *, host: str) -> None:
    _add(metadata.headlines, node.get("headline") or node.get("name"), "jsonld:headline")
    for name in ("datePublished", "dateCreated"):
        _add(metadata.published, node.get(name), f"jsonld:{name}")
    _add_group(metadata.keywords, jsonld.list_texts(node.get("keywords"), nodes), "jsonld:keywords")
    for section in jsonld.list_texts(node.get("articleSection"), nodes):
        _add(metadata.sections, section, "jsonld:articleSection")
    for name in ("author", "creator"):
        _add_group(metadata.authors, jsonld.list_texts(node.get(name), nodes), f"jsonld:{name}")
        # A paper that signs its news is not a person, whatever its system calls it, unless it has a profile elsewhere.
        metadata.persons += jsonld.list_persons(node.get(name), nodes, away_from=host if metadata.is_news else "")
    for text in jsonld.list_texts(node.get("articleBody")):
        metadata.bodies.append(Statement(text=text, evidence="jsonld:articleBody"))


def _read_named_date(page: Page, metadata: Metadata, names: tuple[str, ...]) -> None:
    for name, content in page.metas:
        if _fold_name(name) in names:
            metadata.published.append(Statement(text=content, evidence=f"meta:{name}"))


def _fold_name(name: str) -> str:
    return _NO_NAME.sub("", name)


def _read_microdata(page: Page, metadata: Metadata) -> None:
    """Read the first element of each property; later ones belong to the articles that a page recommends."""
    seen: set[str] = set()
    for element in page.elements:
        stated, other = element.get("itemprop"), element.get("property")
        found = stated or other
        if not found:
            continue
        name = found.strip().lower().rpartition(":")[2]
        if name not in _MICRODATA or name in seen or not _is_microdata(element, stated, other):
            continue
        if name == "author":
            named = element.find(".//*[@itemprop='name']")
            element = element if named is None else named  # noqa: PLW2901 (what names the person is asked)
        text = element.get("content") or element.get("datetime") or read_text(element)
        if not text.strip() or len(text) > 500:
            continue
        seen.add(name)
        _place_microdata(metadata, name, text)


def _is_microdata(element: Any, stated: str | None, other: str | None) -> bool:
    """Return whether an element states a property of microdata, and not one of Open Graph in the head."""
    if stated is not None and (element.tag != "meta" or other is None):
        return True
    return other is not None and next(element.iterancestors("body"), None) is not None


def _place_microdata(metadata: Metadata, name: str, text: str) -> None:
    evidence = f"microdata:{name}"
    if name == "headline":
        _add(metadata.headlines, text, evidence)
    elif name == "articlesection":
        _add(metadata.sections, text, evidence)
    elif name == "keywords":
        _add_group(metadata.keywords, [text], evidence)
    elif name == "author":
        _add_group(metadata.authors, [text], evidence)
    else:
        _add(metadata.published, text, evidence)


def _read_metas(page: Page, metadata: Metadata) -> None:
    for pattern in (_DATES, _CREATED_DATES):
        for name, content in page.metas:
            bare = _fold_name(name)
            if bare not in _EXACT_DATES and pattern.search(bare) and not _NOT_DATES.search(bare):
                metadata.published.append(Statement(text=content, evidence=f"meta:{name}"))
    _read_named_date(page, metadata, _LAST_DATES)
    for wanted in _HEADLINE_METAS:
        _add(metadata.headlines, page.find_meta(wanted), f"meta:{wanted}")
    for wanted in _KEYWORD_METAS:
        _add_group(metadata.keywords, [text for name, text in page.metas if name == wanted], f"meta:{wanted}")
    _read_author_metas(page, metadata)
    for wanted in _SECTION_METAS:
        _add(metadata.sections, page.find_meta(wanted), f"meta:{wanted}")


def _read_author_metas(page: Page, metadata: Metadata) -> None:
    for wanted in _AUTHOR_METAS:
        _add_group(metadata.authors, [text for name, text in page.metas if name == wanted], f"meta:{wanted}")
    for name, content in page.metas:
        if name not in (*_AUTHOR_METAS, "og:article:author") and _AUTHORS.search(_fold_name(name)):
            _add_group(metadata.authors, [content], f"meta:{name}")
    for wanted in _INVERTED_METAS:
        inverted = [text.partition(",") for name, text in page.metas if name == wanted]
        names = [f"{given.strip()} {surname.strip()}".strip() for surname, _, given in inverted]
        _add_group(metadata.authors, names, f"meta:{wanted}")


def _read_links(page: Page, metadata: Metadata) -> None:
    tags, authors = [], []
    anchors = page.list_elements("a")
    for element in anchors:
        words = element.get("rel", "").lower().split()
        # WordPress block themes use rel=tag for categories.
        if "tag" in words and "category" not in words and "/category/" not in element.get("href", ""):
            tags.append(read_text(element))
        if "author" in words:
            authors.append(element)
    _add_group(metadata.keywords, [text for text in dict.fromkeys(tags) if text], "rel:tag")
    _add_group(metadata.keywords, _list_tag_links(anchors), "links:tag")
    inside = [element for element in authors if next(element.iterancestors("article"), None) is not None]
    names = [read_text(element) for element in inside or authors]
    _add_group(metadata.authors, [text for text in dict.fromkeys(names) if text], "rel:author")
    links = (link.get("href") for link in page.list_elements("link") if link.get("rel") == "canonical")
    canonical = next((href for href in links if href is not None), "") or page.find_meta("og:url")
    metadata.canonical_url = _check_canonical(canonical, page.url)


def _list_tag_links(anchors: list[Any]) -> list[str]:
    """Return the texts of the first few links side by side whose addresses are those of tags."""
    rows: dict[Any, list[str]] = {}
    for element in anchors:
        if _TAG_LINK.search(element.get("href", "")):
            text = read_text(element).lstrip("#").strip()
            row = (
                element.getparent()
                if element.getparent().tag not in ("li", "span")
                else element.getparent().getparent()
            )
            if 2 <= len(text) <= 50:
                rows.setdefault(row, []).append(text)
    fitting = [row for row in rows.values() if len(row) <= _MAX_TAG_LINKS]
    longest = sorted(fitting, key=len)[-1] if fitting else []
    return list(dict.fromkeys(longest))


def _check_canonical(found: str, url: str) -> str:
    """Return the canonical address made absolute, or '' where it can be no article's: no path, or another scheme.

    Spec: RFC 6596 §3.
    """
    try:
        resolved = urljoin(url, found.strip())
        parts = urlsplit(resolved)
    except ValueError:
        return ""
    is_address = parts.scheme in ("http", "https") and bool(parts.netloc)
    return resolved if found.strip() and is_address and (parts.path.strip("/") or parts.query) else ""


def _list_site_names(nodes: list[dict[str, Any]], page: Page) -> list[str]:
    names = [page.find_meta(name) for name in _SITE_METAS]
    for node in nodes:
        names += jsonld.list_texts(node.get("publisher"), nodes)
        if node.get("@type") in ("WebSite", "Organization", "NewsMediaOrganization"):
            names += jsonld.list_texts(node.get("name"))
    names.append(read_host(page.url))
    return [name for name in dict.fromkeys(fold_blanks(name) for name in names) if name]
