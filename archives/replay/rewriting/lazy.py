"""Replaces scripts for lazy loading: pictures, frames, backgrounds and style sheets are loaded at once.

No script runs in the viewer, so the address that a script would have set is set here. The names are those of the
libraries that real pages use; a value counts only where it can be an address.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_Pair = tuple[str, str | None]

# The better-known first: where a tag has several, the first is taken.
_SOURCES: Final = (
    "data-src", "data-original", "data-lazy-src", "data-lazy", "data-actualsrc", "data-echo", "data-original-src",
    "data-real-src", "data-src-lazy", "data-srclazy", "data-img-src", "data-image-src", "data-img", "data-image",
    "data-defer-src", "data-deferred-src", "data-delayed-url", "data-ll-src", "data-layzr", "data-unveil",
    "data-flickity-lazyload", "data-flickity-lazyload-src", "data-cfsrc", "data-cfstyle-src", "data-ezsrc",
    "data-pagespeed-lazy-src", "data-pagespeed-high-res-src", "data-gt-lazy-src", "data-litespeed-src",
    "data-runner-src", "data-raw-src", "data-hi-res-src", "data-hires", "data-full-src", "data-large-src",
    "data-default-src", "data-bp-src", "data-aload", "data-normal", "data-url", "lazy-src", "lazysrc",
)  # fmt: skip
_SETS: Final = (
    "data-srcset", "data-lazy-srcset", "data-original-set", "data-original-srcset", "data-lazyset", "data-src-set",
    "data-defer-srcset", "data-flickity-lazyload-srcset", "data-ll-srcset", "data-cfsrcset", "data-ezsrcset",
    "data-gt-lazy-srcset", "data-litespeed-srcset", "data-optimumx-srcset", "lazy-srcset",
)  # fmt: skip
_BACKGROUNDS: Final = (
    "data-bg", "data-background", "data-background-image", "data-bg-src", "data-bg-url", "data-bg-image",
    "data-lazy-bg", "data-lazy-background", "data-lazy-background-image", "data-image-background", "data-bgimg",
    "data-background-src", "data-bgset", "data-src-background", "data-ll-bg",
)  # fmt: skip
_POSTERS: Final = ("data-poster", "data-lazy-poster")
_DROPPED: Final = frozenset((*_SOURCES, *_SETS, *_BACKGROUNDS, *_POSTERS))
# A script has been there already, so `src` holds what it has set.
_LOADED: Final = re.compile(r"(?:^|\s)(?:lazy-?loaded|ls-is-cached|is-loaded|b-loaded|entered\s+loaded)(?:\s|$)")
_ADDRESS: Final = re.compile(
    r"(?!data:)(?:https?:)?[^\s<>{}\"'`|\\]*(?:/[^\s<>{}\"'`|\\]|\.(?:jpe?g|png|gif|webp|avif|svg|bmp|html?)\b)[^<>{}\"'`|\\]*",
    re.IGNORECASE,
)
_URL: Final = re.compile(r"\s*url\(\s*([\"']?)(.*?)\1\s*\)\s*", re.IGNORECASE | re.DOTALL)
_MEDIA: Final = re.compile(r"""\bmedia\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_RELATION: Final = re.compile(r"""\brel\s*(?:=|["']\s*,)\s*["']?[^"']*stylesheet""", re.IGNORECASE)
ATTRIBUTES: Final = "|".join(sorted({re.escape(name) for name in _DROPPED if "src" not in name}))


def fill_picture(pairs: list[_Pair]) -> list[_Pair]:
    """Return the attributes of a picture, a sound or a frame with the address that a script would have set."""
    values = {name.lower(): value or "" for name, value in pairs}
    kept = [pair for pair in pairs if pair[0].lower() not in _DROPPED]
    if _LOADED.search(values.get("class", "")) and _is_address(values.get("src", "")):
        return kept
    source, candidates = _find(values, _SOURCES), _find(values, _SETS)
    poster = _find(values, _POSTERS)
    if source:
        kept = [pair for pair in kept if pair[0].lower() != "src"]
        kept.append(("src", source))
    if candidates or (source and values.get("srcset", "").strip().startswith("data:")):
        kept = [pair for pair in kept if pair[0].lower() != "srcset"]
    if candidates:
        kept.append(("srcset", candidates))
    if poster:
        kept = [pair for pair in kept if pair[0].lower() != "poster"]
        kept.append(("poster", poster))
    return kept


def find_background(pairs: list[_Pair]) -> str:
    """Return the address of the background that a script would have set; empty if there is none."""
    if not any(name.lower() in _BACKGROUNDS for name, _ in pairs):
        return ""
    found = _find({name.lower(): value or "" for name, value in pairs}, _BACKGROUNDS)
    return found.split()[0].rstrip(",") if found else ""


def add_background(pairs: list[_Pair], address: str) -> list[_Pair]:
    """Return the attributes of an element with a background in its style.

    Args:
        address: in the archive.
    """
    style = next((value or "" for name, value in pairs if name.lower() == "style"), "").rstrip("; \t\r\n")
    kept = [pair for pair in pairs if pair[0].lower() not in {"style", *_BACKGROUNDS}]
    quoted = address.replace("\\", "%5C").replace("'", "%27").replace("\n", "")
    return [*kept, ("style", f"{style}{'; ' if style else ''}background-image: url('{quoted}')")]


def fill_style_sheet(pairs: list[_Pair]) -> list[_Pair]:
    """Return the attributes of a link whose handler would have made it a style sheet for what is on the screen."""
    values = {name.lower(): value or "" for name, value in pairs}
    handler = values.get("onload", "")
    relations = values.get("rel", "").lower().split()
    changed: dict[str, str | None] = {}
    if "stylesheet" in relations and re.search(r"\bmedia\b", handler, re.IGNORECASE):
        match = _MEDIA.search(handler)
        changed["media"] = match[1] if match and match[1].strip() else "all"
    if "stylesheet" not in relations and values.get("as", "").lower() == "style" and _RELATION.search(handler):
        changed |= {"rel": "stylesheet", "as": None}
    if not changed:
        return pairs
    kept = [pair for pair in pairs if pair[0].lower() not in changed]
    return [*kept, *((name, value) for name, value in changed.items() if value is not None)]


def _find(values: dict[str, str], names: Iterable[str]) -> str:
    """Return the first value that can be an address, without `url()` around it."""
    for name in names:
        value = values.get(name, "").strip()
        match = _URL.fullmatch(value)
        value = match[2].strip() if match else value
        if value and _is_address(value):
            return value
    return ""


def _is_address(value: str) -> bool:
    return _ADDRESS.fullmatch(value) is not None
