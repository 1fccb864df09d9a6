"""Reads JSON-LD leniently.

Publishers put comments, trailing commas, line breaks inside strings and stray semicolons into their JSON; browsers
never look at it, and search engines forgive it all. So must we, for nothing else on a page states headline and date
as well.

Spec: JSON-LD 1.1 §3 and §6.9; schema.org Article and its subtypes.
"""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

from pipelines.page.addresses import read_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_STRING = r'"(?:\\.|[^"\\])*+"'
_COMMENTS = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMAS = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_WRAPPER = re.compile(r"^\s*(?:<!--|(?://\s*)?<!\[CDATA\[)|(?:-->|(?://\s*)?\]\]>)\s*$")
_ARTICLE_KINDS = ("article", "blogposting", "report", "socialmediaposting", "newsitem")
_CAMBRIAN = "contexts/cambrian"
_MAX_NODES = 2000


def iter_nodes(texts: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield every object of the blocks, outer before inner; a block that cannot be read is passed over."""
    left = _MAX_NODES
    stack = [load_lenient(text) for text in texts]
    stack.reverse()
    while stack and left:
        value = stack.pop()
        left -= 1
        if isinstance(value, dict):
            yield value
            stack.extend(reversed([inner for inner in value.values() if isinstance(inner, dict | list)]))
        elif isinstance(value, list):
            stack.extend(reversed(value))


def load_lenient(text: str) -> Any:
    """Return the value that a block holds, or None if it holds none."""
    bare = _WRAPPER.sub("", text).strip()
    for repair in (str, _drop_syntax_errors, lambda text: _drop_syntax_errors(html.unescape(text))):
        try:
            return json.JSONDecoder(strict=False).raw_decode(repair(bare))[0]
        except (ValueError, RecursionError):
            continue
    return None


def _drop_syntax_errors(text: str) -> str:
    without_comments = _COMMENTS.sub(lambda match: match[1] or "", text)
    return _TRAILING_COMMAS.sub(lambda match: match[1] or "", without_comments).strip()


def is_article(node: dict[str, Any]) -> bool:
    """Return whether an object describes an article, or a post of a kind that schema.org derives from one."""
    kinds = node.get("@type")
    named = (kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str))
    return any(kind.lower().endswith(_ARTICLE_KINDS) for kind in named)


def is_cambrian(node: dict[str, Any]) -> bool:
    """Return whether an object keeps to the vocabulary of Baidu's search engine, which has `title` and `pubDate`."""
    context = node.get("@context")
    return isinstance(context, str) and _CAMBRIAN in context


def list_texts(value: Any, nodes: Iterable[dict[str, Any]] = ()) -> list[str]:
    """Return the texts that a property holds: strings, names of objects, and of objects it refers to by `@id`.

    Args:
        nodes: all objects of the page, to look references up in.
    """
    texts: list[str] = []
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, str):
            texts.append(html.unescape(entry))
        elif isinstance(entry, dict):
            name = entry.get("@value") or entry.get("name") or _find_named(entry.get("@id"), nodes)
            texts += [html.unescape(part) for part in (name if isinstance(name, list) else [name]) if _is_text(part)]
    return [text for text in texts if text.strip()]


def list_persons(value: Any, nodes: Iterable[dict[str, Any]] = (), *, away_from: str = "") -> list[str]:
    """Return those of the texts of `list_texts` that name a person, as the object or one of its `@id` says.

    Args:
        away_from: host; if given, only persons whose own page is at another one.
    """
    persons = [node["@id"] for node in nodes if node.get("@id") and _is_person(node, away_from)]
    entries = [entry for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, dict)]
    return list_texts(
        [entry for entry in entries if _is_person(entry, away_from) or entry.get("@id") in persons], nodes
    )


def _is_person(node: dict[str, Any], away_from: str) -> bool:
    kinds = node.get("@type")
    if "Person" not in (kinds if isinstance(kinds, list) else [kinds]):
        return False
    host = read_host(str(node.get("url") or "")).removeprefix("www.")
    return not away_from or bool(host and host != away_from.removeprefix("www."))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _find_named(identifier: Any, nodes: Iterable[dict[str, Any]]) -> Any:
    if not identifier:
        return ""
    return next((node["name"] for node in nodes if node.get("@id") == identifier and node.get("name")), "")
