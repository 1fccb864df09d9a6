"""`scrapy sources new` on sites as different programs build them: the draft finds every article, and crawls it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from scrapy.settings import Settings

from crawler.source_tools.draft import Draft, draft_source
from crawler.source_tools.pages import PageReader
from crawler.source_tools.visitor import Visitor
from crawler.sources import Source, load_source
from pipelines.page.document import Document
from pipelines.reading.read import read
from pipelines.rules.links import LinkKind
from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import WireProxy, build_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_PLACES = ("harbour", "bridge", "library", "market", "railway", "theatre", "lighthouse", "orchard")
_DEEDS = ("reopens after winter", "closes for repairs", "wins the annual prize", "asks the council for money")
_SUBJECTS = ("politics", "sport", "culture")


@dataclass(frozen=True, slots=True)
class Story:
    """An article of a site."""

    number: int
    url: str
    title: str
    published: datetime

    @property
    def link(self) -> str:
        return f'<h2><a href="{self.url}">{self.title}</a></h2>'

    @property
    def page(self) -> str:
        text = "".join(f"<p>{self.title}: {part}</p>" for part in _PARAGRAPHS)
        stamp = f"{self.published:%Y-%m-%dT%H:%M:%SZ}"
        return wrap(
            self.title,
            f'<article><h1>{self.title}</h1><time datetime="{stamp}">{self.published:%-d %B %Y}</time>{text}</article>',
            head=f'<meta property="article:published_time" content="{stamp}">',
        )


_PARAGRAPHS = (
    "the work took eleven months, and those who live nearby watched it from their windows every day of it.",
    "it had been planned for years before anybody found the money, which came from the region in the end.",
    "visitors are welcome from nine in the morning, and the first of them stood at the gate long before.",
)


@dataclass(slots=True)
class Site:
    """A site: address to content type and body, its articles, and the page that a draft is made from."""

    front: str
    stories: list[Story]
    pages: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for story in self.stories:
            self.add(story.url, story.page)

    def add(self, url: str, text: str, kind: str = "text/html; charset=utf-8") -> None:
        self.pages[url] = (kind, text)

    def add_lists(
        self, first: str, other: Callable[[int], str], stories: Sequence[Story], size: int, **parts: str
    ) -> None:
        """Add the pages of a list; each but the last links to the next.

        Args:
            first: address of the first page; `other` gives that of any other.
        """
        count = -(-len(stories) // size)
        for number in range(1, count + 1):
            links = "".join(story.link for story in stories[(number - 1) * size : number * size])
            further = f'<a rel="next" href="{other(number + 1)}">Older</a>' if number < count else ""
            body = f"{parts.get('nav', '')}<main>{links}</main><p>{further}</p>"
            self.add(other(number) if number > 1 else first, wrap("The list", body, head=parts.get("head", "")))

    def add_about(self, url: str, nav: str = "") -> None:
        """Add a page that is no article."""
        self.add(url, wrap("About", f"{nav}<h1>About</h1><p>We print the news.</p>"))


def wrap(title: str, body: str, *, head: str = "", language: str = "en") -> str:
    return f'<!doctype html><html lang="{language}"><head><title>{title}</title>{head}</head><body>{body}</body></html>'


def write(count: int, address: Callable[[int, str, datetime], str]) -> list[Story]:
    """Return articles, the newest first; two in a row never share a slug."""
    stories = []
    for number in range(count, 0, -1):
        title = f"The {_PLACES[number % 8]} of ward {number} {_DEEDS[number // 8 % 4]}"
        published = datetime(2026, 3, 28, 9, tzinfo=UTC) - timedelta(hours=31 * (count - number))
        stories.append(Story(number, address(number, slug(title), published), title, published))
    return stories


def slug(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower())


def rss(stories: Iterable[Story]) -> str:
    items = "".join(
        f"<item><title>{story.title}</title><link>{story.url}</link>"
        f"<pubDate>{story.published:%a, %d %b %Y %H:%M:%S} +0000</pubDate></item>"
        for story in stories
    )
    return f'<rss version="2.0"><channel><title>News</title>{items}</channel></rss>'


def urlset(urls: Iterable[str]) -> str:
    places = "".join(f"<url><loc>{url.replace('&', '&amp;')}</loc></url>" for url in urls)
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}</urlset>'


def index(urls: Iterable[str]) -> str:
    places = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}</sitemapindex>'


def split(stories: Sequence[Story]) -> dict[str, list[Story]]:
    return {subject: list(stories[at::3]) for at, subject in enumerate(_SUBJECTS)}


def menu(names: Mapping[str, str], *, tag: str = "nav") -> str:
    """Return links with names, by address."""
    links = "".join(f'<a href="{url}">{name}</a>' for url, name in names.items())
    return f"<{tag}>{links}</{tag}>"


_FEED = '<link rel="alternate" type="application/rss+xml" title="RSS" href="{}">'
_XML = "text/xml; charset=utf-8"


def build_blog(site: Site, *, section: str, feed: str, feed_size: int, size: int, child: str, kinds: str) -> Site:
    """Add what blogs have: lists by page and by section, a feed, and a sitemap for each kind of page.

    Args:
        child: address of a sitemap, with `{}` for its kind; `kinds` are those of articles, pages, sections and authors.
    """
    home = site.front.rstrip("/")
    sections = {f"{home}/{section}/{subject}/": subject for subject in _SUBJECTS}
    about, author = f"{home}/about/", f"{home}/author/editor/"
    nav = menu({**sections, about: "About", author: "Editor"})
    parts = {"nav": nav, "head": _FEED.format(home + feed)}
    site.add_lists(f"{home}/", lambda number: f"{home}/page/{number}/", site.stories, size, **parts)
    for base, stories in zip(sections, split(site.stories).values(), strict=True):
        site.add_lists(base, lambda number, base=base: f"{base}page/{number}/", stories, size, nav=nav)
    site.add_about(about)
    site.add(home + feed, rss(site.stories[:feed_size]), _XML)
    sitemap = home + child.partition("-{}")[0] + ".xml"
    site.add(f"{home}/robots.txt", f"User-agent: *\nSitemap: {sitemap}\n", "text/plain")
    listed = ([story.url for story in site.stories], [about], [*sections], [author])
    maps = {home + child.format(kind): urls for kind, urls in zip(kinds.split(), listed, strict=True)}
    site.add(sitemap, index(maps), _XML)
    for url, urls in maps.items():
        site.add(url, urlset(urls), _XML)
    return site


def build_wordpress() -> Site:
    home = "http://wordpress.test"
    site = Site(f"{home}/", write(24, lambda _, name, at: f"{home}/{at:%Y/%m/%d}/{name}/"))
    names = "posts-post posts-page taxonomies-category users"
    child = "/wp-sitemap-{}-1.xml"
    return build_blog(site, section="category", feed="/feed/", feed_size=10, size=10, child=child, kinds=names)


def build_ghost() -> Site:
    home = "http://ghost.test"
    site = Site(f"{home}/", write(20, lambda _, name, __: f"{home}/{name}/"))
    names = "posts pages tags authors"
    return build_blog(site, section="tag", feed="/rss/", feed_size=15, size=8, child="/sitemap-{}.xml", kinds=names)


def build_drupal() -> Site:
    home = "http://drupal.test"
    site = Site(f"{home}/", write(24, lambda number, _, __: f"{home}/node/{100 + 3 * number}"))
    sections = {f"/taxonomy/term/{at}": subject for at, subject in enumerate(_SUBJECTS, 1)}
    nav = menu({**sections, "/user/login": "Log in"})
    parts = {"nav": nav, "head": _FEED.format("/rss.xml")}
    site.add_lists(f"{home}/", lambda number: f"{home}/node?page={number - 1}", site.stories, 10, **parts)
    for at, stories in enumerate(split(site.stories).values(), 1):
        base = f"{home}/taxonomy/term/{at}"
        site.add_lists(base, lambda number, base=base: f"{base}?page={number - 1}", stories, 10, nav=nav)
    site.add(f"{home}/rss.xml", rss(site.stories[:10]), _XML)
    return site


def build_static() -> Site:
    home = "http://static.test"
    site = Site(f"{home}/index.html", write(12, lambda _, name, __: f"{home}/articles/{name}.html"))
    nav = menu({"/about.html": "About", "/archive.html": "Archive"})
    site.add_lists(f"{home}/index.html", str, site.stories[:5], 5, nav=nav)
    site.add_lists(f"{home}/archive.html", str, site.stories, 12, nav=nav)
    site.add_about(f"{home}/about.html", nav)
    return site


def build_numbers() -> Site:
    home = "http://numbers.test"
    site = Site(f"{home}/", write(18, lambda number, _, __: f"{home}/{73_000 + 17 * number}"))
    nav = menu({f"/{subject}": subject for subject in _SUBJECTS})
    site.add_lists(f"{home}/", str, site.stories[:6], 6, nav=nav)
    for subject, stories in split(site.stories).items():
        site.add_lists(f"{home}/{subject}", lambda number, s=subject: f"{home}/{s}/{number}", stories, 4, nav=nav)
    return site


def build_json_feed() -> Site:
    home = "http://jsonfeed.test"
    site = Site(f"{home}/", write(12, lambda _, name, __: f"{home}/posts/{name}"))
    head = '<link rel="alternate" type="application/feed+json" href="/feed.json">'
    site.add_lists(f"{home}/", str, site.stories[:4], 4, head=head)
    items = [
        {"id": story.url, "url": story.url, "title": story.title, "date_published": story.published.isoformat()}
        for story in site.stories
    ]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "News", "items": items}
    site.add(f"{home}/feed.json", json.dumps(feed), "application/feed+json")
    return site


def build_sitemap_only() -> Site:
    """The front page is drawn by a script: not one link can be read there."""
    home = "http://sitemap.test"
    site = Site(f"{home}/", write(16, lambda number, name, _: f"{home}/news/{name}-{51_000 + 7 * number}"))
    site.add(f"{home}/", wrap("News", '<div id="app"></div><script src="/app.js"></script>'))
    site.add(f"{home}/robots.txt", f"User-agent: *\nSitemap: {home}/sitemap-index.xml\n", "text/plain")
    site.add(f"{home}/sitemap-index.xml", index([f"{home}/sitemap-1.xml"]), _XML)
    pages = [f"{home}/", f"{home}/about", f"{home}/contact"]
    site.add(f"{home}/sitemap-1.xml", urlset([*pages, *(story.url for story in site.stories)]), _XML)
    return site


def build_query_pages() -> Site:
    home = "http://pages.test"
    site = Site(f"{home}/news", write(21, lambda _, name, __: f"{home}/news/{name}"))
    nav = menu({"/news": "News", "/about-us": "About us"})
    site.add_lists(f"{home}/news", lambda number: f"{home}/news?page={number}", site.stories, 7, nav=nav)
    site.add_about(f"{home}/about-us", nav)
    return site


def build_months() -> Site:
    home = "http://months.test"
    site = Site(f"{home}/", write(60, lambda _, name, at: f"{home}/{at:%Y/%m}/{name}.html"))
    months: dict[str, list[Story]] = {}
    for story in site.stories:
        months.setdefault(f"{story.published:%Y/%m}", []).append(story)
    nav = "".join(f'<li><a href="/{month}/">{month}</a></li>' for month in months)
    nav = f"<aside><ul>{nav}</ul></aside>"
    site.add_lists(f"{home}/", str, site.stories[:5], 5, nav=nav)
    for month, stories in months.items():
        site.add_lists(f"{home}/{month}/", str, stories, 99, nav=nav)
    return site


def build_subdomains() -> Site:
    domain = "subdomains.test"
    site = Site(
        f"http://www.{domain}/",
        write(18, lambda number, name, _: f"http://{_SUBJECTS[number % 3]}.{domain}/story/{8_000 + number}/{name}"),
    )
    nav = menu({f"http://{subject}.{domain}/": subject for subject in _SUBJECTS})
    site.add_lists(f"http://www.{domain}/", str, site.stories[:6], 6, nav=nav)
    for at, subject in enumerate(_SUBJECTS):
        stories = [story for story in site.stories if story.number % 3 == at]
        site.add_lists(f"http://{subject}.{domain}/", str, stories, 99, nav=nav)
    return site


def build_query_ids() -> Site:
    home = "http://queries.test"
    site = Site(f"{home}/", write(16, lambda number, _, __: f"{home}/view.php?aid={300 + 7 * number}"))
    nav = menu({f"/list.php?cid={at}": subject for at, subject in enumerate(_SUBJECTS, 1)})
    site.add_lists(f"{home}/", str, site.stories[:6], 6, nav=nav)
    for at, stories in enumerate(split(site.stories).values(), 1):
        base = f"{home}/list.php?cid={at}"
        site.add_lists(base, lambda number, base=base: f"{base}&page={number}", stories, 4, nav=nav)
    return site


def build_chinese() -> Site:
    home = "http://chinese.test"
    subjects = {"gn": "国内", "gj": "国际", "ty": "体育"}
    stories = [
        Story(
            story.number,
            f"{home}/{list(subjects)[story.number % 3]}/{story.published:%Y%m}"
            f"/t{story.published:%Y%m%d}_{5_300_000 + 11 * story.number}.shtml",
            f"第{story.number}区跨江大桥星期一正式通车{'市民' * (story.number % 4)}",
            story.published,
        )
        for story in write(18, lambda number, _, __: str(number))
    ]
    site = Site(f"{home}/", stories)
    nav = menu({f"/{place}/": name for place, name in subjects.items()}, tag="div")
    site.add_lists(f"{home}/", str, stories[:6], 6, nav=nav)
    for at, place in enumerate(subjects):
        own = [story for story in stories if story.number % 3 == at]
        site.add_lists(
            f"{home}/{place}/", lambda number, place=place: f"{home}/{place}/index_{number - 1}.shtml", own, 4, nav=nav
        )
    return site


def build_plain_permalinks() -> Site:
    """WordPress as it is installed: articles, lists and pages all have the address of the front page."""
    home = "http://plain.test"
    site = Site(f"{home}/", write(16, lambda number, _, __: f"{home}/?p={40 + 9 * number}"))
    sections = {f"{home}/?cat={at}": subject for at, subject in enumerate(_SUBJECTS, 2)}
    nav = menu({**sections, f"{home}/?page_id=2": "About"})
    site.add_lists(f"{home}/", lambda number: f"{home}/?paged={number}", site.stories[:8], 4, nav=nav)
    for at, stories in enumerate(split(site.stories).values(), 2):
        base = f"{home}/?cat={at}"
        site.add_lists(
            base, lambda number, base=base: f"{home}/?paged={number}&{base[base.index('cat') :]}", stories, 4
        )
    site.add_about(f"{home}/?page_id=2")
    return site


def build_one_script() -> Site:
    """Every page is drawn by one program, by what its query says."""
    home = "http://script.test"
    base = f"{home}/index.php?m=content&c=index"
    site = Site(f"{home}/", write(16, lambda number, _, __: f"{base}&a=show&catid={number % 3 + 6}&id={500 + number}"))
    nav = menu({f"{base}&a=lists&catid={at}": subject for at, subject in enumerate(_SUBJECTS, 6)})
    site.add_lists(f"{home}/", str, site.stories[:6], 6, nav=nav)
    for at in range(6, 9):
        stories = [story for story in site.stories if story.number % 3 + 6 == at]
        first = f"{base}&a=lists&catid={at}"
        site.add_lists(first, lambda number, first=first: f"{first}&page={number}", stories, 4, nav=nav)
    return site


def build_extension_pages() -> Site:
    """Pages of the list are chosen by a parameter of an extension, in brackets, beside a checksum."""
    home = "http://extension.test"
    site = Site(f"{home}/de/aktuelles", write(18, lambda _, name, __: f"{home}/de/aktuelles/artikel/{name}"))
    nav = menu({"/de/aktuelles": "Aktuelles", "/de/verein": "Verein"})

    def other(number: int) -> str:
        return f"{site.front}?tx_news_pi1%5BcurrentPage%5D={number}&cHash=ab{number}"

    site.add_lists(site.front, other, site.stories, 6, nav=nav)
    site.add_about(f"{home}/de/verein", nav)
    return site


def build_cursors() -> Site:
    """Older articles are asked for by the instant of the last one, as Blogger does."""
    home = "http://cursors.test"
    site = Site(f"{home}/", write(20, lambda _, name, at: f"{home}/{at:%Y/%m}/{name[:30].strip('-')}.html"))
    instants = [f"{story.published:%Y-%m-%dT%H:%M}" for story in site.stories[6::7]]
    site.add_lists(site.front, lambda number: f"{home}/list?updated-max={instants[number - 2]}", site.stories, 7)
    return site


_BUILDERS: dict[str, Callable[[], Site]] = {
    "wordpress": build_wordpress,
    "plain_permalinks": build_plain_permalinks,
    "ghost": build_ghost,
    "drupal": build_drupal,
    "static": build_static,
    "numbers": build_numbers,
    "json_feed": build_json_feed,
    "sitemap_only": build_sitemap_only,
    "query_pages": build_query_pages,
    "months": build_months,
    "subdomains": build_subdomains,
    "query_ids": build_query_ids,
    "one_script": build_one_script,
    "chinese": build_chinese,
    "extension_pages": build_extension_pages,
    "cursors": build_cursors,
}
# Sections on other hosts, and sections in the query; test_draft.py crawls those in folders.
_CRAWLED = ("subdomains", "one_script")


@pytest.fixture(scope="module")
def sites() -> dict[str, Site]:
    return {name: build() for name, build in _BUILDERS.items()}


@pytest.fixture(scope="module")
def proxy(sites: dict[str, Site]) -> Iterator[WireProxy]:
    """All sites behind one proxy, under their own host names; what a site does not have answers 404."""
    routes = {
        url: build_response(text.encode(), headers=[("Content-Type", kind)])
        for site in sites.values()
        for url, (kind, text) in site.pages.items()
    }
    missing = build_response(b"", status="404 Not Found")
    hosts = {urlsplit(url).netloc for url in routes}
    absent = {f"http://{host}/{path}": missing for host in hosts for path in ("robots.txt", "sitemap.xml")}
    with WireProxy(absent | routes) as server:
        yield server


def draft(site: Site, proxy: WireProxy, monkeypatch: pytest.MonkeyPatch) -> Draft:
    """Draft a definition as `sources new` does, through the proxy."""
    monkeypatch.setenv("http_proxy", proxy.base_url)
    settings = Settings({**LOOPBACK, "DOWNLOAD_TIMEOUT": 20})
    settings.set("RESOLVER_ALLOW", ["127.0.0.0/8"])
    visitor = Visitor(PageReader(settings), settings)
    return draft_source(visitor.visit(site.front), visitor.visit)


def walk(source: Source, site: Site) -> set[str]:
    """Return the articles that a definition reaches from its seeds, as far as links of its kinds lead."""
    waiting, met = [*source.seeds], set(source.seeds)
    while waiting:
        url = waiting.pop()
        kind, text = site.pages.get(url, ("", ""))
        document = Document(body=text.encode(), url=url, content_type=kind.encode())
        for link in read(document, source).links if text else ():
            if link.url not in met and source.admits(link.url) and source.find_kind(link.url) is not LinkKind.OTHER:
                met.add(link.url)
                waiting.append(link.url)
    return {url for url in met if source.find_kind(url) is LinkKind.ARTICLE}


@pytest.mark.parametrize("name", _BUILDERS)
def test_a_draft_finds_and_reaches_every_article_and_nothing_else(
    name: str, sites: dict[str, Site], proxy: WireProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = sites[name]
    drafted = draft(site, proxy, monkeypatch)
    source = load_source(drafted.text, path="draft.toml")
    urls = {story.url for story in site.stories}
    assert drafted.missing == (), drafted.text
    assert {url for url in site.pages if source.find_kind(url) is LinkKind.ARTICLE} == urls, drafted.text
    assert len({source.identify(url) for url in urls}) == len(urls), drafted.text
    assert walk(source, site) == urls, drafted.text


@pytest.mark.parametrize("name", _CRAWLED)
def test_a_draft_crawls_as_many_articles_as_there_are(
    name: str, sites: dict[str, Site], proxy: WireProxy, tmp_path: Path, data: Data
) -> None:
    site, path = sites[name], tmp_path / "draft.toml"
    options: dict[str, Any] = {"proxy": proxy.base_url, "settings": LOOPBACK}
    done = run_scrapy("sources", "new", site.front, "-o", str(path), **options)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\b(\d+) of \1 articles found", done.stdout), done.stdout
    done = run_scrapy("crawl", "category", "-a", f"source={path}", "-a", "collection=drafted", data=data, **options)
    assert done.returncode == 0, done.stderr
    assert len(list(data.posts("drafted").glob("*.md"))) == len(site.stories)
