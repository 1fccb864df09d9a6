"""Checks the health of sources and notifies the receivers of alerts that began or ended."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archives.errors import ArchiveError
from crawler.alerts.alert_store import FILE_NAME, AlertStore, CurrentAlert
from crawler.alerts.channels import ChannelError
from crawler.alerts.message import Message
from crawler.alerts.receivers import AlertsError, read_receivers
from crawler.monitoring.health import load_health
from crawler.publishing.webhooks import build_message_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scrapy.settings import BaseSettings

    from crawler.alerts.receivers import Receiver
    from crawler.monitoring.health import Health

_TEST: Final = "This is a test; nothing is wrong."


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The result of sending notifications.

    Attributes:
        sent: names of the receivers that were notified.
        failed: name of each receiver that could not be reached, and the reason.
        waiting: names of the receivers whose last message is too recent for another one.
    """

    sent: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    waiting: tuple[str, ...] = ()


def send_alerts(settings: BaseSettings, *, collection: str = "", source: str = "") -> Sent:
    """Notify the receivers in `ALERTS_FILE`: of alerts of the sources, and of what saved searches newly find.

    Args:
        collection: examine only its sources.
        source: examine only this one. For other sources, the alerts last seen are used.

    Raises:
        AlertsError: the alerts file is invalid, or the alert database cannot be used.
    """
    receivers = load_receivers(settings)
    if not receivers:
        return Sent()
    from crawler.alerts.searches import send_found  # noqa: PLC0415 (a crawl that notifies nobody needs no search)

    # First, so that a fault in a saved search keeps no alert from being sent.
    alerts = _send_changes(settings, receivers, collection, source)
    sent, failed = send_found(Path(settings["DATA_DIR"]), settings.getdict("SEARCHES"), receivers)
    return replace(alerts, sent=(*alerts.sent, *sent), failed=(*alerts.failed, *failed))


def _send_changes(settings: BaseSettings, receivers: Sequence[Receiver], collection: str, source: str) -> Sent:
    try:
        healths = load_health(settings, collection=collection, source=source)
        now = datetime.now(UTC)
        found = [alert for health in healths for alert in _iter_current(health, now)]
        examined = [(health.collection, health.source) for health in healths] if collection or source else None
        with open_alert_store(settings) as store:
            store.replace(found, examined=examined)
            return notify_receivers(store, receivers)
    except (ArchiveError, sqlite3.Error, OSError) as error:
        raise AlertsError(f"alerts could not be sent: {error}") from error


def load_receivers(settings: BaseSettings) -> tuple[Receiver, ...]:
    """Read the file that the settings name.

    Raises:
        AlertsError: it is invalid.
    """
    return read_receivers(Path(settings["ALERTS_FILE"] or "alerts.toml"))


def open_alert_store(settings: BaseSettings) -> AlertStore:
    """Open what a data directory remembers of alerts."""
    return AlertStore(Path(settings["DATA_DIR"], FILE_NAME))


def notify_receivers(store: AlertStore, receivers: Iterable[Receiver]) -> Sent:
    """Send each receiver the alerts that it has not been notified of yet."""
    sent, failed, waiting = [], [], []
    for receiver in receivers:
        name = receiver.channel.name
        begun, ended = _compare(store, receiver)
        if not begun and not ended:
            continue
        if not store.claim(name, every_s=receiver.every_s, now=time.time()):
            waiting.append(name)
            continue
        begun, ended = _compare(store, receiver)  # no other process sends now, but one may just have done so
        if not begun and not ended:
            store.release(name)
            continue
        at = datetime.now(UTC)
        try:
            receiver.channel.send(Message(id=_build_id(begun, ended), at=at, begun=begun, ended=ended))
        except ChannelError as error:
            store.record_failed(name, str(error))
            failed.append((name, str(error)))
        else:
            store.record_sent(name, begun, ended, time.time())
            sent.append(name)
    return Sent(sent=tuple(sent), failed=tuple(failed), waiting=tuple(waiting))


def try_receivers(receivers: Iterable[Receiver]) -> Sent:
    """Send each receiver a message that says that nothing is wrong."""
    sent, failed = [], []
    for receiver in receivers:
        at = datetime.now(UTC)
        try:
            receiver.channel.send(Message(id=f"msg_test_{int(at.timestamp())}", at=at, note=_TEST))
        except ChannelError as error:
            failed.append((receiver.channel.name, str(error)))
        else:
            sent.append(receiver.channel.name)
    return Sent(sent=tuple(sent), failed=tuple(failed))


def _iter_current(health: Health, now: datetime) -> Iterable[CurrentAlert]:
    for alert in health.alerts:
        yield CurrentAlert(
            collection=health.collection, source=health.source, kind=alert.kind, message=alert.sentence, since=now
        )


def _compare(store: AlertStore, receiver: Receiver) -> tuple[tuple[CurrentAlert, ...], tuple[CurrentAlert, ...]]:
    """Return the current alerts that were not sent yet, and those that were sent and have ended."""
    current = [alert for alert in store.list_current() if receiver.wants(alert)]
    notified = [alert for alert in store.list_notified(receiver.channel.name) if receiver.wants(alert)]
    keys, known = {alert.key for alert in current}, {alert.key for alert in notified}
    begun = tuple(alert for alert in current if alert.key not in known)
    return begun, tuple(alert for alert in notified if alert.key not in keys)


def _build_id(begun: Sequence[CurrentAlert], ended: Sequence[CurrentAlert]) -> str:
    """Return what names a message at every attempt."""
    words = "\n".join("\t".join((*alert.key, alert.since.isoformat())) for alert in (*begun, *ended))
    return build_message_id(f"{len(begun)} {words}")
