"""Tells alerts beside a running schedule, so that a receiver that is slow keeps no crawl waiting."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Final, Self

from crawler.alerts.receivers import AlertsError
from crawler.alerts.telling import tell_alerts

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from crawler.alerts.telling import Told

# Silence begins without any run, and messages that were held back become due.
_LOOK_S: Final = 300.0


class AlertWatch:
    """Examines all sources whenever `wake` is called, and every five minutes."""

    def __init__(self, settings: BaseSettings) -> None:
        self._settings = settings
        self._woken = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Look once more and end."""
        self._is_over = True
        self._woken.set()
        self._thread.join()

    def wake(self) -> None:
        """Look soon, because a run has ended."""
        self._woken.set()

    def _run(self) -> None:
        while not self._is_over:
            self._woken.wait(_LOOK_S)
            self._woken.clear()
            report_told(self._settings)


def report_told(settings: BaseSettings, *, collection: str = "", source: str = "") -> Told | None:
    """Tell alerts, and say on standard error what did not arrive; None where nothing could be told."""
    try:
        told = tell_alerts(settings, collection=collection, source=source)
    except AlertsError as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201
        return None
    for name, why in told.failed:
        print(f"the alert to {name} did not arrive, and is sent again: {why}", file=sys.stderr, flush=True)  # noqa: T201
    return told
