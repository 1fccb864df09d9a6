"""Crawls share links."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

from crawler.spiders.base import NewsSpider
from pipelines.rules.links import LinkKind


class ShareSpider(NewsSpider):
    """`scrapy crawl share -a source=NAME_OR_PATH -a urls=URL,URL | -a urls=FILE | -a urls=-`."""

    name = "share"
    follows: ClassVar[frozenset[LinkKind]] = frozenset((LinkKind.SHARE, LinkKind.TEXT))
    arguments: ClassVar[tuple[str, ...]] = ("source", "collection", "urls")

    @classmethod
    def parse_arguments(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Read `urls`: a comma list, a file with one link a line, or `-` for standard input.

        Raises:
            ValueError: no link was given.
        """
        urls = arguments.pop("urls", "")
        links = read_links(urls) if urls else ()
        if not links:
            raise ValueError("no share links: give -a urls=LINK,LINK or a file of links or - for standard input")
        return arguments | {"seeds": links}


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
    for entry in entries:
        if not entry.startswith(("http://", "https://")):
            raise ValueError(f"{entry!r} is not a link: it must start with http:// or https://")
    return tuple(dict.fromkeys(entries))
