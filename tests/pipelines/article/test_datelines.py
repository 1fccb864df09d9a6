"""Dates around headlines and in scripts: looking only where one can be finds the same as looking everywhere."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.article.datelines import (
    _ASSIGNED,
    _ENCODED,
    _HAS_DAY,
    _find_day,
    _iter_assigned,
)

WRITTEN = (
    "pubtime publishTime ct date_published \" ' : = ] [ $ _ 1600000000 1600000000123 2020-01-02 2020年1月2日 , ; < time"
    " create_at firstPublished publish_on 12 %22 %3A x . ı K"
)
SCRIPTS = st.lists(st.sampled_from([*WRITTEN.split(" "), " ", "\n", " " * 45]), max_size=24).map("".join)
WORDS = "昨天 前天 3 12 2020 年 1 月 2 日 - / : . ago hours 小时前 分钟 May de st ٣٤ a"


@settings(max_examples=800, deadline=None)
@given(SCRIPTS)
def test_values_in_scripts_are_all_found(script: str) -> None:
    expected = [*_ASSIGNED.finditer(script), *_ENCODED.finditer(script)]
    found = list(_iter_assigned(script))
    assert [(match["name"], match["value"]) for match in found] == [
        (match["name"], match["value"]) for match in expected
    ]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(st.sampled_from([*WORDS.split(" "), " "]), st.text(max_size=2)), max_size=12).map("".join))
def test_days_in_texts_are_all_found(text: str) -> None:
    expected, found = _HAS_DAY.search(text), _find_day(text)
    assert (found and found.span()) == (expected and expected.span())
