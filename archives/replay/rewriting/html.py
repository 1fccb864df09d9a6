"""Rewrites addresses in HTML to mementos and removes active content.

The page is taken apart as a browser does it, tag by tag, and put together again so that each piece reads alike in
whatever context a browser comes to see it: comments and the text of scripts are left out, text that a browser might
take for markup is escaped. So no trick with half a quote or a title inside SVG hides a link from us and shows it to the
reader. This is the door; the wall is the policy that every page is sent with (`archives.replay.rewriting.content`).

Spec: HTML §13.2.5 Tokenization.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import TYPE_CHECKING, Final

from archives.replay.rewriting import lazy
from archives.replay.rewriting.css import rewrite_style

if TYPE_CHECKING:
    from collections.abc import Callable

    from archives.replay.rewriting.links import PageLinks

_WS: Final = r"\t\n\f\r "
_VALUE: Final = rf"\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^{_WS}\"'>][^{_WS}>]*+|(?=>|\Z)"
_ATTRIBUTE: Final = rf"[^{_WS}/>][^{_WS}/>=]*+(?:[{_WS}]*+=[{_WS}]*+(?:{_VALUE}))?+"
# Tags of which nothing could be changed, by far the most: the search passes over them without stopping.
_UNCHANGED_TAGS: Final = (
    r"/?(?:p|div|span|li|ul|ol|br|b|i|u|em|strong|small|h[1-6]|t[rdh]|table|t?body|thead|d[ltd]|section|article|header|"
    r"footer|nav|main|aside|figure|figcaption|label|button|time|svg|g|path|center|font|hr|sup|sub|picture|noscript|head|"
    r"option|blockquote)"
    r"(?: (?:class|id|title|alt|type|role|lang|dir|width|height|align|valign|colspan|rowspan|d|viewbox|value|name|"
    r'tabindex|datetime|color|size|aria-[a-z]++|data-(?!src|o|l|a|b|image)[a-z-]++)="[^"<]*+"'
    r'| fill="[^"<&(\\]*+")*+[ /]*+>|/a>'
)
_TOKEN: Final = re.compile(
    rf"<(?!{_UNCHANGED_TAGS})(?:(?P<comment>!--(?:>|->|.*?(?:--!?>|\Z)))"
    rf"|(?P<slash>/?)(?P<name>[a-zA-Z][^{_WS}/>]*+)(?P<region>(?:[{_WS}/]++|{_ATTRIBUTE})*+)(?P<end>>|\Z)"
    r"|(?P<cdata>!\[CDATA\[)"
    r"|(?P<doctype>!doctype[^>]*+>)"
    r"|(?P<bogus>[!?/][^>]*+(?:>|\Z)))",
    re.IGNORECASE | re.DOTALL,
)
_PARTS: Final = re.compile(rf"(?P<name>[^{_WS}/>][^{_WS}/>=]*+)(?:[{_WS}]*+=[{_WS}]*+(?P<value>{_VALUE}))?+", re.DOTALL)
_REFERENCE: Final = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*)(?:;|(?![=a-zA-Z0-9]))")
_REWRITTEN: Final = re.compile(
    r"href|src|style|action|background|poster|ping|icon|attributename|integrity|crossorigin|manifest|nonce|"
    r"cite|longdesc|codebase|archive|classid|profile|xmlns|xml:base|(?:^|[\t\n\f\r /\"'])on|"
    rf"fill|stroke|filter|mask|clip-path|marker|cursor|{lazy.ATTRIBUTES}",
    re.IGNORECASE,
)
_REWRITTEN_TAGS: Final = frozenset({"meta", "base", "link", "a", "area", "form", "object"})
_DROPPED_ATTRIBUTES: Final = frozenset(
    {
        "ping",
        "attributionsrc",
        "integrity",
        "crossorigin",
        "manifest",
        "nonce",
        "csp",
        "archive",
        "classid",
        "codebase",
        "profile",
        "xml:base",
    }
)
# Links to invisible resources, or that only open a connection.
_DROPPED_RELATIONS: Final = frozenset(
    {"dns-prefetch", "preconnect", "prefetch", "prerender", "modulepreload", "manifest", "expect", "pingback"}
)
# What a page may say in a header's stead; all else is a policy, and ours to make.
_KEPT_METAS: Final = frozenset({"", "refresh", "default-style", "content-language", "x-ua-compatible"})
# Attributes of SVG that hold what a style sheet would.
_STYLES: Final = frozenset(
    {
        "style",
        "fill",
        "stroke",
        "filter",
        "mask",
        "clip-path",
        "marker",
        "marker-start",
        "marker-mid",
        "marker-end",
        "cursor",
    }
)
_HIDDEN: Final = frozenset({"script", "noembed", "noframes"})
_RAW: Final = frozenset({"title", "textarea", "style", "xmp", "iframe", *_HIDDEN})
_IMAGE_TAGS: Final = frozenset({"img", "image", "input", "source", "video", "feimage", "use"})
_ANIMATIONS: Final = frozenset({"set", "animate", "animatemotion", "animatetransform", "animatecolor"})
_REFRESH: Final = re.compile(r"\s*([0-9.]*)\s*[;,]?\s*(?:url\s*=\s*)?[\"']?(.*?)[\"']?\s*$", re.IGNORECASE | re.DOTALL)
_MAX_DEPTH: Final = 3

_Pair = tuple[str, str | None]


def rewrite_page(text: str, links: PageLinks, *, depth: int = 0) -> str:
    """A page with its addresses in the archive, without scripts, handlers and policies of its own."""
    return _Rewriter(text.replace("\0", "\ufffd"), links, depth).run()


class _Rewriter:
    """One pass over one page."""

    def __init__(self, text: str, links: PageLinks, depth: int) -> None:
        self._text = text
        self._links = links
        self._depth = depth
        self._out: list[str] = []
        self._has_base = False
        self._endless: set[str] = set()

    def run(self) -> str:
        text, out = self._text, self._out
        search = _TOKEN.search
        copied = position = 0
        while match := search(text, position):
            position = match.end()
            name = match["name"]
            if name is not None and match["end"]:
                new = self._rewrite_tag(match, name.lower())
                is_raw = not match["slash"] and name.lower() in _RAW | {"plaintext"}
                if new is None and not is_raw:
                    continue
                out += (_escape_last(text[copied : match.start()]), match[0] if new is None else new)
                copied = position = self._take_raw(match, name.lower()) if is_raw else position
            elif match["doctype"]:
                continue
            else:
                # Comments, declarations, and a tag that the page's end cuts short.
                out.append(_escape_last(text[copied : match.start()]))
                copied = position
        out.append(text[copied:])
        return "".join(out)

    def _take_raw(self, match: re.Match[str], name: str) -> int:
        """Write what is between the tags of an element that holds text only; return where it ends."""
        text, start = self._text, match.end()
        if name == "plaintext":
            self._out.append(escape(text[start:], quote=False))
            return len(text)
        if name in self._endless:
            return start
        end = re.compile(rf"</{name}(?=[{_WS}/>])", re.IGNORECASE).search(text, start)
        if end is None and name in {"script", "iframe", "noembed", "noframes", "style"}:
            self._endless.add(name)
            return start
        inside = text[start : end.start() if end else len(text)]
        if name == "style":
            self._out.append(rewrite_style(inside, self._links))
        elif name in {"title", "textarea", "xmp"}:
            self._out.append(
                inside.replace("&", "&amp;").replace("<", "&lt;") if name == "xmp" else _escape_tags(inside)
            )
        return end.start() if end else len(text)

    def _rewrite_tag(self, match: re.Match[str], name: str) -> str | None:
        """A tag as rewritten; None if it may stay unchanged."""
        if name in _HIDDEN:
            return ""
        if name in {"xmp", "plaintext"}:
            return f"<{match['slash']}pre>"
        region = match["region"]
        if match["slash"]:
            return None if not region else f"</{match['name']}>"
        if name not in _REWRITTEN_TAGS and not _REWRITTEN.search(region):
            return None
        pairs = _list_pairs(region)
        handler = _HANDLERS.get(name)
        changed = handler(self, pairs) if handler else pairs
        if changed is None:
            return ""
        background = lazy.find_background(changed)
        changed = [pair for part in changed if (pair := self._rewrite_attribute(name, part, pairs)) is not None]
        if background and (address := self._links.rewrite(background, "im_")):
            changed = lazy.add_background(changed, address)
        closing = "/" if region.endswith("/") else ""
        return f"<{match['name']}{''.join(map(_dump_attribute, changed))}{closing}>"

    def _rewrite_attribute(self, tag: str, pair: _Pair, pairs: list[_Pair]) -> _Pair | None:
        name, value = pair
        lower = name.lower()
        is_acting = lower.startswith("on") or lower in _DROPPED_ATTRIBUTES
        if is_acting or value is None:
            return None if is_acting else pair
        if lower in _STYLES:
            return name, rewrite_style(value, self._links)
        if lower in {"srcset", "imagesrcset"}:
            return name, self._rewrite_set(value)
        if lower == "srcdoc":
            return self._rewrite_document(name, value)
        if lower in _ADDRESSES or (lower == "data" and tag == "object"):
            new = self._rewrite_address(value, _find_modifier(tag, lower, pairs))
            return None if new is None else (name, new)
        return pair

    def _rewrite_address(self, value: str, modifier: str) -> str | None:
        new = self._links.rewrite(value, modifier) if modifier else self._links.rewrite_top(value)
        can_be_data = modifier not in {"", "if_", "mp_", "cs_"}
        return None if new is None or (not can_be_data and new[:5].lower() == "data:") else new

    def _rewrite_document(self, name: str, value: str) -> _Pair | None:
        if self._depth >= _MAX_DEPTH:
            return None
        return name, rewrite_page(value, self._links, depth=self._depth + 1)

    def _rewrite_set(self, value: str) -> str:
        kept = []
        for url, descriptor in _iter_candidates(value):
            new = self._links.rewrite(url, "im_")
            if new:
                kept.append(f"{new} {descriptor}".strip())
        return ", ".join(kept)

    def rewrite_meta(self, pairs: list[_Pair]) -> list[_Pair] | None:
        values = {name.lower(): value or "" for name, value in pairs}
        kind = values.get("http-equiv", "").strip().lower()
        if "charset" in values or kind not in _KEPT_METAS or values.get("name", "").strip().lower() == "referrer":
            return None
        if kind != "refresh":
            return pairs
        match = _REFRESH.match(values.get("content", ""))
        target = self._links.rewrite(match[2], self._links.page_modifier) if match and match[2] else ""
        if match is None or target is None or target[:5].lower() == "data:":
            return None
        content = f"{match[1] or 0};url={target}" if target else match[1]
        return [("http-equiv", "refresh"), ("content", content)]

    def rewrite_base(self, pairs: list[_Pair]) -> list[_Pair] | None:
        href = next((value for name, value in pairs if name.lower() == "href"), None)
        if href and not self._has_base:
            self._links.set_base(href)
            self._has_base = True
        return None

    def rewrite_link(self, pairs: list[_Pair]) -> list[_Pair] | None:
        values = {name.lower(): value or "" for name, value in pairs}
        relations = set(values.get("rel", "").lower().split())
        is_script = "preload" in relations and values.get("as", "").lower() not in {"style", "image", "font"}
        return None if relations & _DROPPED_RELATIONS or is_script else lazy.fill_style_sheet(pairs)

    def rewrite_anchor(self, pairs: list[_Pair]) -> list[_Pair] | None:
        """Let a click open the page with its banner in the whole window, whatever target the page gave."""
        values = {name.lower(): value or "" for name, value in pairs}
        target = values.get("target", "").lower()
        is_named = target not in {"", "_self", "_top", "_parent", "_blank"}
        if is_named and self._links.page_modifier == "if_":
            return pairs
        kept = [pair for pair in pairs if pair[0].lower() not in {"target", "download"}]
        return [*kept, ("target", "_top")]

    def rewrite_picture(self, pairs: list[_Pair]) -> list[_Pair] | None:
        """Give what is shown its address where a script would have."""
        return lazy.fill_picture(pairs)

    def rewrite_animation(self, pairs: list[_Pair]) -> list[_Pair] | None:
        """SVG can change where a link leads, without a script; that it cannot set a handler is the browser's word."""
        values = {name.lower(): (value or "").strip().lower() for name, value in pairs}
        animated = values.get("attributename", "")
        return None if animated.endswith("href") or animated.startswith("on") else pairs


_ADDRESSES: Final = frozenset(
    {
        "href",
        "xlink:href",
        "src",
        "action",
        "formaction",
        "poster",
        "background",
        "cite",
        "longdesc",
        "lowsrc",
        "dynsrc",
        "icon",
    }
)
_HANDLERS: Final[dict[str, Callable[[_Rewriter, list[_Pair]], list[_Pair] | None]]] = {
    "meta": _Rewriter.rewrite_meta,
    "base": _Rewriter.rewrite_base,
    "link": _Rewriter.rewrite_link,
    "a": _Rewriter.rewrite_anchor,
    "area": _Rewriter.rewrite_anchor,
    "form": _Rewriter.rewrite_anchor,
    **dict.fromkeys(("img", "source", "iframe", "video", "audio", "embed"), _Rewriter.rewrite_picture),
    **dict.fromkeys(_ANIMATIONS, _Rewriter.rewrite_animation),
}


def _find_modifier(tag: str, attribute: str, pairs: list[_Pair]) -> str:
    """What kind of resource an address asks for; empty for a page that a reader opens."""
    if tag == "link":
        values = {name.lower(): (value or "").lower() for name, value in pairs}
        is_style = "stylesheet" in values.get("rel", "") or values.get("as") == "style"
        return "cs_" if is_style else "im_" if re.search("icon|preload", values.get("rel", "")) else ""
    if tag in {"iframe", "frame", "object", "embed", "portal", "fencedframe"}:
        return "if_"
    if tag in _IMAGE_TAGS and attribute not in {"formaction", "action"}:
        return "im_"
    return "" if attribute in {"href", "xlink:href", "action", "formaction", "cite", "longdesc"} else "im_"


def _list_pairs(region: str) -> list[_Pair]:
    """The attributes of a tag that count: of several of one name the first.

    A name that begins with "=" is left out; it would become the value of the name that is written before it.
    """
    found: dict[str, _Pair] = {}
    for part in _PARTS.finditer(region):
        if part["name"][0] != "=":
            found.setdefault(part["name"].lower(), (part["name"], _find_value(part["value"])))
    return list(found.values())


def _find_value(raw: str | None) -> str | None:
    if raw is None:
        return None
    value = raw[1:].removesuffix(raw[0]) if raw[:1] in {'"', "'"} else raw
    return _REFERENCE.sub(lambda match: unescape(match[0]), value) if "&" in value else value


def _dump_attribute(pair: _Pair) -> str:
    name, value = pair
    if value is None:
        return f" {name}"
    return f' {name}="{value.replace("&", "&amp;").replace(chr(34), "&quot;").replace("<", "&lt;")}"'


def _escape_last(text: str) -> str:
    """Text whose last character begins no tag, should what followed it be left out: `<<!-- -->script>`."""
    return text[:-1] + "&lt;" if text.endswith("<") else text


def _escape_tags(text: str) -> str:
    """Text without tags, its character references as they are."""
    return text.replace("<", "&lt;")


def _iter_candidates(value: str) -> list[tuple[str, str]]:
    """The addresses of a `srcset` and their descriptors.

    Spec: HTML §4.8.4.2.1.
    """
    found: list[tuple[str, str]] = []
    position = 0
    while match := re.compile(r"[\s,]*+([^\s]+)").match(value, position):
        url = match[1]
        position = match.end()
        if url.endswith(","):
            found.append((url.rstrip(","), ""))
            continue
        descriptor = re.compile(r"[^,]*").match(value, position)
        assert descriptor is not None
        found.append((url, " ".join(descriptor[0].split())))
        position = descriptor.end()
    return found
