"""The receivers that `alerts.toml` configures: webhooks, mailboxes and commands."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from crawler.alerts.channels import Command, Mail, Webhook
from crawler.monitoring.alert import AlertKind
from crawler.publishing.webhooks import load_hook

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from crawler.alerts.alert_store import CurrentAlert
    from crawler.alerts.message import Sendable

_PORTS: Final = {"smtp": 587, "smtps": 465}
_Text = Annotated[str, msgspec.Meta(min_length=1)]


class AlertsError(ValueError):
    """The alerts file is invalid."""


class Channel(Protocol):
    """A receiver of notifications."""

    @property
    def name(self) -> str:
        """What tells it from others in the file."""
        ...

    def send(self, message: Sendable) -> None:
        """Send one message, or raise `ChannelError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A webhook, mailbox or command that is notified of alerts.

    Attributes:
        collection: only of this one; '' of all.
        source: only of this one; '' of all.
        kinds: only of these; empty for all.
        every_s: least seconds between two messages; changes in between are combined in the next one.
        searches: names of saved searches whose new posts are sent, too.
        wants_alerts: False for one that asks for searches and for no kinds of alerts.
    """

    channel: Channel
    collection: str = ""
    source: str = ""
    kinds: frozenset[str] = frozenset()
    every_s: float = 900.0
    searches: tuple[str, ...] = ()
    wants_alerts: bool = True

    def wants(self, alert: CurrentAlert) -> bool:
        """Return whether an alert is for this receiver."""
        return (
            self.wants_alerts
            and self.collection in ("", alert.collection)
            and self.source in ("", alert.source)
            and (not self.kinds or alert.kind in self.kinds)
        )


class _Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One table `[[alert]]`."""

    url: str = ""
    secret_env: str = ""
    mail_to: list[_Text] = []
    mail_from: str = ""
    smtp: str = ""
    user: str = ""
    password_env: str = ""
    command: list[_Text] = []
    collection: str = ""
    source: str = ""
    kinds: list[str] = []
    searches: list[_Text] = []
    every_s: Annotated[float, msgspec.Meta(ge=0)] = 900.0
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 20.0


class _File(msgspec.Struct, forbid_unknown_fields=True):
    alert: list[_Table] = []


def read_receivers(path: Path) -> tuple[Receiver, ...]:
    """Read a file of alerts; a missing file means no receivers.

    Raises:
        AlertsError: it is invalid.
    """
    if not path.exists():
        return ()
    try:
        tables = msgspec.convert(tomllib.loads(path.read_text("utf-8-sig")), _File).alert
        receivers = tuple(_load_receiver(table, os.environ) for table in tables)
    except (OSError, ValueError, RecursionError) as error:
        raise AlertsError(f"{path}: {error}") from error
    names = [receiver.channel.name for receiver in receivers]
    for name in names:
        if names.count(name) > 1:
            raise AlertsError(f"{path}: {name} is named twice; give it one [[alert]]")
    return receivers


def _load_receiver(table: _Table, environment: Mapping[str, str]) -> Receiver:
    kinds = [kind.value for kind in AlertKind]
    for kind in table.kinds:
        if kind not in kinds:
            raise ValueError(f"kinds of [[alert]] has {kind!r}; known are {', '.join(kinds)}")
    return Receiver(
        channel=_load_channel(table, environment),
        collection=table.collection,
        source=table.source,
        kinds=frozenset(table.kinds),
        every_s=table.every_s,
        searches=tuple(table.searches),
        wants_alerts=bool(table.kinds) or not table.searches,
    )


def _load_channel(table: _Table, environment: Mapping[str, str]) -> Channel:
    named = [name for name in ("url", "mail_to", "command") if getattr(table, name)]
    if len(named) != 1:
        raise ValueError(f"[[alert]] needs one of url, mail_to and command, and has {' and '.join(named) or 'none'}")
    if table.url:
        hook: dict[str, Any] = {"url": table.url, "secret_env": table.secret_env, "timeout_s": table.timeout_s}
        try:
            return Webhook(hook=load_hook(hook))
        except ValueError as error:
            raise ValueError(str(error).replace("[[webhook]]", "[[alert]]")) from error
    if table.command:
        return Command(words=tuple(table.command), timeout_s=table.timeout_s)
    return _load_mail(table, environment)


def _load_mail(table: _Table, environment: Mapping[str, str]) -> Mail:
    for name in ("mail_from", "smtp"):
        if not getattr(table, name):
            raise ValueError(f"[[alert]] with mail_to needs {name}")
    parts = urlsplit(table.smtp if "://" in table.smtp else f"smtp://{table.smtp}")
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"smtp of [[alert]] must be smtp://HOST:PORT or smtps://HOST:PORT, not {table.smtp!r}")
    password = environment.get(table.password_env, "") if table.password_env else ""
    if table.user and not password:
        raise ValueError("password_env of [[alert]] must name an environment variable that holds the password of user")
    return Mail(
        to=tuple(table.mail_to),
        sender=table.mail_from,
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        is_wrapped=parts.scheme == "smtps",
        user=table.user,
        password=password,
        timeout_s=table.timeout_s,
    )
