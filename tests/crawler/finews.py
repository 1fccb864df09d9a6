"""The first source's site, rebuilt small from what is known of its shape; every text in it is invented.

It is served by a proxy on loopback under its real names, so the source definition that ships is the one under test.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from tests.wire import Route, build_response

SITE = "http://finews.withounder.com"
SHARE = "http://finews.zning.xyz"
_HTML = (("Content-Type", "text/html; charset=utf-8"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    identifier: str
    medium: str
    slug: str
    title: str
    time: str = "2022-02-18 10:21:11"
    text: str = "<p>　　港口今晨重新开放。</p>"
    key: str = "text"

    @property
    def path(self) -> str:
        day = self.time[:10].replace("-", "/")
        return f"/{self.slug}/{day}/{self.identifier}.html"

    @property
    def share_link(self) -> str:
        return f"{SHARE}/html_News/NewsShare.html?infoCode={self.identifier}"


@dataclass(slots=True)
class Finews:
    """The articles of the site, and the routes that serve them."""

    articles: list[Article] = field(default_factory=list)

    def build_routes(self) -> dict[str, Route]:
        routes: dict[str, Route] = {
            f"{SITE}/robots.txt": build_response(b"", status="404 Not Found"),
            f"{SHARE}/robots.txt": build_response(b"", status="404 Not Found"),
            f"{SITE}/": page("首页", "".join(self._build_section(slug) for slug in self.slugs)),
        }
        for slug in self.slugs:
            items = "".join(f'<li><a href="{a.path}">{a.title}</a></li>' for a in self.articles if a.slug == slug)
            path = f"/category/{slug}.html".replace(" ", "%20").replace("(", "%28").replace(")", "%29")
            routes[SITE + path] = routes[SITE + path.replace("%28", "(").replace("%29", ")")] = page(
                slug, f"<ul>{items}</ul>"
            )
        for article in self.articles:
            url = SITE + article.path
            routes[url] = routes[url.replace(" ", "%20")] = self.build_page(article)
            routes[article.share_link] = build_response(b"<html><script>load()</script></html>", headers=_HTML)
            routes[f"{SHARE}/NewsData/GetNewsText.do?id={article.identifier}"] = answer({article.key: article.text})
        return routes

    @property
    def slugs(self) -> list[str]:
        return list(dict.fromkeys(article.slug for article in self.articles))

    def build_page(self, article: Article) -> bytes:
        return page(
            article.title,
            f"<h1>{article.title}</h1>\n<small>(GMT+8, Asia/Shanghai, CST) {article.time}</small>\n"
            f'{article.text.replace("　　", "")}\n<p><a href="{article.share_link}">{article.share_link}</a></p>\n'
            f'<p><a href="//finews.withounder.com/category/{article.slug}.html">返回{article.medium}新闻</a>'
            '｜<a href="//finews.withounder.com/">返回首页</a></p>',
        )

    def _build_section(self, slug: str) -> str:
        newest = [a for a in self.articles if a.slug == slug][:5]
        return f"<h2>{slug}</h2>" + "".join(f'<a href="{a.path}">{a.title}</a>' for a in newest)


def page(title: str, body: str) -> bytes:
    html = f'<!DOCTYPE html><html lang="zh"><head><title>{title}</title></head><body>{body}</body></html>'
    return build_response(html.encode(), headers=_HTML)


def answer(value: object) -> bytes:
    """JSON under a false flag, as the source serves it."""
    return build_response(json.dumps(value, ensure_ascii=False).encode(), headers=_HTML)
