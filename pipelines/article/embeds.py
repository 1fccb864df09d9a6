"""Text for elements without text of their own: formulas, videos, and words in form controls.

A formula's letters are part of its sentence, a film that a text speaks of leaves at least its address, and a word in a
`button` or `label` inside a paragraph is a word of the paragraph.
"""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

_FILM_ADDRESS = re.compile(
    r"embed|player|/videos?/|youtube|youtu\.be|vimeo|dailymotion|bilibili|v\.qq\.com|rutube|brightcove|jwp|soundcloud"
    r"|spotify|tiktok|podcast",
    re.IGNORECASE,
)
_CONTROLS, _FILMS = ("button", "label"), ("iframe", "video", "audio")
_FILM = "data-film"
_PARAGRAPHS = frozenset(["p", "li", "td", "dd", "blockquote", "h2", "h3", "h4"])
_MAX_DEPTH = 30
_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_RAISABLE, _LOWERABLE = re.compile(r"[0-9+=()n-]+"), re.compile(r"[0-9+=()-]+")


def keep_embedded(body: Any) -> None:
    """Turn formulas into text, films into placeholders, and words in controls into words, in a tree to be cut up."""
    for formula in list(body.iter("math")):
        _replace(formula, "span", render_formula(formula))
    embedded = list(body.iter(*_CONTROLS, *_FILMS))
    for control in embedded:
        parent = control.getparent() if control.tag in _CONTROLS else None
        if parent is not None and parent.tag in _PARAGRAPHS and _has_text_beside(control, parent):
            control.tag = "span"
    for film in embedded:
        if film.tag not in _FILMS:
            continue
        address = film.get("src") or next((source.get("src") or "" for source in film.iter("source")), "")
        if address and (film.tag != "iframe" or _FILM_ADDRESS.search(address)):
            name = film.get("title") or film.get("aria-label") or ""
            _replace(film, "img", "")
            film.set(_FILM, address)
            film.set("alt", name)


def link_films(container: Any) -> None:
    """Make figures of the placeholders: a caption with a link, which is not part of the text."""
    for film in list(container.iter("img")):
        address = film.get(_FILM)
        if address:
            name = film.get("alt") or address.split("//")[-1].split("?")[0]
            _replace(film, "figure", "")
            link = etree.SubElement(etree.SubElement(film, "figcaption"), "a", href=address)
            link.text = name


def _replace(element: Any, tag: str, text: str) -> None:
    tail = element.tail
    element.clear()
    element.tag, element.text, element.tail = tag, text, tail


def _has_text_beside(element: Any, parent: Any) -> bool:
    texts = [parent.text, element.tail, *(sibling.tail for sibling in element.itersiblings(preceding=True))]
    return any(text and text.strip() for text in texts)


def render_formula(element: Any, depth: int = 0) -> str:
    """Return a formula of MathML on one line. Spec: MathML Core §3."""
    if not isinstance(element.tag, str) or depth > _MAX_DEPTH or element.tag in ("annotation", "annotation-xml"):
        return ""
    parts = [render_formula(child, depth + 1) for child in element]
    count, build = _BUILT.get(element.tag, (-1, None))
    if build is not None and len(parts) == count:
        return str(build(*parts))
    text = (element.text or "").strip() + "".join(parts)
    return f"√({text})" if element.tag == "msqrt" else text


def raise_text(text: str) -> str:
    """Return a text as a power, in raised digits where there are such."""
    return text.translate(_RAISED) if _RAISABLE.fullmatch(text) else f"^({text})"


def lower_text(text: str) -> str:
    """Return a text as an index, in lowered digits where there are such."""
    return text.translate(_LOWERED) if _LOWERABLE.fullmatch(text) else f"_({text})"


def _divide(above: str, below: str) -> str:
    return "/".join(part if len(part) < 2 else f"({part})" for part in (above, below))


# Elements by how many children they have, and what these become.
_BUILT: dict[str, tuple[int, Any]] = {
    "msup": (2, lambda base, power: base + raise_text(power)),
    "mover": (2, lambda base, mark: base + raise_text(mark)),
    "msub": (2, lambda base, index: base + lower_text(index)),
    "munder": (2, lambda base, mark: base + lower_text(mark)),
    "msubsup": (3, lambda base, index, power: base + lower_text(index) + raise_text(power)),
    "mfrac": (2, _divide),
}
