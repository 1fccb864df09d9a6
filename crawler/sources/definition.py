"""Loads a source definition from TOML; every error names file, key and remedy.

`crawler.sources.schema` says which keys a file has and of which type. Here each value is turned into what a crawl works
with, and what no type can say is checked: selectors, time zones, keys that depend on one another.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from crawler.sources import schema
from crawler.sources.access import build_render, build_session, check_proxy
from crawler.sources.faults import Fault, at_key, explain
from crawler.sources.keep import build_keep
from crawler.sources.keys import Texts
from crawler.sources.model import Politeness, Schedule, Source, SourceError
from crawler.sources.readers import ReaderError, load_normaliser, load_reader
from crawler.sources.timetable import Bounds, Timetable, format_duration, parse_cron, parse_duration
from pipelines.posts.options import PostOptions
from pipelines.rules.expressions import Expression, compile_expression
from pipelines.rules.links import LinkKind, LinkRules, Scope, compile_rules
from pipelines.rules.model import Discovery, Parser, RequisiteKind, Requisites, ShareRule

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEAST_INTERVAL_S = 60
_FIRST_INTERVAL_S = 3600
_JSON_KINDS = (LinkKind.TEXT, LinkKind.LISTING)


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
    try:
        return _build_source(_convert(values), text, path)
    except Fault as fault:
        raise SourceError(str(fault), path=path, key=fault.key) from fault


def _convert(values: Mapping[str, Any]) -> schema.Definition:
    try:
        return msgspec.convert(values, schema.Definition, builtin_types=(date, datetime, time), dec_hook=_convert_day)
    except msgspec.ValidationError as error:
        raise explain(error, values, schema.Definition) from error


def _convert_day(kind: type, value: object) -> schema.Day:
    assert kind is schema.Day
    if not isinstance(value, date):
        raise TypeError(value)
    return schema.Day(value.year, value.month, value.day)


def _build_source(file: schema.Definition, text: str, path: str) -> Source:
    zone = _find_zone("timezone", file.timezone)
    if file.render and file.render.screenshot and file.session:
        raise Fault("render.screenshot", "cannot go with [session]: a picture may show what the session keeps secret")
    return Source(
        name=file.name,
        title=file.name if file.title is msgspec.UNSET else file.title,
        scope=_build_scope("scope", file.scope),
        seeds=_check_seeds(file.seeds),
        links=_build_links(file.links),
        share=ShareRule(url=file.share.url, text_url=file.share.text_url, article_url=file.share.article_url),
        parsers=tuple(_build_parser(f"parser[{n}]", parser, path) for n, parser in enumerate(file.parser)),
        post=_build_post(file.post, file.language, zone, path),
        politeness=_build_politeness(file.politeness),
        definition=text,
        path=path,
        schedule=_build_schedule(file.schedule, file.name, zone) if file.schedule else None,
        discovery=_build_discovery(file.discovery) if file.discovery else None,
        requisites=_build_requisites(file.requisites) if file.requisites else None,
        render=build_render(file.render, _build_scope("render.scope", file.render.scope)) if file.render else None,
        session=build_session(file.session) if file.session else None,
        keep=build_keep(file.keep) if file.keep else None,
        proxy=check_proxy(file.proxy) if file.proxy else "",
    )


def _list_texts(texts: Texts) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else texts


def _find_zone(key: str, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, RecursionError):
        raise Fault(
            key, f"{name!r} is not an IANA time zone; give one such as Europe/London or Asia/Shanghai"
        ) from None


def _split(url: str) -> SplitResult:
    """Return the parts of an address, all of them empty if it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _build_scope(key: str, prefixes: Texts) -> Scope:
    for prefix in _list_texts(prefixes):
        parts = _split(prefix)
        if parts.scheme not in ("", "http", "https") or not parts.netloc:
            raise Fault(key, f"{prefix!r} must be a URL prefix such as 'https://host/' or '//host/path/'")
    return Scope(prefixes=_list_texts(prefixes))


def _check_seeds(seeds: Texts) -> tuple[str, ...]:
    for seed in _list_texts(seeds):
        if _split(seed).scheme not in ("http", "https"):
            raise Fault("seeds", f"{seed!r} must be an http or https URL")
    return _list_texts(seeds)


def _compile_pattern(key: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise Fault(key, f"{pattern!r} is not a regular expression: {error}") from error


def _build_links(links: schema.Links) -> LinkRules:
    patterns = {LinkKind(key): _list_texts(texts) for key, texts in msgspec.structs.asdict(links).items()}
    for kind, texts in patterns.items():
        for text in texts:
            _compile_pattern(f"links.{kind}", text)
    return compile_rules(patterns)


def _build_parser(key: str, parser: schema.Parser, path: str) -> Parser:
    kind = LinkKind(parser.of)
    if kind is not LinkKind.ARTICLE and parser.fallback is not msgspec.UNSET:
        raise Fault(f"{key}.fallback", "is for articles only; leave it out")
    if kind is LinkKind.LISTING and not parser.records:
        raise Fault(f"{key}.records", "is missing; give the expression that finds the entries of the listing")
    if kind is not LinkKind.LISTING and parser.fields.url != ():
        raise Fault(f"{key}.fields.url", "is for listings only; leave it out")
    with at_key(f"{key}.class", ReaderError):
        reader = load_reader(parser.class_, beside=path) if parser.class_ else None
    return Parser(
        of=kind,
        valid_until=parser.valid_until or None,
        records=_compile(f"{key}.records", parser.records, kind) if parser.records else None,
        fields={
            name: tuple(_compile(f"{key}.fields.{name}", text, kind) for text in _list_texts(texts))
            for name, texts in _name_fields(parser.fields).items()
            if texts != ()
        },
        fallback=parser.fallback is not False,
        reader=reader,
        reader_name=parser.class_,
    )


def _name_fields(fields: schema.Fields) -> dict[str, Texts]:
    return {
        name: getattr(fields, key)
        for name, key in zip(fields.__struct_encode_fields__, fields.__struct_fields__, strict=True)
    }


def _compile(key: str, text: str, kind: LinkKind) -> Expression:
    with at_key(key):
        return compile_expression(text, of_json=kind in _JSON_KINDS)


def _build_post(post: schema.Post, language: str, zone: ZoneInfo, path: str) -> PostOptions:
    pattern = _compile_pattern("post.day_from_id", post.day_from_id)
    if post.day_from_id and not pattern.groups:
        raise Fault("post.day_from_id", f"{post.day_from_id!r} needs one group that holds the eight digits of the day")
    with at_key("post.normalisers", ReaderError):
        normalisers = tuple(load_normaliser(name, beside=path) for name in _list_texts(post.normalisers))
    return PostOptions(
        zone=zone,
        language=language,
        category=post.category,
        tag_suffix=post.tag_suffix,
        aliases=post.aliases,
        slugs=post.slugs,
        drop=_list_texts(post.drop),
        day_from_id=post.day_from_id,
        undated=post.undated,
        footer=post.footer,
        has_symbols=post.symbols,
        normalisers=normalisers,
    )


def _build_politeness(politeness: schema.Politeness) -> Politeness:
    """Convert the table; a number below zero counts as left out."""
    delay, concurrency = politeness.delay, politeness.concurrency
    if concurrency == 0:
        raise Fault("politeness.concurrency", "must be a whole number of at least 1, not 0")
    return Politeness(
        delay=None if delay is msgspec.UNSET or delay < 0 else delay,
        concurrency=None if concurrency is msgspec.UNSET or concurrency < 0 else concurrency,
    )


def _build_discovery(discovery: schema.Discovery) -> Discovery:
    return Discovery(
        depth=discovery.depth,
        max_pages=discovery.max_pages,
        since=discovery.since or None,
        is_zone_guessed=discovery.zone_is_guess,
    )


def _build_requisites(requisites: schema.Requisites) -> Requisites:
    kinds = requisites.kinds
    return Requisites(
        kinds=frozenset((kinds,) if isinstance(kinds, RequisiteKind) else kinds),
        scope=_build_scope("requisites.scope", requisites.scope),
        max_bytes=requisites.max_bytes,
        max_per_page=requisites.max_per_page,
    )


def _build_schedule(schedule: schema.Schedule, name: str, zone: ZoneInfo) -> Schedule:
    return Schedule(
        timetable=_build_timetable(schedule, name, zone),
        time_limit_s=_read_duration("schedule.time_limit", schedule.time_limit),
        spider=schedule.spider,
        collection=schedule.collection,
        is_enabled=schedule.enabled,
    )


def _build_timetable(schedule: schema.Schedule, name: str, zone: ZoneInfo) -> Timetable:
    every_s = _read_duration("schedule.every", schedule.every)
    bounds = _build_bounds(schedule.adaptive) if schedule.adaptive else None
    if schedule.cron and (every_s or bounds):
        other = "every" if every_s else "adaptive"
        raise Fault("schedule.cron", f"cannot be combined with {other}; keep one of the two")
    if bounds:
        every_s = every_s or bounds.clamp(_FIRST_INTERVAL_S)
        if bounds.clamp(every_s) != every_s:
            raise Fault("schedule.every", "must lie between adaptive.min and adaptive.max; it is the first interval")
    if not schedule.cron and not every_s:
        raise Fault("schedule.cron", "is missing; give cron = '*/30 8-22 * * *', or every = '30m', or adaptive")
    if 0 < every_s < _LEAST_INTERVAL_S:
        raise Fault("schedule.every", f"must be at least {format_duration(_LEAST_INTERVAL_S)}, not {every_s}s")
    with at_key("schedule.cron"):
        cron = parse_cron(schedule.cron) if schedule.cron else ""
    own_zone = schedule.timezone
    return Timetable(
        source=name,
        zone=zone if own_zone is msgspec.UNSET else _find_zone("schedule.timezone", own_zone),
        cron=cron,
        every_s=every_s,
        jitter_s=_read_duration("schedule.jitter", schedule.jitter),
        bounds=bounds,
    )


def _build_bounds(adaptive: schema.Adaptive) -> Bounds:
    bounds = Bounds(
        min_s=_read_duration("schedule.adaptive.min", adaptive.min),
        max_s=_read_duration("schedule.adaptive.max", adaptive.max),
    )
    if not _LEAST_INTERVAL_S <= bounds.min_s <= bounds.max_s:
        least = format_duration(_LEAST_INTERVAL_S)
        raise Fault("schedule.adaptive.min", f"must be at least {least} and at most max")
    return bounds


def _read_duration(key: str, text: str) -> int:
    """Return seconds; 0 for an empty text."""
    with at_key(key):
        return parse_duration(text) if text else 0
