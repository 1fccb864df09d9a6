"""The first source, under its real names through a proxy: to the byte, by category, by share link, by listing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from archives.warc.reader import iter_records
from tests.crawler.finews import SHARE, SITE, Article, Finews, answer
from tests.project import LOOPBACK, ROOT, SHARED, Data, hash_tree, needs_shared, run_module, run_scrapy
from tests.wire import Route, WireProxy, build_response

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = SHARED / "corpus" / "finews" / "2022-02-18-NW202202182281041355.md"
FAST = LOOPBACK | {"ROBOTSTXT_OBEY": True}


NO_ROBOTS = build_response(b"", status="404 Not Found")


def crawl(spider: str, routes: dict[str, Route], data: Data, *arguments: str, stdin: str = "") -> str:
    """Crawl through the proxy; return the log."""
    with WireProxy(routes) as proxy:
        done = run_scrapy(
            "crawl",
            spider,
            "-a",
            "source=finews",
            *arguments,
            data=data,
            settings=FAST,
            proxy=proxy.base_url,
            stdin=stdin,
        )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
    return done.stderr


def read_posts(data: Data) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in sorted(data.posts("finews").glob("*.md"))}


def counts(data: Data) -> dict[str, int]:
    (manifest,) = (data.collection("finews") / "runs").glob("*.json")
    values: dict[str, int] = json.loads(manifest.read_text("utf-8"))["counts"]
    return values


def build_example() -> tuple[Article, str]:
    """The example post, unmade: the article as the site must have given it, and the file it became."""
    expected = EXAMPLE.read_text("utf-8")
    _, head, rest = expected.split("---\n", 2)
    body = rest.split("\n\n<http", 1)[0]
    title = re.search(r'^title: "(.*)"$', head, re.MULTILINE)
    assert title
    article = Article(
        identifier="NW202202182281041355",
        medium="中国工业报",
        slug="zhongguogongyebao",
        title=title[1],
        text=body.replace("<p>", "<p>　　").replace("\n", "\r\n"),
    )
    return article, expected


@needs_shared
def test_the_example_post_is_made_to_the_byte(data: Data) -> None:
    article, expected = build_example()
    crawl("category", Finews([article]).build_routes(), data)
    assert read_posts(data) == {EXAMPLE.name: expected}


@needs_shared
def test_the_example_post_is_made_from_its_share_link_alone(data: Data) -> None:
    """The text names its medium, which with the id's day leads to the page that has headline and time."""
    article, expected = build_example()
    crawl("share", Finews([article]).build_routes(), data, "-a", f"urls={article.share_link}")
    assert read_posts(data) == {EXAMPLE.name: expected}


ARTICLES = [
    Article(
        identifier="NW202202180000000001",
        medium="21世纪经济报道 21财经APP",
        slug="21shijijingjibaodao 21caijingAPP",
        title="油轮靠岸",
    ),
    Article(
        identifier="NW202202180000000002",
        medium="安信国际证券(香港)",
        slug="anxinguojizhengquan(xianggang)",
        title='他说："好"',
        key="content",
    ),
    Article(
        identifier="NW202202180000000003", medium="CFC大宗商品研究", slug="CFCdazongshangpinyanjiu", title="铜价观察"
    ),
    *(
        Article(
            identifier=f"NW20220217000000001{n}",
            medium="回环时报",
            slug="huihuanshibao",
            title=f"第{n}条",
            time=f"2022-02-17 0{n}:00:00",
        )
        for n in range(8)
    ),
]


def test_a_site_is_followed_from_home_to_the_text_of_every_article(data: Data) -> None:
    """Home shows five of a category; the category page, found through a footer, shows all."""
    crawl("category", Finews(ARTICLES).build_routes(), data)
    posts = read_posts(data)
    assert len(posts) == len(ARTICLES)
    for article in ARTICLES:
        post = posts[f"{article.time[:10]}-{article.identifier}.md"]
        assert f"date: {article.time} +0800" in post
        assert "<p>港口今晨重新开放。</p>" in post
        assert f"<{article.share_link}>" in post


def test_names_with_blanks_and_brackets_survive_jekyll_and_markdown(data: Data) -> None:
    crawl("category", Finews(ARTICLES).build_routes(), data)
    posts = read_posts(data)
    blank = posts["2022-02-18-NW202202180000000001.md"]
    assert 'categories: ["21shijijingjibaodao 21caijingAPP"]\ntags: ["21世纪经济报道 21财经APP新闻"]\n' in blank
    assert "(//finews.withounder.com/category/21shijijingjibaodao%2021caijingAPP.html)" in blank
    brackets = posts["2022-02-18-NW202202180000000002.md"]
    assert "(//finews.withounder.com/category/anxinguojizhengquan%28xianggang%29.html)" in brackets
    assert 'title: "他说：\\"好\\""\n' in brackets
    assert "categories: CFCdazongshangpinyanjiu\n" in posts["2022-02-18-NW202202180000000003.md"]


def test_a_crawl_without_the_network_makes_the_same_tree(data: Data, tmp_path: Path) -> None:
    """Delete posts and indexes: the archive alone gives them back."""
    crawl("category", Finews(ARTICLES).build_routes(), data)
    before = hash_tree(data.posts("finews"))
    for path in (*data.posts("finews").iterdir(), *(data.collection("finews") / "indexes").iterdir()):
        path.unlink()
    assert run_module("archives", "index", data.collection("finews")).returncode == 0
    done = run_scrapy("reparse", "finews", data=data)
    assert done.returncode == 0, done.stderr
    assert hash_tree(data.posts("finews")) == before
    done = run_scrapy("verify", "finews", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("how", ["list", "file", "standard input"])
def test_share_links_may_come_as_a_list_a_file_or_standard_input(data: Data, tmp_path: Path, how: str) -> None:
    links = [article.share_link for article in ARTICLES[:3]]
    file = tmp_path / "links.txt"
    file.write_text("\n".join(links), "utf-8")
    urls = {"list": ",".join(links), "file": str(file), "standard input": "-"}[how]
    crawl("share", Finews(ARTICLES).build_routes(), data, "-a", f"urls={urls}", stdin="\n".join(links))
    assert sorted(read_posts(data)) == [f"2022-02-18-{article.identifier}.md" for article in ARTICLES[:3]]


LISTINGS = {
    "records": {"infoCode": "{id}", "id": "1", "title": "{title}", "digest": "", "url_w": "", "showtime": "{time}"},
    "nodeList": {"infocode": "{id}", "title": "{title}", "from": "回环时报", "showtime": "{time}", "simtitle": "短"},
    "record": {"infoCode": "{id}", "title": "{title}", "medianame": "回环时报", "datetime": "{time}"},
}


@pytest.mark.parametrize("key", LISTINGS)
def test_each_listing_shape_can_be_a_seed(data: Data, key: str) -> None:
    """The site has no page of these articles: title and time come from the listing, the text from the share link."""
    articles = ARTICLES[3:6]
    entries = [
        {name: text.format(id=a.identifier, title=a.title, time=a.time) for name, text in LISTINGS[key].items()}
        for a in articles
    ]
    routes = Finews(articles).build_routes()
    routes = {url: route for url, route in routes.items() if url.startswith(SHARE)}
    routes["http://listing.example/robots.txt"] = NO_ROBOTS
    routes["http://listing.example/api?page=1"] = answer({"status": 1, key: entries})
    crawl("category", routes, data, "-a", "seeds=http://listing.example/api?page=1")
    posts = read_posts(data)
    assert sorted(posts) == [f"2022-02-17-{article.identifier}.md" for article in articles]
    for article in articles:
        post = posts[f"2022-02-17-{article.identifier}.md"]
        assert f'title: "{article.title}"\ndate: {article.time} +0800\n' in post
    before = hash_tree(data.posts("finews"))
    run_scrapy("reparse", "finews", "--out", str(data.path / "again"), data=data)
    assert hash_tree(data.path / "again") == before


def test_a_listing_entry_without_anything_is_dated_by_its_id_or_refused(data: Data) -> None:
    """Seen for real; a post named `-202205262391921712.md` was once the result."""
    blank = {"title": "", "medianame": "", "datetime": ""}
    routes: dict[str, Route] = {
        "http://listing.example/robots.txt": NO_ROBOTS,
        f"{SHARE}/robots.txt": NO_ROBOTS,
        "http://listing.example/api": answer(
            {
                "record": [
                    {"infoCode": "202205262391921712", **blank},
                    {"infoCode": "", **blank},
                    {"infoCode": "77", **blank},
                ]
            }
        ),
        f"{SHARE}/NewsData/GetNewsText.do?id=202205262391921712": answer({"text": "<p>渡轮停航。明日恢复。</p>"}),
        f"{SHARE}/NewsData/GetNewsText.do?id=77": answer({"text": "<p>没有日期。</p>"}),
    }
    log = crawl("category", routes, data, "-a", "seeds=http://listing.example/api")
    posts = read_posts(data)
    assert list(posts) == ["2022-05-26-202205262391921712.md"]
    assert 'title: "渡轮停航。"\ndate: 2022-05-26\n' in posts["2022-05-26-202205262391921712.md"]
    assert counts(data)["listing/no_identifier"] == 1
    assert counts(data)["posts/dropped/no_date"] == 1
    assert "finews/77" in log


def test_an_id_that_is_not_served_is_one_counted_drop(data: Data) -> None:
    routes = Finews(ARTICLES[3:5]).build_routes()
    missing = f"{SHARE}/html_News/NewsShare.html?infoCode=NW202202170000000099"
    routes[missing] = build_response(b"<html></html>")
    routes[f"{SHARE}/NewsData/GetNewsText.do?id=NW202202170000000099"] = answer({"status": 0, "me": "no such id"})
    log = crawl("share", routes, data, "-a", f"urls={missing},{ARTICLES[3].share_link}")
    assert list(read_posts(data)) == [f"2022-02-17-{ARTICLES[3].identifier}.md"]
    assert counts(data)["text/not_served"] == 1
    assert counts(data)["posts/dropped/no_text"] == 1
    assert "NW202202170000000099: no capture gives its text" in log


def test_the_page_itself_is_the_text_where_the_share_link_is_dead(data: Data) -> None:
    article = ARTICLES[3]
    routes = Finews([article]).build_routes()
    routes[f"{SHARE}/NewsData/GetNewsText.do?id={article.identifier}"] = build_response(b"", status="404 Not Found")
    crawl("category", routes, data)
    assert "<p>港口今晨重新开放。</p>" in read_posts(data)[f"2022-02-17-{article.identifier}.md"]


def test_undeclared_gb18030_is_read_right(data: Data) -> None:
    article = ARTICLES[3]
    site = Finews([article])
    routes = site.build_routes()
    body = site.build_page(article).split(b"\r\n\r\n", 1)[1]
    page = body.decode().replace("第0条", "龘靐齉爩").encode("gb18030")
    routes[SITE + article.path] = build_response(page, headers=(("Content-Type", "text/html"),))
    crawl("category", routes, data)
    assert 'title: "龘靐齉爩"' in read_posts(data)[f"2022-02-17-{article.identifier}.md"]


def test_scope_holds_for_links_and_redirects(data: Data) -> None:
    """Neither a link nor a redirect leads out; a stranger's page is not even requested."""
    site = Finews(ARTICLES[3:4])
    routes = site.build_routes()
    article = ARTICLES[4]
    routes[SITE + article.path] = (
        b"HTTP/1.1 302 Found\r\nLocation: http://stranger.example/\r\nContent-Length: 0\r\n\r\n"
    )
    routes["http://stranger.example/"] = build_response(b"<p>stranger</p>")
    routes[f"{SITE}/"] = Finews(ARTICLES[3:5]).build_routes()[f"{SITE}/"]
    with WireProxy(routes) as proxy:
        run_scrapy("crawl", "category", "-a", "source=finews", data=data, settings=FAST, proxy=proxy.base_url)
        asked = {exchange.target for exchange in proxy.exchanges}
    assert SITE + article.path in asked
    assert not [target for target in asked if "stranger" in target]
    assert counts(data)["links/out_of_scope"] == 1


def test_a_source_may_lie_outside_the_project(data: Data, tmp_path: Path) -> None:
    definition = (ROOT / "crawler" / "sources" / "finews.toml").read_text("utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(definition.replace('name = "finews"', 'name = "mine"'), "utf-8")
    with WireProxy(Finews(ARTICLES[3:5]).build_routes()) as proxy:
        done = run_scrapy("crawl", "category", "-a", f"source={path}", data=data, settings=FAST, proxy=proxy.base_url)
    assert done.returncode == 0, done.stderr
    assert len(list(data.posts("mine").glob("*.md"))) == 2
    path.unlink()
    before = hash_tree(data.posts("mine"))
    done = run_scrapy("verify", "mine", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr
    assert hash_tree(data.posts("mine")) == before
    resources = [r.url for p in data.warcs("mine") for r in iter_records(p) if r.type == "resource"]
    assert resources == ["urn:x-newsreel:source:mine"]
