"""Templates of post and run pages, and the functions that they may call."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from archives.replay import pages
from archives.replay.http import Response
from archives.replay.pages import Bar
from archives.replay.templates import build_environment
from crawler.environment import name_program
from crawler.monitoring.crawl_counts import format_bytes
from crawler.sources.timetable import format_duration
from crawler.viewer.routes import (
    BESIDE,
    CITE,
    POSTS,
    RUNS,
    SECTIONS,
    STATUS,
    VERSIONS,
    build_post_path,
    build_posts_path,
)
from pipelines.dates.model import Precision

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from jinja2 import Environment

    from archives.replay.pages import Link

_FIELDS: Final = {
    "headline": "headline",
    "datePublished": "published",
    "dateModified": "updated",
    "articleBody": "body",
    "articleSection": "sections",
    "keywords": "tags",
    "publisher": "publisher",
    "author": "authors",
    "shareLink": "share link",
    "url": "address",
    "symbols": "symbols",
    "inLanguage": "language",
}


@cache
def load_templates() -> Environment:
    """Return the viewer's templates, with those of the archive below them."""
    environment = build_environment("crawler.viewer", pages.PACKAGE)
    environment.filters |= {"bytes": format_bytes, "duration": format_duration, "field_name": find_field_name}
    environment.globals |= {
        "program": name_program,
        "posts_path": build_posts_path,
        "post_path": build_post_path,
        "all_posts": POSTS,
        "all_runs": RUNS,
        "all_status": STATUS,
        "beside_path": BESIDE,
        "versions_path": VERSIONS,
        "cite_path": CITE,
    }
    return environment


@cache
def load_style() -> Response:
    """Return the archive viewer's style sheet with the styles for posts."""
    shared = pages.load_assets()[pages.STYLE_PATH]
    own = resources.files("crawler.viewer").joinpath("web/viewer.css").read_bytes()
    assert isinstance(shared.body, bytes)
    return Response(headers=shared.headers, body=shared.body + own)


def find_field_name(name: str) -> str:
    """Return the plain name of a post's field."""
    return _FIELDS.get(name, name)


def build_page(
    template: str,
    page: object,
    *,
    crumbs: Sequence[Link] = (),
    frames: str = "'none'",
    headers: tuple[tuple[str, str], ...] = (),
) -> Response:
    """Return a page with the viewer's sections at its head.

    Args:
        page: what the template shows.
        frames: the origins from which the page may show a frame.
    """
    bar = Bar(crumbs=crumbs, sections=SECTIONS)
    return pages.build_page(template, page, bar=bar, frames=frames, headers=headers, templates=load_templates())


def format_published(at: datetime | None, precision: Precision | None) -> str:
    """Return a date as people read it, as exactly as it was stated; empty if there is none."""
    if at is None:
        return ""
    return f"{at:%-d %B %Y}" if precision is Precision.DAY else f"{at:%-d %B %Y, %H:%M %z}"
