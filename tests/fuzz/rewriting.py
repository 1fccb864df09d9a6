"""What must hold for a page and a style sheet that were rewritten, judged by parsers that are not ours.

The tree of a page is what html5ever makes of it, the parser of a browser, by way of `nh3`.
"""

from __future__ import annotations

import re
import string

import nh3

from archives.errors import RecordError
from archives.replay.rewriting.charsets import decode_page, decode_style
from archives.replay.rewriting.css import rewrite_style
from archives.replay.rewriting.html import rewrite_page
from archives.replay.rewriting.links import PageLinks
from tests.fuzz.styles import iter_urls

URL = "http://paper.example/news/a.html"
PREFIX = "/c/20260304022111"
TOP = "//127.0.0.1:80"
# A short address becomes one of ours, and `<base>` may be as long as an address may be.
GROWTH = 300
_BASE = re.compile(r"<base", re.IGNORECASE)

# Tags of which a page is made; what is in none of these is unwrapped, and its attributes are not looked at.
TAGS = {
    "a", "abbr", "address", "animate", "animatemotion", "animatetransform", "annotation-xml", "applet", "area",
    "article", "aside", "audio", "b", "base", "basefont", "bdi", "bgsound", "big", "blockquote", "body", "br",
    "button", "canvas", "caption", "center", "circle", "cite", "code", "col", "colgroup", "command", "data",
    "datalist", "dd", "del", "details", "dfn", "dialog", "dir", "div", "dl", "dt", "em", "embed", "feimage",
    "fieldset", "figcaption", "figure", "filter", "font", "footer", "foreignobject", "form", "frame", "frameset",
    "g", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html", "i", "iframe", "image", "img", "input",
    "ins", "isindex", "kbd", "keygen", "label", "legend", "lineargradient", "link", "listing", "main", "malignmark",
    "map", "mark", "marquee", "mask", "math", "menu", "meta", "meter", "mglyph", "mi", "mn", "mo", "ms", "mtext",
    "nav", "nextid", "noscript", "object", "ol", "optgroup", "option", "output", "p", "param", "path", "pattern",
    "picture", "portal", "pre", "progress", "q", "rect", "rp", "rt", "ruby", "s", "samp", "script", "section",
    "select", "set", "slot", "small", "source", "span", "strike", "strong", "style", "sub", "summary", "sup", "svg",
    "symbol", "table", "tbody", "td", "template", "text", "textarea", "textpath", "tfoot", "th", "thead", "time",
    "title", "tr", "track", "tt", "u", "ul", "use", "var", "video", "wbr", "fencedframe", "layer",
    "noembed", "noframes", "xmp", "plaintext",
}  # fmt: skip
ADDRESSES = {
    "href", "src", "action", "formaction", "poster", "background", "data", "cite", "longdesc", "lowsrc", "dynsrc",
    "icon", "ping", "manifest", "codebase", "classid", "profile", "archive", "attributionsrc",
}  # fmt: skip
STYLES = {"style", "fill", "stroke", "filter", "mask", "clip-path", "marker", "cursor"}
# Where nothing is but plain tags and text, a rewritten page says what it said before, to the letter.
ODD = re.compile(
    r"<(?:[!?]|/?(?:svg|math|title|textarea|xmp|plaintext|script|style|iframe|noscript|noembed|noframes|select|template|"
    r"frameset|listing|pre|image|set|animate|base|meta|link|body|html|head|frame|col|object|applet|marquee|table)|"
    r"/[^a-zA-Z])|[\x00\r]|<[^>]*\Z",
    re.IGNORECASE,
)
BLANKS = re.compile(r"\s+")


def read_page(data: bytes) -> None:
    """No address leads away, nothing acts, the text stays, the size is bounded."""
    text, codec = decode_page(data, "text/html")
    try:
        page = rewrite_page(text, PageLinks(prefix=PREFIX, url=URL, top=TOP, codec=codec))
    except RecordError:
        return
    if not _BASE.search(text):
        assert len(page) <= GROWTH * len(text) + 1000, len(page)
    for tag, name, value in list_attributes(page):
        check_attribute(tag, name, value)
    if not ODD.search(text):
        assert _find_text(page) == _find_text(text)


def check_attribute(tag: str, name: str, value: str) -> None:
    place = f"<{tag} {name}={value!r}>"
    assert tag != "script", place
    assert not name.startswith("on") or not value, place
    if name in ADDRESSES and tag != "param" and (name != "data" or tag == "object"):
        assert is_inside(value), place
    if name in STYLES:
        assert all(is_inside(url) for url in iter_urls(value)), place
    if name == "srcset":
        assert all(is_inside(url) for url in value.split()[:1]), place


def list_attributes(page: str) -> list[tuple[str, str, str]]:
    """Each tag with each attribute and its value, as html5ever sees them; tags without any are not in it."""
    found: list[tuple[str, str, str]] = []

    def note(tag: str, name: str, value: str) -> str:
        found.append((tag, name, value))
        return value

    nh3.clean(
        page,
        tags=TAGS,
        clean_content_tags=set(),
        attributes={},
        generic_attribute_prefixes=set(string.ascii_lowercase),
        attribute_filter=note,
        link_rel=None,
        url_schemes={"http", "https", "data", "javascript", "vbscript", "mailto", "tel", "ftp", "file", "blob", "ws"},
    )
    return found


def is_inside(url: str) -> bool:
    """Whether an address stays with the viewer, or asks nobody for anything."""
    url = url.strip()
    own = url.startswith((PREFIX, TOP + PREFIX, "#", "data:image/", "about:invalid", "mailto:", "tel:"))
    return own or not url or url[:5].lower() == "data:" or url[:7].lower() == "mailto:" or url[:4].lower() == "tel:"


def _find_text(page: str) -> str:
    return BLANKS.sub("", nh3.clean(page, tags=set(), clean_content_tags=set()))


def read_style(data: bytes) -> None:
    """No address leads away, and the size is bounded."""
    text = decode_style(data, "text/css")
    try:
        style = rewrite_style(text, PageLinks(prefix=PREFIX, url=URL, top=TOP))
    except RecordError:
        return
    assert len(style) <= GROWTH * len(text) + 1000, len(style)
    assert [url for url in iter_urls(style) if not is_inside(url)] == []
