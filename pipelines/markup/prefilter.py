"""Reduces raw markup before it is parsed.

An HTML5 parser is exact but not frugal: its time grows with the square of the nesting. So what would be thrown away
anyhow goes first, and a source that is nested beyond reason is reduced to its paragraphs.
"""

from __future__ import annotations

import re

from pipelines.markup import allow_list

_MAX_SOURCE_WORK = 5_000_000

DIV_LIKE = frozenset(
    [
        "article",
        "main",
        "aside",
        "header",
        "footer",
        "nav",
        "center",
        "form",
        "fieldset",
        "address",
        "details",
        "summary",
    ]
)
_RAW_TEXT = frozenset(["script", "style", "iframe", "textarea", "title", "xmp", "noembed", "noframes"])
DROPPED = _RAW_TEXT | frozenset(
    ["noscript", "template", "svg", "math", "object", "embed", "select", "button", "applet"]
)

# The tags of any source as an HTML5 tokeniser delimits them; possessive, so that no input makes it backtrack.
_SOURCE_TAG = re.compile(
    r"<[!?][^>]*+>?|</[^a-zA-Z>][^>]*+>?"
    r"""|<(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*+)(?:[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+|["'])*+>?"""
)
_SOURCE_DROPPED = re.compile(r"<(?:(!--)|(" + "|".join(sorted(DROPPED)) + r")(?=[\s/>]))", re.IGNORECASE)
_SELF_CLOSING = allow_list.VOID | frozenset(
    [
        "p",
        "li",
        "dt",
        "dd",
        "td",
        "th",
        "tr",
        "thead",
        "tbody",
        "tfoot",
        "option",
        "rt",
        "rp",
        "input",
        "link",
        "meta",
        "wbr",
        "area",
        "base",
        "embed",
        "param",
        "track",
    ]
)


def drop_elements(text: str) -> str:
    """Return the source without comments and without the elements that are dropped with their content.

    The parser would drop them too; they go first so that the nesting is measured on what it will see.
    """
    kept: list[str] = []
    endless: set[str] = set()
    position = 0
    while opening := _SOURCE_DROPPED.search(text, position):
        kept.append(text[position : opening.start()])
        name = "" if opening[1] else opening[2].lower()
        end = -1 if name in endless else _find_end(text, opening, name)
        if end < 0 and (not name or name in _RAW_TEXT):
            return "".join(kept)
        if end < 0:
            endless.add(name)
        position = opening.end() if end < 0 else end
        if end < 0:
            kept.append("<wbr ")
    kept.append(text[position:])
    return "".join(kept)


def _find_end(text: str, opening: re.Match[str], name: str) -> int:
    """Return where the dropped element or comment ends, or -1 where it never does."""
    if not name:
        end = text.find("-->", opening.start() + 2)
        return end + 3 if end >= 0 else -1
    if name == "embed":
        return -1
    closing = re.compile(rf"</{name}(?=[\s/>])[^>]*>?", re.IGNORECASE).search(text, opening.end())
    return closing.end() if closing else -1


def is_nested_beyond_reason(source: str) -> bool:
    """Return whether the parser would need time or memory out of proportion.

    Its time grows with the square of the depth, and elements left open are opened again in every later block. Only
    closes in order count, so the depth is never judged too small.
    """
    tags = source.count("<")
    if tags * tags <= _MAX_SOURCE_WORK:
        return False
    stack: list[str] = []
    deepest = 0
    for tag in _SOURCE_TAG.finditer(source):
        name = (tag["name"] or "").lower()
        if not name or name in _SELF_CLOSING:
            continue
        if not tag["end"]:
            stack.append(name)
        elif stack and stack[-1] == name:
            stack.pop()
        deepest = max(deepest, len(stack))
    return deepest * tags > _MAX_SOURCE_WORK


def flatten_blocks(source: str) -> str:
    """Return the text of the source with a paragraph at each block, all other markup left out."""
    paragraphs = _SOURCE_TAG.sub(
        lambda tag: "<p>" if (tag["name"] or "").lower() in allow_list.BLOCKS | DIV_LIKE else "", source
    )
    return re.sub(r"(?:<p>\s*)+", "<p>", paragraphs)
