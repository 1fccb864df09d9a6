"""The addresses of the viewer's own pages."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from archives.replay.pages import Link

POSTS: Final = "/-/posts"
POST: Final = "/-/post"
BESIDE: Final = "/-/beside"
VERSIONS: Final = "/-/versions"
CITE: Final = "/-/cite"
MARKED: Final = "/-/marked"
RUNS: Final = "/-/runs"
STATUS: Final = "/-/status"
CHANGES: Final = "/changes"
SCHEMA: Final = "/schema/{}.json"
PACKAGES: Final = "/-/wacz"
SECTIONS: Final = (
    Link("Posts", POSTS),
    Link("Runs", RUNS),
    Link("Status", STATUS),
    Link("Collections", "/-/collections"),
    Link("WACZ", PACKAGES + "/"),
)


def build_posts_path(*pairs: tuple[str, str], **wanted: str) -> str:
    """Return the path of a list of posts; empty conditions are left out.

    Args:
        pairs: conditions, of which several may have one name.
    """
    kept = [(name, value) for name, value in (*pairs, *wanted.items()) if value]
    return f"{POSTS}?{urlencode(kept)}" if kept else POSTS


def build_post_path(collection: str, source: str, identifier: str, *, page: str = POST) -> str:
    """Return the path of a post, or of another page of it."""
    return f"{page}?{urlencode({'collection': collection, 'source': source, 'id': identifier})}"
