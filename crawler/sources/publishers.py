"""The catalogue of publishers, from which definitions are made, so that a paper can be crawled by name.

`publishers.jsonl` beside this module holds one publisher a line, sorted by name. Nobody promises that its addresses
still work; `scrapy sources probe` tries them and `Probes` remembers when each last did.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from archives.storage.files import write_file
from crawler.environment import name_program
from crawler.sources import find_source
from crawler.sources.definition import load_source
from crawler.sources.model import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from crawler.sources.model import Source

PROBES_NAME: Final = "publishers.json"
_FILE: Final = "publishers.jsonl"
_WORDS: Final = re.compile(r"[^\W_]+")
# Search words for ISO 639-1 and 3166-1 codes.
_LANGUAGES: Final = {
    "ar": "Arabic",
    "cs": "Czech",
    "da": "Danish",
    "de": "German Deutsch",
    "en": "English",
    "es": "Spanish Español",
    "fi": "Finnish",
    "fr": "French Français",
    "he": "Hebrew",
    "hi": "Hindi",
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian Italiano",
    "ja": "Japanese 日本語",
    "kj": "Kuanyama",
    "kl": "Greenlandic",
    "ko": "Korean 한국어",
    "lt": "Lithuanian",
    "ms": "Malay",
    "nl": "Dutch Nederlands",
    "no": "Norwegian Norsk",
    "pl": "Polish Polski",
    "pt": "Portuguese Português",
    "ru": "Russian Русский",
    "sv": "Swedish Svenska",
    "sw": "Swahili",
    "tr": "Turkish Türkçe",
    "uk": "Ukrainian Українська",
    "vi": "Vietnamese",
    "xh": "Xhosa",
    "zh": "Chinese 中文",
    "zu": "Zulu",
}
_COUNTRIES: Final = {
    "at": "Austria Austrian Österreich",
    "au": "Australia Australian",
    "be": "Belgium Belgian",
    "ca": "Canada Canadian",
    "ch": "Switzerland Swiss Schweiz",
    "cn": "China Chinese",
    "cz": "Czechia Czech",
    "de": "Germany German Deutschland",
    "dk": "Denmark Danish",
    "es": "Spain Spanish España",
    "fr": "France French",
    "gb": "Britain British UK United Kingdom",
    "gl": "Greenland",
    "id": "Indonesia Indonesian",
    "il": "Israel Israeli",
    "in": "India Indian",
    "is": "Iceland Icelandic",
    "it": "Italy Italian Italia",
    "jp": "Japan Japanese",
    "kr": "Korea Korean",
    "lb": "Lebanon Lebanese",
    "li": "Liechtenstein",
    "lt": "Lithuania Lithuanian",
    "lu": "Luxembourg",
    "mx": "Mexico Mexican",
    "my": "Malaysia Malaysian",
    "na": "Namibia Namibian",
    "no": "Norway Norwegian",
    "pl": "Poland Polish",
    "pt": "Portugal Portuguese",
    "py": "Paraguay",
    "ru": "Russia Russian",
    "se": "Sweden Swedish",
    "tr": "Turkey Turkish Türkiye",
    "tw": "Taiwan Taiwanese",
    "tz": "Tanzania Tanzanian",
    "ua": "Ukraine Ukrainian",
    "us": "USA American United States",
    "vn": "Vietnam Vietnamese",
    "za": "South Africa African",
}


class Publisher(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One publisher; addresses may hold `{year}`, `{month}` and `{day}`, which stand for today.

    Attributes:
        name: by which it is crawled.
        country: ISO 3166-1, lower case.
        languages: ISO 639-1.
        timezone: IANA name.
        topics: what it is about, where that is not everything.
    """

    name: str
    title: str
    url: str
    country: str
    languages: tuple[str, ...]
    timezone: str
    topics: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    news_sitemaps: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """Every address, the front page first."""
        return (self.url, *self.feeds, *self.news_sitemaps, *self.sitemaps)

    @property
    def words(self) -> frozenset[str]:
        """What it may be looked for by, case folded."""
        texts = (
            *(self.name, self.title, self.country, _COUNTRIES.get(self.country, ""), *self.topics),
            *self.languages,
            *(_LANGUAGES.get(language, "") for language in self.languages),
            urlsplit(self.url).netloc,
        )
        return frozenset(word.casefold() for text in texts for word in _WORDS.findall(text))


@cache
def load_publishers() -> dict[str, Publisher]:
    """Return the publishers of the catalogue by their names, in the order of the file."""
    text = resources.files("crawler.sources").joinpath(_FILE).read_text("utf-8")
    known = (msgspec.json.decode(line, type=Publisher) for line in text.splitlines() if line)
    return {publisher.name: publisher for publisher in known}


def search_publishers(words: Iterable[str]) -> list[Publisher]:
    """Return the publishers that have every word, or one that begins with it where none of them has it whole."""
    wanted = [part.casefold() for word in words for part in _WORDS.findall(word)]
    found = list(load_publishers().values())
    for word in wanted:
        whole = [publisher for publisher in found if word in publisher.words]
        begun = (p for p in found if len(word) > 2 and any(known.startswith(word) for known in p.words))
        found = whole or list(begun)
    return found


def dump_definition(publisher: Publisher) -> str:
    """Return the definition that a publisher makes: TOML, for the spider `site`."""
    hosts = dict.fromkeys(urlsplit(url).netloc.removeprefix("www.") for url in publisher.places)
    own, *others = hosts
    outside = [host for host in others if host != own and not host.endswith(f".{own}")]
    scope = [f"//.{host}/" for host in (own, *outside)]
    language = publisher.languages[0] if len(publisher.languages) == 1 else ""
    lines = [
        "# Made from the catalogue of publishers; 'scrapy sources probe' tries its addresses.",
        f"name = {_quote(publisher.name)}",
        f"title = {_quote(publisher.title)}",
        *([f"language = {_quote(language)}"] if language else []),
        f"timezone = {_quote(publisher.timezone)}",
        f"scope = {_quote_all(scope)}",
        "seeds = [",
        *(f"    {_quote(place)}," for place in map(fill_today, publisher.places)),
        "]",
        "",
        "[discovery]",
        "",
        "[schedule]",
        'spider = "site"',
        'every = "1h"',
        "enabled = false # true has 'scrapy schedule' crawl it",
    ]
    return "\n".join(lines) + "\n"


def find_publisher_source(name: str) -> Source:
    """Return the source that a publisher of the catalogue makes.

    Raises:
        SourceError: it knows none of that name.
    """
    publisher = load_publishers().get(name)
    if publisher is None:
        raise SourceError(
            f"neither a source nor in the catalogue of publishers; try '{name_program()} sources search'", path=name
        )
    return load_source(dump_definition(publisher), path=name)


def find_described(name: str) -> Source:
    """Return the source of a name or path: one that has a definition, or a publisher of the catalogue.

    Raises:
        SourceError: there is none, or it is invalid.
    """
    try:
        return find_source(name)
    except SourceError as error:
        if error.key or name not in load_publishers():
            raise
        return find_publisher_source(name)


def fill_today(url: str, *, now: datetime | None = None) -> str:
    """Return an address with today's year, month and day in their places."""
    day = now or datetime.now(UTC)
    parts = {"{year}": f"{day:%Y}", "{month}": f"{day:%m}", "{day}": f"{day:%d}"}
    for place, text in parts.items():
        url = url.replace(place, text)
    return url


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _quote_all(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_quote, texts))}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The result of requesting one address.

    Attributes:
        fault: why it did not work, or ''.
        entries: how many articles or sitemaps a feed or sitemap lists; 0 for a page.
    """

    url: str
    fault: str = ""
    entries: int = 0


class Probes:
    """When each address of the catalogue last worked, in a JSON file of the data directory.

    Args:
        path: the file; it need not be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._worked: dict[str, dict[str, str]] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            self._worked = {}

    def note(self, name: str, probes: Iterable[Probe], *, now: datetime) -> None:
        """Remember which addresses of a publisher have worked; the others keep the day on which they last did."""
        worked = self._worked.setdefault(name, {})
        for probe in probes:
            if not probe.fault:
                worked[probe.url] = f"{now:%Y-%m-%d}"
        text = json.dumps(self._worked, ensure_ascii=False, indent=1, sort_keys=True)
        write_file(self._path, text.encode())

    def find_last(self, name: str) -> str:
        """Return the day on which any address of a publisher last worked, or ''."""
        return max(self._worked.get(name, {}).values(), default="")


def iter_faults(publisher: Publisher) -> Iterator[str]:
    """Yield what is wrong with a line of the catalogue, as sentences."""
    for place in publisher.places:
        parts = urlsplit(fill_today(place))
        if (
            parts.scheme != "https"
            or "." not in parts.netloc
            or "@" in parts.netloc
            or {"{", "}", " "} & set(parts.path)
        ):
            yield f"{publisher.name}: {place} is not an https:// address"
    for language in publisher.languages:
        if language not in _LANGUAGES:
            yield f"{publisher.name}: language {language} is not known; add its name to the table"
    if publisher.country not in _COUNTRIES:
        yield f"{publisher.name}: country {publisher.country} is not known; add its name to the table"
