"""The body of an article on a page: links and pictures in the archive, scrollable wide tables and lines."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup

from archives.replay.rewriting.html import rewrite_page
from archives.replay.rewriting.links import PageLinks
from archives.replay.routes import build_path

# A whole tag with its attributes, so that what is in an attribute is not taken for a tag.
_TAG: Final = re.compile(r"""<(/?)([a-z][a-z0-9]*)\b(?:"[^"]*"|'[^']*'|[^"'>])*>""", re.IGNORECASE)
_BOX: Final = '<div class="scroll" tabindex="0" role="region" aria-label="Table">'


def build_story(body: str, *, collection: str, stamp: str, url: str) -> Markup:
    """Return a sanitised body for a page.

    Args:
        stamp: time of the capture; its links lead to captures near it.
        url: of its page.
    """
    links = PageLinks(prefix=build_path(collection, "", stamp=stamp).removesuffix("/"), url=url)
    # The body was sanitised when it was read; the rewriter keeps its links inside the archive.
    return Markup(_TAG.sub(_let_scroll, rewrite_page(body, links)))  # noqa: S704


def _let_scroll(tag: re.Match[str]) -> str:
    """Return a tag such that the keyboard reaches what is wider than the page."""
    name = tag[2].lower()
    if name == "pre" and not tag[1]:
        return f'<pre tabindex="0"{tag[0][len("<pre") :]}'
    if name != "table":
        return tag[0]
    return f"{tag[0]}</div>" if tag[1] else f"{_BOX}{tag[0]}"
