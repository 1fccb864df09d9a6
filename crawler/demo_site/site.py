"""The newspaper as a function from request and edition to a response."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import parse_qs, quote, unquote

from crawler.demo_site import pages
from crawler.demo_site.articles import PAPER_ZONE, Article, Edition, read_edition
from crawler.demo_site.wire_format import Answer, Request, build_response

__all__ = ["Expected", "Paper", "Request"]

OLD_SECTIONS = {"/section/harbour.html": "Harbour Watch"}
"""Paths under which sections were found before they moved."""

TEXT_PATH = "/api/text.do"

PRIVATE_PATH = "/private/2026/03/01/NW202603010000000001.html"

PLACED = frozenset({"/robots.txt", "/sitemap.xml", "/feed.xml"})
"""Paths under which the paper names its own address, which only the request tells."""

PRINTED_AT = {
    1: datetime(2026, 3, 9, 6, 0, tzinfo=PAPER_ZONE),
    2: datetime(2026, 3, 10, 6, 0, tzinfo=PAPER_ZONE),
}
"""When each edition went to press: the Date of its responses, and Last-Modified of what it changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a full crawl of one edition must find, for tests to hold against what it did find.

    All sets hold ids. `posts` are the articles that can be read: those with a page, and the one that only a
    listing names.
    """

    edition: int
    sections: int
    section_pages: int
    posts: frozenset[str]
    pages: frozenset[str]
    whole: frozenset[str]
    shared: frozenset[str]
    listed_only: frozenset[str]
    added: frozenset[str]
    revised: frozenset[str]


class Paper:
    """One edition, ready to answer."""

    def __init__(self, number: int = 1) -> None:
        self.edition: Edition = read_edition(number)
        self._articles = {article.id: article for article in self.edition.articles}
        self._busy = {article.path for article in self.edition.articles if article.is_busy_once}
        self._answers = self._build_answers()

    @property
    def expected(self) -> Expected:
        """The facts of this edition."""
        articles = self.edition.articles
        with_page = [article for article in articles if not article.listed_only]
        return Expected(
            edition=self.edition.number,
            sections=len(self.edition.sections),
            section_pages=sum(path.startswith("/section/") for path in self._answers) - len(OLD_SECTIONS),
            posts=frozenset(self._articles),
            pages=frozenset(article.id for article in with_page),
            whole=frozenset(article.id for article in articles if article.whole),
            shared=frozenset(article.id for article in with_page if not article.whole),
            listed_only=frozenset(article.id for article in articles if article.listed_only),
            added=frozenset(article.id for article in articles if article.edition > 1),
            revised=frozenset(article.id for article in articles if article.revised_in),
        )

    def respond(self, request: Request) -> bytes:
        """The raw response to a request; paths may come percent-encoded in any form."""
        escaped, _, query = request.target.partition("?")
        path = unquote(escaped)
        answer = self._find_answer(path, query, request)
        address = f"{path}?{query}" if path == TEXT_PATH else path
        return build_response(address, answer, request, now=PRINTED_AT[self.edition.number])

    def _find_answer(self, path: str, query: str, request: Request) -> Answer:
        if request.method not in {"GET", "HEAD"}:
            return Answer(status=405, body=b"This paper can only be read.\n", headers=(("Allow", "GET, HEAD"),))
        if path in self._busy and request.attempt == 1:
            return Answer(status=503, body=b"The press is warming up.\n", headers=(("Retry-After", "0"),))
        if path == TEXT_PATH:
            article = self._articles.get(parse_qs(query).get("id", [""])[0])
            return Answer(body=pages.build_text(article).encode(), content_type="text/html;charset=UTF-8")
        if path in PLACED:
            base = f"http://{request.find_header('Host') or ''}"
            answer = self._answers[path]
            return replace(answer, body=answer.body.replace(pages.BASE.encode(), base.encode("ascii", "replace")))
        return self._answers.get(path) or Answer(status=404, body=pages.build_missing_page().encode())

    def _build_answers(self) -> dict[str, Answer]:
        newest = self._with_pages()
        answers = {
            "/robots.txt": Answer(body=pages.ROBOTS.encode(), content_type="text/plain"),
            "/sitemap.xml": Answer(body=pages.build_sitemap(newest).encode(), content_type="application/xml"),
            "/feed.xml": Answer(body=pages.build_feed(newest[: pages.LISTED]).encode(), content_type="text/xml"),
            "/press.css": Answer(body=pages.read_file("press.css"), content_type="text/css"),
            "/images/masthead.svg": Answer(body=pages.read_file("masthead.svg"), content_type="image/svg+xml"),
            "/images/harbour.png": Answer(body=pages.build_picture(), content_type="image/png"),
            "/s/share.html": Answer(body=pages.read_file("share.html"), content_type="text/html"),
            PRIVATE_PATH: Answer(body=pages.build_private_page().encode()),
            "/": Answer(body=pages.build_home(self.edition).encode(), modified=self._modified(self.edition.articles)),
        }
        answers |= {article.path: self._build_article(article) for article in self._with_pages()}
        answers |= self._build_sections() | self._build_listings() | self._build_redirects()
        answers |= {n.href: Answer(status=n.status, body=b"Gone.\n") for n in self.edition.notices if n.status}
        return answers

    def _with_pages(self) -> list[Article]:
        return [article for article in self.edition.articles if not article.listed_only]

    def _modified(self, articles: tuple[Article, ...]) -> datetime:
        """When the newest of the articles was written or changed."""
        return max(PRINTED_AT[a.revised_in] if a.revised_in else a.published for a in articles)

    def _build_article(self, article: Article) -> Answer:
        declared = f"text/html; charset={article.charset}" if article.is_charset_declared else "text/html"
        body = pages.build_article_page(article).encode(article.charset)
        return Answer(body=body, content_type=declared, modified=self._modified((article,)))

    def _build_sections(self) -> dict[str, Answer]:
        answers = {}
        for section in self.edition.sections:
            articles = self.edition.articles_of(section)
            starts = range(0, len(articles), pages.ARTICLES_A_PAGE)
            for page, start in enumerate(starts, 1):
                shown = articles[start : start + pages.ARTICLES_A_PAGE]
                body = pages.build_section_page(section, shown, page, len(starts)).encode()
                answers[section.path(page)] = Answer(body=body, modified=self._modified(articles))
        return answers

    def _build_listings(self) -> dict[str, Answer]:
        newest = self._with_pages()
        listed_only = [article for article in self.edition.articles if article.listed_only]
        a = pages.build_listing_a(newest[: pages.LISTED])
        b = pages.build_listing_b([n for n in newest if n.language == "en"][: pages.LISTED])
        c = pages.build_listing_c([*newest[: pages.LISTED - 1], *listed_only])
        return {
            "/api/list-a.json": Answer(body=a.encode(), content_type="application/json; charset=utf-8"),
            "/api/list-b.json": Answer(body=b.encode(), content_type="application/json"),
            "/api/list-c.json": Answer(body=c.encode(), content_type="text/plain; charset=utf-8"),
        }

    def _build_redirects(self) -> dict[str, Answer]:
        moved = {old: (301, f"/section/{slug}.html") for old, slug in OLD_SECTIONS.items()}
        moved |= {f"/go/{article.id}": (302, article.path) for article in self._with_pages()}
        return {
            path: Answer(status=status, body=b"Moved.\n", headers=(("Location", quote(location)),))
            for path, (status, location) in moved.items()
        }
