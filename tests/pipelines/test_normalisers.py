"""What every normaliser owes: it never raises on any text, and normalising again changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.article.article import read_article
from pipelines.dates.parse import DateRefused, parse_date
from pipelines.markup.sanitise import find_text, normalise_body
from pipelines.names.headlines import normalise_headline
from pipelines.names.slugs import SlugStyle, build_file_stem, build_slug, find_collisions
from pipelines.names.symbols import find_symbols
from pipelines.names.tags import normalise_names, normalise_tags
from pipelines.page import page
from pipelines.page.languages import find_language
from pipelines.page.page import Page
from pipelines.posts.options import PostOptions

if TYPE_CHECKING:
    from collections.abc import Callable

ANY_TEXT = st.text(st.characters(codec=None), max_size=60)
NAMES = st.text(st.sampled_from("ab AB,，、|;；　北京ßİﬁＡ\u200b\x00#\ud800"), max_size=8)
NORMALISERS: dict[str, Callable[[str], object]] = {
    "headline": normalise_headline,
    "body": normalise_body,
    "body of a page": lambda text: normalise_body(text, base_url="https://paper.example/1"),
}


@pytest.mark.parametrize("name", NORMALISERS)
@given(text=ANY_TEXT)
@example(text="<p>x</p>\x00\ud800")
def test_normalising_again_changes_nothing(name: str, text: str) -> None:
    once = NORMALISERS[name](text)
    assert isinstance(once, str)
    assert NORMALISERS[name](once) == once


@given(st.lists(NAMES, max_size=4), st.dictionaries(NAMES, NAMES, max_size=4), st.lists(NAMES, max_size=2), NAMES)
@example(["x"], {"x": "a,b"}, [], "")
@example(["x"], {"x": "y", "y": "x"}, ["y"], "")
def test_aliases_and_dropped_names_settle_at_once(
    found: list[str], aliases: dict[str, str], drop: list[str], title: str
) -> None:
    tags = normalise_tags(found, title=title, drop=drop, aliases=aliases)
    assert normalise_tags(tags, title=title, drop=drop, aliases=aliases) == tags
    names = normalise_names(found, drop=drop, aliases=aliases)
    assert normalise_names(names, drop=drop, aliases=aliases) == names


@settings(deadline=None)
@given(ANY_TEXT)
def test_no_text_breaks_what_reads_it(text: str) -> None:
    read_article(Page(text), captured_at=datetime(2026, 3, 9, tzinfo=UTC))
    find_symbols(text)
    find_text(text)
    find_language(Page(text))
    build_file_stem(text)
    for style in SlugStyle:
        build_slug(text, style)
        find_collisions([text, text + "x"], style)
    PostOptions(slugs={"x": text}).build_category(text)


@given(ANY_TEXT, st.sampled_from(["", "zh", "de", "xx"]))
def test_a_date_is_read_or_refused(text: str, language: str) -> None:
    at = datetime(2026, 3, 9, tzinfo=UTC)
    try:
        stated = parse_date(text, zone=UTC, captured_at=at, language=language)
    except DateRefused as refusal:
        assert refusal.reason
    else:
        assert stated.instant.tzinfo is not None


@settings(deadline=None)
@given(ANY_TEXT)
def test_a_slug_that_the_source_gives_wins(name: str) -> None:
    assert PostOptions(slugs={name: "sea"}).build_category(name) == "sea"
    assert PostOptions(category=SlugStyle.PINYIN_URL).build_category("港口") == "gangkou"


@given(st.text(alphabet="ab \n\u3000\x1c", max_size=30))
def test_blanks_of_a_long_text_are_folded_like_those_of_a_short_one(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "_PIECE_CHARS", 5)
        assert page.fold_blanks(text) == " ".join(text.split())
