"""Measures of a tree: updated where it has changed, they are those of the whole tree measured again."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from pipelines.article.text_density import measure_again, measure_tree
from pipelines.article.visibility import drop

PIECES = (
    "<div> </div> <p> </p> <a~href=x> </a> <b> </b> <br> <ul> <li> </ul> <h2> </h2> <span> </span> <!--c-->"
    " A~sentence~of~some~length,~which~ends~here~and~now. word 汉字也有一句话，长到足够算作正文的程度才行，再多一点点。"
)
MARKUP = st.lists(st.sampled_from([piece.replace("~", " ") for piece in PIECES.split(" ")]), max_size=40).map("".join)


@settings(max_examples=400, deadline=None)
@given(MARKUP, st.lists(st.integers(0, 40), max_size=6))
def test_measures_are_brought_up_to_date(markup: str, dropped: list[int]) -> None:
    body: Any = lxml_html.document_fromstring(f"<html><body><p>x</p>{markup}</body></html>").find("body")
    measures = measure_tree(body)
    elements = list(body.iter("*"))[1:]
    measure_again(body, measures, [drop(elements[at % len(elements)]) for at in dropped])
    assert {element: measures[element] for element in body.iter("*")} == measure_tree(body)
