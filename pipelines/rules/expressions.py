"""Extracts the fields of a page by the expressions of a source definition.

An expression is a line of text with an optional prefix that says its language:

    h1                      CSS: the text of what it selects (`css:` may be written)
    xpath://h1/text()       XPath
    html:div.story          CSS (or xpath:): inner HTML of the first element it selects
    outer:xpath://p[@id]    CSS or XPath: outer HTML of every element it selects
    regex:by ([^<]+)        the first group (or the whole match) in the page as text
    url:/(\\d{8})/           the same in the address of the page
    text || content         JMESPath, where the page is JSON (`json:` may be written); rich text becomes HTML

What an expression finds is kept as found: nothing is trimmed, decoded or judged here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jmespath
from cssselect import SelectorError
from jmespath.exceptions import JMESPathError
from lxml import etree
from lxml.cssselect import CSSSelector

from pipelines.markup.rich_text import build_html
from pipelines.page.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class ExpressionError(ValueError):
    """An expression that is not one of its language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """One compiled expression; `language` is one of the prefixes above."""

    language: str
    text: str
    compiled: Any

    def find_all(self, page: Page) -> list[str]:
        """Return every text that this finds in a page, as found.

        Raises:
            pipelines.page.limits.PageRefused: the page has been looked at often enough.
        """
        page.work.spend(len(page.text))
        return [text for text in _FINDERS[self.language](self.compiled, page) if text.strip()]


def compile_expression(text: str, *, of_json: bool = False) -> Expression:
    """Compile one expression.

    Args:
        text: as written in a source definition.
        of_json: the page is JSON, so that a bare expression is JMESPath.

    Raises:
        ExpressionError: saying which language refused it and why.
    """
    language, colon, rest = text.partition(":")
    if not colon or language not in _COMPILERS:
        language, rest = ("json" if of_json else "css"), text
    try:
        return Expression(language=language, text=text, compiled=_COMPILERS[language](rest.strip()))
    except (SelectorError, etree.XPathError, re.error, JMESPathError, RecursionError, OverflowError) as error:
        raise ExpressionError(f"{text!r} is not {_LANGUAGES[language]}: {error}") from error


def find_first(expressions: Iterable[Expression], page: Page) -> list[str]:
    """Return what the first expression that finds anything finds."""
    for expression in expressions:
        found = expression.find_all(page)
        if found:
            return found
    return []


def iter_records(expression: Expression, page: Page) -> Iterator[Page]:
    """Yield the entries of a listing, each as a page of its own JSON."""
    value = expression.compiled.search(page.data) if page.data is not None else None
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, dict):
            record = Page("", page.url)
            record.data = entry
            yield record


def _find_css(select: Any, page: Page) -> Iterator[str]:
    for node in _select(select, page):
        yield node if isinstance(node, str) else "".join(node.itertext())


def _find_html(select: Any, page: Page) -> Iterator[str]:
    for node in _select(select, page)[:1]:
        yield (node.text or "") + "".join(etree.tostring(child, encoding="unicode", method="html") for child in node)


def _find_outer(select: Any, page: Page) -> Iterator[str]:
    nodes = [node for node in _select(select, page) if not isinstance(node, str)]
    html = "\n".join(etree.tostring(node, encoding="unicode", method="html", with_tail=False) for node in nodes)
    if html:
        yield html


def _select(select: Any, page: Page) -> list[Any]:
    if page.is_empty:
        return []
    found = select(page.root)
    return found if isinstance(found, list) else [str(found)]


def _find_regex(pattern: re.Pattern[str], page: Page) -> Iterator[str]:
    texts = [page.text] if page.text and page.data is None else list(_iter_strings(page.data))
    for text in texts:
        for match in pattern.finditer(text):
            yield match[1] if pattern.groups else match[0]


def _find_in_url(pattern: re.Pattern[str], page: Page) -> Iterator[str]:
    match = pattern.search(page.url)
    if match:
        yield match[1] if pattern.groups else match[0]


def _find_json(expression: Any, page: Page) -> Iterator[str]:
    value = expression.search(page.data) if page.data is not None else None
    if rich_text := build_html(value):
        value = rich_text
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, str):
            # JSON can escape half of a pair of surrogates, which no file and no database can hold.
            yield entry if entry.isascii() else entry.encode("utf-8", "replace").decode()
        elif isinstance(entry, (int, float)) and not isinstance(entry, bool):
            yield str(entry)


def _iter_strings(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            stack.extend(reversed(list(value.values())))
        elif isinstance(value, list):
            stack.extend(reversed(value))


def _compile_selector(text: str) -> Any:
    if text.startswith("xpath:"):
        return etree.XPath(text.removeprefix("xpath:"), regexp=False, smart_strings=False)
    return CSSSelector(text, translator="html")


_COMPILERS: dict[str, Any] = {
    "css": lambda text: CSSSelector(text, translator="html"),
    "xpath": lambda text: etree.XPath(text, regexp=False, smart_strings=False),
    "html": _compile_selector,
    "outer": _compile_selector,
    "regex": re.compile,
    "url": re.compile,
    "json": jmespath.compile,
}
_FINDERS: dict[str, Any] = {
    "css": _find_css,
    "xpath": _find_css,
    "html": _find_html,
    "outer": _find_outer,
    "regex": _find_regex,
    "url": _find_in_url,
    "json": _find_json,
}
_LANGUAGES = {
    "css": "a CSS selector",
    "xpath": "an XPath expression",
    "html": "a CSS selector",
    "outer": "a CSS selector",
    "regex": "a regular expression",
    "url": "a regular expression",
    "json": "a JMESPath expression",
}
