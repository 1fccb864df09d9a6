"""An article's text as HTML that is safe wherever it is put, and unchanged where it was clean already.

A body travels far: into a Markdown post that kramdown and Liquid will read, into feeds, into a viewer. So there are
two ways through. A strict recogniser knows markup that needs nothing done to it and lets it pass byte for byte; all
else is brought into canonical form by an HTML5 parser, cut down to the allow-list and settled into markup that the
recogniser accepts. What it accepts holds no active content, no brace (Liquid, kramdown attribute lists, Hugo
shortcodes), no line that Markdown would read, and nothing but blocks at top level.
"""

from __future__ import annotations

import html
import html.entities
import re
from dataclasses import dataclass
from urllib.parse import urljoin

import nh3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_CHARS = 5_000_000
MAX_DEPTH = 100

_MAX_SOURCE_DEPTH = 256
_MAX_SOURCE_WORK = 5_000_000

_VOID = frozenset(["br", "hr", "img", "source", "col"])
_TABLE_PARENTS: Mapping[str, frozenset[str]] = {
    "caption": frozenset(["table"]),
    "colgroup": frozenset(["table"]),
    "thead": frozenset(["table"]),
    "tbody": frozenset(["table"]),
    "tfoot": frozenset(["table"]),
    "col": frozenset(["colgroup"]),
    "tr": frozenset(["table", "thead", "tbody", "tfoot"]),
    "td": frozenset(["tr"]),
    "th": frozenset(["tr"]),
}
_LIST_PARENTS: Mapping[str, frozenset[str]] = {
    "li": frozenset(["ul", "ol"]),
    "dt": frozenset(["dl"]),
    "dd": frozenset(["dl"]),
}
_PARENTS = {**_TABLE_PARENTS, **_LIST_PARENTS}
_TEXTLESS = frozenset(["table", "thead", "tbody", "tfoot", "tr", "colgroup"])
_HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])
_BLOCKS = (
    _HEADINGS
    | _PARENTS.keys()
    | frozenset(["p", "div", "section", "ul", "ol", "dl", "blockquote", "pre", "hr", "figure", "figcaption", "table"])
)
_INLINES = frozenset(
    [
        "br",
        "em",
        "strong",
        "b",
        "i",
        "u",
        "s",
        "sub",
        "sup",
        "small",
        "mark",
        "abbr",
        "cite",
        "q",
        "code",
        "span",
        "a",
        "img",
        "picture",
        "source",
        "time",
        "audio",
        "video",
    ]
)
_ALLOWED = _BLOCKS | _INLINES
_DIV_LIKE = frozenset(
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
# Kept by the parser's pass only so that a hidden one is seen with its content.
_UNWRAPPED = frozenset(
    ["font", "label", "ins", "del", "strike", "big", "tt", "kbd", "samp", "var", "dfn", "bdi", "bdo"]
)
_RAW_TEXT = frozenset(["script", "style", "iframe", "textarea", "title", "xmp", "noembed", "noframes"])
_DROPPED = _RAW_TEXT | frozenset(
    ["noscript", "template", "svg", "math", "object", "embed", "select", "button", "applet"]
)
_REMOVED_WHEN_EMPTY = (_INLINES - _VOID - {"audio", "video"}) | _HEADINGS | {"p", "div", "section", "figure"}

_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "href": frozenset(["a"]),
    "src": frozenset(["img", "source", "audio", "video"]),
    "srcset": frozenset(["img", "source"]),
    "alt": frozenset(["img"]),
    "width": frozenset(["img", "video", "source", "table", "td", "th", "col"]),
    "height": frozenset(["img", "video", "source", "table", "td", "th"]),
    "colspan": frozenset(["td", "th"]),
    "rowspan": frozenset(["td", "th"]),
    "datetime": frozenset(["time"]),
    "cite": frozenset(["blockquote", "q"]),
    "class": _ALLOWED,
    "title": _ALLOWED,
    "lang": _ALLOWED,
    "dir": _ALLOWED,
}
_LAZY_SOURCES = (
    "data-src",
    "data-original",
    "data-lazy-src",
    "data-actualsrc",
    "data-original-src",
    "data-lazy",
)
_SIGNS_OF_HIDING = frozenset(["hidden", "aria-hidden", "style"])
_VALUES: Mapping[str, re.Pattern[str]] = {
    "class": re.compile(r"[A-Za-z0-9_-]+(?: [A-Za-z0-9_-]+)*"),
    "width": re.compile(r"[0-9]{1,5}%?"),
    "height": re.compile(r"[0-9]{1,5}%?"),
    "colspan": re.compile(r"[0-9]{1,3}"),
    "rowspan": re.compile(r"[0-9]{1,3}"),
    "datetime": re.compile(r"[0-9A-Z:+. -]{1,40}"),
    "lang": re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"),
    "dir": re.compile(r"ltr|rtl|auto"),
}
_URL_ATTRIBUTES = frozenset(["href", "src", "cite"])

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_LINE_ENDS = re.compile(r"\r\n?")
_INDENT = re.compile(r"(<p(?: [^<>]*)?>(?:<(?:span|strong|b|em|i|a|u)(?: [^<>]*)?>){0,4})\s*\u3000\u3000\s*")
_TAG = re.compile(r'<(?P<end>/?)(?P<name>[a-z][a-z0-9]*)(?P<attributes>(?: +[a-z-]+="[^"<>]*")*) */?>|(?P<text>[^<]+)')
_ATTRIBUTE = re.compile(r' +([a-z-]+)="([^"]*)"')
_REFERENCE = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));")
_CODE_LINE = re.compile(r"^(?: {4}| {0,3}\t)", re.MULTILINE)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_ABSOLUTE = re.compile(r"(?:https?:)?//[^\s/?#\\][^\s\\]*", re.IGNORECASE)
_MAIL = re.compile(r"mailto:[^\s\\]+", re.IGNORECASE)
_RELATIVE = re.compile(r"(?![/\\]{2})(?:[^\s:/?#\\]*|[^\s:/?#\\]*[/?#][^\s\\]*)")
_HIDING_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)

# The tags of any source as an HTML5 tokeniser delimits them; possessive, so that no input makes it backtrack.
_SOURCE_TAG = re.compile(
    r"<[!?][^>]*+>?|</[^a-zA-Z>][^>]*+>?"
    r"""|<(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*+)(?:[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+|["'])*+>?"""
)
_SOURCE_DROPPED = re.compile(r"<(?:(!--)|(" + "|".join(sorted(_DROPPED)) + r")(?=[\s/>]))", re.IGNORECASE)
_SELF_CLOSING = _VOID | frozenset(
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


class BodyRefused(ValueError):
    """The text found cannot be an article's body.

    Attributes:
        reason: short name to count by: `too_large`.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


def normalise_body(found: str, *, base_url: str = "") -> str:
    """Return the fragment as sanitised HTML that may stand in a Markdown post as it is.

    Clean markup comes back byte for byte, apart from the two U+3000 that indent a Chinese paragraph, control
    characters, CRLF, outer white space, and `{`, which is always written `&#123;`.

    Args:
        base_url: address that relative links are resolved against; without it they stay relative.

    Raises:
        BodyRefused: the text is longer than MAX_CHARS characters.
    """
    if len(found) > MAX_CHARS:
        raise BodyRefused(
            "too_large",
            f"body of {len(found)} characters is over the limit of {MAX_CHARS}; narrow its selector",
        )
    text = _normalise_characters(found)
    clean = _escape_braces(_INDENT.sub(r"\1", text))
    if is_clean(clean, has_base=bool(base_url)):
        return clean.strip()
    canonical = _normalise_characters(_build_canonical(text))
    settled = _Settler(base_url).settle(canonical)
    return _INDENT.sub(r"\1", settled).strip()


def find_text(body: str) -> str:
    """Return the plain text of a normalised body, one line for each block and each `<br>`, without blank lines."""
    parts: list[str] = []
    for token in _TAG.finditer(body):
        if token["text"] is not None:
            parts.append(
                " ".join(html.unescape(token["text"]).split()) and re.sub(r"\s+", " ", html.unescape(token["text"]))
            )
        elif token["name"] in _BLOCKS or token["name"] == "br":
            parts.append("\n")
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)


def is_clean(body: str, *, has_base: bool = False) -> bool:
    """Tell whether markup may be published as it is.

    Args:
        has_base: relative addresses are not clean, because the address to resolve them against is known.
    """
    if "{" in body or _CODE_LINE.search(body.strip()):
        return False
    stack: list[str] = []
    position = 0
    for token in _TAG.finditer(body):
        if token.start() != position or not _is_token_clean(token, stack, has_base=has_base):
            return False
        position = token.end()
    return position == len(body) and not stack


def _is_token_clean(token: re.Match[str], stack: list[str], *, has_base: bool) -> bool:
    """Tell whether a token may follow where the elements of the stack are open, and move the stack on."""
    text, name = token["text"], token["name"]
    if text is not None:
        return _is_text_clean(text, stack)
    if token["end"]:
        return not token["attributes"] and bool(stack) and stack.pop() == name
    if not _is_place_for(name, stack) or not _is_attribute_list_clean(name, token["attributes"], has_base=has_base):
        return False
    if name not in _VOID:
        stack.append(name)
    return True


def _is_text_clean(text: str, stack: list[str]) -> bool:
    if not text.strip(" \t\n"):
        return not stack or not _BLANK_LINE.search(text)
    if not stack or stack[-1] in _TEXTLESS or _BLANK_LINE.search(text):
        return False
    return _has_good_references(text)


def _has_good_references(text: str) -> bool:
    """Tell whether every `&` begins a reference that all readers know and that is no control character."""
    references = list(_REFERENCE.finditer(text))
    return len(references) == text.count("&") and all(_is_good_reference(found) for found in references)


def _is_good_reference(found: re.Match[str]) -> bool:
    if found[3]:
        return f"{found[3]};" in html.entities.html5
    number = int(found[1]) if found[1] else int(found[2], 16)
    return number in (9, 10) or 0x20 <= number < 0x7F or 0xA0 <= number < 0xD800 or 0xE000 <= number < 0xFFFE


def _is_place_for(name: str, stack: list[str]) -> bool:
    """Tell whether an HTML parser would open the element inside the open ones, and close none of them for it."""
    if name not in _ALLOWED or len(stack) >= MAX_DEPTH:
        return False
    parent = stack[-1] if stack else ""
    if name in _PARENTS:
        return parent in _PARENTS[name]
    if parent in _TEXTLESS:
        return False
    if name in _BLOCKS:
        return "p" not in stack and not (name in _HEADINGS and _HEADINGS.intersection(stack))
    return bool(stack) and not (name == "a" and "a" in stack)


def _is_attribute_list_clean(name: str, attributes: str, *, has_base: bool) -> bool:
    if not attributes:
        return True
    pairs = _ATTRIBUTE.findall(attributes)
    values = {key: html.unescape(value) for key, value in pairs}
    if len(values) != len(pairs) or not all(_has_good_references(value) for _, value in pairs):
        return False
    if not all(_is_attribute_clean(name, key, value, has_base=has_base) for key, value in values.items()):
        return False
    return not _is_tracking_pixel(name, values)


def _is_attribute_clean(name: str, key: str, value: str, *, has_base: bool) -> bool:
    if name not in _ATTRIBUTES.get(key, ()) or "\n" in value or "\t" in value:
        return False
    if key in _URL_ATTRIBUTES:
        return _is_url_clean(value, has_base=has_base, has_mail=key == "href")
    if key == "srcset":
        return bool(value) and all(_is_url_clean(url, has_base=has_base) for url, _ in _iter_srcset(value))
    return key not in _VALUES or bool(_VALUES[key].fullmatch(value))


def _is_url_clean(url: str, *, has_base: bool, has_mail: bool = False) -> bool:
    """Tell whether an address can do no more than be fetched; anything with another scheme is out."""
    if _CONTROLS.search(url):
        return False
    if _ABSOLUTE.fullmatch(url) or (has_mail and _MAIL.fullmatch(url)):
        return True
    return not has_base and bool(_RELATIVE.fullmatch(url))


def _iter_srcset(value: str) -> Iterator[tuple[str, str]]:
    """Yield each candidate's address and descriptor."""
    for candidate in re.split(r",\s+|,$", value.strip()):
        url, _, descriptor = candidate.strip().partition(" ")
        yield url, descriptor.strip()


def _is_tracking_pixel(name: str, attributes: Mapping[str, str]) -> bool:
    sizes = (attributes.get("width", "").strip(), attributes.get("height", "").strip())
    return name == "img" and all(re.fullmatch(r"[01](?:px)?", size) for size in sizes)


def _normalise_characters(text: str) -> str:
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))).strip()


def _escape_braces(text: str) -> str:
    return text.replace("{", "&#123;")


def _build_canonical(text: str) -> str:
    """Return the fragment as an HTML5 parser serialises it, without active elements and comments."""
    source = _drop_elements(text)
    if _is_nested_beyond_reason(source):
        source = _flatten(source)
    kept = {*_ATTRIBUTES, *_LAZY_SOURCES, *_SIGNS_OF_HIDING}
    return nh3.clean(
        source,
        tags=set(_ALLOWED | _DIV_LIKE | _UNWRAPPED),
        clean_content_tags=set(_DROPPED),
        attributes={"*": kept},
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )


def _drop_elements(text: str) -> str:
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


def _is_nested_beyond_reason(source: str) -> bool:
    """Tell whether the parser would need time or memory out of proportion.

    Its time grows with the square of the depth, and elements left open are opened again in every later block. Only
    closes in order count, so the depth is never judged too small.
    """
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
        if deepest > _MAX_SOURCE_DEPTH:
            return True
    return deepest * source.count("<") > _MAX_SOURCE_WORK


def _flatten(source: str) -> str:
    """Return the text of the source with a paragraph at each block, all other markup left out."""
    paragraphs = _SOURCE_TAG.sub(
        lambda tag: "<p>" if (tag["name"] or "").lower() in _BLOCKS | _DIV_LIKE else "", source
    )
    return re.sub(r"(?:<p>\s*)+", "<p>", paragraphs)


@dataclass(slots=True)
class _Element:
    """An element of the source while it is open; `written` is the name it was written under, empty if it was not."""

    written: str
    is_hidden: bool = False


class _Settler:
    """Writes canonical markup again so that `is_clean` holds for it."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._out: list[str] = []
        self._stack: list[str] = []
        self._pending = ""
        self._has_implied = False

    def settle(self, canonical: str) -> str:
        tokens = list(_TAG.finditer(canonical))
        holders = _find_block_holders(tokens)
        elements: list[_Element] = []
        for index, token in enumerate(tokens):
            is_hidden = bool(elements) and elements[-1].is_hidden
            if token["text"] is not None:
                if not is_hidden:
                    self._add_text(token["text"])
            elif token["end"]:
                self._close(elements.pop().written)
            elif token["name"] in _VOID:
                if not is_hidden:
                    self._open(token, holds_block=False)
            elif is_hidden or _is_hidden(_load_attributes(token)):
                elements.append(_Element("", is_hidden=True))
            else:
                elements.append(_Element(self._open(token, holds_block=index in holders)))
        self._close_implied()
        return "".join(self._out)

    def _add_text(self, text: str) -> None:
        if not text.strip(" \t\n"):
            self._pending += text
            return
        if self._stack and self._stack[-1] in _TEXTLESS:
            return
        if not self._stack:
            self._open_implied("p")
        self._pending += text

    def _open(self, token: re.Match[str], *, holds_block: bool) -> str:
        """Write the start tag where it has a place; return the name written, empty where it was left out."""
        name = self._choose_name(token["name"])
        attributes = _normalise_attributes(name, _load_attributes(token), self._base_url)
        if attributes is None or (name == "span" and not attributes) or (name == "a" and "href" not in attributes):
            return ""
        self._make_place(name, holds_block=holds_block)
        if not _is_place_for(name, self._stack):
            return ""
        self._flush()
        self._out.append(f"<{name}{_dump_attributes(attributes)}>")
        if name in _VOID:
            return ""
        self._stack.append(name)
        return name

    def _choose_name(self, name: str) -> str:
        parent = self._stack[-1] if self._stack else ""
        if name in _DIV_LIKE or (name in _LIST_PARENTS and parent not in _LIST_PARENTS[name]):
            return "div"
        return name

    def _make_place(self, name: str, *, holds_block: bool) -> None:
        """Open or close the paragraph that stands for text outside of any block."""
        if self._has_implied and len(self._stack) == 1 and (name in _BLOCKS or (holds_block and self._stack == ["p"])):
            self._close_implied()
        if not self._stack and name in _INLINES and name != "br":
            self._open_implied("div" if holds_block else "p")

    def _open_implied(self, name: str) -> None:
        self._flush()
        self._out.append(f"<{name}>")
        self._stack.append(name)
        self._has_implied = True

    def _close_implied(self) -> None:
        if self._has_implied:
            self._has_implied = False
            self._close(self._stack[0])

    def _close(self, name: str) -> None:
        if not name:
            return
        self._stack.pop()
        if self._out[-1].startswith(f"<{name}") and name in _REMOVED_WHEN_EMPTY and not self._pending.strip(" \t\n"):
            self._out.pop()
            return
        trailing = ""
        if name in _BLOCKS and name != "pre" and "pre" not in self._stack:
            text = self._pending.rstrip(" \t\n")
            trailing = "\n" if "\n" in self._pending[len(text) :] else ""
            self._pending = text
        self._stack.append(name)
        self._flush()
        self._stack.pop()
        self._out.append(f"</{name}>")
        self._pending = trailing

    def _flush(self) -> None:
        """Write the text that waits, so that no line of it is blank or looks like code to Markdown."""
        text = _escape_braces(self._pending)
        self._pending = ""
        if "pre" in self._stack:
            text = re.sub(r"\n(?=[ \t]*\n)", "&#10;", text)
            text = re.sub(r"\n(?:( )(?= {3}| {0,2}\t)|\t)", lambda found: "\n&#32;" if found[1] else "\n&#9;", text)
        else:
            text = re.sub(r"(?<![ \t])[ \t]*\n[ \t\n]*", "\n", text)
            if not self._out or self._out[-1].endswith("\n") or _is_block_start(self._out[-1]):
                text = text.lstrip(" \t\n")
        if text:
            self._out.append(text)


def _is_block_start(written: str) -> bool:
    match = _TAG.fullmatch(written)
    return match is not None and not match["end"] and match["name"] in _BLOCKS


def _find_block_holders(tokens: list[re.Match[str]]) -> set[int]:
    """Return the indexes of the start tags whose elements hold a block."""
    holders: set[int] = set()
    starts: list[int] = []
    for index, token in enumerate(tokens):
        name = token["name"]
        if name is None:
            continue
        if token["end"]:
            starts.pop()
            continue
        if name in _BLOCKS or name in _DIV_LIKE:
            while_open = reversed(starts)
            for start in while_open:
                if start in holders:
                    break
                holders.add(start)
        if name not in _VOID:
            starts.append(index)
    return holders


def _load_attributes(token: re.Match[str]) -> dict[str, str]:
    return {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(token["attributes"])}


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    if "hidden" in attributes or attributes.get("aria-hidden", "").strip().lower() == "true":
        return True
    return bool(_HIDING_STYLE.search(attributes.get("style", "")))


def _normalise_attributes(name: str, found: Mapping[str, str], base_url: str) -> dict[str, str] | None:
    """Return the attributes that the element keeps, or None where the element itself is not wanted."""
    if _is_hidden(found) or _is_tracking_pixel(name, found):
        return None
    kept: dict[str, str] = {}
    for key, raw_value in found.items():
        value = _normalise_value(key, " ".join(raw_value.split()), base_url)
        if _is_attribute_clean(name, key, value, has_base=bool(base_url)):
            kept[key] = value
    if name in _ATTRIBUTES["src"]:
        for key in _LAZY_SOURCES:
            value = _normalise_value("src", found.get(key, "").strip(), base_url)
            if value and _is_attribute_clean(name, "src", value, has_base=bool(base_url)):
                kept["src"] = value
                break
    if name == "img" and not kept.get("src") and "srcset" not in kept:
        return None
    return None if _is_tracking_pixel(name, kept) else kept


def _normalise_value(key: str, value: str, base_url: str) -> str:
    if key == "class":
        return " ".join(word for word in value.split() if _VALUES["class"].fullmatch(word))
    if key in _URL_ATTRIBUTES:
        return _resolve(value, base_url)
    if key == "srcset":
        candidates = (f"{_resolve(url, base_url)} {descriptor}".strip() for url, descriptor in _iter_srcset(value))
        return ", ".join(candidates)
    if key in ("width", "height"):
        return value.removesuffix("px")
    return value


def _resolve(url: str, base_url: str) -> str:
    """Return the address made absolute and free of blanks, or an unusable one as it is, for the check to refuse."""
    if not url or _ABSOLUTE.fullmatch(url):
        return url
    try:
        resolved = urljoin(base_url, url)
    except ValueError:
        return "\x00"
    return resolved.replace(" ", "%20").replace("\\", "%5C")


def _dump_attributes(attributes: Mapping[str, str]) -> str:
    return "".join(f' {key}="{_escape_braces(html.escape(value))}"' for key, value in attributes.items())
