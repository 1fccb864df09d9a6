"""Who wrote an article: what the page states, or the byline that readers see.

Bylines name people, their newspaper and their place in one breath, `新京报记者 裴剑飞` as much as `By Jane Doe, AP`.
Names of organisations and addresses are no authors, and the `author` of a Chinese `meta` is whoever keeps the site.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.names.tags import normalise_names
from pipelines.page.page import fold_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipelines.page.metadata import Metadata

_MAX_CHARS = 60
_MAX_AUTHORS = 12
_HAN_NAME = r"[\u4e00-\u9fff]{2,4}(?:·[\u4e00-\u9fff]{2,8})?"
_GAP = r"[ \u3000\xa0]"
_ROLES = "本报记者|特约记者|见习记者|实习记者|记者|記者|通讯员|作者|撰文|采写|撰稿|文字|文"
_NAMES = rf"(?P<names>{_HAN_NAME}(?:(?:{_GAP}+|[、，,/]){_HAN_NAME}){{0,4}})"
# A name that no blank or colon parts from its role must end where words end: `记者了解到，` names nobody.
_HAN_BYLINES = (
    re.compile(rf"(?:{_ROLES}){_GAP}*[:：/|丨]{_GAP}*{_NAMES}(?=$|{_GAP}|[，。,；;、|/()（）：:】\]])"),
    re.compile(rf"(?:记者|記者|作者){_GAP}+{_NAMES}(?=$|{_GAP}|[，。,；;|/()（）：:】\]]|摄|报道|報道|整合|文)"),
    re.compile(rf"(?:记者|記者){_NAMES}(?=$|{_GAP}|[()（）】\]／/]|摄|报道|報道|整合)"),
)
_LATIN_BYLINE = re.compile(
    r"^(?i:(?:written |reported )?by|von|par|por|di|av|af|door|autor(?:a|in)?:?|texte?:?)\s+"
    r"(?P<names>[A-ZÀ-Þ][\w.'’-]+(?:\s+(?:[a-zà-þ]{1,3}\s+)?[A-ZÀ-Þ][\w.'’-]+){1,3}"
    r"(?:(?:,|\s+and|\s+und|\s+et|\s+y|\s+&)\s+[A-ZÀ-Þ][\w.'’-]+(?:\s+[A-ZÀ-Þ][\w.'’-]+){1,3}){0,4})",
)
_PREFIX = re.compile(
    r"^(?:by|von|par|por|door|text|foto|autor|author|作者|记者|記者|文|撰文|编辑)(?:\s*[:：/|]\s*|\s+)|\s*\([a-z.]{2,5}\)?$",
    re.IGNORECASE,
)
_SPLIT_LATIN = re.compile(r"\s*(?:[;|]|,(?!\s*(?:Jr|Sr|PhD|MD|M\.D))|\s(?:and|und|et|y|og|och|&)\s)\s*")
_SPLIT_HAN = re.compile(r"[、，,;；/| \u3000\xa0]+")
_ORGANISATION = re.compile(
    r"https?:|www\.|@|\d|[\u4e00-\u9fff]*(?:网|報|报|社|台|编辑部|编辑|小编|记者|记者站|新闻|日报|晚报|频道|客户端|公司|集团|中心|委员会|办公室|综合|佚名|转载|原创|整合|来源)$"
    r"|\.(?:com|net|org|de|fr|cn|it|es|jp|tv|at)\b",
    re.IGNORECASE,
)


def find_authors(metadata: Metadata, *, near: Iterable[str], body_text: str, language: str) -> tuple[list[str], str]:
    """Return names and the place they were found in.

    Args:
        near: texts around the headline.
        body_text: one line a block; its first and last lines may hold a byline.
    """
    is_han = language.partition("-")[0] == "zh"
    lines = body_text.split("\n")
    stated = [([statement.text for statement in group], group[0].evidence) for group in metadata.authors]
    seen = [
        (list(_iter_names(text, is_han=is_han)), evidence)
        for evidence, texts in (("text:near headline", near), ("text:body", [*lines[:2], *lines[-3:]]))
        for text in texts
    ]
    # The `author` of a Chinese `meta` is whoever keeps the site: right on one page in six.
    trusted = [entry for entry in stated if not is_han or entry[1].startswith("jsonld")]
    for found, evidence in [*trusted, *seen]:
        names = _clean(found, metadata.site_names, is_han=is_han)
        if names:
            return names, evidence
    return [], ""


def _iter_names(text: str, *, is_han: bool) -> Iterator[str]:
    if is_han:
        yield from (match["names"] for pattern in _HAN_BYLINES for match in pattern.finditer(text))
    elif byline := _LATIN_BYLINE.match(text):
        yield byline["names"]


def _clean(found: Iterable[str], site_names: Iterable[str], *, is_han: bool) -> list[str]:
    sites = {fold_title(name) for name in site_names}
    split = _SPLIT_HAN if is_han else _SPLIT_LATIN
    parts = (part.strip(" ()（）[]【】:：") for text in found for part in split.split(_PREFIX.sub("", text.strip())))
    names = normalise_names(part for part in parts if 2 <= len(part) <= _MAX_CHARS)
    return [name for name in names if not _ORGANISATION.search(name) and fold_title(name) not in sites][:_MAX_AUTHORS]
