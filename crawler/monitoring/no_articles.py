"""The message for a run that found no article, with the likeliest reason.

A crawl is asked for articles. One that reads pages and finds none has failed, whatever its exit would otherwise say:
the site blocks it, a consent page turns it round, its rules fit no page any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from archives.terminal import count_words
from crawler.environment import name_program
from pipelines.page.classes import IN_PLACE, PageClass
from pipelines.posts.filing import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What pages did in place of showing an article, and what to do about it.
_PLACES: Final = {
    PageClass.BLOCK: (
        "showed a shield that blocks the crawler",
        "crawl more slowly, set CONTACT, or ask the publisher",
    ),
    PageClass.LOGIN: ("showed a log-in form", "the site wants an account"),
    PageClass.CONSENT: ("showed a consent wall", "the site wants a cookie before it shows its articles"),
    PageClass.NOT_FOUND: ("said that the article was not found", "look whether addresses have changed"),
    PageClass.MAINTENANCE: ("said that the site is out of order", "crawl again later"),
    PageClass.PAYWALL: (
        "showed the beginning of an article and an offer to subscribe",
        "the site wants a subscription",
    ),
    PageClass.SHELL: ("had no text because scripts fill it in", "look for a feed or an API that has the text"),
    PageClass.EMPTY: ("showed nothing", "look at one in a browser"),
}
_FAILURES: Final = {
    "redirect_loop": ("redirects back to themselves", "the site may want a cookie that a crawler does not keep"),
    "http_401": ("401, unauthorised", "the site wants an account"),
    "http_403": ("403, forbidden: the site blocks the crawler", "crawl more slowly, set CONTACT, or ask the publisher"),
    "http_404": ("404, not found", "look whether addresses have changed"),
    "http_429": ("429, too many requests: the site blocks the crawler", "crawl more slowly"),
    "http_451": ("451, refused for legal reasons", "ask the publisher"),
    "timeout": ("no answer in time", "crawl again later"),
    "unresolved": ("a host name that does not resolve", "look at the addresses of the source"),
    "no_connection": ("no connection", "crawl again later"),
}


def explain_no_articles(counts: Mapping[str, Any]) -> str:
    """Return one sentence on why a run that ended by itself found no article, or '' where it found some.

    Articles that an earlier run has settled count as found; so do those that the run was not to look for.

    Args:
        counts: the statistics of a run, or the counts of its manifest.
    """
    if not any(name.startswith(("captures/", "failures/", "robotstxt/")) for name in counts):
        return ""  # a run of another program, or of an earlier version
    doubted = _sum(counts, "doubts/")
    posts = sum(counts.get(f"posts/{outcome}", 0) for outcome in Outcome)
    found = counts.get("captures/article", 0) - doubted + posts * (not doubted)
    reason, advice, lost = _find_reason(counts, doubted)
    # Pages of shields that no word tells are taken for articles, and make no post.
    are_like_lost = found <= _sum(counts, "posts/dropped/") < lost
    if found > 0 and not are_like_lost:
        return ""
    left = sum(counts.get(f"{where}/{why}", 0) for where, why in _LEFT)
    if left and not lost:
        return ""
    return f"no article was found: {reason}; {advice}"


_LEFT: Final = (
    ("links", "settled"),
    ("discovery/left", "settled"),
    ("discovery/left", "not_modified"),
    ("discovery/left", "too_old"),
)


def _find_reason(counts: Mapping[str, Any], doubted: int) -> tuple[str, str, int]:
    """Return the likeliest reason, what to do, and how many pages were lost to it."""
    reasons = sorted(_iter_reasons(counts, doubted), key=lambda reason: reason[2])
    if reasons:
        return reasons[-1]
    pages = sum(value for name, value in counts.items() if name.startswith("captures/"))
    what = f"{count_words(pages, 'page')} fetched, and none is an article" if pages else "nothing was fetched"
    return (
        what,
        f"look whether the seeds lead to articles; '{name_program()} sources new URL' tells what a page leads to",
        0,
    )


def _iter_reasons(counts: Mapping[str, Any], doubted: int) -> Iterator[tuple[str, str, int]]:
    if doubted:
        what = f"{count_words(doubted, 'page')} showed something else than earlier captures"
        yield what, "look at one in a browser", doubted
    for page_class in sorted(IN_PLACE):
        count = counts.get(f"captures/{page_class}", 0)
        if count:
            what, advice = _PLACES[page_class]
            yield f"{count_words(count, 'page')} {what}", advice, count
    yield from _iter_not_fetched(counts)


def _iter_not_fetched(counts: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    forbidden = counts.get("robotstxt/forbidden", 0)
    if counts.get("robotstxt/unreachable"):
        what = "robots.txt could not be fetched, so nothing else of its host was"
        yield what, "check the network and the addresses of the source, or crawl again later", forbidden
    elif forbidden:
        yield f"robots.txt forbids {forbidden} of the pages", "ask the publisher, or set ROBOTSTXT_OBEY", forbidden
    # A site need not have a sitemap where one was guessed.
    expected = {"http_404": counts.get("discovery/sitemap/guess", 0)}
    for name, total in sorted(counts.items()):
        reason = name.removeprefix("failures/")
        if not name.startswith("failures/") or (reason == "refused_by_us" and forbidden):
            continue
        count = total - expected.get(reason, 0)
        if count > 0:
            what, advice = _FAILURES.get(reason, (_name_failure(reason), "see the log"))
            yield f"{count_words(count, 'page')} failed with {what}", advice, count


def _name_failure(reason: str) -> str:
    status = reason.removeprefix("http_")
    return f"{status}, a server error" if status.startswith("5") else reason.replace("_", " ")


def _sum(counts: Mapping[str, Any], prefix: str) -> int:
    return sum(value for name, value in counts.items() if name.startswith(prefix))
