"""Templates escape every value, refuse to leave one out, and parse, each of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from jinja2 import UndefinedError

from archives.replay import pages
from archives.replay.pages import Bar, ErrorPage, Link
from archives.replay.templates import count_words, format_instant
from crawler.demo_site import pages as newspaper
from crawler.viewer import pages as viewer

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment

LOADERS = [pages.load_templates, viewer.load_templates, newspaper.load_templates]
HOSTILE = "<b>&\"'"


@pytest.mark.parametrize("load", LOADERS, ids=lambda load: load.__module__)
def test_every_template_compiles_once(load: Callable[[], Environment]) -> None:
    names = [name for name in load().list_templates() if name.endswith((".html", ".xml"))]
    assert len(names) >= 7
    for name in names:
        assert load().get_template(name) is load().get_template(name)


@pytest.mark.parametrize("load", LOADERS, ids=lambda load: load.__module__)
def test_what_is_not_markup_is_escaped(load: Callable[[], Environment]) -> None:
    text = load().from_string("{{ value }}").render(value=HOSTILE)
    for character in "<>\"'":
        assert character not in text
    assert text.startswith("&lt;b&gt;&amp;")


@pytest.mark.parametrize("load", LOADERS, ids=lambda load: load.__module__)
def test_a_value_that_is_missing_is_an_error(load: Callable[[], Environment]) -> None:
    with pytest.raises(UndefinedError):
        load().from_string("{{ page.no_such }}").render(page=ErrorPage(status=404, headline="", message=""))


def test_a_page_shows_its_bar_and_escapes_what_it_is_given() -> None:
    page = ErrorPage(status=404, headline=HOSTILE, message="m", links=[Link(HOSTILE, f"/{HOSTILE}")])
    bar = Bar(crumbs=[Link("c", "/c/")], sections=[Link("s", "/s/")])
    response = pages.build_page("error.html", page, bar=bar, status=404)
    assert isinstance(response.body, bytes)
    text = response.body.decode()
    assert HOSTILE not in text
    assert "<b>" not in text
    assert '<span class="step">/</span><a href="/c/">c</a>' in text
    assert '<a href="/s/">s</a>' in text
    assert text.startswith("<!doctype html>\n")


def test_instants_and_counts_are_words() -> None:
    assert format_instant(datetime(2026, 3, 4, 2, 21, 11, tzinfo=UTC)) == "4 Mar 2026, 02:21:11 UTC"
    assert count_words(1, "address", "addresses") == "1 address"
    assert count_words(1234, "address", "addresses") == "1,234 addresses"
    assert count_words(0, "capture") == "0 captures"
