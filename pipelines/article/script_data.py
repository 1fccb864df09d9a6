"""The text of an article in the data from which a script draws the page.

Pages of Next, Nuxt, Apollo and their kin show nothing until a script has run, and hold what it shows as JSON: in an
element of its own, assigned to a variable, or pushed in pieces. The names of properties differ from site to site, so
what is looked for is prose: a string of markup with paragraphs, rich text, a list whose members each hold a sentence or
more, or a long text under a name for one; and of several the one that is beside the headline.
"""

from __future__ import annotations

import html
import json
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from pipelines.article.text_density import measure_size
from pipelines.markup.rich_text import build_html
from pipelines.page.limits import PageRefused, check_json
from pipelines.page.page import fold_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MIN_SCRIPT = 300
_MIN_PROSE = 200.0
_MAX_NODES = 40_000
_NEAR_HEADLINE = 4.0
_LEVELS = 4
_ASSIGNED = re.compile(r"(?:=|\bparse\()\s*(?=[\[{\"'])")
_PUSHED = re.compile(r"\.push\(\s*(?=\[)")
_PIECE_START = re.compile(r"(?:\A|\n)[0-9a-f]{1,6}:(?=[\[{])")
_MARKUP = re.compile(r"<p[\s>]|<br\s*/?>", re.IGNORECASE)
_TAGS = re.compile(r"<[^<>]*>")
_SENTENCE = re.compile(r"[.!?。！？।؟۔።։။]['\"”’»」』）)\]]*(?:\s|$)")
_TEXT_NAME = re.compile(r"body|content|text|story|article|html|paragraph", re.IGNORECASE)
_NO_PROSE = re.compile(r"https?://\S+$|[\w/+.=-]+$")
_MIN_SENTENCE = 30.0


def find_in_scripts(scripts: Iterable[Any], states: Iterable[str], headline: str) -> str:
    """Return the HTML of the text that a page's `script` elements hold as data, or ''.

    Args:
        states: further JSON from which a script draws the page.
    """
    search = _Search(headline)
    for value in chain(_iter_values(scripts), map(_load, states)):
        search.visit(value)
    return search.best


def _iter_values(scripts: Iterable[Any]) -> Iterator[Any]:
    """Yield the JSON values that scripts hold."""
    pushed: list[str] = []
    for element in scripts:
        text, kind = element.text or "", (element.get("type") or "").lower()
        if len(text) < _MIN_SCRIPT or "ld+json" in kind:
            continue
        if "json" in kind:
            yield _load(text.strip())
            continue
        for start in _PUSHED.finditer(text):
            value = _load(text[start.end() :])
            if isinstance(value, list):
                pushed += [part for part in value if isinstance(part, str)]
        found = (_load(text[start.end() :]) for start in list(_ASSIGNED.finditer(text))[:20])
        yield from (value for value in found if isinstance(value, list | dict) or _is_json(value))
    if pushed:
        joined = "".join(pushed)
        yield joined
        for start in list(_PIECE_START.finditer(joined))[:200]:
            yield _load(joined[start.end() :])


def _is_json(value: Any) -> bool:
    return isinstance(value, str) and value[:1] in ("{", "[") and len(value) >= _MIN_SCRIPT


def _load(text: str) -> Any:
    """Return the value that a text begins with, or None."""
    try:
        check_json(text)
        return json.JSONDecoder(strict=False).raw_decode(text)[0]
    except (PageRefused, ValueError, RecursionError):
        return None


class _Search:
    """Looks through values for prose, and keeps the best of it."""

    def __init__(self, headline: str) -> None:
        self._headline = fold_title(headline)
        self._left = _MAX_NODES
        self._weight = 0.0
        self.best = ""

    def visit(self, value: Any) -> None:
        """Look through one value and all that is in it."""
        stack: list[tuple[str, Any, int]] = [("", value, 0)]
        while stack and self._left:
            self._left -= 1
            name, inner, near = stack.pop()
            if isinstance(inner, str):
                self._weigh_text(name, inner, near)
            elif isinstance(inner, dict):
                is_named = any(isinstance(text, str) and self._is_headline(text) for text in inner.values())
                near = _LEVELS if is_named else max(0, near - 1)
                stack += [(str(key), part, near) for key, part in inner.items()]
            elif isinstance(inner, list):
                self._weigh_list(inner, near)
                stack += [(name, part, near) for part in inner]

    def _is_headline(self, text: str) -> bool:
        return len(self._headline) >= _LEVELS and fold_title(text[:300]) == self._headline

    def _weigh_text(self, name: str, text: str, near: int) -> None:
        if len(text) < _MIN_PROSE / 3:
            return
        if _is_json(text):
            self.visit(_load(text))
        elif _MARKUP.search(text):
            self._keep(text, measure_size(" ".join(_TAGS.sub(" ", text).split())), near)
        elif _TEXT_NAME.search(name) and _is_prose(text):
            self._keep(_build_paragraphs(text.split("\n")), measure_size(text), near)

    def _weigh_list(self, members: list[Any], near: int) -> None:
        if rich_text := build_html(members):
            self._keep(rich_text, measure_size(" ".join(_TAGS.sub(" ", rich_text).split())), near)
            return
        texts = [text for member in members if (text := _find_prose(member))]
        if len(texts) > 1 and 2 * len(texts) >= len(members):
            self._keep(_build_paragraphs(texts), sum(map(measure_size, texts)), near)

    def _keep(self, markup: str, size: float, near: int) -> None:
        weight = size * (_NEAR_HEADLINE if near else 1.0)
        if size >= _MIN_PROSE and weight > self._weight:
            self._weight, self.best = weight, markup


def _find_prose(member: Any) -> str:
    """Return the longest prose that a member of a list holds: itself, or what it has under any name."""
    stack, best, left = [member], "", 60
    while stack and left:
        left -= 1
        inner = stack.pop()
        if isinstance(inner, str):
            best = inner if len(inner) > len(best) and _is_prose(inner) else best
        elif isinstance(inner, dict):
            stack += inner.values()
        elif isinstance(inner, list):
            stack += inner[:20]
    return best


def _is_prose(text: str) -> bool:
    return measure_size(text) >= _MIN_SENTENCE and bool(_SENTENCE.search(text)) and not _NO_PROSE.fullmatch(text)


def _build_paragraphs(texts: list[str]) -> str:
    lines = (" ".join(text.split()) for text in texts)
    return "\n".join(
        f"<p>{line if _TAGS.search(line) else html.escape(line, quote=False)}</p>" for line in lines if line
    )
