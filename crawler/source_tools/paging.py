"""Finds the link to a listing's next page, and the pattern of such links."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from crawler.source_tools.shapes import match_words
from pipelines.discovery.address_shapes import is_paging_key
from pipelines.page.addresses import join_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipelines.page.page import Page

_NEXT = re.compile(
    r"(?:下一?[页頁]|后一页|next|older|weiter|nächste|suivant|siguiente|próxim|successiv|volgende|следующ|далее|次へ|次の|다음"
    r"|›|»|>+|→)",
    re.IGNORECASE,
)
_LAST_NUMBER = re.compile(r"(?P<before>.*?)(?P<number>\d{1,4})(?P<after>\D*)")
_MAX_TEXT = 24


def find_next_pages(page: Page) -> list[str]:
    """Return the addresses that a listing names as its next page, or as its second."""
    if page.is_empty:
        return []
    return list(dict.fromkeys(url for url in _iter_next(page) if url and url != page.url))


def _iter_next(page: Page) -> Iterator[str]:
    for element in page.root.iter("a", "link"):
        if "next" in (element.get("rel") or "").lower().split():
            yield join_url(page.url, element.get("href") or "")
    for element in page.root.iter("a"):
        text = "".join(element.itertext()).strip()
        if text == "2" or (len(text) <= _MAX_TEXT and _NEXT.match(text)):
            yield join_url(page.url, element.get("href") or "")


def build_next_pattern(url: str, *, never: Iterable[str], sections: Iterable[str] = ()) -> str:
    """Return the pattern of further pages, from the address of one; '' if its number cannot be found.

    Args:
        never: addresses that are not further pages; a pattern that matches one is no good.
        sections: names of the folders whose lists continue alike.
    """
    parts = urlsplit(url)
    host = f"//{re.escape(parts.netloc)}"
    pattern = ""
    for key, _, value in (piece.partition("=") for piece in parts.query.split("&")):
        if is_paging_key(unquote(key)) and value:
            step = r"\d+" if value.isdigit() else r"[^&#]+"
            pattern = rf"{host}/[^?#]*\?(?:[^#]*&)?{re.escape(key)}={step}"
    folder, _, last = parts.path.rstrip("/").rpartition("/")
    number = _LAST_NUMBER.fullmatch(last)
    if not pattern and number:
        separator = re.escape(number["before"][-1:]) if number["before"][-1:] in ("-", "_", ".") else ""
        before = rf"[^/?&#]+{separator}" if number["before"] else ""
        parent = folder.rpartition("/")[2]
        alike = list(sections)
        folder_pattern = match_words(alike) if parent in alike else re.escape(parent)
        within = f"{folder_pattern}/" if not before else ""
        slash = "/?" if parts.path.endswith("/") else ""
        pattern = rf"{host}/(?:[^?#]*/)?{within}{before}\d{{1,4}}{re.escape(number['after'])}{slash}$"
    return pattern if pattern and not any(re.search(pattern, other) for other in never) else ""
