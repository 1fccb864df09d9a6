"""A normalised body as Markdown, for readers that want no HTML.

The body is HTML that `pipelines.markup.sanitise` has settled, so every element in it is allowed. What
Markdown cannot say, such as a cell that spans two columns, is left out or said in words; the text itself is kept.

Spec: CommonMark 0.31; tables as in GitHub Flavored Markdown §4.10.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lxml import html as lxml_html

from pipelines.markup import allow_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.html import HtmlElement

_SPECIAL = re.compile(r"([\\`*_\[\]<>&|~])")
_LINE_START = re.compile(r"^([#+=-])", re.MULTILINE)
_LINE_NUMBER = re.compile(r"^([0-9]{1,9})([.)])", re.MULTILINE)
_OUTER_BREAKS = re.compile(r"^(?:\s*\\\n)+|(?:\\\n\s*)+$")
_UNFIT = re.compile(r"[<>\\\s]")
_BLANKS = re.compile(r"\s+")
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "del": "~~", "s": "~~"}
_MAX_SPAN = 100
_RAISED = frozenset(["sup", "sub"])
_QUOTED = ("blockquote",)
_LISTS = ("ul", "ol")


def build_markdown(body: str) -> str:
    """Return a normalised body as Markdown, blocks parted by one blank line; '' for an empty one."""
    if not body.strip():
        return ""
    root = lxml_html.fragment_fromstring(body, create_parent="div")
    return "\n\n".join(_iter_blocks(root))


def _iter_blocks(parent: HtmlElement) -> Iterator[str]:
    """Yield the blocks inside an element; inlines between two of them are a paragraph."""
    waiting = _escape(parent.text)
    for child in parent:
        if child.tag in allow_list.BLOCKS:
            if paragraph := _settle(waiting):
                yield paragraph
            waiting = ""
            yield from _iter_block(child)
        elif _holds_block(child):
            if paragraph := _settle(waiting):
                yield paragraph
            waiting = ""
            yield from _iter_blocks(child)
        else:
            waiting += _build_inline(child)
        waiting += _escape(child.tail)
    if paragraph := _settle(waiting):
        yield paragraph


def _iter_block(element: HtmlElement) -> Iterator[str]:
    tag = str(element.tag)
    if tag == "hr":
        yield "---"
    elif tag == "pre":
        yield _build_code(element)
    elif tag in allow_list.HEADINGS:
        if text := _settle(_build_inlines(element)).replace("\\\n", " "):
            yield f"{'#' * int(tag[1])} {text}"
    elif tag in _QUOTED:
        if inner := "\n\n".join(_iter_blocks(element)):
            yield "\n".join(f"> {line}".rstrip() for line in inner.split("\n"))
    elif tag in _LISTS:
        if items := list(_iter_items(element)):
            yield "\n".join(items)
    elif tag == "table":
        yield from _iter_table(element)
    else:
        yield from _iter_blocks(element)


def _iter_items(element: HtmlElement) -> Iterator[str]:
    for number, item in enumerate(element.iterchildren("li"), start=int(element.get("start") or 1)):
        mark = f"{number}. " if element.tag == "ol" else "- "
        lines = "\n\n".join(_iter_blocks(item)).split("\n")
        indented = [line and " " * len(mark) + line for line in lines[1:]]
        yield "\n".join([(mark + lines[0]).rstrip(), *indented])


def _iter_table(element: HtmlElement) -> Iterator[str]:
    for caption in element.iterchildren("caption"):
        yield from _iter_blocks(caption)
    rows = _list_rows(element)
    width = max(map(len, rows), default=0)
    if not width:
        return
    lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
    yield "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _list_rows(table: HtmlElement) -> list[list[str]]:
    """Return the cells of a table's own rows; where a cell spans, the places that it covers are empty."""
    rows: list[list[str]] = []
    covered: dict[int, int] = {}
    for row in table.iter("tr"):
        if next(row.iterancestors("table")) is not table:
            continue
        cells: list[str] = []
        for cell in row:
            if cell.tag not in ("td", "th"):
                continue
            _fill_covered(cells, covered)
            for place in range(_read_span(cell, "colspan")):
                covered[len(cells)] = _read_span(cell, "rowspan") - 1
                cells.append("" if place else _build_cell(cell))
        _fill_covered(cells, covered)
        rows.append(cells)
    return rows


def _fill_covered(cells: list[str], covered: dict[int, int]) -> None:
    """Add empty cells as long as one of an earlier row reaches down to the next place."""
    while covered.get(len(cells), 0) > 0:
        covered[len(cells)] -= 1
        cells.append("")


def _read_span(cell: HtmlElement, name: str) -> int:
    return min(_MAX_SPAN, max(1, int(cell.get(name) or 1)))


def _build_cell(cell: HtmlElement) -> str:
    return " ".join(" ".join(_iter_blocks(cell)).replace("\\\n", " ").split())


def _build_code(element: HtmlElement) -> str:
    text = element.text_content().strip("\n")
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _build_inlines(parent: HtmlElement) -> str:
    return _escape(parent.text) + "".join(_build_inline(child) + _escape(child.tail) for child in parent)


def _build_inline(element: HtmlElement) -> str:
    tag = str(element.tag)
    if tag == "br":
        return "\\\n"
    if tag == "img":
        return f"![{_escape(element.get('alt'))}]({_build_target(element.get('src', ''))})"
    inner = _build_inlines(element)
    if tag in _RAISED and inner.strip():
        # Markdown has no sign for them; 10³ must not become 103.
        return f"<{tag}>{inner}</{tag}>"
    if tag == "a" and inner.strip():
        return f"[{inner.strip()}]({_build_target(element.get('href', ''))})"
    mark = _MARKS.get(tag)
    text = inner.strip()
    if mark is None or not text or mark[0] in (text[0], text[-1]):
        return inner
    head, tail = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
    return f"{head}{mark}{text}{mark}{tail}"


def _build_target(url: str) -> str:
    return "<" + _UNFIT.sub(lambda found: f"%{ord(found[0]):02X}", url) + ">"


def _holds_block(element: HtmlElement) -> bool:
    return any(descendant.tag in allow_list.BLOCKS for descendant in element.iterdescendants())


def _escape(text: str | None) -> str:
    return _SPECIAL.sub(r"\\\1", _BLANKS.sub(" ", text)) if text else ""


def _settle(paragraph: str) -> str:
    """Return a paragraph without outer blanks and with no line that begins like another block."""
    lines = [line.strip() for line in _OUTER_BREAKS.sub("", paragraph).split("\n")]
    text = "\n".join(lines).strip()
    return _LINE_NUMBER.sub(r"\1\\\2", _LINE_START.sub(r"\\\1", text))
