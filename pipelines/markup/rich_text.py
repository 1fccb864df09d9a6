"""Builds HTML from rich text: the lists of blocks in which the editors of content systems store an article.

ProseMirror, Slate, Contentful, Portable Text, Draft.js, Editor.js, Gutenberg and Arc use different names for the same
shape: objects that name their kind, and hold text, markup or more such objects.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_KIND_KEYS: Final = ("nodeType", "_type", "type", "blockName", "name")
# In the order of preference: some hold a text twice, as markup and as data.
_TEXT_KEYS: Final = ("innerHTML", "html", "text", "value", "content", "children")
_HOLDER_KEYS: Final = ("items", "list_items", "content_elements", "innerBlocks", "blocks", "nodes", "leaves")
_INNER_KEYS: Final = ("data", "attributes", "attrs", "model", "root", "document")
_CONTENT_KEYS: Final = (*_TEXT_KEYS, *_HOLDER_KEYS, *_INNER_KEYS)
_PARAGRAPH: Final = re.compile(
    r"(?:core/|rich-?)?(?:p|para|paragraph|text|text-?block|unstyled|block|normal|html)", re.I
)
_HEADING: Final = re.compile(r"head(?:er|ing)|^h[1-6]$|subtitle", re.I)
_QUOTE: Final = re.compile(r"quote", re.I)
_LIST: Final = re.compile(r"list(?!-item)|^[ou]l$", re.I)
_BREAK: Final = re.compile(r"hard-?break|^br$|line-?break", re.I)
_NO_TEXT: Final = re.compile(
    r"image|figure|picture|photo|video|audio|gallery|embed|iframe|raw-html|tweet|advert|^ad$|related|interstitial|promo"
    r"|newsletter|divider|delimiter|^hr$|horizontal|atomic|button|spacer|separator",
    re.I,
)
_BLOCK_TAG: Final = re.compile(r"<(?:p|h[1-6]|ul|ol|blockquote|div|table|figure)\b", re.I)
_TAG: Final = re.compile(r"<[^<>]*>")
_LEAST_CHARS: Final = 60
_DEEPEST: Final = 12


def build_html(value: Any) -> str:
    """Return the HTML of a list of blocks, or of the document that holds one; '' for anything else."""
    blocks = _find_blocks(value)
    kinds = [_name_kind(block) for block in blocks]
    if not any(_PARAGRAPH.fullmatch(kind) for kind in kinds):
        return ""
    parts = [part for block, kind in zip(blocks, kinds, strict=True) if (part := _build_block(block, kind))]
    is_prose = any(len(_TAG.sub("", part)) >= _LEAST_CHARS for part in parts)
    return "\n".join(parts) if is_prose else ""


def _find_blocks(value: Any) -> list[dict[str, Any]]:
    """Return the blocks, where at least half of a list's members name their kind."""
    for _ in range(3):
        if not isinstance(value, dict):
            break
        value = next((value[key] for key in _CONTENT_KEYS if isinstance(value.get(key), list | dict)), None)
    members = value if isinstance(value, list) else []
    blocks = [member for member in members if isinstance(member, dict)]
    named = sum(bool(_name_kind(block)) for block in blocks)
    return blocks if blocks and 2 * named >= len(members) else []


def _name_kind(block: dict[str, Any]) -> str:
    """Return the kind of a block; the blocks of Portable Text are all of one type and differ in style."""
    kind = next((block[key] for key in _KIND_KEYS if isinstance(block.get(key), str)), "")
    style = block.get("style")
    return (style if kind == "block" and isinstance(style, str) else kind).replace("_", "-")


def _build_block(block: dict[str, Any], kind: str) -> str:
    if _NO_TEXT.search(kind):
        return ""
    if _LIST.search(kind):
        items = "".join(f"<li>{text}</li>" for text in _iter_items(block, _DEEPEST) if text)
        return f"<ul>{items}</ul>" if items else ""
    text = _read_inline(block, _DEEPEST).strip()
    if not text or _BLOCK_TAG.match(text):
        return text
    if _HEADING.search(kind):
        return f"<h2>{text}</h2>"
    return f"<blockquote><p>{text}</p></blockquote>" if _QUOTE.search(kind) else f"<p>{text}</p>"


def _iter_items(block: dict[str, Any], depth: int) -> Iterator[str]:
    """Yield the texts of a list's items."""
    for key in _CONTENT_KEYS:
        value = block.get(key)
        if isinstance(value, list):
            yield from (_read_inline(item, _DEEPEST).strip() for item in value)
            return
        if isinstance(value, dict):
            yield from _iter_items(value, depth - 1) if depth else ()
            return
        if isinstance(value, str) and value.strip():
            yield _escape(value)
            return


def _read_inline(value: Any, depth: int) -> str:
    """Return the text of a block or of a part of it, in the order of the document; markup in it stays."""
    if isinstance(value, str):
        return _escape(value)
    if not depth:
        return ""
    if isinstance(value, list):
        return "".join(_read_inline(part, depth - 1) for part in value)
    if not isinstance(value, dict) or _NO_TEXT.search(_name_kind(value)):
        return ""
    if _BREAK.search(_name_kind(value)):
        return "<br>"
    texts = (_read_inline(value[key], depth - 1) for key in _CONTENT_KEYS if key in value)
    return next((text for text in texts if text), "")


def _escape(text: str) -> str:
    return text if _TAG.search(text) else html.escape(text, quote=False)
