"""Who else on a page gives the author and the text of its article, noted as agreement and disagreement.

A page that says nothing beside the chosen value proves nothing: bylines and summaries are often there only once. So
nothing gives way here, except an author that is the name of the site where another witness names people.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

from pipelines.article.bylines import clean_names
from pipelines.article.text_density import WIDE
from pipelines.page.classification import read_markup
from pipelines.page.page import fold_blanks, fold_title
from pipelines.reading.headlines import is_of_site
from pipelines.reading.witnesses import note_other

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.posts.items import Statement
    from pipelines.reading.witnesses import Witnesses

_MAX_MARKUP: Final = 60_000
_LEAST_STATED: Final = 300
_SAMPLES, _SAMPLE_CHARS = 6, 24
_OPENING_CHARS: Final = 30


def weigh_author(statement: Statement, witnesses: Witnesses) -> None:
    """Note who agrees with the author and who does not; the name of the site gives way to a person's."""
    if not statement.author:
        return
    place = statement.witnesses.get("author", "")
    others = [(where, names) for where, names in _iter_people(witnesses) if where != place]
    if others and all(is_of_site(name, witnesses) for name in statement.author):
        note_other(statement, "author", f"{place}: {', '.join(statement.author)}")
        (place, names), *others = others
        statement.author, statement.witnesses["author"] = names, place
    own = [fold_title(name) for name in statement.author]
    for where, names in others:
        if any(_shares_name(fold_title(name), own) for name in names):
            statement.agreeing["author"] = statement.agreeing.get("author", 0) + 1
        else:
            note_other(statement, "author", f"{where}: {', '.join(names)}")


def _iter_people(witnesses: Witnesses) -> Iterator[tuple[str, list[str]]]:
    """Yield place and names of each witness that names people.

    The `author` of a Chinese `meta` keeps the site; it was right on one page in six.
    """
    for place, texts in witnesses.authors:
        is_han = any(WIDE.search(text) for text in texts)
        names = [] if is_han and place.startswith("meta:") else clean_names(texts, witnesses.sites, is_han=is_han)
        names = [name for name in names if not is_of_site(name, witnesses)]
        if names:
            yield place, names


def _shares_name(name: str, own: list[str]) -> bool:
    return any(name and one and (name in one or one in name) for one in own)


def weigh_body(statement: Statement, witnesses: Witnesses) -> None:
    """Note whether the page's summary or the text in its JSON-LD is in the body."""
    body = statement.articleBody_found
    if not body:
        return
    agreeing = 0
    opening = witnesses.description[:_OPENING_CHARS].strip()
    if len(opening) == _OPENING_CHARS and (opening in body or html.escape(opening, quote=False) in body):
        agreeing += 1
    stated = max(witnesses.bodies, key=len, default="")
    if len(stated) >= _LEAST_STATED and statement.witnesses.get("articleBody") != "jsonld:articleBody":
        text, said = (fold_blanks(read_markup(markup[:_MAX_MARKUP])) for markup in (body, stated))
        found = sum(sample in text for sample in _list_samples(said))
        agreeing += found >= _SAMPLES / 2
        if not found:
            note_other(statement, "articleBody", f"jsonld:articleBody: {said}")
    if agreeing:
        statement.agreeing["articleBody"] = agreeing


def _list_samples(text: str) -> list[str]:
    """Return pieces of a text, from its beginning to its end."""
    step = max(1, (len(text) - _SAMPLE_CHARS) // (_SAMPLES - 1))
    return [text[at : at + _SAMPLE_CHARS] for at in range(0, step * _SAMPLES, step)]
