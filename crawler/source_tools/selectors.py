"""Proposes selectors for fields found without rules, each checked on every sample.

A field that a page declares for machines needs none. For what only is in the text, the element that holds it is
named by an id or a class that people chose, never by one that a build made up, and never by its place among others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.dates.parse import DateRefused, parse_date
from pipelines.markup.sanitise import find_text, normalise_body
from pipelines.names.headlines import normalise_headline
from pipelines.page.limits import PageRefused
from pipelines.rules.expressions import ExpressionError, compile_expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime, tzinfo

    from pipelines.page.page import Page
    from pipelines.posts.items import Statement
    from pipelines.rules.expressions import Expression

_DECLARED = ("jsonld:", "meta:", "microdata:", "cambrian:")
_CHOSEN_NAME = re.compile(r"[a-zA-Z][a-zA-Z]*(?:[-_]+[a-zA-Z]+)*\d?")
_MADE_UP = re.compile(r"[a-z]+[A-Z]+[a-z]*[A-Z0-9]|[bcdfghjklmnpqrstvwxz]{5}")
_NAMES_TRIED = 3
_LEAST_SHARE = 0.9
_MOST_TEXT = 1.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An article's page, and what it states without rules; dates count from `captured_at`."""

    page: Page
    statement: Statement
    captured_at: datetime

    @property
    def text(self) -> str:
        """The body as plain text, a line a block."""
        return find_text(self.statement.articleBody)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Where a field is found on the samples.

    Attributes:
        expression: to be written into the definition; empty if none is needed, or none was found.
        places: where a reader without rules found it.
    """

    field: str
    expression: str
    places: tuple[str, ...]


def propose_fields(samples: Sequence[Sample], *, zone: tzinfo, language: str) -> list[Proposal]:
    """Return for headline, date and body where they stand, with a selector where nothing declares them."""

    def is_headline(expression: Expression, sample: Sample) -> bool:
        found = expression.find_all(sample.page)
        return bool(found) and normalise_headline(found[0]) == sample.statement.headline

    def is_date(expression: Expression, sample: Sample) -> bool:
        found = expression.find_all(sample.page)
        return bool(found) and _is_same_date(found[0], sample, zone, language)

    return [
        _propose("headline", samples, is_headline),
        _propose("datePublished", samples, is_date),
        _propose("articleBody", samples, _is_body),
    ]


def _propose(name: str, samples: Sequence[Sample], is_right: Callable[[Expression, Sample], bool]) -> Proposal:
    having = [sample for sample in samples if sample.statement.witnesses.get(name)]
    places = tuple(dict.fromkeys(sample.statement.witnesses[name] for sample in having))
    if not having or all(place.startswith(_DECLARED) for place in places):
        return Proposal(field=name, expression="", places=places)
    for text in _iter_expressions(name, having[0]):
        try:
            expression = compile_expression(text)
        except ExpressionError:
            continue
        if all(is_right(expression, sample) for sample in having):
            return Proposal(field=name, expression=text, places=places)
    return Proposal(field=name, expression="", places=places)


def _iter_expressions(name: str, sample: Sample) -> Iterator[str]:
    """Yield expressions for the element that holds a field on one page, the plainest first."""
    if sample.page.is_empty:
        return
    prefix = "html:" if name == "articleBody" else ""
    if name == "headline":
        yield "h1"
    for element in _iter_holders(name, sample):
        for selector in _iter_selectors(element):
            yield prefix + selector


def _iter_holders(name: str, sample: Sample) -> Iterator[Any]:
    """Yield the elements that hold a field's text, the smallest first."""
    statement, body_text = sample.statement, sample.text
    wanted = {
        "headline": statement.headline,
        "datePublished": statement.datePublished_found,
        "articleBody": body_text,
    }[name]
    words = _fold(wanted)
    if not words:
        return
    body = sample.page.root.find(".//body")
    holders = []
    for element in (body if body is not None else sample.page.root).iter():
        if not isinstance(element.tag, str) or element.tag in ("script", "style", "a"):
            continue
        size = sum(map(len, element.itertext()))
        if size < len(wanted) * _LEAST_SHARE:
            continue
        text = _fold("".join(element.itertext()))
        if words in text or (name == "articleBody" and _covers(text, body_text)):
            holders.append((size, -len(list(element.iterancestors())), element))
    holders.sort(key=lambda holder: holder[:2])
    for _, _, element in holders[:6]:
        yield element


def _covers(text: str, body_text: str) -> bool:
    lines = [_fold(line) for line in body_text.split("\n")]
    held = sum(len(line) for line in lines if line in text)
    return held >= _LEAST_SHARE * sum(map(len, lines))


def _iter_selectors(element: Any) -> Iterator[str]:
    """Yield selectors for an element by the ids and classes of it or its surroundings."""
    own = list(_iter_names(element))
    yield from own
    parent = element.getparent()
    for _ in range(_NAMES_TRIED):
        if parent is None or parent.tag in ("body", "html"):
            break
        for outer in _iter_names(parent):
            yield f"{outer} {element.tag}"
        parent = parent.getparent()
    if element.tag in ("article", "time", "main"):
        yield element.tag


def _iter_names(element: Any) -> Iterator[str]:
    tag = element.tag
    for attribute in ("itemprop", "role"):
        value = element.get(attribute) or ""
        if attribute == "itemprop" and _is_chosen(value):
            yield f'{tag}[itemprop="{value}"]'
    identifier = element.get("id") or ""
    if _is_chosen(identifier):
        yield f"#{identifier}"
    for name in (element.get("class") or "").split():
        if _is_chosen(name):
            yield f"{tag}.{name}"


def _is_chosen(name: str) -> bool:
    """Return whether a person chose a name: what a build makes up changes with the next."""
    return bool(_CHOSEN_NAME.fullmatch(name)) and not _MADE_UP.search(name)


def _fold(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _is_same_date(text: str, sample: Sample, zone: tzinfo, language: str) -> bool:
    try:
        stated = parse_date(text, zone=zone, captured_at=sample.captured_at, language=language)
    except DateRefused:
        return False
    return stated.instant == sample.statement.datePublished


def _is_body(expression: Expression, sample: Sample) -> bool:
    """Return whether an expression finds the text that was read, and hardly more."""
    found = expression.find_all(sample.page)
    if not found:
        return False
    try:
        text = find_text(normalise_body(found[0], base_url=sample.page.url))
    except PageRefused:
        return False
    wanted = sample.text
    return _covers(_fold(text), wanted) and len(_fold(text)) <= _MOST_TEXT * len(_fold(wanted)) + 40
