"""Decides how far a run walks the lists of a source, and which failed pages it requests again.

A list is walked while it shows something new. That alone would lose whatever stands behind a page that failed, or
behind one that a wrong rule never led to. So what could not be fetched is owed (`crawler.frontier.owed`), and lists are
walked to their ends again where the rules have changed since that was last done.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from crawler.frontier.owed import FILE_NAME, Debt, OwedTable
from crawler.frontier.streams import FrontierError, SharedOwedTable, find_url
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from scrapy import Request
    from scrapy.http import Response
    from scrapy.settings import BaseSettings

    from crawler.runs.memory import CaptureMemory
    from crawler.sources import Source

# Of a request for the next page of a list: what led to it, and the last articles there.
META_ORIGIN: Final = "origin"
META_EDGE: Final = "edge"
# Of a request for what is owed: how many pages were requested in search of the edge, and the address that is owed.
META_OWED: Final = "owed"
META_OWES: Final = "owes"
# Of a request for a list that failed: since when, in seconds since the epoch; and of those for its further pages.
META_SINCE: Final = "since"
MODES: Final = ("new", "full")
_KINDS: Final = frozenset(
    (
        LinkKind.ARTICLE,
        LinkKind.CATEGORY,
        LinkKind.LISTING,
        LinkKind.NEXT_PAGE,
        LinkKind.SITEMAP,
        LinkKind.TEXT,
    )
)
_LISTS: Final = frozenset((LinkKind.CATEGORY, LinkKind.LISTING, LinkKind.NEXT_PAGE))
# robots.txt, the scope and redirects without end are decisions, not failures.
_DECIDED: Final = frozenset(("refused_by_us", "not_written"))
# What a list that has shrunk does not have any more.
_ABSENT: Final = frozenset(("http_404", "http_410"))
_LOST: Final = frozenset(("timeout", "unresolved", "no_connection", "broken_off"))
# A host that refused so many articles in a row refuses all.
_REFUSALS: Final = 10
# So many are requested at first, and so many more for each that answers: a host that refuses is not asked for all.
_FIRST, _MORE = 8, 3
_EDGE: Final = 3
_MAX_PAGES_TO_EDGE: Final = 500


class Walk:
    """The walk of one run.

    Args:
        owed: what earlier runs failed to fetch; None if nothing is kept.
        memory: what earlier runs captured; None if nothing remembers it.
        mode: `new` walks lists while they show something new, `full` to their ends.
        is_partial: the seeds were given by hand, so that the run says nothing of the source's other lists.
        count: of an outcome.
        stop: called with the error where what is owed cannot be written.

    Stats: `owed/asked`, `owed/had`, `owed/given_up`, `owed/open`, what is owed at the end.
    """

    def __init__(
        self,
        source: Source,
        owed: OwedTable | None,
        memory: CaptureMemory | None,
        *,
        mode: str,
        is_partial: bool,
        count: Callable[[str, int], None],
        stop: Callable[[Exception], None],
    ) -> None:
        self._rules = digest_rules(source)
        self._is_partial = is_partial
        self._waiting: deque[Debt] = deque()
        self._table = owed
        self._memory = memory
        self._count = count
        self._stop = stop
        self.is_full = mode == "full" or (owed is not None and not owed.has_walked(self._rules))
        self._asks_all = mode == "full"
        self._refusals = owed.count_refusals() if owed is not None else 0
        self._probe = ""
        self._asked: set[str] = set()

    def begin(self, seeds: Iterable[Request], build: Callable[[Debt], Request]) -> Iterator[Request]:
        """Yield the seeds, and requests for the first of what is owed and due."""
        due = self._table.list_due(is_all=self._asks_all) if self._table is not None else []
        by_origin = {debt.origin: debt for debt in reversed(due) if debt.edge}
        failed = {debt.url: debt for debt in self._list_failed()}
        for request in seeds:
            debt = failed.get(request.url) or by_origin.get(request.url)
            if debt is not None:
                _describe(request, debt)
                due = [other for other in due if other is not debt and other.url != debt.url]
            yield request
        self._waiting.extend(due)
        yield from self._ask(1 if self._is_refused else _FIRST, build)

    def _list_failed(self) -> list[Debt]:
        """Return the lists that could not be read; those that a run begins with need not be due to be requested."""
        debts = self._table.list_due(is_all=True) if self._table is not None else []
        return [debt for debt in debts if debt.kind == LinkKind.CATEGORY.value and not debt.edge]

    def _ask(self, most: int, build: Callable[[Debt], Request]) -> Iterator[Request]:
        for _ in range(min(most, len(self._waiting))):
            debt = self._waiting.popleft()
            self._asked.add(debt.url)
            self._count("owed/asked", 1)
            request = build(debt)
            _describe(request, debt)
            yield request

    @property
    def _is_refused(self) -> bool:
        """Return whether the host has refused whatever article it was asked for lately."""
        return self._refusals >= _REFUSALS and not self._asks_all

    def is_news(self, url: str) -> bool:
        """Return whether no run has met an article: it is neither owed nor archived."""
        is_owed = self._table is not None and url in self._table
        return not is_owed and not (self._memory is not None and self._memory.is_archived(url))

    def may_ask(self, url: str, *, is_changed: bool = False) -> bool:
        """Return whether an article that a list shows is to be requested now.

        One that failed waits for its next try. Where the host refuses everything one is requested, to see whether it
        still does, and what else is new or changed is owed at once.
        """
        if self._table is None or self._asks_all:
            return True
        if self._table.is_waiting(url):
            return False
        if not self._is_refused or url == self._probe:
            return True
        if not self._probe:
            self._probe = url
            return True
        if self.is_news(url) or (is_changed and url not in self._table):
            debt = Debt(url=url, kind=LinkKind.ARTICLE.value, reason="put_off")
            self.owe([debt])
            self._waiting.append(debt)
        return False

    def is_failing(self, url: str) -> bool:
        """Return whether an article failed in an earlier run although that requested it several times."""
        reason = self._table.find_failure(url) if self._table is not None else ""
        return reason in _LOST or reason.startswith("http_5")

    def note_had(self, response: Response, build: Callable[[Debt], Request], *, is_article: bool) -> Iterator[Request]:
        """Settle what a page was owed as; what else is owed may then be requested, too."""
        if self._table is None:
            return
        asked = response.request.url if response.request else response.url
        urls = (response.url, asked, response.meta.get(META_OWES, ""), *response.meta.get("redirect_urls", ()))
        settled = [url for url in urls if self._settle(url)]
        is_open_again = is_article and self._is_refused
        if is_article:
            self._refusals = 0
        if is_open_again:  # nothing need wait any longer
            self._waiting = deque(debt for debt in self._table.list_due(is_all=True) if debt.url not in self._asked)
        if settled:
            self._count("owed/had", 1)
        if settled or is_open_again:
            yield from self._ask(_MORE, build)

    def _settle(self, url: str) -> bool:
        try:
            return self._table is not None and self._table.settle(url)
        except (sqlite3.Error, FrontierError) as error:
            self._stop(error)
            return False

    def note_seen(self, request: Request) -> None:
        """Settle what redirects to a page that the run asks for anyway: if that fails, it is owed itself."""
        for url in (request.meta.get(META_OWES, ""), *request.meta.get("redirect_urls", ())):
            self._settle(url)

    def note_missing(self, request: Request, kind: LinkKind, reason: str) -> None:
        """Note that a page could not be fetched."""
        url = request.meta.get(META_OWES) or (request.meta.get("redirect_urls") or [request.url])[0]
        is_absent = reason in _ABSENT and kind in _LISTS
        is_refusal = reason in _LOST or (reason.startswith("http_") and reason not in _ABSENT)
        self._refusals += is_refusal and kind is LinkKind.ARTICLE
        if kind in _KINDS and reason not in _DECIDED and not is_absent:
            self.owe([_build_debt(request, url, kind, reason)])
        elif is_absent:
            self._settle(url)

    def owe(self, debts: Iterable[Debt]) -> None:
        """Note what could not be fetched."""
        if self._table is None:
            return
        try:
            given_up = self._table.add(debts)
        except (sqlite3.Error, FrontierError) as error:
            self._stop(error)
            return
        if given_up:
            self._count("owed/given_up", given_up)

    def note_cut(self, requests: Iterable[tuple[Request, LinkKind]]) -> None:
        """Note requests that an earlier run left and that are dropped."""
        self.owe(
            _build_debt(request, request.meta.get(META_OWES) or request.url, kind, "cut_off")
            for request, kind in requests
            if kind in _KINDS
        )

    def goes_on(self, articles: list[str], response: Response, *, is_new: bool) -> bool:
        """Return whether the next page of a list is to be requested.

        Args:
            articles: that the page shows.
            is_new: one of them is not archived.
        """
        return self.is_full or is_new or self._is_before_edge(articles, response) is not None

    def describe_next(self, articles: list[str], response: Response) -> dict[str, Any]:
        """Return the meta of the request for the next page: where what is missing begins, should that page fail."""
        pages = self._is_before_edge(articles, response)
        if pages:
            onward: dict[str, Any] = {META_OWED: pages + 1, META_ORIGIN: response.url}
            return onward | {name: response.meta[name] for name in (META_EDGE, META_SINCE) if name in response.meta}
        return {META_EDGE: articles[-_EDGE:], META_ORIGIN: response.url} if articles else {}

    def _is_before_edge(self, articles: list[str], response: Response) -> int | None:
        """Return how many pages were requested in search of what is missing, 0 if it begins here, None for neither.

        Between two runs new articles push those that a page showed to the next, and what is missing with them. Behind
        a list that could not be read for a while it is in front of what was archived before.
        """
        pages = int(response.meta.get(META_OWED, 0))
        if not pages or pages > _MAX_PAGES_TO_EDGE:
            return None
        since, edge = response.meta.get(META_SINCE), response.meta.get(META_EDGE)
        if since is not None and self._memory is not None:
            before = datetime.fromtimestamp(since, UTC)
            known = sum(self._memory.was_archived(url, before) for url in articles)
            return 0 if 2 * known > len(articles) else pages
        return 0 if not edge or set(edge) & set(articles) else pages

    def close(self, reason: str) -> None:
        """Note how the walk ended."""
        if self._table is None:
            return
        try:
            if reason == "finished" and self.is_full and not self._is_partial:
                self._table.note_walk(self._rules)
            self._table.note_refusals(self._refusals)
            if len(self._table):
                self._count("owed/open", len(self._table))
            self._table.close()
        except (sqlite3.Error, FrontierError) as error:
            self._stop(error)
        self._table = None


def open_owed(settings: BaseSettings, source: str) -> OwedTable:
    """Open what a source owes: the file beside the frontier, or what the workers of a shared frontier owe."""
    path = Path(settings["FRONTIER_FILE"]).with_name(FILE_NAME)
    if url := find_url(settings["FRONTIER_URL"]):
        return SharedOwedTable(url, settings["COLLECTION"], path, source)
    return OwedTable(path, source)


def _describe(request: Request, debt: Debt) -> None:
    """Have a request look for what is owed."""
    request.meta[META_OWED] = True
    request.meta[META_OWES] = debt.url
    if debt.kind == LinkKind.CATEGORY.value and not debt.edge:
        request.meta[META_SINCE] = debt.first_at
    if debt.edge:
        request.meta[META_EDGE] = list(debt.edge)
        request.meta[META_ORIGIN] = debt.origin


def _build_debt(request: Request, url: str, kind: LinkKind, reason: str) -> Debt:
    edge, origin = tuple(request.meta.get(META_EDGE, ())), request.meta.get(META_ORIGIN, "")
    return Debt(url=url, kind=kind.value, reason=reason, edge=edge, origin=origin)


def digest_rules(source: Source) -> str:
    """Return what two definitions share that find the same pages."""
    lines = [f"{kind.value} {pattern.pattern}" for kind, found in source.links.patterns.items() for pattern in found]
    return hashlib.sha256("\n".join([*source.scope.prefixes, *lines]).encode()).hexdigest()[:32]
