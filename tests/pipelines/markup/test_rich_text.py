"""Rich text of the editors of content systems, whose names for the same shape differ."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.markup.rich_text import build_html
from pipelines.page.page import Page
from pipelines.rules.expressions import compile_expression

FIRST, SECOND = "The bridge was opened on Monday, two years later than planned & at ", "twice the cost."
WHOLE = f"<p>{FIRST.replace('&', '&amp;')}{SECOND}</p>"
HEADING, ITEMS = "<h2>The cost</h2>", "<ul><li>trams</li><li>bicycles</li></ul>"


def mark(kind: str, text: str, *, key: str = "type", of: str = "text") -> dict[str, Any]:
    return {key: kind, of: text}


def prosemirror(kind: str, *parts: Any) -> dict[str, Any]:
    return {"type": kind, "content": [mark("text", part) if isinstance(part, str) else part for part in parts]}


def contentful(kind: str, *texts: str) -> dict[str, Any]:
    leaves = [mark("text", text, key="nodeType", of="value") | {"marks": [], "data": {}} for text in texts]
    return {"nodeType": kind, "data": {}, "content": leaves}


RICH = {
    "ProseMirror": {"type": "doc", "content": [
        prosemirror("paragraph", FIRST, mark("text", SECOND) | {"marks": [{"type": "bold"}]}),
        prosemirror("heading", "The cost") | {"attrs": {"level": 2}},
        prosemirror("bulletList", *(prosemirror("listItem", prosemirror("paragraph", text))
                                    for text in ("trams", "bicycles"))),
    ]},
    "Slate": [
        {"type": "p", "children": [{"text": FIRST}, {"text": SECOND, "bold": True}]},
        {"type": "h2", "children": [{"text": "The cost"}]},
        {"type": "image", "url": "/a.jpg", "children": [{"text": "A picture"}]},
        {"type": "ul", "children": [{"type": "li", "children": [{"text": text}]} for text in ("trams", "bicycles")]},
    ],
    "Contentful": {"nodeType": "document", "data": {}, "content": [
        contentful("paragraph", FIRST, SECOND), contentful("heading-2", "The cost"),
        {"nodeType": "embedded-asset-block", "data": {"target": {"id": "1"}}, "content": []},
        {"nodeType": "unordered-list", "content": [contentful("list-item", text) for text in ("trams", "bicycles")]},
    ]},
    "Draft.js": {"entityMap": {}, "blocks": [
        {"key": "a", "type": "unstyled", "text": FIRST + SECOND, "entityRanges": [], "data": {}},
        {"key": "b", "type": "header-two", "text": "The cost"},
        {"key": "c", "type": "atomic", "text": " "},
    ]},
    "Editor.js": {"time": 1, "version": "2.30", "blocks": [
        {"type": "paragraph", "data": {"text": (FIRST + SECOND).replace("&", "&amp;") + "<b></b>"}},
        {"type": "header", "data": {"text": "The cost", "level": 2}},
        {"type": "list", "data": {"style": "unordered", "items": ["trams", "bicycles"]}},
        {"type": "delimiter", "data": {}},
    ]},
    "Portable Text": [
        {"_type": "block", "style": "normal", "markDefs": [],
         "children": [mark("span", text, key="_type") for text in (FIRST, SECOND)]},
        {"_type": "block", "style": "h2", "children": [mark("span", "The cost", key="_type")]},
        {"_type": "image", "asset": {"_ref": "a"}},
    ],
    "Gutenberg": [
        {"blockName": "core/paragraph", "attrs": {}, "innerBlocks": [], "innerHTML": f"\n{WHOLE}\n"},
        {"blockName": None, "innerHTML": "\n\n"},
        {"blockName": "core/heading", "innerHTML": f"\n{HEADING}\n", "innerContent": [HEADING]},
    ],
    "Arc": [
        mark("text", FIRST + SECOND, of="content") | {"_id": "A1"},
        mark("header", "The cost", of="content") | {"level": 2},
        mark("interstitial_link", "Read this, too", of="content"),
        {"type": "list", "items": [mark("text", text, of="content") for text in ("trams", "bicycles")]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("editor", RICH)
def test_paragraphs_headings_and_lists_of_every_editor_become_html(editor: str) -> None:
    built = build_html(RICH[editor]).replace("<b></b>", "")
    assert built.split("\n") == [WHOLE, HEADING, ITEMS][: 2 + ("trams" in str(RICH[editor]))]


def test_a_rule_may_name_rich_text_in_json() -> None:
    page = Page("", "http://paper.example/api/1")
    page.data = {"story": {"body": RICH["Arc"], "tags": [{"type": "tag", "text": "harbour"}]}}
    body = compile_expression("story.body", of_json=True)
    assert body.find_all(page) == ["\n".join((WHOLE, HEADING, ITEMS))]
    assert compile_expression("story.tags[].text", of_json=True).find_all(page) == ["harbour"]
    assert compile_expression("story.tags", of_json=True).find_all(page) == []


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        {},
        [],
        ["a", "b"],
        [{"type": "article", "title": "Bridge opens", "text": FIRST + SECOND}] * 3,
        [{"text": FIRST + SECOND}] * 3,
        [{"type": "text", "text": "short"}],
        [{"type": "image", "caption": FIRST + SECOND}, {"type": "paragraph", "text": ""}],
    ],
)
def test_other_lists_are_no_rich_text(value: Any) -> None:
    assert build_html(value) == ""


def test_blocks_that_hold_each_other_without_end_are_bounded() -> None:
    block: dict[str, Any] = {"type": "paragraph", "text": FIRST + SECOND}
    for _ in range(2_000):
        block = {"type": "paragraph", "content": [block]}
    assert build_html([block] * 100) == ""
    items: Any = "trams"
    for _ in range(2_000):
        items = {"items": items}
    assert build_html([*RICH["Slate"][:1], {"type": "list", "items": items}]) == WHOLE
