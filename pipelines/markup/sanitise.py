"""An article's text as safe HTML; clean input is unchanged.

A body travels far: into a Markdown post that kramdown and Liquid will read, into feeds, into a viewer. So there are
two ways through. A strict recogniser knows markup that needs nothing done to it and lets it pass byte for byte; all
else is brought into canonical form by an HTML5 parser, cut down to the allow-list and settled into markup that the
recogniser accepts. What it accepts holds no active content, no brace (Liquid, kramdown attribute lists, Hugo
shortcodes), no line that Markdown would read, and nothing but blocks at top level.
"""

from __future__ import annotations

import html
import re
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import nh3

from pipelines.markup import allow_list, prefilter
from pipelines.page.addresses import is_plain_path
from pipelines.page.limits import PageRefused, drain_attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHARS = 5_000_000
MAX_TAGS = 50_000

# Kept by the parser's pass only so that a hidden one is seen with its content.
_UNWRAPPED = frozenset(["font", "label", "strike", "big", "tt", "kbd", "samp", "var", "dfn", "bdi", "bdo"])
_REMOVED_WHEN_EMPTY = (
    (allow_list.INLINES - allow_list.VOID - {"audio", "video"})
    | allow_list.HEADINGS
    | {"p", "div", "section", "figure"}
)

# A power: of a number, or of a unit of length or time.
_RAISED = re.compile(r"(?:(?<=[0-9])|(?<=\b[mskgh])|(?<=\b[cmkd]m)|(?<=\bft))<sup>([-−+]?[0-9]{1,3})</sup>")
_RAISED_DIGITS = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
_LINES = allow_list.BLOCKS | {"br"}
_BLANKS = (" ", "\t", "\n")
# What these become rests on the address of the page; all other start tags recur.
_LINKING = frozenset(name for key in ("href", "src", "srcset", "cite") for name in allow_list.ATTRIBUTES[key])
_MAX_CACHED = 4096
_MAX_CACHED_CHARS = 200

_LAZY_SOURCES = (
    "data-src",
    "data-original",
    "data-lazy-src",
    "data-actualsrc",
    "data-original-src",
    "data-lazy",
)
_SIGNS_OF_HIDING = frozenset(["hidden", "aria-hidden", "style"])
_CONTROL_BYTES = bytes([*range(9), 11, 12, *range(14, 32)])
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_LINE_ENDS = re.compile(r"\r\n?")
_LINE_BREAK = re.compile(r"(?<![ \t])[ \t]*\n[ \t\n]*")
_INDENT = re.compile(r"(<p(?: [^<>]*)?>(?:<(?:span|strong|b|em|i|a|u)(?: [^<>]*)?>){0,4})\s*\u3000\u3000\s*")
_HIDING_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)


_CLEANER = nh3.Cleaner(
    tags=set(allow_list.ALLOWED | prefilter.DIV_LIKE | _UNWRAPPED),
    clean_content_tags=set(prefilter.DROPPED),
    attributes={"*": {*allow_list.ATTRIBUTES, *_LAZY_SOURCES, *_SIGNS_OF_HIDING}},
    url_schemes={"http", "https", "mailto"},
    link_rel=None,
)


class BodyRefused(PageRefused):
    """The text found cannot be an article's body.

    Attributes:
        reason: short name to count by: `too_large`, `too_many_tags`.
    """


def normalise_body(found: str, *, base_url: str = "") -> str:
    """Return the fragment as sanitised HTML that may be in a Markdown post as it is.

    Clean markup comes back byte for byte, apart from the two U+3000 that indent a Chinese paragraph, control
    characters, CRLF, outer white space, and `{`, which is always written `&#123;`.

    Args:
        base_url: address that relative links are resolved against; without it they stay relative.

    Raises:
        BodyRefused: the text found, or the body made of it, is longer than MAX_CHARS characters or has more than
            MAX_TAGS tags.
    """
    _refuse_large(found)
    text = _normalise_characters(found)
    clean = _escape_braces(_drop_indents(text))
    if allow_list.is_clean(clean, has_base=bool(base_url)):
        return clean.strip()
    canonical = _normalise_characters(_build_canonical(text))
    _refuse_large(canonical)
    settled = _drop_indents(_Settler(base_url).settle(canonical)).strip()
    _refuse_large(settled)
    return settled


def _refuse_large(text: str) -> None:
    if len(text) > MAX_CHARS:
        sentence = f"body of {len(text)} characters is over the limit of {MAX_CHARS}; narrow its selector"
        raise BodyRefused("too_large", sentence)
    tags = text.count("<")
    if tags > MAX_TAGS:
        raise BodyRefused("too_many_tags", f"body of {tags} tags is over the limit of {MAX_TAGS}; narrow its selector")


def find_text(body: str) -> str:
    """Return the plain text of a normalised body, a line for each block, `<br>` and line of `<pre>`, none blank.

    What `<del>` says was taken out is left out; a power of a number or a unit is written as one: 10³.
    """
    parts: list[str] = []
    deleted = preformatted = 0
    for tag, text in allow_list.iter_pieces(_RAISED.sub(_raise, body) if "<sup>" in body else body):
        if tag is not None:
            step = -1 if tag.is_end else 1
            deleted += step * (tag.name == "del")
            preformatted += step * (tag.name == "pre")
            if tag.name in _LINES:
                parts.append("\n")
        if text and not deleted:
            plain = html.unescape(text)
            parts.append(plain if preformatted else plain.replace("\n", " "))
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)


def _raise(found: re.Match[str]) -> str:
    return found[1].translate(_RAISED_DIGITS)


def _normalise_characters(text: str) -> str:
    if "\r" in text:
        text = _LINE_ENDS.sub("\n", text)
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        text = _SURROGATES.sub("\ufffd", text)
        encoded = text.encode()
    if len(encoded.translate(None, _CONTROL_BYTES)) != len(encoded):
        text = _CONTROLS.sub("", text)
    return text.strip()


def _drop_indents(text: str) -> str:
    return _INDENT.sub(r"\1", text) if "\u3000\u3000" in text else text


def _escape_braces(text: str) -> str:
    return text.replace("{", "&#123;")


def _build_canonical(text: str) -> str:
    """Return the fragment as an HTML5 parser serialises it, without active elements and comments."""
    source = prefilter.drop_elements(drain_attributes(text))
    if prefilter.is_nested_beyond_reason(source):
        source = prefilter.flatten_blocks(source)
    return _CLEANER.clean(source)


class _Settler:
    """Writes canonical markup again so that `is_clean` holds for it."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._out: list[str] = []
        self._stack: list[str] = []
        self._starts: list[int] = []
        self._pending = ""
        self._has_implied = False
        self._tags: list[allow_list.Tag | None] = []

    def settle(self, canonical: str) -> str:
        pieces = list(allow_list.iter_pieces(canonical))
        self._tags = [tag for tag, _ in pieces]
        # The elements of the source that are open: each one's name as written, '' if it was not, None if it is hidden.
        elements: list[str | None] = []
        for index, (tag, text) in enumerate(pieces):
            is_hidden = bool(elements) and elements[-1] is None
            if tag is None:
                pass
            elif tag.is_end:
                self._close(elements.pop() or "")
                is_hidden = bool(elements) and elements[-1] is None
            elif tag.name in allow_list.VOID:
                if not is_hidden:
                    self._open(tag, index)
            else:
                is_hidden = is_hidden or _is_hidden(tag)
                elements.append(None if is_hidden else self._open(tag, index))
            if text and not is_hidden:
                self._add_text(text)
        self._close_implied()
        return "".join(self._out)

    def _add_text(self, text: str) -> None:
        if text.isspace() and not text.strip(" \t\n"):
            self._pending += text
            return
        if self._stack and self._stack[-1] in allow_list.TEXTLESS:
            return
        if not self._stack:
            self._open_implied("p")
        self._pending += text

    def _open(self, tag: allow_list.Tag, index: int) -> str:
        """Write the start tag where it has a place; return the name written, empty if it was left out."""
        name = self._choose_name(tag.name)
        written = _build_start(name, tag.attributes, self._base_url)
        if not written:
            return ""
        self._make_place(name, index)
        if not allow_list.is_place_for(name, self._stack):
            return ""
        self._flush()
        if name in allow_list.VOID:
            self._out.append(written)
            return ""
        self._push(name, written)
        return name

    def _choose_name(self, name: str) -> str:
        parent = self._stack[-1] if self._stack else ""
        if name in prefilter.DIV_LIKE or (
            name in allow_list.LIST_PARENTS and parent not in allow_list.LIST_PARENTS[name]
        ):
            return "div"
        return name

    def _make_place(self, name: str, index: int) -> None:
        """Open or close the paragraph that stands for text outside of any block."""
        if (
            self._has_implied
            and len(self._stack) == 1
            and (name in allow_list.BLOCKS or (self._stack == ["p"] and index in self._block_holders))
        ):
            self._close_implied()
        if not self._stack and name in allow_list.INLINES and name != "br":
            self._open_implied("div" if index in self._block_holders else "p")

    @cached_property
    def _block_holders(self) -> set[int]:
        return _find_block_holders(self._tags)

    def _open_implied(self, name: str) -> None:
        self._flush()
        self._push(name, f"<{name}>")
        self._has_implied = True

    def _push(self, name: str, written: str) -> None:
        self._starts.append(len(self._out))
        self._stack.append(name)
        self._out.append(written)

    def _close_implied(self) -> None:
        if self._has_implied:
            self._has_implied = False
            self._close(self._stack[0])

    def _close(self, name: str) -> None:
        if not name:
            return
        is_empty = len(self._out) - 1 == self._starts.pop() and not self._pending.strip(" \t\n")
        if is_empty and name in _REMOVED_WHEN_EMPTY:
            self._stack.pop()
            self._out.pop()
            if "pre" in self._stack and not self._out[-1].startswith("<"):
                # What stood before and behind is one text now, and may hold a blank line that neither did.
                self._pending = self._out.pop() + self._pending
            return
        trailing = ""
        if self._pending.endswith(_BLANKS) and name in allow_list.BLOCKS and "pre" not in self._stack:
            text = self._pending.rstrip(" \t\n")
            trailing = "\n" if "\n" in self._pending[len(text) :] else ""
            self._pending = text
        self._flush()
        self._stack.pop()
        self._out.append(f"</{name}>")
        self._pending = trailing

    def _flush(self) -> None:
        """Write the text that waits, so that no line of it is blank or looks like code to Markdown."""
        if not self._pending:
            return
        text = _escape_braces(self._pending)
        self._pending = ""
        if "pre" in self._stack and self._stack[-1] not in allow_list.TEXTLESS:
            text = re.sub(r"\n(?=[ \t]*\n)", "&#10;", text)
            text = re.sub(r"\n(?:( )(?= {3}| {0,2}\t)|\t)", lambda found: "\n&#32;" if found[1] else "\n&#9;", text)
        else:
            if "\n" in text:
                text = _LINE_BREAK.sub("\n", text)
            if text.startswith(_BLANKS) and self._is_behind_break():
                text = text.lstrip(" \t\n")
        if text:
            self._out.append(text)

    def _is_behind_break(self) -> bool:
        """Return whether what has been written ends with a line, or with the start of a block."""
        if not self._out or self._out[-1].endswith("\n"):
            return True
        written = self._out[-1]
        tag = allow_list.read_tag(written[1:-1]) if written.startswith("<") else None
        return tag is not None and not tag.is_end and tag.name in allow_list.BLOCKS


def _find_block_holders(tags: list[allow_list.Tag | None]) -> set[int]:
    """Return the indexes of the start tags whose elements hold a block."""
    holders: set[int] = set()
    starts: list[int] = []
    for index, tag in enumerate(tags):
        if tag is None:
            continue
        if tag.is_end:
            starts.pop()
            continue
        if tag.name in allow_list.BLOCKS or tag.name in prefilter.DIV_LIKE:
            for start in reversed(starts):
                if start in holders:
                    break
                holders.add(start)
        if tag.name not in allow_list.VOID:
            starts.append(index)
    return holders


def _is_hidden(tag: allow_list.Tag) -> bool:
    """Return whether an element is hidden; no attribute that hides is named without one of two words."""
    if "hidden" not in tag.attributes and "style" not in tag.attributes:
        return False
    return _is_hiding(allow_list.load_attributes(tag.attributes))


def _is_hiding(attributes: Mapping[str, str]) -> bool:
    if "hidden" in attributes or attributes.get("aria-hidden", "").strip().lower() == "true":
        return True
    return bool(_HIDING_STYLE.search(attributes.get("style", "")))


def _build_start(name: str, attributes: str, base_url: str) -> str:
    """Return the start tag that is published for one of the source, or '' where the element is not wanted.

    Args:
        attributes: as the source has them.
    """
    if name in _LINKING or len(attributes) > _MAX_CACHED_CHARS:
        return _write_start(name, attributes, base_url)
    return _build_plain_start(name, attributes)


@lru_cache(_MAX_CACHED)
def _build_plain_start(name: str, attributes: str) -> str:
    return _write_start(name, attributes, "")


def _write_start(name: str, attributes: str, base_url: str) -> str:
    kept = _normalise_attributes(name, allow_list.load_attributes(attributes), base_url)
    if kept is None or (name == "span" and not kept) or (name == "a" and "href" not in kept):
        return ""
    return f"<{name}{_dump_attributes(kept)}>"


def _normalise_attributes(name: str, found: Mapping[str, str], base_url: str) -> dict[str, str] | None:
    """Return the attributes that the element keeps, or None if the element itself is not wanted."""
    if _is_hiding(found) or allow_list.is_tracking_pixel(name, found):
        return None
    kept: dict[str, str] = {}
    for key, raw_value in found.items():
        value = _normalise_value(key, " ".join(raw_value.split()), base_url)
        if allow_list.is_attribute_clean(name, key, value, has_base=bool(base_url)):
            kept[key] = value
    if name in allow_list.ATTRIBUTES["src"]:
        for key in _LAZY_SOURCES:
            value = _normalise_value("src", found.get(key, "").strip(), base_url)
            if value and allow_list.is_attribute_clean(name, "src", value, has_base=bool(base_url)):
                kept["src"] = value
                break
    if name == "img" and not kept.get("src") and "srcset" not in kept:
        return None
    return None if allow_list.is_tracking_pixel(name, kept) else kept


def _normalise_value(key: str, value: str, base_url: str) -> str:
    if key == "class":
        return " ".join(word for word in value.split() if allow_list.VALUES["class"].fullmatch(word))
    if key in allow_list.URL_ATTRIBUTES:
        return _resolve(value, base_url)
    if key == "srcset":
        candidates = (
            f"{_resolve(url, base_url)} {descriptor}".strip() for url, descriptor in allow_list.iter_srcset(value)
        )
        return ", ".join(candidates)
    if key in ("width", "height"):
        return value.removesuffix("px")
    return value


def _resolve(url: str, base_url: str) -> str:
    """Return the address made absolute and free of blanks, or an unusable one as it is, for the check to refuse."""
    if not url or allow_list.ABSOLUTE.fullmatch(url):
        return url
    try:
        if url[0] == "/" and is_plain_path(url):
            return _find_origin(base_url) + url
        resolved = urljoin(base_url, url)
    except ValueError:
        return "\x00"
    return resolved.replace(" ", "%20").replace("\\", "%5C")


@lru_cache(_MAX_CACHED)
def _find_origin(base_url: str) -> str:
    return urljoin(base_url, "/").removesuffix("/")


def _dump_attributes(attributes: Mapping[str, str]) -> str:
    return "".join(f' {key}="{_escape_braces(html.escape(value))}"' for key, value in attributes.items())
