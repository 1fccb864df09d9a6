"""The newspaper's templates: articles in, text of pages and of API answers out; no bytes and no HTTP yet."""

from __future__ import annotations

import json
import struct
import zlib
from email.utils import format_datetime
from html import escape
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crawler.demo_site.articles import Article, Edition, Section

TITLE = "The Loopback Courier · 回环时报"
ARTICLES_A_PAGE = 5
NEWEST_ON_HOME = 5
LISTED = 6
INDENT = "　　"
"""Two full-width spaces, with which the API indents Chinese paragraphs."""

EMPTY_ENTRY_ID = "202603052391921712"
"""The id of a listing entry that has no title, no date, no link and no text behind it."""

STYLE = """\
body { margin: 0 auto; max-width: 46rem; padding: 1rem; background: #fdfcf8; color: #222;
       font: 1.05rem/1.65 Georgia, "Noto Serif CJK SC", "Songti SC", serif; }
header { border-bottom: 3px double #333; margin-bottom: 1.5rem; text-align: center; }
header a { color: inherit; font-size: 1.7rem; text-decoration: none; }
h1 { line-height: 1.25; }
h2 { border-bottom: 1px solid #bbb; font-size: 1.15rem; }
a { color: #14507a; }
ul { padding-left: 1.2rem; }
ul.tags { display: flex; gap: .6rem; list-style: none; padding: 0; }
ul.tags li { background: #e9eef0; border-radius: .2rem; font-size: .85rem; padding: 0 .5rem; }
small, .desk, footer { color: #666; font-size: .9rem; }
figure { margin: 1rem 0; } figure img { width: 100%; }
footer { border-top: 1px solid #bbb; margin-top: 2rem; padding-top: .6rem; }
"""

MASTHEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" viewBox="0 0 64 64">
<circle cx="32" cy="32" r="24" fill="none" stroke="#14507a" stroke-width="6" stroke-dasharray="120 31"/>
<path d="M50 12l8 12-14 2z" fill="#14507a"/></svg>
"""

_PAGE = Template("""\
<!doctype html>
<html lang="$language">
<head>
$charset<title>$title</title>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/press.css">
<link rel="icon" href="/images/masthead.svg">
$links</head>
<body>
<header><img src="/images/masthead.svg" alt="" width="40" height="40">
<a href="/">$paper</a></header>
$content
</body>
</html>
""")

_ARTICLE = Template("""\
<article>
<small>(GMT+8, Asia/Shanghai, CST) $published</small>
<h1>$title</h1>
<p class="desk">$desk</p>
<div class="story">
$story
</div>
$tags$share</article>
<footer>返回 <a href="$section_path">$section</a> · 返回 <a href="/">首页 Home</a></footer>""")

SHARE_SHELL = """\
<!doctype html>
<html><head><meta charset="utf-8"><title>分享 · Share</title></head>
<body><div id="news">正在载入……</div>
<script>
const id = new URLSearchParams(location.search).get("infoCode");
fetch("/api/text.do?id=" + encodeURIComponent(id)).then(r => r.json()).then(news => {
  document.title = news.title || "404";
  document.getElementById("news").innerHTML = news.text || news.content || "这篇文章已不存在。";
});
</script></body></html>
"""

BASE = "{base}"
"""Stands for the paper's own address in what must name it whole."""

ROBOTS = f"User-agent: *\nDisallow: /private/\nAllow: /\n\nSitemap: {BASE}/sitemap.xml\n"

FEED_LINK = f'<link rel="alternate" type="application/rss+xml" title="{TITLE}" href="/feed.xml">\n'


def build_page(title: str, content: str, *, language: str = "zh", links: str = "", charset: str = "utf-8") -> str:
    """A whole page; with an empty `charset` the page declares none."""
    return _PAGE.substitute(
        language=language,
        charset=f'<meta charset="{charset}">\n' if charset else "",
        title=escape(f"{title} - {TITLE}" if title else TITLE),
        links=links,
        paper=TITLE,
        content=content,
    )


def build_home(edition: Edition) -> str:
    """The front page: every section with its newest articles, and the notice board."""
    blocks = []
    for section in edition.sections:
        newest = edition.articles_of(section)[:NEWEST_ON_HOME]
        heading = f'<h2><a href="{escape(section.path())}">{escape(section.name)}</a></h2>'
        blocks.append(f"<section>\n{heading}\n{_build_list(newest)}\n</section>")
    notices = "\n".join(f'<li><a href="{escape(n.href)}">{escape(n.text)}</a></li>' for n in edition.notices)
    blocks.append(f'<section class="notices">\n<h2>告示牌 Notice board</h2>\n<ul>\n{notices}\n</ul>\n</section>')
    return build_page("", "<main>\n" + "\n".join(blocks) + "\n</main>", links=FEED_LINK)


def build_feed(articles: Sequence[Article]) -> str:
    """An RSS 2.0 feed of the newest articles, campaign tags and all."""
    items = "\n".join(
        f"<item><title>{escape(a.title)}</title><link>{BASE}{escape(quote(a.path))}?utm_source=rss</link>"
        f"<pubDate>{format_datetime(a.published)}</pubDate><category>{escape(a.section.name)}</category></item>"
        for a in articles
    )
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel><title>{TITLE}</title>'
    return f"{head}\n{items}\n</channel></rss>\n"


def build_sitemap(articles: Sequence[Article]) -> str:
    """A news sitemap of all articles that have a page."""
    urls = "\n".join(
        f"<url><loc>{BASE}{escape(quote(a.path))}</loc><n:news><n:publication><n:name>{TITLE}</n:name>"
        f"<n:language>{a.language}</n:language></n:publication><n:publication_date>{a.published.isoformat()}"
        f"</n:publication_date><n:title>{escape(a.title)}</n:title></n:news></url>"
        for a in articles
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        f'xmlns:n="http://www.google.com/schemas/sitemap-news/0.9">\n{urls}\n</urlset>\n'
    )


def build_section_page(section: Section, articles: Sequence[Article], page: int, pages: int) -> str:
    """One page of a section, with links to the pages on either side."""
    links, steps = "", []
    if page > 1:
        links += f'<link rel="prev" href="{escape(section.path(page - 1))}">\n'
        steps.append(f'<a rel="prev" href="{escape(section.path(page - 1))}">上一页 Newer</a>')
    if page < pages:
        links += f'<link rel="next" href="{escape(section.path(page + 1))}">\n'
        steps.append(f'<a rel="next" href="{escape(section.path(page + 1))}">下一页 Older</a>')
    content = (
        f"<main>\n<h1>{escape(section.name)}</h1>\n<p>{escape(section.motto)}</p>\n{_build_list(articles)}\n"
        f'<nav>{" · ".join(steps)}</nav>\n</main>\n<footer>返回 <a href="/">首页 Home</a></footer>'
    )
    return build_page(section.name, content, links=links)


def build_article_page(article: Article) -> str:
    """The page of an article: the whole text, or its first paragraph and a share link."""
    paragraphs = article.paragraphs if article.whole else article.paragraphs[:1]
    tags = "".join(f"<li>{escape(tag)}</li>" for tag in article.tags)
    share_path = f"/s/share.html?infoCode={article.id}"
    share = f'<p><a class="share" href="{share_path}">分享全文 Share the full story</a></p>\n'
    content = _ARTICLE.substitute(
        published=f"{article.published:%Y-%m-%d %H:%M:%S}",
        title=escape(article.title),
        desk=escape(article.desk),
        story="\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs),
        tags=f'<ul class="tags">{tags}</ul>\n' if tags else "",
        share="" if article.whole else share,
        section=escape(article.section.name),
        section_path=escape(article.section.path()),
    )
    charset = article.charset if article.is_charset_declared else ""
    return build_page(article.title, content, language=article.language, charset=charset)


def build_private_page() -> str:
    """A page that is an article in all but permission: only who ignores robots.txt gets to see it."""
    content = (
        "<article><small>(GMT+8, Asia/Shanghai, CST) 2026-03-01 00:00:00</small>\n<h1>Press room only</h1>\n"
        '<div class="story"><p>robots.txt asks robots not to come here.</p></div></article>'
    )
    return build_page("Press room only", content, language="en")


def build_missing_page() -> str:
    """What stands under an address that has no page."""
    return build_page("404", "<main><h1>404</h1><p>没有这一页。No such page.</p></main>")


def build_text(article: Article | None) -> str:
    """The API's answer for one article, or for an id it does not know."""
    if article is None:
        return json.dumps({"code": 404, "message": "no such news"})
    indent = INDENT if article.language == "zh" else ""
    body = "\r\n ".join(f"<p>{indent}{paragraph}</p>" for paragraph in article.paragraphs)
    extra = '<!-- press mark 7 --><p style="display:none">本报讯</p>' if article.text_key == "content" else ""
    answer = {
        "code": 0,
        "infoCode": article.id,
        "title": article.title,
        "showtime": f"{article.published:%Y-%m-%d %H:%M:%S}",
        article.text_key: extra + body,
    }
    return json.dumps(answer, ensure_ascii=False)


def build_listing_a(articles: Sequence[Article]) -> str:
    """Newest articles under `records`, one entry of which is empty."""
    records = [
        {
            "infoCode": article.id,
            "id": number,
            "title": article.title,
            "digest": article.paragraphs[0][:40],
            "url_w": f"/s/share.html?infoCode={article.id}",
            "showtime": f"{article.published:%Y-%m-%d %H:%M:%S}",
        }
        for number, article in enumerate(articles, 1)
    ]
    empty: dict[str, object] = dict.fromkeys(("title", "digest", "url_w", "showtime"), "")
    records.insert(2, {"infoCode": EMPTY_ENTRY_ID, "id": 0, **empty})
    return json.dumps({"rc": 1, "records": records}, ensure_ascii=False)


def build_listing_b(articles: Sequence[Article]) -> str:
    """Newest articles under `nodeList`; every second has its title only as `simtitle`."""
    nodes = [
        {
            "infocode": article.id,
            "title": "" if number % 2 else article.title,
            "from": article.section.name,
            "showtime": f"{article.published:%Y-%m-%d %H:%M:%S}",
            "simtitle": article.title,
            "simdigest": article.paragraphs[0][:40],
        }
        for number, article in enumerate(articles)
    ]
    return json.dumps({"nodeList": nodes}, ensure_ascii=False)


def build_listing_c(articles: Sequence[Article]) -> str:
    """Articles under `record`, among them those that stand on no page."""
    record = [
        {
            "infoCode": article.id,
            "title": article.title,
            "medianame": article.section.name,
            "datetime": f"{article.published:%Y-%m-%d %H:%M:%S}",
        }
        for article in articles
    ]
    return json.dumps({"total": len(record), "record": record}, ensure_ascii=False)


def build_picture(width: int = 320, height: int = 96) -> bytes:
    """A PNG of a quiet harbour at dusk: sky above, water below, a sun between."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)  # PNG's filter type "none", one a row
        for x in range(width):
            sun = (x - width // 2) ** 2 + (y - height // 2) ** 2 < 400 and y < height // 2
            water = y >= height // 2
            rows += bytes((250, 190, 90) if sun else (40, 80 + y // 2, 120) if water else (235 - y, 205 - y, 190))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_build_png_chunk(kind, data) for kind, data in chunks)


def _build_png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _build_list(articles: Sequence[Article]) -> str:
    lines = (
        f'<li><a href="{escape(a.path)}">{escape(a.title)}</a> <small>{a.published:%Y-%m-%d}</small></li>'
        for a in articles
    )
    return "<ul>\n" + "\n".join(lines) + "\n</ul>"
