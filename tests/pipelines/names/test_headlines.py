"""Headlines are one line of plain text, whatever the page held."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.names.headlines import normalise_headline


@pytest.mark.parametrize(
    ("found", "headline"),
    [
        ("  Tide\n\ttable ", "Tide table"),
        ("Fish &amp; chips", "Fish & chips"),
        ("<em>News</em>: 3 < 4", "News: 3 < 4"),
        ("&amp;lt;b&amp;gt;bold&amp;lt;/b&amp;gt;", "bold"),
        ("全角，保留：“引号”", "全角，保留：“引号”"),
        ("no\x00control\x1b[31m", "no control [31m"),
        ("\u3000缩进\u3000", "缩进"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("", ""),
    ],
)
def test_headlines(found: str, headline: str) -> None:
    assert normalise_headline(found) == headline


@pytest.mark.parametrize(
    ("found", "headline"),
    [
        ("30 Years of <br> Tags", "30 Years of <br> Tags"),
        ("Fish & chips <b>at sea</b>", "Fish & chips <b>at sea</b>"),
        ("What Option<T> and Box<dyn Error> cost", "What Option<T> and Box<dyn Error> cost"),
        ("Fish &amp; chips", "Fish & chips"),
        ('Tide <img src="x" onerror="run()">table', "Tide table"),
        ("Tide <script>run()</script>", "Tide run()"),
        ("Tide <SVG/onload=run()>", "Tide"),
        ("Tide &amp;lt;iframe&amp;gt;", "Tide"),
    ],
)
def test_what_readers_see_is_text_unless_it_is_live(found: str, headline: str) -> None:
    assert normalise_headline(found, is_shown=True) == headline


@given(
    st.text(alphabet=st.characters(), max_size=80) | st.from_regex(r"(&(amp;)*(lt|gt|#60);|<b>|x){0,8}", fullmatch=True)
)
def test_normalising_again_changes_nothing(found: str) -> None:
    once = normalise_headline(found)
    assert normalise_headline(once) == once
    assert "\n" not in once
