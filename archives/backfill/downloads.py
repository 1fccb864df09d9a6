"""Reads from the servers of others, one request after the other, with a pause in between.

Spec: RFC 9110 §14.2 (Range), §10.2.3 (Retry-After).
"""

from __future__ import annotations

import shutil
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.error import HTTPError, URLError

from archives.errors import BackfillError

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPResponse

_TIMEOUT_S: Final = 120.0
_TRIES: Final = 4
_LONGEST_PAUSE_S: Final = 120.0
_BUSY: Final = frozenset((429, 502, 503, 504))


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What a server answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Downloader:
    """Reads addresses politely.

    Args:
        delay_s: between two requests, at least.
        max_bytes: of an answer that is held in memory.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        delay_s: float,
        max_bytes: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._user_agent = user_agent
        self._delay_s = delay_s
        self._max_bytes = max_bytes
        self._sleep = sleep
        self._is_first = True

    def read(self, url: str, *, span: tuple[int, int] | None = None) -> Download:
        """Return an answer.

        Args:
            span: offset and length of the part that is wanted.

        Raises:
            BackfillError: the server does not give it.
        """
        headers = {"Range": f"bytes={span[0]}-{span[0] + span[1] - 1}"} if span else {}
        with self._open(url, headers) as response:
            body = response.read(self._max_bytes + 1)
            if len(body) > self._max_bytes:
                raise BackfillError(f"{url} sends more than {self._max_bytes} bytes; it is left out")
            if span and (response.status != 206 or len(body) != span[1]):
                raise BackfillError(f"{url} does not send the part that was requested; its server knows no ranges")
            return Download(status=response.status, headers=response.getheaders(), body=body)

    def save(self, url: str, target: BinaryIO) -> None:
        """Write an answer of any length to a file.

        Raises:
            BackfillError: the server does not give it.
        """
        with self._open(url, {}) as response:
            expected = response.length
            try:
                shutil.copyfileobj(response, target)
            except OSError as error:
                raise BackfillError(f"{url} was cut off ({error}); try again") from error
        target.flush()
        if expected is not None and target.tell() != expected:
            raise BackfillError(f"{url} was cut off after {target.tell()} of {expected} bytes; try again")

    def _open(self, url: str, headers: dict[str, str]) -> HTTPResponse:
        if not url.startswith(("http://", "https://")):
            raise BackfillError(f"{url!r} is not an address; it begins with http:// or https://")
        request = urllib.request.Request(url, headers={"User-Agent": self._user_agent, **headers})  # noqa: S310 (looked at)
        for attempt in range(_TRIES):
            if not self._is_first:
                self._sleep(self._delay_s)
            self._is_first = False
            try:
                response: HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310 (likewise)
            except HTTPError as error:
                if error.code not in _BUSY or attempt == _TRIES - 1:
                    raise BackfillError(f"{url} answers {error.code} {error.reason}") from error
                wanted = error.headers.get("Retry-After", "")
                pause = float(wanted) if wanted.isdecimal() else self._delay_s * 2**attempt
                self._sleep(min(pause, _LONGEST_PAUSE_S))
            except (URLError, OSError, ValueError) as error:
                raise BackfillError(f"{url} cannot be read ({error}); try again") from error
            else:
                return response
        raise AssertionError("every attempt ends above")
