"""Thirty papers of invented words: six languages, five templates, five articles each, and what may befall them."""

from __future__ import annotations

import html
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

WORDS = {
    "en": "harbour ferry council bridge market orchard tram school library river lamp tower garden winter clock",
    "de": "Hafen Fähre Gemeinderat Brücke Markthalle Obstgarten Bahn Schule Fluss Laterne Turm Garten Uhr Winter",
    "fr": "port traversier conseil pont marché verger tramway école rivière lampe tour jardin hiver horloge",
    "es": "puerto barco concejo puente mercado huerto tranvía escuela río lámpara torre jardín invierno reloj",
    "ru": "порт паром совет мост рынок сад трамвай школа библиотека река фонарь башня парк зима часы пекарня",
    "zh": "港口 渡轮 议会 大桥 市场 果园 电车 学校 图书馆 河流 灯塔 钟楼 花园 冬天 面包 时钟",
}
TEMPLATES = ("linked data", "open graph", "microdata", "ruled by class", "ruled by element")
ARTICLES = 5
CAPTURED = datetime(2026, 3, 20, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Article:
    language: str
    template: str
    host: str
    number: int
    title: str
    body: tuple[str, ...]
    at: datetime
    extra: str = ""
    masthead: str = ""
    classes: tuple[str, str, str] = ("head", "stamp", "story")
    is_dated: bool = True

    @property
    def url(self) -> str:
        return f"http://{self.host}/news/{self.number}-{self.language}.html"


@dataclass(frozen=True)
class Paper:
    language: str
    template: str

    @property
    def host(self) -> str:
        return f"{self.template.replace(' ', '-')}.{self.language}.example"

    @property
    def site(self) -> str:
        return {"zh": "河岸观察", "ru": "Вестник берега"}.get(self.language, f"Rivage {self.language.upper()}")

    def list_articles(self) -> list[Article]:
        return [build_article(self, number) for number in range(ARTICLES)]

    def write_rules(self) -> str:
        head = f'name = "paper"\ntimezone = "UTC"\nlanguage = "{self.language}"\nscope = ["//{self.host}/"]\n'
        head += f'seeds = ["http://{self.host}/"]\n[links]\narticle = ["/news/[0-9]+-"]\n'
        fields = {
            "ruled by class": ("h1.head", "css:.stamp", "html:div.story"),
            "ruled by element": ("h1", "xpath://time/@datetime", "html:article"),
        }.get(self.template)
        if fields is None:
            return head
        names = ("headline", "datePublished", "articleBody")
        rules = "\n".join(f"{name} = {json.dumps(rule)}" for name, rule in zip(names, fields, strict=True))
        return f'{head}[[parser]]\nof = "article"\n[parser.fields]\n{rules.replace("css:", "")}\n'


PAPERS = [Paper(language, template) for language in WORDS for template in TEMPLATES]


def say(language: str, chance: random.Random, count: int) -> str:
    words = chance.sample(WORDS[language].split(), min(count, 14))
    if language == "zh":
        return "".join(words) + str(chance.randrange(10, 99))
    text = " ".join(words)
    return f"{text[0].upper()}{text[1:]} {chance.randrange(10, 99)}"


def build_article(paper: Paper, number: int) -> Article:
    chance = random.Random(f"{paper.host}{number}")
    stop = "。" if paper.language == "zh" else ". "
    body = tuple("".join(say(paper.language, chance, 12) + stop for _ in range(4)).strip() for _ in range(6))
    at = datetime(2026, 2, 1, 7, tzinfo=UTC) + timedelta(days=3 * number, minutes=11 * number)
    return Article(paper.language, paper.template, paper.host, number, say(paper.language, chance, 6), body, at)


def render(article: Article, site: str) -> str:
    title, stamp = html.escape(article.title), article.at.isoformat() if article.is_dated else ""
    head_class, stamp_class, story_class = article.classes
    story = "".join(f"<p>{html.escape(text)}</p>" for text in article.body)
    time = f'<p class="by"><time datetime="{stamp}">{stamp[:10]}</time></p>' if stamp else ""
    head, wrap = "", ('<div class="story">', "</div>")
    if article.template == "linked data":
        data = {"@type": "NewsArticle", "headline": article.title, "datePublished": stamp}
        head = f'<script type="application/ld+json">{json.dumps(data, ensure_ascii=False)}</script>'
    elif article.template == "open graph":
        head = f'<meta property="og:type" content="article"><meta property="og:title" content="{title}">'
        head += f'<meta property="article:published_time" content="{stamp}">' if stamp else ""
    elif article.template == "microdata":
        title = f'<span itemprop="headline">{title}</span>'
        wrap = ('<div itemprop="articleBody">', "</div>")
    elif article.template == "ruled by class":
        time = f'<p class="{stamp_class}">{article.at:%Y-%m-%d %H:%M}</p>' if stamp else ""
        wrap = (f'<div class="{story_class}">', "</div>")
    else:
        wrap = ("<article>", "</article>")
    heading = f'<h1 class="{head_class}">{title}</h1>'
    return (
        f'<html lang="{article.language}"><head><title>{html.escape(article.title)} | {site}</title>{head}</head><body>'
        f'<div class="top"><a href="/">{site}</a></div>{article.masthead}<main>{heading}{time}{wrap[0]}{story}{wrap[1]}'
        f'</main>{article.extra}<div class="foot">{site}</div></body></html>'
    )


Change = Callable[[Article, str], str]


def page(language: str, title: str, inner: str, head: str = "") -> str:
    return f'<html lang="{language}"><head><title>{title}</title>{head}</head><body>{inner}</body></html>'


def _mast(article: Article, site: str) -> str:
    return render(replace(article, masthead=f'<header><h1><a href="/">{site}</a></h1></header>'), site)


def _today(article: Article, site: str) -> str:
    header = f'<div class="day">{site} <time datetime="{CAPTURED:%Y-%m-%d}">{CAPTURED:%d.%m.%Y}</time></div>'
    return render(replace(article, masthead=header), site)


def _swap(article: Article, site: str) -> str:
    other = "en" if article.language != "en" else "de"
    chance = random.Random(f"swap{article.url}")
    body = tuple("".join(say(other, chance, 12) + ". " for _ in range(4)) for _ in range(6))
    return render(replace(article, title=say(other, chance, 6), body=body, language=other, is_dated=False), site)


SHIELDS = (
    (
        "Just a moment...",
        "Checking if the site connection is secure",
        "Verifying that you are human.",
    ),
    (
        "Access denied",
        "Access Denied",
        "Access to this page from your IP address was blocked, as automated.",
    ),
    ("Pardon Our Interruption", "Pardon our interruption", "Check your browser, so that we can verify you are no bot."),
    ("Sicherheitsprüfung", "Ihr Browser wird geprüft", "Bitte bestätigen Sie, dass Sie ein Mensch sind."),
)


def _shield(number: int) -> Change:
    title, heading, text = SHIELDS[number]
    inner = f"<h1>{heading}</h1><p>{text}</p>"
    return lambda _article, _site: page("en", title, inner, '<meta name="robots" content="noindex">')


def _cookies(article: Article, site: str) -> str:
    text = (
        "We and our partners use cookies to store data on your device. Accept all cookies or choose what we may store."
    )
    layer = f'<div class="cookie-layer" role="dialog"><p>{text}</p><p>{text}</p><button>Accept</button></div>'
    return render(replace(article, masthead=layer), site)


TERMS = "<p>These are the terms of the site, long enough to be read as an article, and no article's.</p>"
FAULTS: dict[str, Change] = {
    "masthead h1": _mast,
    "moved date": lambda article, site: render(replace(article, classes=("head", "when", "story")), site),
    "renamed classes": lambda article, site: render(replace(article, classes=("h-9", "d-9", "t-9")), site),
    "wrapped body": lambda article, site: (
        render(article, site).replace("<p>", "<div><p>").replace("</p>", "</p></div>")
    ),
    "cookie layer": _cookies,
    "script shell": lambda article, site: page(
        article.language, f"{html.escape(article.title)} | {site}", '<div id="app"></div><script src="/a.js"></script>'
    ),
    "today in the header": _today,
    "doubled article": lambda article, site: render(replace(article, body=article.body * 2), site),
    "swapped language": _swap,
    **{f"shield {number + 1}": _shield(number) for number in range(len(SHIELDS))},
    "missing page": lambda _article, _site: page(
        "en", "Not found", "<h1>This page could not be found</h1><p>The article has moved or was removed.</p>"
    ),
    "log-in": lambda _article, _site: page(
        "en", "Sign in", '<h1>Sign in</h1><p>For registered readers.</p><form><input type="password"></form>'
    ),
    "stub": lambda article, site: render(
        replace(article, body=(article.body[0][:60] + " …", "Subscribe to continue reading this story.")), site
    ),
    "maintenance": lambda _article, _site: page(
        "fr", "Maintenance", "<h1>Site en maintenance</h1><p>Le site revient bientôt.</p>"
    ),
    "one other text for all": lambda _article, _site: page(
        "en", "Terms of the new site", f"<h1>Terms of the new site</h1><div class=story>{TERMS * 12}</div>"
    ),
}  # fmt: skip
EDITS: dict[str, Change] = {
    "as it was": render,
    "a paragraph more": lambda article, site: render(
        replace(article, body=(*article.body, article.body[0][::-1])), site
    ),
    "a third less": lambda article, site: render(replace(article, body=article.body[:4]), site),
    "renamed": lambda article, site: render(replace(article, title=f"{article.title} (2)"), site),
    "a box of links": lambda article, site: render(
        replace(article, extra='<div class="related"><ul><li><a href="/news/9-x.html">More</a></li></ul></div>'), site
    ),
}
