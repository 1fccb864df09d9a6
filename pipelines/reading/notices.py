"""A body that is not the article's: the words of a layer about cookies, an account, a subscription or a newsletter.

A rule that takes the first `div.content` takes the cookie layer that a new template puts there, and a page whose text
is drawn by a script may hold no other prose. Such a text gives itself away in three ways: what its sentences say, how
the element is built that holds it, and that it names nothing of what the headline names. Two of them refuse it, so an
article about cookies stays one, and so does one that is shown in a layer. Only short texts and those that do not name
what the headline names are looked at closely.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pipelines.article.boilerplate import list_class_words
from pipelines.article.main_text import list_long_words, measure_mentioned
from pipelines.article.visibility import drop
from pipelines.page.classes import PageClass
from pipelines.page.classification import measure_text, read_markup
from pipelines.page.interstitials import list_subjects
from pipelines.page.page import fold_title, read_text
from pipelines.reading.headlines import find_title
from pipelines.reading.witnesses import note_other

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.page.page import Page
    from pipelines.posts.items import Statement
    from pipelines.reading.witnesses import Witnesses

# Longer ones are weighed only if they name nothing of the headline, and here they would.
_LOOKED_AT: Final = 4_000
_OPENING: Final = 600
_MAX_MARKUP: Final = 12_000
_MAX_WIDTH: Final = 6_000
_MAX_NOTICES: Final = 3
_LEAST_SHARE: Final = 0.5
_LEAST_MENTIONED: Final = 0.2
_LEAST_WORDS: Final = 2
_SEEN_LETTERS: Final = 60
_CONTROL = re.compile(r"<(?:button|input|select|form)\b|role=[\"']?button", re.IGNORECASE)
_LABEL = re.compile(r"<(button|label|select)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_ROLES: Final = frozenset(("dialog", "alertdialog"))
_ELEMENTS: Final = ("div", "section", "aside", "dialog", "form", "p")
_BY_WORD: Final = {
    PageClass.CONSENT: frozenset(("cookie", "cookies", "consent", "gdpr", "dsgvo", "rgpd", "privacy", "cmp")),
    PageClass.LOGIN: frozenset(("login", "register", "registration", "signin", "signup")),
    PageClass.PAYWALL: frozenset(
        ("membership", "newsletter", "newsletters", "paywall", "regwall", "subscribe", "subscription", "subscriptions")
    ),
}
_LAYERS: Final = frozenset(("modal", "overlay", "popup", "lightbox"))
_NAMING: Final = _LAYERS.union(*_BY_WORD.values())


def keep_sound_body(statement: Statement, page: Page, witnesses: Witnesses, find_next: Callable[[], str] = str) -> bool:
    """Have a body that is a notice give way; tell whether one is left.

    What is refused is dropped from the page, where the rule is asked again. Where nothing sound is left, what the
    notice is about is kept as the reason for which the body is refused.

    Args:
        page: its tree is whole.
        find_next: what finds the body on the page as it is now; without it, nothing else is looked for.
    """
    place = statement.witnesses.get("articleBody", "")
    # The first heading of many a page is that of its menu.
    headline = f"{find_title(witnesses)} {statement.headline_found}"
    for _ in range(_MAX_NOTICES):
        notice = find_notice(statement.articleBody_found, headline, page)
        if notice is None:
            break
        said = read_markup(statement.articleBody_found)
        note_other(statement, "articleBody", f"{place}: {' '.join(said[:_MAX_MARKUP].split())}")
        statement.refused["articleBody"] = notice
        _drop_from(page, fold_title(said))
        following = find_next()
        statement.articleBody_found = following if following != statement.articleBody_found else ""
    if statement.articleBody_found:
        statement.refused.pop("articleBody", None)
        return True
    statement.symbols = []
    statement.witnesses.pop("articleBody", None)
    return False


def _drop_from(page: Page, letters: str) -> None:
    for element in page.root.iter(*_ELEMENTS):
        if fold_title(read_text(element)) == letters:
            drop(element)
            return


def find_notice(body: str, headline: str, page: Page) -> PageClass | None:
    """Return what a body is a notice of, or None if nothing says that it is one.

    Args:
        body: HTML of what would be the article's text.
        headline: of the article, as text; what it names, an article names.
        page: its tree is whole.
    """
    if not body:
        return None
    words = list_long_words(headline)
    # The opening of most bodies mentions enough.
    is_foreign = len(words) >= _LEAST_WORDS and all(
        sum(map(body[:end].casefold().__contains__, words)) < _LEAST_MENTIONED * len(words)
        for end in (_OPENING, _LOOKED_AT)
    )
    has_control = len(body) <= _LOOKED_AT and bool(_CONTROL.search(body))
    if not is_foreign and not has_control:
        return None
    markup = body[:_MAX_MARKUP]
    text = read_markup(markup)
    if measure_text(text) > _MAX_WIDTH or (is_foreign and measure_mentioned(words, text) >= _LEAST_MENTIONED):
        return None
    said = next(iter(list_subjects(read_markup(_LABEL.sub("", markup)), share=_LEAST_SHARE)), None)
    if said or not is_foreign:
        return said
    return _find_layer(page, text)


def _find_layer(page: Page, text: str) -> PageClass | None:
    """Return what the element is named for that lies over the page and holds a text, a control and no headline."""
    letters = fold_title(text)
    if not letters:
        return None
    for element in page.root.iter(*_ELEMENTS):
        kind = _name_layer(element)
        if kind is None or next(element.iter("h1"), None) is not None:
            continue
        held = fold_title(read_text(element))
        if letters[:_SEEN_LETTERS] in held and letters[-_SEEN_LETTERS:] in held and _has_control(element):
            return kind
    return None


def _name_layer(element: Any) -> PageClass | None:
    words = list_class_words(element)
    if not words.isdisjoint(_NAMING):
        return next((kind for kind, own in _BY_WORD.items() if words & own), PageClass.CONSENT)
    role = element.get("role")
    is_layer = element.tag == "dialog" or (role and role.lower() in _ROLES) or element.get("aria-modal") == "true"
    return PageClass.CONSENT if is_layer else None


def _has_control(element: Any) -> bool:
    controls = element.iter("button", "input", "select", "form")
    return next(controls, None) is not None or element.find('.//*[@role="button"]') is not None
