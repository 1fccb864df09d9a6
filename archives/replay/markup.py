"""HTML that is made, not found: a text can enter it only escaped, so that no title or address is ever markup."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Html(str):
    """Text that is markup already; whatever is not of this type is escaped when it is put into a template."""

    __slots__ = ()


def fill(template: str, **values: object) -> Html:
    """A template with its `{names}` filled; every value that is not `Html` is escaped."""
    return Html(template.format(**{name: render(value) for name, value in values.items()}))


def render(value: object) -> Html:
    """Markup as it is; None as nothing; anything else as escaped text."""
    if isinstance(value, Html):
        return value
    return Html("" if value is None else escape(str(value)))


def join(parts: Iterable[Html], glue: str = "") -> Html:
    """Pieces of markup in a row."""
    return Html(glue.join(parts))
