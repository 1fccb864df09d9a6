"""The tags of an article, chosen from the keyword lists on its page.

What readers would call tags is in one of several places, and beside it the words that somebody once wrote for
search engines into the template. Those name the site, or nothing that the article is about.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.names.tags import normalise_names, normalise_tags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.page.metadata import Metadata, Statement

_MAX_TAGS = 60
_MAX_CHARS = 60
# What editorial systems and ad servers put among the keywords: identifiers, hosts, `Category: News`, `editors_pick`.
_MACHINE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{20,}|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,6}|[a-z]+(?:_[a-z0-9]+)+"
    r"|(?:nlp .*|categor\w+|section|type|topics?|tags?|source|channel|page(?: ?\w+)?|subject|author|genre|keywords?"
    r"|day|date|language|lang|wc|word ?count|content ?type|article ?type|template|format|region|sponsor\w*|id) ?:.*",
    re.IGNORECASE,
)
# `organization/lundsberg`
_KIND = re.compile(r"^(?:sections?|organi[sz]ations?|topics?|persons?|people|places?|stor(?:y|ies))/(?=\w)")
_WRITTEN_FOR_SEARCH = frozenset(["meta:keywords"])
_MIN_SHARE = 0.25


def choose_topics(metadata: Metadata, *, headline: str, text: str) -> tuple[list[str], str]:
    """Return the tags as readers see them and the place they were found in.

    Args:
        text: what the article says; a list of search words that it hardly mentions is left out.
    """
    groups = [(_clean(group, headline, metadata.site_names), group[0].evidence) for group in metadata.keywords]
    context = f"{headline}\n{metadata.description}\n{text}".casefold()
    sound = [
        (tags, evidence)
        for tags, evidence in groups
        if tags and (evidence not in _WRITTEN_FOR_SEARCH or _is_about(tags, context))
    ]
    if not sound:
        return [], ""
    chosen, evidence = sound[0]
    for tags, place in sound[1:]:
        if place.startswith("meta:") and _fold(chosen) < _fold(tags):
            chosen, evidence = tags, place
    return chosen, evidence


def choose_sections(metadata: Metadata) -> tuple[list[str], str]:
    """Return the sections that the page says it belongs to and the place they were found in."""
    if not metadata.sections:
        return [], ""
    evidence = metadata.sections[0].evidence
    found = [statement.text for statement in metadata.sections if statement.evidence == evidence]
    return normalise_names(found, drop=metadata.site_names), evidence


def _clean(group: Iterable[Statement], headline: str, site_names: Iterable[str]) -> list[str]:
    tags = normalise_tags((statement.text for statement in group), title=headline, drop=site_names)
    tags = [_KIND.sub("", tag) for tag in tags]
    return [tag for tag in tags if len(tag) <= _MAX_CHARS and not _MACHINE.fullmatch(tag)][:_MAX_TAGS]


def _is_about(tags: list[str], context: str) -> bool:
    """Return whether the article mentions enough of its tags, a tag of many words counting by its longest."""
    mentioned = sum(max(tag.casefold().split(), key=len) in context for tag in tags)
    return mentioned >= _MIN_SHARE * len(tags)


def _fold(tags: Iterable[str]) -> set[str]:
    return {tag.casefold() for tag in tags}
