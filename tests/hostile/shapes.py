"""Markup that has run scripts somewhere, one shape a page, in every field that a post has: what a crawl is served.

Each shape calls `fire` with its number or asks an address that holds it, so that whatever runs or is requested names
the shape that did it.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

from tests.wire import WireServer, build_response

_ESCAPES = {"0": "\0", "1": "\1", "t": "\t", "n": "\n", "f": "\f"}
_FILE = Path(__file__).with_name("shapes.txt")
_GENERATORS = "# For generators"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One shape.

    Attributes:
        is_markup: a browser runs it as it stands; the others are meant for a generator of pages.
        raw: with its number and addresses filled in.
    """

    number: int
    raw: str
    is_markup: bool


def load_shapes(live: str) -> list[Shape]:
    """Every shape.

    Args:
        live: address of the server that must not be asked, without a stroke at the end.
    """
    text, _, generators = _FILE.read_text("utf-8").partition(_GENERATORS)
    lines = [(line, True) for line in text.splitlines()] + [(line, False) for line in generators.splitlines()]
    kept = [(line, is_markup) for line, is_markup in lines if line and not line.startswith("# ")]
    return [Shape(number=n, raw=_fill(line, n, live), is_markup=kind) for n, (line, kind) in enumerate(kept, start=1)]


def _fill(line: str, number: int, live: str) -> str:
    text = re.sub(r"\\([01tnf])(?![0-9a-fA-F]{2})", lambda found: _ESCAPES[found[1]], line)
    return text.replace("FIRE", f"fire({number})").replace("LIVE", f"{live}/{number}").replace("IMG", f"{live}/picture")


def build_page(shape: Shape, live: str) -> bytes:
    """A news page with the shape as text in every field, and as markup at the end of its body."""
    text = html.escape(shape.raw)
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{text}</title><meta name="keywords" content="{text}">'
        f'</head><body><h1>{text} no. {shape.number}</h1><time>2026-01-02 03:04:05</time><i class="tag">{text}</i>'
        f'<b class="by">{text}</b><u class="section">{text}</u><div class="body"><p>Number {shape.number}: {text}</p>'
        f'<figure><img src="{live}/picture" alt="{text}"><figcaption>{shape.raw}</figcaption></figure>'
        f"<p>{shape.raw}</p>{shape.raw}<p>The end of the text.</p></div></body></html>"
    ).encode("utf-8", "surrogatepass")


class ShapeOrigin(WireServer):
    """A news site with a page for each shape."""

    def __init__(self, shapes: list[Shape], live: str) -> None:
        page_type = ("Content-Type", "text/html; charset=utf-8")
        pages = {f"/a/{s.number}.html": build_response(build_page(s, live), headers=[page_type]) for s in shapes}
        links = "".join(f"<a href='/a/{shape.number}.html'>x</a>" for shape in shapes).encode()
        super().__init__({**pages, "/": build_response(links, headers=[page_type])})

    def source_toml(self) -> str:
        """The definition of a source that reads all of it."""
        return f"""
name = "shapes"
timezone = "UTC"
scope = ["{self.base_url}/"]
seeds = ["{self.base_url}/"]
[links]
article = ['/a/(?P<id>[0-9]+)\\.html$']
[[parser]]
of = "article"
[parser.fields]
headline = "h1"
datePublished = "time"
keywords = "i.tag"
author = "b.by"
articleSection = "u.section"
articleBody = "html:div.body"
[politeness]
delay = 0
concurrency = 16
"""
