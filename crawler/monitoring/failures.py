"""Reasons why a page could not be fetched, one word each, for counting."""

from __future__ import annotations

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.spidermiddlewares.httperror import HttpError

from archives.errors import WriteError
from crawler.fetching.limits import BeyondBound
from crawler.fetching.middlewares import RedirectLoop

page_failed = object()
"""Signal sent for each page that could not be fetched, once its retries are used up: `url`, `kind`, `reason`."""

# The first that fits counts, so what is more special stands first.
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (RedirectLoop, "redirect_loop"),
    (BeyondBound, "beyond_bound"),
    (IgnoreRequest, "refused_by_us"),
    (DownloadTimeoutError, "timeout"),
    (ResponseDataLossError, "cut_short"),
    (DownloadCancelledError, "too_large"),
    (CannotResolveHostError, "unresolved"),
    (DownloadConnectionRefusedError, "no_connection"),
    (DownloadFailedError, "broken_off"),
    (WriteError, "not_written"),
)


def find_reason(error: BaseException | None) -> str:
    """Return the word for a failure; `http_` and the status where the publisher answered with an error.

    `refused_by_us` is what robots.txt, the source's scope or the bound on redirects forbade, `beyond_bound` what the
    bounds on pages of a host or a run left out.
    """
    if isinstance(error, HttpError):
        return f"http_{error.response.status}"
    return next((word for kind, word in _REASONS if isinstance(error, kind)), "other")
