"""A page is bounded by size before it is parsed, and by time while it is read."""

from __future__ import annotations

import re
import signal
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.fetching.limits import find_trap
from pipelines.markup.sanitise import BodyRefused, normalise_body
from pipelines.page import limits
from pipelines.page.limits import OutOfTime, PageRefused, check_json, check_markup, drain_attributes, limit_time
from pipelines.page.page import Page, find_json

MANY = limits.MAX_TAG_ATTRIBUTES + 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [("x" * (limits.MAX_PAGE_CHARS + 1), "page_chars"), ("<b>" * (limits.MAX_PAGE_TAGS + 1), "page_tags")],
)
def test_a_page_beyond_a_bound_is_not_parsed(text: str, reason: str) -> None:
    for read in (check_markup, lambda page: Page(page).root):
        with pytest.raises(PageRefused) as refused:
            read(text)
        assert refused.value.reason == reason


@pytest.mark.parametrize("container", ["[]", "{}"])
def test_wide_json_is_not_loaded(container: str) -> None:
    text = "[" + ",".join([container] * limits.MAX_JSON_CONTAINERS) + "]"
    for read in (check_json, find_json):
        with pytest.raises(PageRefused, match="objects and arrays"):
            read(text)


def test_a_body_of_too_many_tags_is_refused() -> None:
    with pytest.raises(BodyRefused) as refused:
        normalise_body("<p>x" * 50_001)
    assert refused.value.reason == "too_many_tags"


@pytest.mark.parametrize(
    "flood",
    [
        " ".join(f"a{n}" for n in range(MANY)),
        " ".join(f"a{n}=1" for n in range(MANY)),
        "".join(f'a{n}=">"' for n in range(MANY)),
        "".join(f"a{n}='x'" for n in range(MANY)),
        "/".join(f"a{n}" for n in range(MANY)),
        "\n".join(f"a{n} = x{n}" for n in range(MANY)),
    ],
)
def test_a_flood_of_attributes_is_drained(flood: str) -> None:
    assert drain_attributes(f"<i>a</i><p {flood}>b</p>") == "<i>a</i><p>b</p>"
    assert len(Page(f"<p {flood}>text</p>").root.find(".//p").attrib) == 0


@pytest.mark.parametrize(
    "text",
    [
        "<p class='" + "x " * 5000 + "'>one long value</p>",
        '<div data-page="{' + "&quot;a&quot;: 1, " * 5000 + '}">',
        "<script>if (a<b) { x = [" + "1, 2 " * 5000 + "] }</script>",
        "<style>a<b {" + "x y " * 5000 + "}</style>",
        "<!-- <p " + "a " * 5000 + "> -->",
        "<p>" + "many words " * 5000 + "</p>",
        "1 < 2 " + "many words " * 5000,
    ],
)
def test_what_is_no_flood_stays(text: str) -> None:
    assert drain_attributes(text) == text


@given(st.text(alphabet="<>/ =\"'abp!-\n", max_size=200))
def test_a_short_page_is_never_changed(text: str) -> None:
    assert drain_attributes(text) == text


def test_draining_takes_linear_time() -> None:
    began = time.process_time()
    for piece in ("<a ", '<a x="', "<a='", "<!--", "<p \n/", "<script", '="', "<script>"):
        drain_attributes(piece * 200_000)
    assert time.process_time() - began < 10


def test_a_regular_expression_that_backtracks_is_cut_off() -> None:
    began = time.process_time()
    with pytest.raises(OutOfTime), limit_time(0.3):
        re.match(r"(a|aa)+$", "a" * 100 + "b")
    assert time.process_time() - began < 3
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_an_alarm_that_is_swallowed_rings_again() -> None:
    rung = 0
    with pytest.raises(OutOfTime), limit_time(0.1):
        while True:
            try:
                while True:
                    pass
            except OutOfTime:
                rung += 1
                if rung == 2:
                    raise
    assert rung == 2


def test_waiting_costs_nothing_and_zero_is_no_limit() -> None:
    with limit_time(0.05):
        time.sleep(0.2)
    with limit_time(0):
        sum(range(3_000_000))


def test_an_inner_limit_leaves_the_outer_one_alone() -> None:
    with pytest.raises(OutOfTime, match=r"0\.2"), limit_time(0.2):
        with limit_time(50):
            pass
        while True:
            pass


@pytest.mark.parametrize(
    ("url", "bound"),
    [
        ("https://e.example/2022/02/18/NW1.html", ""),
        ("https://e.example/11/11/11/11/11.html", ""),
        ("https://e.example/a/a/a/page", ""),
        ("https://e.example/more/more/more/more/", "path_repeats"),
        ("https://e.example/x/a/b/a/b/a/b/a/b/y", "path_repeats"),
        ("https://e.example/" + "/".join(f"s{n}" for n in range(31)), "path_segments"),
        ("https://e.example//////////////////////////////////////////", ""),
    ],
)
def test_traps(url: str, bound: str) -> None:
    assert find_trap(url) == bound
