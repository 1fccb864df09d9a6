"""Channels of notifications: a signed webhook, an e-mail, a command."""

from __future__ import annotations

import os
import shlex
import smtplib
import ssl
import subprocess
import time
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING, Final

from crawler.publishing.webhooks import Delivery, post_delivery

if TYPE_CHECKING:
    from crawler.alerts.message import Sendable
    from crawler.publishing.webhooks import Hook

_MOST_WORDS: Final = 300


class ChannelError(Exception):
    """A message did not arrive; it will be sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """POSTs the message, signed. Spec: Standard Webhooks 1.0."""

    hook: Hook

    @property
    def name(self) -> str:
        """Its address."""
        return self.hook.url

    def send(self, message: Sendable) -> None:
        """Send one message.

        Raises:
            ChannelError: it was not answered with a status of 2xx.
        """
        delivery = Delivery(number=0, id=message.id, body=message.dump().encode(), attempts=0)
        refusal = post_delivery(self.hook, delivery, int(time.time()))
        if refusal is not None:
            raise ChannelError(refusal.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Sends the message by SMTP, encrypted wherever the server can. Spec: RFC 5321, RFC 3207.

    Attributes:
        is_wrapped: TLS from the first byte instead of STARTTLS.
    """

    to: tuple[str, ...]
    sender: str
    host: str
    port: int
    is_wrapped: bool = False
    user: str = ""
    password: str = ""
    timeout_s: float = 20.0

    @property
    def name(self) -> str:
        """Its addresses."""
        return f"mailto:{','.join(self.to)}"

    def send(self, message: Sendable) -> None:
        """Send one message.

        Raises:
            ChannelError: the server did not take it for every address, or a password would have gone unencrypted.
        """
        mail = EmailMessage()
        mail["Subject"] = message.subject
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.to)
        mail["Date"] = format_datetime(message.at)
        mail["Message-ID"] = make_msgid(domain="newsreel.invalid")
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no holiday notice answers it
        mail.set_content(message.text, cte="quoted-printable")  # not every server takes 8 bits
        try:
            with self._connect() as server:
                refused = server.send_message(mail)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise ChannelError(f"{type(error).__name__}: {error}") from error
        if refused:
            raise ChannelError(f"the server refused {', '.join(sorted(refused))}")

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.is_wrapped:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_s, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)
        try:
            server.ehlo()
            is_encrypted = self.is_wrapped
            if not is_encrypted and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
                is_encrypted = True
            if self.user:
                if not is_encrypted:
                    raise ChannelError("the server offers no encryption, and a password is not sent without")
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Starts a command, with the text on its standard input and the JSON object in `NEWSREEL_ALERT`."""

    words: tuple[str, ...]
    timeout_s: float = 20.0

    @property
    def name(self) -> str:
        """The command as a shell would have it."""
        return shlex.join(self.words)

    def send(self, message: Sendable) -> None:
        """Run it to its end.

        Raises:
            ChannelError: it could not be started, ended with another code than 0, or took too long.
        """
        environment = {**os.environ, "NEWSREEL_ALERT": message.dump()}
        try:
            done = subprocess.run(  # noqa: S603 (the user's own)
                self.words,
                input=message.text.encode(),
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=self.timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ChannelError(f"did not end within {self.timeout_s:g} s, and was stopped") from None
        except (OSError, ValueError) as error:
            raise ChannelError(f"could not be started: {error}") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()[-_MOST_WORDS:]
            raise ChannelError(f"ended with {done.returncode}" + (f": {said}" if said else ""))
