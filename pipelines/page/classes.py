"""The classes of captured pages."""

from __future__ import annotations

from enum import StrEnum


class PageClass(StrEnum):
    """What a capture holds, by its own bytes. Only what is of class ARTICLE states anything about an article."""

    ARTICLE = "article"
    LIST = "list"
    DOCUMENT = "document"
    """Data, a feed, a file: no page for readers."""
    BLOCK = "block"
    """A shield in front of the site: a challenge, a refusal, too many requests."""
    LOGIN = "login"
    CONSENT = "consent"
    NOT_FOUND = "not_found"
    """An error page served with status 200, or a redirect of an article to the front page."""
    MAINTENANCE = "maintenance"
    """The site, or the network in front of it, says that it is out of order."""
    PAYWALL = "paywall"
    """A few words of the article and an offer."""
    SHELL = "shell"
    """A script will show the text; here is none."""
    EMPTY = "empty"


IN_PLACE = frozenset(
    (
        PageClass.BLOCK,
        PageClass.LOGIN,
        PageClass.CONSENT,
        PageClass.NOT_FOUND,
        PageClass.MAINTENANCE,
        PageClass.PAYWALL,
        PageClass.SHELL,
        PageClass.EMPTY,
    )
)
"""What is shown in the place of a requested page."""
