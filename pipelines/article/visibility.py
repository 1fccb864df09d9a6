"""Which parts of a page readers see, and which are hidden: scripts, controls, hidden text.

Hiding says little by itself. A template hides its article until a script shows it, a seller of watches hides what only
search engines shall read, and a parser that misses an end tag puts a whole article into a button. So what is hidden, or
is in an element that shows none of its text, goes unless the page would be left without its prose.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lxml import etree

from pipelines.article.text_density import measure_prose

if TYPE_CHECKING:
    from collections.abc import Iterable

# What libxml2 reads and lxml refuses to write.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Nodes that are not elements, and elements whose text is never shown.
_NODES = (etree.Comment, etree.ProcessingInstruction, etree.Entity)
_SILENT = ("head", "input", "link", "meta", "script", "style", "textarea", "select", "option", "map", "embed")
# Shown as something else than text; but where an end tag is missing, a parser puts the article into them.
_BOXES = frozenset(["audio", "button", "canvas", "dialog", "iframe", "label", "math", "menu", "nav", "noscript"])
_BOXES |= frozenset(["object", "svg", "template", "video"])
_HIDERS = frozenset(["style", "hidden", "aria-hidden"])
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_PARAGRAPHS = frozenset(["p", "blockquote", "ul", "ol"])
# `$RC("B:0","S:1")` puts the part S:1 at the template B:0, `$RS("S:2","P:2")` the part S:2 at P:2.
_STREAMED = re.compile(r"""\$R[CSR]\(["']([BPS]:\w+)["'],\s*["']([BPS]:\w+)["']""")
# The least prose of a page, in Latin letters, and its least share: of all prose, and where a headline is hidden, too.
_MIN_PROSE = 160.0
_ENOUGH_PROSE = 500.0
_MIN_SHARE = 0.04
_MIN_BESIDE_HEADLINE = 0.25
_MAX_SPARED = 8


def drop(element: Any) -> Any:
    """Take an element out of its tree and leave the text behind it; return its parent, None if it had none."""
    parent = element.getparent()
    if parent is None:
        return None
    if element.tail:
        before = element.getprevious()
        if before is not None:
            before.tail = _UNWRITABLE.sub("", (before.tail or "") + element.tail)
        else:
            parent.text = _UNWRITABLE.sub("", (parent.text or "") + element.tail)
    parent.remove(element)
    return parent


def drop_all(elements: Iterable[Any]) -> None:
    """Do what `drop` does to many elements, in time that grows with their number alone.

    One after the other each would be copied the text that those before it have left behind.
    """
    dropped: dict[Any, set[Any]] = {}
    for element in elements:
        parent = element.getparent()
        if parent is not None:
            dropped.setdefault(parent, set()).add(element)
    for parent, children in dropped.items():
        before, left = None, [parent.text or ""]
        for child in list(parent):
            if child in children:
                left.append(child.tail or "")
                parent.remove(child)
            else:
                _leave(parent, before, left)
                before, left = child, [child.tail or ""]
        _leave(parent, before, left)


def _leave(parent: Any, before: Any, texts: list[str]) -> None:
    """Put a text and what dropped elements have left behind it where the first of them stood."""
    if not any(texts[1:]):
        return
    text = _UNWRITABLE.sub("", "".join(texts))
    if before is None:
        parent.text = text
    else:
        before.tail = text


def drop_invisible(body: Any) -> None:
    """Take out what readers never see: comments, scripts, controls, and what is hidden.

    Where next to no prose would be left, a script will show what is hidden, or a tag was never closed: then the box
    with most of the prose stays, and the same is asked of what is in it.
    """
    drop_all(element for element in body.iter(*_NODES, *_SILENT) if element is not body)
    root = body
    hideable, boxes = _find_unshown(root)
    for _ in range(_MAX_SPARED):
        largest = _find_spared(root, boxes)
        if largest is None:
            break
        root = largest
        _show(root)
        if root.tag in _BOXES:
            root.tag = "div"
        boxes.remove(root)
        drop_all(boxes)
        hideable, boxes = _find_unshown(root)
    drop_all(boxes)
    for element in hideable:
        if element.getparent() is not None and _is_held_back(element):
            _show(element)


def _find_spared(root: Any, boxes: list[Any]) -> Any:
    """Return the box with most of the prose, where next to no prose would be left without the boxes, else None."""
    prose = {element: measure_prose(element) for element in boxes if _may_hold_prose(element)}
    held = sum(prose.values())
    if held < _MIN_PROSE:
        return None
    whole = measure_prose(root)
    largest = max(prose, key=lambda element: prose[element])
    has_headline = largest.find(".//h1") is not None
    least = _MIN_BESIDE_HEADLINE * whole if has_headline else min(_ENOUGH_PROSE, _MIN_SHARE * whole)
    return None if whole - held >= max(_MIN_PROSE, least) else largest


def open_templates(body: Any) -> None:
    """Show what templates stand for, as browsers do: declarative shadow roots, and parts that a server streams later.

    Spec: HTML §4.12.3. React puts a streamed part, hidden, behind the page, and a script that names it and its place.
    """
    places: dict[str, Any] = {}
    for element in list(body.iter("template")):
        if element.get("shadowrootmode") or element.get("shadowroot"):
            element.tag = "div"
        elif (identifier := element.get("id") or "")[:2] in ("B:", "P:"):
            places[identifier] = element
    if places:
        _place_streamed(body, places)


def _place_streamed(body: Any, places: dict[str, Any]) -> None:
    parts = {element.get("id"): element for element in body.iter("div") if (element.get("id") or "").startswith("S:")}
    for script in list(body.iter("script")):
        for names in _STREAMED.findall(script.text or ""):
            place = next((places[name] for name in names if name in places), None)
            part = next((parts[name] for name in names if name in parts), None)
            if place is None or part is None or part in place.iterancestors():
                continue
            _show(part)
            place.addprevious(part)


def _show(element: Any) -> None:
    """Take off what hides an element, by which others would still drop it."""
    for name in ("hidden", "aria-hidden", "style"):
        element.attrib.pop(name, None)


def _find_unshown(root: Any) -> tuple[list[Any], list[Any]]:
    """Return the elements below `root` with an attribute that can hide them, and the outermost whose text is hidden."""
    elements = list(root.iterdescendants("*"))
    hideable = [element for element in elements if not _HIDERS.isdisjoint(element.keys())]
    return hideable, list(_iter_boxes(root, elements, hideable))


def _iter_boxes(root: Any, elements: list[Any], hideable: list[Any]) -> Iterable[Any]:
    """Yield the outermost of these elements whose text is not shown, in document order."""
    hidden = {element for element in hideable if is_hidden(element) and not _is_held_back(element)}
    candidates = hidden | {element for element in elements if element.tag in _BOXES}
    for element in elements:
        if element not in candidates:
            continue
        parent = element.getparent()
        while parent is not None and parent is not root and parent not in candidates:
            parent = parent.getparent()
        if parent is root:
            yield element


def _may_hold_prose(element: Any) -> bool:
    return len(element) > 0 or len(element.text or "") >= _MIN_PROSE


def is_hidden(element: Any) -> bool:
    """Return whether an element's own attributes hide it."""
    style = element.get("style")
    if style and _HIDING.search(style):
        return True
    return element.get("hidden") is not None or element.get("aria-hidden") == "true"


def _is_held_back(element: Any) -> bool:
    """Return whether a paragraph that `aria-hidden` hides stands among others: it is there for those who have paid."""
    if (
        element.tag not in _PARAGRAPHS
        or element.get("hidden") is not None
        or _HIDING.search(element.get("style") or "")
    ):
        return False
    beside = (sibling for sibling in element.getparent().iterchildren("p") if sibling is not element)
    return any(not is_hidden(sibling) and measure_prose(sibling) > 0 for sibling in beside)
