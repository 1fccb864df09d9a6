"""Reads the links that `-a` arguments of spiders give."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.page.addresses import join_url

if TYPE_CHECKING:
    from collections.abc import Iterable


def read_links(urls: str) -> tuple[str, ...]:
    """Return the links that an argument names.

    Raises:
        ValueError: the file cannot be read, or an entry is not a link.
    """
    if urls == "-":
        entries = sys.stdin.read().split()
    elif "://" in urls:
        entries = urls.replace(",", " ").split()
    else:
        try:
            entries = Path(urls).read_text("utf-8").split()
        except OSError as error:
            raise ValueError(f"urls: {urls} cannot be read: {error.strerror}; give links, a file, or -") from error
    return parse_links(entries)


def parse_links(entries: Iterable[str]) -> tuple[str, ...]:
    """Return links, each once.

    Raises:
        ValueError: one of them is not a link.
    """
    links = tuple(dict.fromkeys(entries))
    for link in links:
        if not link.startswith(("http://", "https://")) or not join_url(link, link):
            raise ValueError(f"{link!r} is not a link: it must be an address that starts with http:// or https://")
    return links
