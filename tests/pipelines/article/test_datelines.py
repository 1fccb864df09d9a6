"""Dates around headlines: looking only where one can be finds the same as looking everywhere."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.article.datelines import _HAS_DAY, find_day

WORDS = "昨天 前天 3 12 2020 年 1 月 2 日 - / : . ago hours 小时前 分钟 May de st ٣٤ a"


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(st.sampled_from([*WORDS.split(" "), " "]), st.text(max_size=2)), max_size=12).map("".join))
def test_days_in_texts_are_all_found(text: str) -> None:
    expected, found = _HAS_DAY.search(text), find_day(text)
    assert (found and found.span()) == (expected and expected.span())
