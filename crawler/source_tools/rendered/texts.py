"""Finds the JSON response that holds the text of one article, and how its address follows from the article's id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from crawler.source_tools.rendered.listings import find_date, flatten
from pipelines.page.page import Page, fold_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from crawler.source_tools.rendered.listings import JsonListing

_FEWEST_CHARS: Final = 200
_COMPARED_CHARS: Final = 80
_DEEPEST: Final = 3
_TAG: Final = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextApi:
    """Where the texts of articles are, each in a JSON response.

    Attributes:
        identifier: the JMESPath expression for an article's id within an entry of the listing.
        page_url: the address of an article's page, with `{id}` in the place of its id.
        text_url: the address of its text, likewise.
        fields: post field to the JMESPath expression that finds it in the response.
    """

    identifier: str
    page_url: str
    text_url: str
    fields: Mapping[str, str]


def find_text_api(documents: Iterable[tuple[str, Any]], listing: JsonListing, article: Page) -> TextApi | None:
    """Return where the text that an article's page shows came from; None where no response holds it.

    Args:
        documents: address and data of each JSON response.
        article: the page of one article of the listing, as rendered.
    """
    ids = list(_iter_ids(listing, article.url))
    for url, data in documents:
        fields = _find_fields(data, article) if isinstance(data, dict) and url != listing.url else {}
        for name, value, page_url in ids if fields else ():
            before, found, after = url.rpartition(value)
            if found:
                return TextApi(identifier=name, page_url=page_url, text_url=f"{before}{{id}}{after}", fields=fields)
    return None


def _iter_ids(listing: JsonListing, url: str) -> Iterator[tuple[str, str, str]]:
    """Yield fields of the listing that tell articles apart in the addresses of their pages.

    Yields:
        The field, its value for the article at `url`, and that address with `{id}` in the value's place.
    """
    for name in dict.fromkeys(name for row in listing.rows for name in row):
        values = [row.get(name, "") for row in listing.rows]
        for value in filter(None, values):
            before, found, after = url.rpartition(value)
            linked = {before + other + after for other in values} & set(listing.articles)
            if found and 2 * len(linked) >= len(listing.articles):
                yield name, value, f"{before}{{id}}{after}"


def _find_fields(data: Mapping[str, Any], article: Page) -> dict[str, str]:
    """Return the fields of an article in a response; none unless the page shows its text and headline."""
    values = dict(flatten(data, "", _DEEPEST))
    shown = fold_title(" ".join("".join(article.root.itertext()).split()))
    headlines = {fold_title("".join(node.itertext())) for node in article.root.iter("h1")}
    body = max(values, key=lambda name: len(values[name]), default="")
    headline = next((name for name, value in values.items() if value and fold_title(value) in headlines), "")
    if not headline or len(values[body]) < _FEWEST_CHARS or _fold_beginning(values[body]) not in shown:
        return {}
    fields = {"headline": headline, "articleBody": body}
    if date := find_date([values]):
        fields["datePublished"] = date
    return fields


def _fold_beginning(text: str) -> str:
    return fold_title(" ".join(_TAG.sub(" ", text).split())[:_COMPARED_CHARS])
