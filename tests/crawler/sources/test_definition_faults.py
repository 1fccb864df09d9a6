"""Every key of a definition, put wrong in every way: a fault names file and key and remedy, and nothing else rises."""

from __future__ import annotations

import copy
import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.sources import SourceError, load_source
from crawler.sources.schema import build_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL = r"""
name = "paper"
title = "The Paper"
language = "en"
timezone = "Europe/London"
scope = ["//paper.example/"]
seeds = ["https://paper.example/"]
proxy = "socks5h://127.0.0.1:1080"
[links]
article = ['//paper\.example/(?P<id>\d+)$']
category = ['//paper\.example/section/']
next = ['page=\d+$']
share = ['/share\?id=(?P<id>\d+)$']
text = ['/text\?id=(?P<id>\d+)$']
listing = ['/latest$']
feed = ['/feed$']
sitemap = ['/sitemap$']
[share]
url = "https://paper.example/share?id={id}"
text_url = "https://paper.example/text?id={id}"
article_url = "https://paper.example/{id}"
[[parser]]
of = "article"
valid_until = 2026-12-31
fallback = true
[parser.fields]
identifier = "b"
headline = ["h1", "xpath://h2"]
datePublished = 'regex:(\d{4})'
dateModified = "time"
articleSection = "nav a"
keywords = "ul li"
articleBody = "html:div"
author = "i"
publisher = "u"
inLanguage = "xpath://@lang"
[[parser]]
of = "listing"
records = "records"
[parser.fields]
identifier = "id"
url = "link"
[politeness]
delay = 2
concurrency = 1
[post]
category = "pinyin-url"
tag_suffix = " news"
drop = ["Home"]
day_from_id = '^(\d{8})'
undated = "captured"
footer = "<{url}>"
symbols = true
[post.aliases]
"Harbor" = "Harbour"
[post.slugs]
"Harbour" = "sea"
[schedule]
cron = "*/30 8-22 * * *"
timezone = "Europe/London"
jitter = "2m"
time_limit = "1h"
spider = "category"
collection = "paper"
enabled = true
[discovery]
depth = 4
max_pages = 100
since = 2026-11-01
zone_is_guess = true
[requisites]
kinds = ["image", "style"]
scope = ["//cdn.example/"]
max_bytes = 1000
max_per_page = 10
[render]
when = "always"
scope = ["//api.example/"]
wait = "article p"
scroll = 3
screenshot = false
seconds = 20
max_requests = 100
max_bytes = 1000
[[render.clicks]]
text = "Accept all"
[[render.clicks]]
role = "button"
name = "Load more"
times = 3
[[render.clicks]]
css = "#more"
[keep]
posts = ["730d", "50000"]
captures = "20GB"
requisites = "30d"
[session]
cookies = "file:paper.cookies.txt"
[session.headers]
X-Reader = "newsreel"
Authorization = "env:NEWSREEL_SECRET_PAPER_TOKEN"
[session.basic]
user = "env:NEWSREEL_SECRET_PAPER_USER"
password = "file:paper.password"
[session.login]
url = "https://paper.example/login"
send = "form"
form = "form#login"
check = "a.out"
lapsed = "form#login"
[session.login.fields]
email = "reader@paper.example"
password = "env:NEWSREEL_SECRET_PAPER_PASSWORD"
"""
# What excludes something of the above, or needs a file beside the definition.
ELSEWHERE = {"every", "adaptive", "min", "max", "class", "normalisers"}
WRONG: tuple[Any, ...] = (
    7,
    -1,
    2.5,
    True,
    "",
    "(",
    "\x00",
    "h1[",
    "//[",
    "http://[",
    ["http://["],
    [],
    [7],
    ["("],
    {},
    {"x": 7},
    {"x": {"y": 1}},
    "nowhere",
)
REMEDIES = ("must", "give", "allowed", "did you mean", "needs", "is not", "cannot", "leave it out", "neither")

_Path = tuple[str | int, ...]


def walk(value: Any, path: _Path = ()) -> Iterator[_Path]:
    """The paths of all keys, of tables as well as of what is in them."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        if isinstance(value, dict):
            yield (*path, key)
        if isinstance(inner, (dict, list)):
            yield from walk(inner, (*path, key))


def replace(path: _Path, value: Any) -> dict[str, Any]:
    """The whole definition with another value at a path; `...` takes the key away."""
    whole: dict[str, Any] = copy.deepcopy(tomllib.loads(FULL))
    place: Any = whole
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return whole


def dump(value: Any) -> str:
    """TOML on one line a top-level key: inline tables and arrays hold the rest."""
    return "\n".join(f"{json.dumps(key)} = {dump_inline(inner)}" for key, inner in value.items())


def dump_inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {dump_inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dump_inline, value)) + "]"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def name_key(path: _Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def load(whole: dict[str, Any]) -> str:
    """The fault of a definition, or '' where it has none."""
    try:
        load_source(dump(whole), path="paper.toml")
    except SourceError as error:
        assert str(error).startswith(f"paper.toml: {error.key}: "), error
        assert any(word in str(error) for word in REMEDIES), error
        return error.key
    return ""


def test_the_whole_definition_is_sound() -> None:
    assert load(tomllib.loads(FULL)) == ""


def test_every_key_of_the_schema_is_put_wrong_here() -> None:
    schema = build_schema()
    keys = {key for table in (schema, *schema["$defs"].values()) for key in table.get("properties", ())}
    known = {path[-1] for path in walk(tomllib.loads(FULL))}
    assert len(keys) > 50
    assert keys - known == ELSEWHERE


PATHS = list(walk(tomllib.loads(FULL)))


@pytest.mark.parametrize("path", PATHS, ids=name_key)
def test_a_wrong_value_is_reported_at_its_key(path: _Path) -> None:
    faults = [load(replace(path, wrong)) for wrong in WRONG]
    assert any(faults), "nothing that was put here was wrong"
    key = name_key(path)
    for fault in filter(None, faults):
        # A table is recognised by its own key or by one in it; what depends on another key by that.
        assert fault.startswith(key) or key.startswith(fault) or fault.rpartition(".")[0] == key.rpartition(".")[0], (
            fault
        )


@pytest.mark.parametrize("path", PATHS, ids=name_key)
def test_a_missing_key_is_reported_or_not_needed(path: _Path) -> None:
    fault = load(replace(path, ...))
    assert fault == "" or name_key(path).startswith(fault) or fault.startswith(name_key(path))


@pytest.mark.parametrize(
    "path",
    [
        (),
        *(
            path
            for path in PATHS
            if path in (("links",), ("share",), ("post",), ("session",))
            or (path[0] == "parser" and path[-1] == "fields")
        ),
    ],
    ids=name_key,
)
def test_a_key_that_nobody_reads_is_reported(path: _Path) -> None:
    assert load(replace((*path, "nonsense"), "x")) == name_key((*path, "nonsense"))


@given(st.sampled_from(PATHS), st.text(max_size=20))
def test_no_text_at_any_key_breaks_the_reader(path: _Path, text: str) -> None:
    load(replace(path, text.encode("utf-8", "replace").decode()))
    load(replace(path, [text.encode("utf-8", "replace").decode()]))


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    for whole in (text, FULL + text):
        try:
            load_source(whole, path="paper.toml")
        except SourceError as error:
            assert str(error).startswith("paper.toml: ")


def test_no_picture_is_taken_of_what_a_session_shows() -> None:
    with pytest.raises(SourceError, match=r"render\.screenshot: cannot go with \[session\]"):
        load_source(FULL.replace("screenshot = false", "screenshot = true"), path="paper.toml")
