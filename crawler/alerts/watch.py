"""Send alerts in a thread beside the schedule, so that a slow receiver delays no crawl."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Final, Self

from crawler.alerts.receivers import AlertsError
from crawler.alerts.sending import send_alerts

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from crawler.alerts.sending import Sent

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
            send_and_report(self._settings)


def send_and_report(settings: BaseSettings, *, collection: str = "", source: str = "") -> Sent | None:
    """Send alerts and report failures on standard error; return None if the alerts could not be examined."""
    try:
        result = send_alerts(settings, collection=collection, source=source)
    except AlertsError as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201
        return None
    for name, why in result.failed:
        print(f"could not send the alert to {name}: {why}; it will be retried", file=sys.stderr, flush=True)  # noqa: T201
    return result
