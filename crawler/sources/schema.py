"""The types of a definition file: every table and key, its type, limits and description.

Two things are made of it: msgspec reads files by it (`crawler.sources.definition`), and `build_schema` turns it into
JSON Schema, by which editors complete and check. A text whose meaning no pattern tells (a selector, a time zone) is
plain `str` here, and is checked where it is converted.

Spec: TOML 1.0.0; JSON Schema 2020-12.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from crawler.sources.access import ProxyAddress, Render, Session
from crawler.sources.keep import Keep
from crawler.sources.keys import Table as _Table
from crawler.sources.keys import Texts
from crawler.sources.keys import describe as _key
from pipelines.names.slugs import SlugStyle
from pipelines.posts.options import PostOptions, Undated
from pipelines.rules.model import RequisiteKind

SCHEMA_URI = "urn:x-newsreel:schema:source"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Day(date):
    """A date of the file; TOML also has dates with a time, whose time does not count."""


# In Python alone `$` also matches before a line end, hence what follows it.
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)"
_NAME_WORDS = "up to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit"

Name = Annotated[str, Meta(pattern=_NAME, extra={"words": _NAME_WORDS})]
NameOrNone = Annotated[str, Meta(pattern=rf"^$(?!\n)|{_NAME}", extra={"words": _NAME_WORDS})]
Zone = Annotated[str, Meta(extra={"words": "an IANA time zone such as Europe/London"})]
Template = Annotated[
    str, Meta(pattern=r"^$(?!\n)|\{id\}", extra={"words": "an address with {id} where the article's id belongs"})
]
Count = Annotated[int, Meta(ge=1)]

# What only editors check: the loader reads these more closely, and says more.
_HTTP = "[Hh][Tt][Tt][Pp][Ss]?:"
_Prefix = Annotated[str, Meta(extra_json_schema={"pattern": rf"^\s*({_HTTP})?//[^/]"})]
_Url = Annotated[str, Meta(extra_json_schema={"pattern": rf"^\s*{_HTTP}"})]
_Duration = Annotated[str, Meta(extra_json_schema={"pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"})]
_Cron = Annotated[str, Meta(extra_json_schema={"pattern": r"^\s*$|^\s*\S+(\s+\S+){4}\s*$"})]
Prefixes = _Prefix | tuple[_Prefix, ...]
_PREFIX_WORDS = "a URL prefix such as 'https://host/' or '//host/path/', or a list of them"


class Links(_Table, frozen=True):
    """What an address leads to: regular expressions, searched anywhere in the URL."""

    article: Annotated[Texts, _key("Articles", "Pages with one article.", [r"/\d{4}/(?P<id>[a-z0-9-]+)$"])] = ()
    category: Annotated[Texts, _key("Categories", "Pages that list articles.", ["/section/[a-z-]+$"])] = ()
    next: Annotated[Texts, _key("Next pages", "Further pages of a category.", [r"/section/[a-z-]+\?page=\d+$"])] = ()
    share: Annotated[
        Texts,
        _key("Share links", "Share links: the article's text is at another address.", [r"/share\?id=(?P<id>\w+)"]),
    ] = ()
    text: Annotated[Texts, _key("Texts", "Addresses of the texts of share links.", [r"/text\?id=(?P<id>\w+)"])] = ()
    listing: Annotated[Texts, _key("Listings", "JSON documents that list articles.", ["/api/latest$"])] = ()
    feed: Annotated[Texts, _key("Feeds", "RSS, Atom and JSON Feed.", [r"/feed\.xml$"])] = ()
    sitemap: Annotated[Texts, _key("Sitemaps", "Sitemaps and indexes of sitemaps.", [r"/sitemap\.xml$"])] = ()


class Share(_Table, frozen=True):
    """Templates of addresses; each contains `{id}`, the article's id."""

    url: Annotated[
        Template,
        _key(
            "Share link",
            "The share link of an article of which only the id is known.",
            "https://paper.example/share?id={id}",
        ),
    ] = ""
    text_url: Annotated[
        Template, _key("Text", "The address of a share link's text.", "https://paper.example/text?id={id}")
    ] = ""
    article_url: Annotated[
        Template,
        _key(
            "Article",
            "The article's own page, fetched if a text has no headline; may also hold {category}, {year}, {month} and "
            "{day}.",
            "https://paper.example/{year}/{month}/{id}",
        ),
    ] = ""


class Fields(_Table, frozen=True, rename="camel"):
    """Expressions that find each field of a post; of a list, the first that finds anything is used."""

    identifier: Annotated[Texts, _key("Identifier", "The publisher's id of the article.", "id")] = ()
    url: Annotated[
        Texts, _key("Address", "For listings: the address of the article's page, which is then fetched.", "link")
    ] = ()
    headline: Annotated[
        Texts, _key("Headline", "The headline, as one line of text.", "h1", ["h1", "xpath://title"])
    ] = ()
    date_published: Annotated[
        Texts, _key("Date published", "The date as written on the page, in words or digits.", "xpath://time/@datetime")
    ] = ()
    date_modified: Annotated[
        Texts, _key("Date modified", "The date of the last change as written on the page.", "xpath://time[2]/@datetime")
    ] = ()
    article_section: Annotated[Texts, _key("Sections", "All sections found.", "nav.breadcrumb a")] = ()
    keywords: Annotated[Texts, _key("Tags", "All tags found.", 'xpath://meta[@name="keywords"]/@content')] = ()
    article_body: Annotated[Texts, _key("Body", "The article's text as HTML.", "html:div.story")] = ()
    author: Annotated[Texts, _key("Authors", "All authors found.", "span.byline")] = ()
    publisher: Annotated[Texts, _key("Publisher", "Who published the article.", "medianame || from")] = ()
    in_language: Annotated[
        Texts, _key("Language", "The article's language, if it differs from the source's.", "xpath://@lang")
    ] = ()


class Parser(_Table, frozen=True):
    """How pages of one kind are read, up to a day."""

    of: Annotated[Literal["article", "text", "listing"], _key("Kind", "The kind of page that this parser reads.")]
    valid_until: (
        Annotated[
            Day, _key("Valid until", "Last day, in the source's zone, of the page layout that this parser reads.")
        ]
        | UnsetType
    ) = UNSET
    records: Annotated[
        str, _key("Records", "For a listing: the JMESPath expression that finds its entries.", "articles")
    ] = ""
    fields: Annotated[Fields, _key("Fields", "The expressions that find each field of a post.")] = msgspec.field(
        default_factory=Fields
    )
    fallback: (
        Annotated[
            bool,
            _key(
                "Fallback",
                "For articles: whether fields that no rule finds are read from the page's metadata and structure; "
                "default true.",
            ),
        ]
        | UnsetType
    ) = UNSET
    class_: Annotated[
        str,
        _key("Class", "Python class that runs before the expressions: FILE.py:CLASS or an entry point.", "paper.py:P"),
    ] = msgspec.field(default="", name="class")


class Post(_Table, frozen=True):
    """Names, tags and footers of posts."""

    category: Annotated[
        SlugStyle,
        _key(
            "Slug style",
            "How a section becomes its slug: pinyin (toneless pinyin for Han, everything else unchanged), pinyin-url "
            "(lower case, words joined by hyphens), unicode (letters of every script, words joined by hyphens).",
        ),
    ] = SlugStyle.PINYIN
    tag_suffix: Annotated[
        str, _key("Tag suffix", "Appended to a section's name to make the tag of a page without tags.", " news")
    ] = ""
    aliases: Annotated[
        dict[str, str],
        _key(
            "Aliases",
            "Replacement names of sections and tags; an empty name drops one.",
            {"Harbor": "Harbour"},
        ),
    ] = {}
    slugs: Annotated[
        dict[str, str], _key("Slugs", "Slugs of sections, by the section's name.", {"Harbour": "sea"})
    ] = {}
    drop: Annotated[Texts, _key("Dropped names", "Sections and tags to drop.", ["Home"])] = ()
    day_from_id: Annotated[
        str,
        _key(
            "Day from id",
            "Regular expression whose first group holds the eight digits of the publishing day in an id.",
            r"^(\d{8})",
        ),
    ] = ""
    undated: Annotated[
        Undated,
        _key(
            "Undated",
            "What happens to an article without a date: refused (it makes no post), captured (its post has the date "
            "of its first capture).",
        ),
    ] = Undated.REFUSED
    footer: Annotated[
        str,
        _key("Footer", "Text below the body; may contain {shareLink}, {url}, {tag} and {category}.", "<{url}>"),
    ] = PostOptions().footer
    symbols: Annotated[bool, _key("Symbols", "List securities named in the article in the front matter.")] = False
    normalisers: Annotated[
        Texts,
        _key(
            "Normalisers",
            "Python classes that change fields after all other steps: FILE.py:CLASS or an entry point.",
            ["paper.py:Tidy"],
        ),
    ] = ()


class Politeness(_Table, frozen=True):
    """Limits on the load of the publisher's hosts; a missing key leaves the project's setting."""

    delay: (
        Annotated[
            float, _key("Delay", "Seconds between two requests to one host.", 2, 0.5, words="a number of seconds")
        ]
        | UnsetType
    ) = UNSET
    concurrency: (
        Annotated[int, _key("Concurrency", "Concurrent requests to one host; at least 1.", 1, **{"not": {"const": 0}})]
        | UnsetType
    ) = UNSET


class Requisites(_Table, frozen=True):
    """Also capture pictures, style sheets, scripts and fonts of article pages."""

    kinds: Annotated[
        RequisiteKind | tuple[RequisiteKind, ...],
        _key(
            "Kinds",
            "Kinds to capture; all by default.",
            ["image", "style"],
            words=f"some of {', '.join(RequisiteKind)}",
        ),
    ] = tuple(RequisiteKind)
    scope: Annotated[
        Prefixes,
        _key(
            "Scope",
            "URL prefixes that requisites may come from, in addition to the source's own scope.",
            ["//cdn.paper.example/"],
            words=_PREFIX_WORDS,
        ),
    ] = ()
    max_bytes: Annotated[Count, _key("Bytes", "Longer files are truncated to this size.")] = 5_000_000
    max_per_page: Annotated[Count, _key("Number", "Maximum number for one page, and for one style sheet.")] = 100


class Discovery(_Table, frozen=True):
    """Searches the site for articles that no rule names; the table may be empty."""

    depth: Annotated[Count, _key("Depth", "Maximum number of links from a seed to a list.")] = 4
    max_pages: Annotated[Count, _key("Pages", "Maximum number of pages of one host in a run.")] = 1_000
    since: Annotated[Day, _key("Since", "Articles dated before this day are not fetched.")] | UnsetType = UNSET
    zone_is_guess: Annotated[
        bool, _key("Zone is a guess", "`timezone` is a guess, so times without an offset are ignored.")
    ] = False


class Adaptive(_Table, frozen=True):
    """An interval that shortens when there is news, and grows when there is none."""

    min: Annotated[_Duration, _key("Shortest", "The shortest interval.", "15m")] = "15m"
    max: Annotated[_Duration, _key("Longest", "The longest interval.", "24h")] = "24h"


class Schedule(_Table, frozen=True):
    """When `scrapy schedule` crawls the source, and how."""

    cron: Annotated[
        _Cron,
        _key("Cron", "Minute, hour, day of month, month, day of week; instead of an interval.", "*/30 8-22 * * *"),
    ] = ""
    every: Annotated[_Duration, _key("Interval", "Time between two runs.", "30m", "1h30m")] = ""
    adaptive: Annotated[Adaptive, _key("Adaptive interval", "The interval follows the news.")] | UnsetType = UNSET
    timezone: (
        Annotated[Zone, _key("Time zone", "Time zone of `cron`; by default the source's.", "Asia/Tokyo")] | UnsetType
    ) = UNSET
    jitter: Annotated[
        _Duration,
        _key(
            "Jitter",
            "Delay by up to this long, computed from the name, so that sources due together start apart.",
            "2m",
        ),
    ] = ""
    time_limit: Annotated[_Duration, _key("Time limit", "Stop a run that takes longer.", "20m")] = "1h"
    spider: Annotated[NameOrNone, _key("Spider", "The spider that runs.", "category")] = "category"
    collection: Annotated[
        NameOrNone, _key("Collection", "Collection to write to; by default the source's name.", "news")
    ] = ""
    enabled: Annotated[bool, _key("Enabled", "False turns the schedule off.")] = True


class Definition(_Table, frozen=True):
    """A publisher that Newsreel follows: what may be fetched, and how its pages are read."""

    name: Annotated[
        Name, _key("Name", "Name of the source, and of its collection unless a run names another.", "paper")
    ]
    timezone: Annotated[
        Zone,
        _key(
            "Time zone",
            "IANA time zone of dates without a zone, and of the dates in post files.",
            "Europe/London",
            "Asia/Shanghai",
        ),
    ]
    scope: Annotated[
        Prefixes,
        _key(
            "Scope",
            "URL prefixes that may be fetched; // at the beginning means http and https. A leading dot in a host "
            "includes its subdomains.",
            ["https://paper.example/", "//.paper.example/"],
            words=_PREFIX_WORDS,
        ),
    ]
    seeds: Annotated[
        _Url | tuple[_Url, ...],
        _key(
            "Seeds",
            "The pages from which a run starts.",
            ["https://paper.example/"],
            words="an http or https URL, or a list of them",
        ),
    ]
    title: Annotated[str, _key("Title", "The publisher's name.", "The Paper")] | UnsetType = UNSET
    language: Annotated[str, _key("Language", "Language of the pages, a BCP 47 tag.", "en", "zh-Hant")] = ""
    proxy: (
        Annotated[
            ProxyAddress,
            _key(
                "Proxy",
                "Proxy of all requests of the source, or a reference to its address.",
                "socks5h://127.0.0.1:1080",
                "env:NEWSREEL_SECRET_PAPER_PROXY",
            ),
        ]
        | UnsetType
    ) = UNSET
    links: Annotated[Links, _key("Links", "Kinds of pages, by regular expressions on their addresses.")] = (
        msgspec.field(default_factory=Links)
    )
    share: Annotated[Share, _key("Share", "Templates of addresses, from an article's id.")] = msgspec.field(
        default_factory=Share
    )
    parser: Annotated[
        tuple[Parser, ...],
        _key(
            "Parsers",
            "Rules to read pages of each kind. Of the parsers valid on a day, the one that ends first is used.",
        ),
    ] = ()
    post: Annotated[Post, _key("Post", "Names, tags and footers of posts.")] = msgspec.field(default_factory=Post)
    politeness: Annotated[Politeness, _key("Politeness", "Limits on the load of the publisher's hosts.")] = (
        msgspec.field(default_factory=Politeness)
    )
    requisites: (
        Annotated[Requisites, _key("Requisites", "Also capture pictures, style sheets, scripts and fonts.")] | UnsetType
    ) = UNSET
    discovery: (
        Annotated[Discovery, _key("Discovery", "Search the site for articles that no rule names.")] | UnsetType
    ) = UNSET
    render: Annotated[Render, _key("Render", "When pages are opened in a browser.")] | UnsetType = UNSET
    session: Annotated[Session, _key("Session", "Cookies, header fields and log-in.")] | UnsetType = UNSET
    schedule: Annotated[Schedule, _key("Schedule", "When the source is crawled.")] | UnsetType = UNSET
    keep: Annotated[Keep, _key("Keep", "Retention: how long, and how much, is kept.")] | UnsetType = UNSET


# How the keys of one table depend on each other.
_RULES: dict[type[_Table], dict[str, Any]] = {
    Parser: {
        "allOf": [
            {"if": {"properties": {"of": {"const": "listing"}}, "required": ["of"]}, "then": {"required": ["records"]}},
            {"if": {"required": ["fallback"]}, "then": {"properties": {"of": {"const": "article"}}}},
        ]
    },
    Schedule: {"anyOf": [{"required": [key]} for key in ("cron", "every", "adaptive")]},
}


def build_schema() -> dict[str, Any]:
    """Return the JSON Schema by which editors complete and check a definition."""
    _, tables = msgspec.json.schema_components([Definition], schema_hook=_describe_day, ref_template="#/$defs/{name}")
    whole: dict[str, Any] = tables.pop(Definition.__name__)
    # In the tables themselves: editors that know an older dialect ignore what is beside a `$ref`.
    for kind, rules in _RULES.items():
        tables[kind.__name__] |= rules
    return {"$schema": _DIALECT, "$id": SCHEMA_URI} | whole | {"title": "Newsreel source", "$defs": tables}


def _describe_day(kind: type) -> dict[str, Any]:
    assert kind is Day
    return {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}", "examples": ["2027-01-31"]}
