"""A second opinion on the main text, where ours is doubtful.

Our finder is asked first and is nearly always right; where it took little of the prose that the page shows, or next to
nothing, other places and another method are asked: the body that JSON-LD states, the data that scripts draw the page
from, and trafilatura, whose rules grew on other pages than ours. Each is taken only where it found clearly more. Who
gave the text is part of the evidence.
"""

from __future__ import annotations

import html
import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from lxml import html as lxml_html

from pipelines.article.main_text import MainBody, find_main_body, list_long_words, measure_mentioned, settle_body
from pipelines.article.script_data import find_in_scripts
from pipelines.article.text_density import measure_size
from pipelines.markup.sanitise import find_text, normalise_body
from pipelines.page.limits import PageRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.page.metadata import Metadata
    from pipelines.page.page import Page

# Ours is doubtful below this share of the page's prose, or below so many Latin letters.
_MIN_SHARE = 0.6
_MIN_SIZE = 40.0
_MIN_WORDS = 3
_BETTER_NAMED = 0.25
_WELL_NAMED = 0.7
_MIN_FLASH, _MAX_FLASH = 150.0, 300
# A body stated for machines is taken where the page shows less than this share of it: it is drawn by a script.
_MIN_SHOWN = 0.4
_MIN_STATED_CHARS = 200
# Another's finding is taken where ours is less than this share of it.
_MIN_OF_OTHER = 0.9
_MIN_OTHER = 100.0


def find_body(page: Page, metadata: Metadata, *, headline: str, shown: Any) -> tuple[MainBody, str]:
    """Return the main text and who found it: `mainbody`, `jsonld:articleBody`, `script:data` or `trafilatura`.

    The page's tree is cut up on the way.

    Args:
        headline: of the article, as text.
        shown: the element that shows the headline, or None.
    """
    scripts, states = page.list_elements("script"), page.states
    body = find_main_body(page, headline=headline, shown=shown)
    stated = max((statement.text for statement in metadata.bodies), key=len, default="")
    if len(stated) >= _MIN_STATED_CHARS and len(body.text) < _MIN_SHOWN * len(stated):
        return _build_stated(stated), "jsonld:articleBody"
    if _is_doubtful(body) and not _is_flash(body, headline):
        data = _build_fragment(find_in_scripts(scripts, states, headline))
        if _is_better(data, body, headline, least=_MIN_SHOWN):
            return data, "script:data"
        other = _ask_trafilatura(page, headline)
        if _is_better(other, body, headline, least=_MIN_OF_OTHER):
            return other, "trafilatura"
    return body, "mainbody" if body.text else ""


def _is_doubtful(body: MainBody) -> bool:
    size = measure_size(body.text)
    return size < _MIN_SIZE or size < _MIN_SHARE * body.page_prose


def _is_flash(body: MainBody, headline: str) -> bool:
    """Return whether a text is short and says most of what the headline names: no other is taken for it."""
    if measure_size(body.text) < _MIN_FLASH or len(body.text) >= _MAX_FLASH:
        return False
    words = list_long_words(headline)
    return len(words) >= _MIN_WORDS and measure_mentioned(words, body.text) >= _WELL_NAMED


def _is_better(other: MainBody, body: MainBody, headline: str, *, least: float) -> bool:
    """Return whether another text is to be taken for ours, which is shorter than this share of it."""
    is_longer = measure_size(other.text) >= _MIN_OTHER and len(body.text) < least * len(other.text)
    return is_longer and not _is_better_named(body, other, headline)


def _is_better_named(body: MainBody, other: MainBody, headline: str) -> bool:
    """Return whether our text mentions what the headline names and the other hardly does."""
    words = list_long_words(headline)
    if not body.text or len(words) < _MIN_WORDS:
        return False
    ours, theirs = (measure_mentioned(words, text) for text in (body.text, other.text))
    return ours > theirs + _BETTER_NAMED


def _build_fragment(markup: str) -> MainBody:
    fragment = normalise_body(markup) if markup else ""
    return MainBody(html=fragment, text=find_text(fragment))


def _build_stated(stated: str) -> MainBody:
    """Return a body that JSON-LD states, in markup or as plain text."""
    if "<p" in stated or "<br" in stated:
        return _build_fragment(stated)
    lines = [" ".join(line.split()) for line in stated.splitlines() if line.strip()]
    paragraphs = "\n".join(f"<p>{html.escape(line, quote=False)}</p>" for line in lines)
    return MainBody(html=paragraphs, text="\n".join(lines))


def _ask_trafilatura(page: Page, headline: str) -> MainBody:
    """Return trafilatura's main text; it parses the page again, because our tree has been modified."""
    extract = _load_trafilatura()
    found = None
    try:
        found = extract(
            page.text.replace("\x00", ""),
            output_format="html",
            include_comments=False,
            include_formatting=True,
            include_images=True,
            include_links=True,
            with_metadata=False,
        )
    except PageRefused:
        raise
    except Exception:  # noqa: BLE001 (a second opinion that fails is none)
        return MainBody(html="", text="")
    container = lxml_html.document_fromstring(found).find("body") if found else None
    return MainBody(html="", text="") if container is None else settle_body(container, headline)


@cache
def _load_trafilatura() -> Callable[..., str | None]:
    """Return the library's function; it takes half a second to load, and reports what is none of ours to report."""
    from trafilatura import extract  # noqa: PLC0415 (most runs never ask)

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL + 1)
    return extract
