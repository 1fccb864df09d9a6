"""Reading a source definition: TOML in, a `Source` out, and for every fault a sentence naming file, key, remedy."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crawler.sources.model import Politeness, Schedule, Source, SourceError
from crawler.sources.readers import ReaderError, load_reader
from crawler.sources.timetable import Bounds, Timetable, format_duration, parse_cron, parse_duration
from pipelines.names.slugs import SlugStyle
from pipelines.posts.options import PostOptions
from pipelines.rules.expressions import Expression, ExpressionError, compile_expression
from pipelines.rules.links import LinkKind, Scope, compile_rules
from pipelines.rules.model import Discovery, Parser, Reader, RequisiteKind, Requisites, ShareRule

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LINK_KINDS = tuple(kind.value for kind in LinkKind if kind is not LinkKind.OTHER)
_PARSED_KINDS = tuple(kind.value for kind in (LinkKind.ARTICLE, LinkKind.TEXT, LinkKind.LISTING))
_LEAST_INTERVAL_S = 60
_FIRST_INTERVAL_S = 3600
_JSON_KINDS = (LinkKind.TEXT, LinkKind.LISTING)
_FIELDS = (
    "identifier",
    "headline",
    "datePublished",
    "dateModified",
    "articleSection",
    "keywords",
    "articleBody",
    "author",
    "publisher",
    "inLanguage",
)


class _Table:
    """One table of the file: hands out typed values by key and knows which keys nobody asked for."""

    def __init__(self, values: Mapping[str, Any], *, path: str, key: str = "") -> None:
        self._values = dict(values)
        self._path = path
        self._key = key
        self._asked: list[str] = []

    @property
    def path(self) -> str:
        return self._path

    def refuse(self, key: str, message: str) -> NoReturn:
        raise SourceError(message, path=self._path, key=f"{self._key}.{key}".strip("."))

    def take(self, key: str, kind: type[Any] | tuple[type[Any], ...], words: str, default: Any = None) -> Any:
        self._asked.append(key)
        value = self._values.pop(key, None)
        if value is None:
            if default is None:
                self.refuse(key, f"is missing; give {words}")
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and bool not in _as_tuple(kind)):
            self.refuse(key, f"must be {words}, not {value!r}")
        return value

    def take_text(self, key: str, default: str | None = None) -> str:
        return str(self.take(key, str, "a string", default))

    def take_texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self.take(key, (str, list, tuple), "a string or a list of strings", default)
        texts = (value,) if isinstance(value, str) else tuple(value)
        if not all(isinstance(text, str) for text in texts):
            self.refuse(key, f"must be a list of strings, not {value!r}")
        return texts

    def take_names(self, key: str) -> dict[str, str]:
        names: dict[str, str] = self.take(key, dict, "a table of name = name", {})
        if not all(isinstance(name, str) for name in names.values()):
            self.refuse(key, "must give a string for each name")
        return names

    def take_duration(self, key: str, default: str | None = None) -> int:
        text = self.take_text(key, default)
        try:
            return parse_duration(text) if text else 0
        except ValueError as error:
            self.refuse(key, str(error))

    def take_zone(self, key: str, default: str | None = None) -> ZoneInfo:
        name = self.take_text(key, default)
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError, RecursionError):
            self.refuse(key, f"{name!r} is not an IANA time zone such as Asia/Shanghai")

    def take_table(self, key: str) -> _Table:
        inside = f"{self._key}.{key}".strip(".")
        return _Table(self.take(key, dict, "a table", {}), path=self._path, key=inside)

    def take_tables(self, key: str) -> list[_Table]:
        value = self.take(key, list, f"tables, each headed [[{key}]]", [])
        if not all(isinstance(entry, dict) for entry in value):
            self.refuse(key, f"must be tables, each headed [[{key}]]")
        return [_Table(entry, path=self._path, key=f"{key}[{n}]") for n, entry in enumerate(value)]

    def has(self, key: str) -> bool:
        return key in self._values

    def close(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in self._values:
            self.refuse(key, f"is not a key here; allowed are {', '.join(sorted(self._asked))}")


def _as_tuple(kind: type[Any] | tuple[type[Any], ...]) -> tuple[type[Any], ...]:
    return kind if isinstance(kind, tuple) else (kind,)


def load_source(text: str, *, path: str) -> Source:
    """Read a definition.

    Args:
        text: TOML.
        path: named in errors.

    Raises:
        SourceError: with file, dotted key, and what is allowed there.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of more digits than Python reads
        raise SourceError(f"is not TOML: {error}", path=path) from error
    top = _Table(values, path=path)
    name = top.take_text("name")
    if not _NAME.fullmatch(name):
        top.refuse("name", f"must be up to 64 letters, digits, '.', '_' or '-', not {name!r}")
    zone = top.take_zone("timezone")
    source = Source(
        name=name,
        title=top.take_text("title", name),
        scope=_load_scope(top),
        seeds=_load_seeds(top),
        links=_load_links(top.take_table("links")),
        share=_load_share(top.take_table("share")),
        parsers=tuple(_load_parser(table) for table in top.take_tables("parser")),
        post=_load_post(top, zone),
        politeness=_load_politeness(top.take_table("politeness")),
        definition=text,
        path=path,
        schedule=_load_schedule(top, name, zone),
        discovery=_load_discovery(top),
        requisites=_load_requisites(top),
    )
    top.close()
    return source


def _load_scope(top: _Table) -> Scope:
    return Scope(prefixes=_check_prefixes(top, top.take_texts("scope")))


def _check_prefixes(table: _Table, prefixes: tuple[str, ...]) -> tuple[str, ...]:
    for prefix in prefixes:
        parts = _split(prefix)
        if parts is None or parts.scheme not in ("", "http", "https") or not parts.netloc:
            table.refuse("scope", f"{prefix!r} must be a URL prefix such as 'https://host/' or '//host/path/'")
    return prefixes


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _load_seeds(top: _Table) -> tuple[str, ...]:
    seeds = top.take_texts("seeds")
    for seed in seeds:
        parts = _split(seed)
        if parts is None or parts.scheme not in ("http", "https"):
            top.refuse("seeds", f"{seed!r} must be an http or https URL")
    return seeds


def _load_links(table: _Table) -> Any:
    patterns: dict[LinkKind, tuple[str, ...]] = {}
    for key in _LINK_KINDS:
        patterns[LinkKind(key)] = table.take_texts(key, ())
        for pattern in patterns[LinkKind(key)]:
            try:
                re.compile(pattern)
            except (re.error, RecursionError, OverflowError) as error:
                table.refuse(key, f"{pattern!r} is not a regular expression: {error}")
    table.close()
    return compile_rules(patterns)


def _load_share(table: _Table) -> ShareRule:
    rule = ShareRule(
        url=table.take_text("url", ""),
        text_url=table.take_text("text_url", ""),
        article_url=table.take_text("article_url", ""),
    )
    for key in ("url", "text_url", "article_url"):
        template = getattr(rule, key)
        if template and "{id}" not in template:
            table.refuse(key, "must hold {id} where the article's id belongs")
    table.close()
    return rule


def _load_parser(table: _Table) -> Parser:
    of = table.take_text("of")
    if of not in _PARSED_KINDS:
        table.refuse("of", f"must be one of {', '.join(_PARSED_KINDS)}, not {of!r}")
    kind = LinkKind(of)
    until = table.take("valid_until", date, "a date such as 2027-01-31", False)
    records = table.take_text("records", "")
    fields_table = table.take_table("fields")
    fields = {
        key: tuple(_compile(fields_table, key, text, kind) for text in fields_table.take_texts(key, ()))
        for key in _FIELDS
    }
    fields_table.close()
    if kind is not LinkKind.ARTICLE and table.has("fallback"):
        table.refuse("fallback", "is for articles only; leave it out")
    class_name = table.take_text("class", "")
    parser = Parser(
        of=kind,
        valid_until=until or None,
        records=_compile(table, "records", records, kind) if records else None,
        fields={key: expressions for key, expressions in fields.items() if expressions},
        fallback=table.take("fallback", bool, "true or false", default=True),
        reader=_load_reader(table, class_name) if class_name else None,
        reader_name=class_name,
    )
    table.close()
    if kind is LinkKind.LISTING and parser.records is None:
        table.refuse("records", "is missing; a listing needs the expression that finds its entries")
    return parser


def _load_reader(table: _Table, name: str) -> Reader:
    try:
        return load_reader(name, beside=table.path)
    except ReaderError as error:
        table.refuse("class", str(error))


def _compile(table: _Table, key: str, text: str, kind: LinkKind) -> Expression:
    try:
        return compile_expression(text, of_json=kind in _JSON_KINDS)
    except ExpressionError as error:
        table.refuse(key, str(error))


def _load_post(top: _Table, zone: ZoneInfo) -> PostOptions:
    language = top.take_text("language", "")
    table = top.take_table("post")
    style = table.take_text("category", SlugStyle.PINYIN.value)
    if style not in {s.value for s in SlugStyle}:
        table.refuse("category", f"must be one of {', '.join(s.value for s in SlugStyle)}, not {style!r}")
    day_from_id = table.take_text("day_from_id", "")
    _check_day_pattern(table, day_from_id)
    options = PostOptions(
        zone=zone,
        language=language,
        category=SlugStyle(style),
        tag_suffix=table.take_text("tag_suffix", ""),
        aliases=table.take_names("aliases"),
        slugs=table.take_names("slugs"),
        drop=table.take_texts("drop", ()),
        day_from_id=day_from_id,
        footer=table.take_text("footer", PostOptions().footer),
        has_symbols=table.take("symbols", bool, "true or false", default=False),
    )
    table.close()
    return options


def _check_day_pattern(table: _Table, pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except (re.error, RecursionError, OverflowError) as error:
        table.refuse("day_from_id", f"{pattern!r} is not a regular expression: {error}")
    if pattern and groups < 1:
        table.refuse("day_from_id", f"{pattern!r} needs one group that holds the eight digits of the day")


def _load_politeness(table: _Table) -> Politeness:
    delay = table.take("delay", (int, float), "seconds", -1)
    concurrency = table.take("concurrency", int, "a whole number", -1)
    table.close()
    if concurrency == 0:
        table.refuse("concurrency", "must be at least 1")
    return Politeness(delay=None if delay < 0 else float(delay), concurrency=None if concurrency < 0 else concurrency)


def _load_discovery(top: _Table) -> Discovery | None:
    is_there = top.has("discovery")
    table = top.take_table("discovery")
    defaults = Discovery()
    discovery = Discovery(
        depth=table.take("depth", int, "a whole number", defaults.depth),
        max_pages=table.take("max_pages", int, "a whole number", defaults.max_pages),
        since=table.take("since", date, "a date such as 2026-11-01", False) or None,
        is_zone_guessed=table.take("zone_is_guess", bool, "true or false", default=False),
    )
    table.close()
    for key in ("depth", "max_pages"):
        if getattr(discovery, key) < 1:
            table.refuse(key, "must be at least 1")
    return discovery if is_there else None


def _load_requisites(top: _Table) -> Requisites | None:
    is_there = top.has("requisites")
    table = top.take_table("requisites")
    names = [kind.value for kind in RequisiteKind]
    kinds = table.take_texts("kinds", tuple(names))
    for kind in kinds:
        if kind not in names:
            table.refuse("kinds", f"must be some of {', '.join(names)}, not {kind!r}")
    scope = Scope(prefixes=_check_prefixes(table, table.take_texts("scope", ())))
    max_bytes = table.take("max_bytes", int, "a whole number", 5_000_000)
    max_per_page = table.take("max_per_page", int, "a whole number", 100)
    table.close()
    if max_bytes < 1:
        table.refuse("max_bytes", "must be at least 1")
    if max_per_page < 1:
        table.refuse("max_per_page", "must be at least 1")
    if not is_there:
        return None
    wanted = frozenset(RequisiteKind(kind) for kind in kinds)
    return Requisites(kinds=wanted, scope=scope, max_bytes=max_bytes, max_per_page=max_per_page)


def _load_schedule(top: _Table, name: str, zone: ZoneInfo) -> Schedule | None:
    is_there = top.has("schedule")
    table = top.take_table("schedule")
    if not is_there:
        return None
    schedule = Schedule(
        timetable=_load_timetable(table, name, zone),
        time_limit_s=table.take_duration("time_limit", "1h"),
        spider=table.take_text("spider", "category"),
        collection=table.take_text("collection", ""),
        is_enabled=table.take("enabled", bool, "true or false", default=True),
    )
    for key in ("spider", "collection"):
        if getattr(schedule, key) and not _NAME.fullmatch(getattr(schedule, key)):
            table.refuse(key, f"must be up to 64 letters, digits, '.', '_' or '-', not {getattr(schedule, key)!r}")
    table.close()
    return schedule


def _load_timetable(table: _Table, name: str, zone: ZoneInfo) -> Timetable:
    cron, every_s = table.take_text("cron", ""), table.take_duration("every", "")
    is_adaptive = table.has("adaptive")
    bounds_table = table.take_table("adaptive")
    bounds = _load_bounds(bounds_table) if is_adaptive else None
    if cron and (every_s or bounds):
        table.refuse("cron", f"cannot stand beside {'every' if every_s else 'adaptive'}; keep one of the two")
    if cron:
        try:
            cron = parse_cron(cron)
        except ValueError as error:
            table.refuse("cron", str(error))
    elif bounds:
        every_s = every_s or bounds.clamp(_FIRST_INTERVAL_S)
        if bounds.clamp(every_s) != every_s:
            table.refuse("every", "must lie between adaptive.min and adaptive.max: the interval begins with it")
    elif not every_s:
        table.refuse("cron", "is missing; give cron = '*/30 8-22 * * *', or every = '30m', or adaptive")
    if every_s and every_s < _LEAST_INTERVAL_S:
        table.refuse("every", f"must be at least {format_duration(_LEAST_INTERVAL_S)}, not {every_s}s")
    return Timetable(
        source=name,
        zone=table.take_zone("timezone", zone.key),
        cron=cron,
        every_s=every_s,
        jitter_s=table.take_duration("jitter", ""),
        bounds=bounds,
    )


def _load_bounds(table: _Table) -> Bounds:
    bounds = Bounds(min_s=table.take_duration("min", "15m"), max_s=table.take_duration("max", "24h"))
    table.close()
    if not _LEAST_INTERVAL_S <= bounds.min_s <= bounds.max_s:
        table.refuse("min", f"must be at least {format_duration(_LEAST_INTERVAL_S)} and at most max")
    return bounds
