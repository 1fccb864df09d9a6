"""The Redis or Valkey server of a shared frontier: checks its configuration and availability.

Everything asked of it is a script, atomic on the server and harmless to repeat, because an answer that got lost on the
way says nothing about whether the question arrived. While the server is unavailable nothing waits for it: changes are
kept in order and sent when it is back.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from archives.urls import describe_url

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

ENVIRONMENT: Final = "NEWSREEL_FRONTIER_URL"
_SCHEMES: Final = ("redis", "rediss", "unix")
_TIMEOUT_S: Final = 5.0
_RETRY_S: Final = (0.2, 5.0)
_FIRST_VERSION: Final = 7
_SCRIPTS: Final = (
    *("add", "hold", "lease", "acknowledge", "release", "renew", "leave", "forget"),
    *("register", "finish", "end_crawl", "pause", "pauses", "note"),
)
# How the answers of a server begin that is there but can take nothing now; some have their own class.
_NOT_NOW: Final = ("LOADING", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY")


class FrontierError(OSError):
    """The server cannot be used as a frontier."""


class ServerUnavailable(Exception):
    """The server does not answer now."""


def find_url(setting: str | None) -> str:
    """Return the server's address: that of the setting, or of the environment, which no process list shows."""
    return setting or os.environ.get(ENVIRONMENT, "")


def verify_server(url: str) -> None:
    """Make sure, where a server is named, that it can be used.

    Raises:
        FrontierError: it cannot.
    """
    if url:
        Server(url).close()


class Server:
    """One connection to the server of a shared frontier.

    Args:
        url: `redis://`, `rediss://` (TLS) or `unix://`, with user and password where there are any.

    Raises:
        FrontierError: it does not answer, or it could lose or drop what it is given.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = describe_url(url)
        self._clock = clock
        self._unavailable: tuple[type[Exception], ...] = ()
        self._refusal: type[Exception] = Exception
        self._client = self._connect(url)
        self._unsent: deque[tuple[str, Sequence[str], Sequence[Any]]] = deque()
        self._retry_at = 0.0
        self._retry_s = 0.0
        self._scripts = {
            name: self._client.register_script(
                files("crawler.frontier.streams").joinpath(f"{name}.lua").read_text("utf-8")
            )
            for name in _SCRIPTS
        }
        try:
            self._verify(self._find_facts())
        except FrontierError:
            self._client.close()
            raise

    def close(self) -> None:
        """Close the connection; what could not be sent is given up, and its leases lapse."""
        if self._unsent:
            logger.warning("%s is unavailable: %d changes to the frontier are given up", self._name, len(self._unsent))
        self._client.close()

    def ask(self, script: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        """Run a script and return its answer, behind all that was to be sent before.

        Raises:
            ServerUnavailable: the server does not answer now.
            FrontierError: it refuses.
        """
        self._send_all()
        return self._run(script, keys, values)

    def send(self, script: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        """Run a script now, or as soon as the server is back; None if the answer is not known yet."""
        self._unsent.append((script, keys, values))
        try:
            return self._send_all()
        except ServerUnavailable:
            return None

    def get(self, read: Callable[[Any], Any]) -> Any:
        """Read something by the client itself; errors as in `ask`."""
        self._send_all()
        return self._try(lambda: read(self._client))

    def _send_all(self) -> Any:
        answer = None
        while self._unsent:
            answer = self._run(*self._unsent[0])
            self._unsent.popleft()
        return answer

    def _run(self, script: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        return self._try(lambda: self._scripts[script](keys=keys, args=values))

    def _try(self, act: Callable[[], Any]) -> Any:
        if self._retry_s and self._clock() < self._retry_at:
            raise ServerUnavailable
        try:
            answer = act()
        except self._unavailable as error:
            self._note_unavailable(error)
            raise ServerUnavailable from error
        except self._refusal as error:
            if not str(error).startswith(_NOT_NOW):
                raise FrontierError(f"the frontier's server {self._name} refuses: {error}") from error
            self._note_unavailable(error)
            raise ServerUnavailable from error
        if self._retry_s:
            logger.warning("%s is back, the crawl continues", self._name)
            self._retry_s = 0.0
        return answer

    def _note_unavailable(self, error: Exception) -> None:
        if not self._retry_s:
            logger.warning("%s does not answer (%s); the crawl pauses until it does", self._name, error)
        first, most = _RETRY_S
        self._retry_s = min(most, max(first, 2 * self._retry_s))
        self._retry_at = self._clock() + self._retry_s

    def _connect(self, url: str) -> Any:
        if urlsplit(url).scheme not in _SCHEMES:
            raise FrontierError("FRONTIER_URL must begin with redis://, rediss:// or unix://")
        try:
            import redis  # noqa: PLC0415 (an extra: one machine needs none)
            from redis.backoff import NoBackoff  # noqa: PLC0415
            from redis.retry import Retry  # noqa: PLC0415
        except ImportError as error:
            raise FrontierError("FRONTIER_URL needs the extra 'redis': pip install 'newsreel[redis]'") from error
        self._unavailable = (redis.ConnectionError, redis.TimeoutError, redis.OutOfMemoryError, redis.ReadOnlyError)
        self._refusal = redis.RedisError
        try:
            return redis.Redis.from_url(
                url,
                protocol=2,
                socket_connect_timeout=_TIMEOUT_S,
                socket_timeout=_TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as error:
            raise FrontierError(f"FRONTIER_URL cannot be read: {type(error).__name__}") from None

    def _find_facts(self) -> dict[str, Any]:
        # A TypeError names an option of the URL that there is not.
        refusals: tuple[type[Exception], ...] = (*self._unavailable, self._refusal, TypeError)
        try:
            facts: dict[str, Any] = self._client.info()
        except refusals as error:
            raise FrontierError(
                f"the frontier's server {self._name} cannot be used ({error}); see to FRONTIER_URL, the server and its "
                "access rights"
            ) from error
        return facts

    def _verify(self, info: dict[str, Any]) -> None:
        version, policy = str(info.get("redis_version", "0")), info.get("maxmemory_policy")
        problem = ""
        if int(version.partition(".")[0]) < _FIRST_VERSION:
            problem = f"is version {version}; Redis 7, Valkey 7.2 or newer is needed"
        elif policy != "noeviction":
            problem = f"drops keys when memory is short (maxmemory-policy {policy}); set maxmemory-policy noeviction"
        elif not info.get("aof_enabled"):
            problem = "keeps nothing across a crash of its own (appendonly no); set appendonly yes"
        if problem:
            raise FrontierError(f"the frontier's server {self._name} {problem}, or a crawl would lose pages silently")
