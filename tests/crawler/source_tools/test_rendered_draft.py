"""`scrapy sources new --render`: a definition drafted from the JSON that a page's scripts fetch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from crawler.source_tools.rendered.listings import find_listing
from crawler.source_tools.rendered.texts import find_text_api
from pipelines.page.page import Page
from tests.crawler.rendering.scripted import APP, SHELL, TEXT, answer_with, describe
from tests.crawler.rendering.test_rendering import needs_browser
from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import Route, WireServer

if TYPE_CHECKING:
    from pathlib import Path

FRONT = """<!doctype html><html lang=en><head><title>The Pier</title></head><body><main id=list></main><script>
fetch('/api/weather.json').then(answer => answer.json());
fetch('/api/v1/latest?size=4').then(answer => answer.json()).then(answer => {
  for (const item of answer.result['top stories']) {
    const link = document.createElement('a');
    link.href = '/story/' + item.code + '.html'; link.innerHTML = `<h2>${item.words.title}</h2><i>${item.desk}</i>`;
    document.getElementById('list').append(link);
  }
});
</script></body></html>"""


@needs_browser
@pytest.mark.parametrize("articles", ["pages", "shells", "in JSON"])
def test_a_draft_names_the_apis_and_needs_a_browser_only_for_other_shells(
    data: Data, tmp_path: Path, articles: str
) -> None:
    items = [
        {"code": 7000 + n, "desk": "Harbour desk", "time": describe(n)["at"], "words": {"title": describe(n)["title"]}}
        for n in range(1, 5)
    ]
    weather = [{"title": "Rain", "code": 1}, {"title": "Sun", "code": 2}]
    routes: dict[str, Route] = {
        "/": answer_with(FRONT, "text/html"),
        "/api/weather.json": answer_with(json.dumps(weather), "application/json"),
        "/api/v1/latest?size=4": answer_with(json.dumps({"result": {"top stories": items}}), "application/json"),
    }
    for n in range(1, 5):
        body = f"<h1>{describe(n)['title']}</h1><article><p>{TEXT.format(n=n) * 5}</p></article>"
        page = f"<html><body>{body}</body></html>" if articles == "pages" else SHELL
        routes[f"/story/{7000 + n}.html"] = answer_with(page, "text/html")
        if articles == "in JSON":
            script = APP.replace("location.pathname)", "location.pathname.slice(0, -5))").replace(
                "answer.json()", "answer.json()).then(answer => answer.data"
            )
            routes["/app.js"] = answer_with(script, "text/javascript")
            routes[f"/api/story/{7000 + n}"] = answer_with(json.dumps({"data": describe(n)}), "application/json")
    draft = tmp_path / "pier.toml"
    with WireServer(routes) as server:
        done = run_scrapy("sources", "new", "--render", f"{server.base_url}/", "-o", draft, settings=LOOPBACK)
        assert done.returncode == 0, done.stderr
        assert "4 of 4 articles found" in done.stdout
        text = draft.read_text("utf-8")
        assert f'seeds = ["{server.base_url}/api/v1/latest?size=4"]' in text
        assert ("[render]" in text) == (articles == "shells")
        assert (f'text_url = "{server.base_url}/api/story/{{id}}"' in text) == (articles == "in JSON")
        if articles == "shells":
            return
        done = run_scrapy(
            "crawl", "category", "-a", f"source={draft}", "-a", "collection=pier", data=data,
            settings=LOOPBACK | {"RENDER_BROWSER": "/nowhere"},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    posts = [post.read_text("utf-8") for post in sorted(data.posts("pier").glob("2026-11-0*.md"))]
    assert len(posts) == 4
    for n, post in enumerate(posts, 1):
        assert describe(n)["title"] in post
        assert TEXT.format(n=n).strip() in post


def test_without_a_browser_there_is_no_draft(tmp_path: Path) -> None:
    with WireServer({"/": answer_with(FRONT, "text/html")}) as server:
        done = run_scrapy(
            "sources", "new", "--render", f"{server.base_url}/", "-o", tmp_path / "pier.toml",
            settings=LOOPBACK | {"RENDER_BROWSER": "/nowhere"},
        )  # fmt: skip
    assert done.returncode == 1
    assert "was not rendered" in done.stderr
    assert not (tmp_path / "pier.toml").exists()


def show(entries: list[dict[str, object]], links: str) -> Page:
    rows = "".join(f'<a href="{links.format(**entry)}">{entry["name"]}</a>' for entry in entries)
    return Page(f"<html><body>{rows}</body></html>", "https://a.example/")


ENTRIES: list[dict[str, object]] = [
    {"id": n, "name": f"Story {n} of the pier", "link": f"/s/{n}", "teaser": "What else?", "edited": "2026-11-02",
     "out": "2026-11-01 08:00"} for n in range(4)
]  # fmt: skip


def test_the_fields_of_a_listing_are_those_that_the_page_shows() -> None:
    found = find_listing([("https://a.example/api", {"a": {"b-c": ENTRIES}})], show(ENTRIES, "/s/{id}"))
    assert found is not None
    assert found.records == 'a."b-c"'
    assert found.fields == {"url": "link", "headline": "name", "datePublished": "out"}
    assert (found.entries, found.shown, len(found.articles)) == (4, 4, 4)


@pytest.mark.parametrize("case", ["not shown", "not linked", "too few"])
def test_what_the_page_does_not_show_is_no_listing(case: str) -> None:
    other = [entry | {"name": f"Something else {n}"} for n, entry in enumerate(ENTRIES)]
    listed = {"not shown": other, "not linked": ENTRIES, "too few": [*ENTRIES[:1], *other]}[case]
    page = show(ENTRIES, "#" if case == "not linked" else "/s/{id}")
    assert find_listing([("https://a.example/api", listed)], page) is None


@pytest.mark.parametrize("case", ["found", "rich text", "no text", "other headline", "other address"])
def test_an_api_holds_the_headline_and_the_text_that_the_page_shows(case: str) -> None:
    listing = find_listing([("https://a.example/api", ENTRIES)], show(ENTRIES, "/s/{id}"))
    assert listing is not None
    text = "The pier was closed for a week. " * 9
    title = "Another headline" if case == "other headline" else ENTRIES[2]["name"]
    html = "" if case == "no text" else text
    data = {
        "head": {"title": title, "at": "2026-11-01"},
        "body": {"blocks": [{"type": "paragraph", "text": html}]} if case == "rich text" else f"<p>{html}</p>",
    }
    url = "https://a.example/text/current" if case == "other address" else "https://a.example/text/2.json"
    page = Page(f"<html><body><h1>{ENTRIES[2]['name']}</h1><p>{text}</p></body></html>", "https://a.example/s/2")
    api = find_text_api([("https://a.example/api", ENTRIES), (url, data)], listing, page)
    assert (api is not None) == (case in ("found", "rich text"))
    if api is not None:
        assert (api.page_url, api.text_url) == ("https://a.example/s/{id}", "https://a.example/text/{id}.json")
        assert api.fields == {
            "headline": "head.title",
            "articleBody": "body.blocks" if case == "rich text" else "body",
            "datePublished": "head.at",
        }
