"""Receivers are notified once when an alert begins and once when it ends, by webhook, mail and command."""

from __future__ import annotations

import json
import ssl
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from crawler.alerts.alert_store import AlertStore, CurrentAlert
from crawler.alerts.channels import ChannelError, Command, Mail
from crawler.alerts.message import Message
from crawler.alerts.receivers import AlertsError, Receiver, read_receivers
from crawler.alerts.sending import notify_receivers
from crawler.publishing.webhooks import sign
from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

SECRET = b"a key of some length"
NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def build_alert(source: str, kind: str = "silence", message: str = "no new article for 3d") -> CurrentAlert:
    return CurrentAlert(collection="news", source=source, kind=kind, message=message, since=NOW)


class Mailbox:
    """Keeps what a real SMTP server is given."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refused: set[str] = set()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope.content)
        return "250 OK"


class Post(Controller):
    """A server on a port that was free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def serve_mail(box: Mailbox, context: ssl.SSLContext | None = None, **options: Any) -> Iterator[int]:
    post = Post(box, hostname="127.0.0.1", port=0, tls_context=context, **options)
    post.start()
    try:
        yield post.port
    finally:
        post.stop()


class Collected:
    """A receiver of the tests: keeps what arrives, and refuses while it is deaf."""

    name = "collected"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.is_deaf = False

    def send(self, message: Message) -> None:
        if self.is_deaf:
            raise ChannelError("deaf")
        self.messages.append(message)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AlertStore]:
    with AlertStore(tmp_path / "alerts.sqlite") as alerts:
        yield alerts


def test_an_alert_is_sent_once_when_it_begins_and_once_when_it_ends(store: AlertStore) -> None:
    channel = Collected()
    receiver = Receiver(channel=channel, every_s=0)
    for message in ("no new article for 3d", "no new article for 4d"):
        store.replace([build_alert("a", message=message)], examined=[("news", "a")])
        notify_receivers(store, [receiver])
    store.replace([], examined=[("news", "b")])
    notify_receivers(store, [receiver])
    store.replace([], examined=[("news", "a")])
    for _ in range(2):
        notify_receivers(store, [receiver])
    first, last = channel.messages
    assert [(alert.source, alert.message) for alert in first.begun] == [("a", "no new article for 3d")]
    assert (first.ended, last.begun, [alert.key for alert in last.ended]) == ((), (), [("news", "a", "silence")])


def test_what_happens_shortly_after_a_message_is_joined_in_the_next(store: AlertStore) -> None:
    """No storm: where two hundred sources break within minutes, or one breaks again and again."""
    channel = Collected()
    receiver = Receiver(channel=channel, every_s=3600)
    for number in range(200):
        store.replace([build_alert(f"s{number}")], examined=[("news", f"s{number}")])
        result = notify_receivers(store, [receiver])
    assert [len(message.begun) for message in channel.messages] == [1]
    assert result.waiting == ("collected",)
    store.replace([], examined=[("news", "s7")])
    notify_receivers(store, [Receiver(channel=channel, every_s=0)])
    assert [len(message.begun) for message in channel.messages] == [1, 198]
    assert "alerts of 198 sources: 198 begun" in channel.messages[1].subject


def test_what_did_not_arrive_is_sent_again_under_the_same_id(store: AlertStore) -> None:
    channel, other = Collected(), Collected()
    other.name = "other"
    receivers = [Receiver(channel=channel), Receiver(channel=other)]
    store.replace([build_alert("a")], examined=None)
    channel.is_deaf = True
    result = notify_receivers(store, receivers)
    assert (result.sent, result.failed) == (("other",), (("collected", "deaf"),))
    assert store.find_last_sent("collected") == (None, "deaf")
    channel.is_deaf = False
    assert notify_receivers(store, receivers).sent == ("collected",)
    assert channel.messages[0].id == other.messages[0].id
    assert store.find_last_sent("collected")[1] == ""


def test_nobody_sends_while_somebody_is_sending(store: AlertStore) -> None:
    assert store.claim("desk", every_s=0, now=1000.0)
    assert not store.claim("desk", every_s=0, now=1100.0)
    # The sender has died.
    assert store.claim("desk", every_s=0, now=1200.0)


def test_a_receiver_is_notified_only_of_what_it_selects(store: AlertStore) -> None:
    channel = Collected()
    store.replace([build_alert("a"), build_alert("b"), build_alert("b", "run")], examined=None)
    notify_receivers(store, [Receiver(channel=channel, source="b", kinds=frozenset({"run"}))])
    assert [alert.key for alert in channel.messages[0].begun] == [("news", "b", "run")]


def test_a_mail_is_encrypted_where_the_server_can_and_names_who_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    box = Mailbox()
    seen: list[tuple[bytes, bytes]] = []

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        seen.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)

    message = Message(id="msg_1", at=NOW, begun=(build_alert("zeitung", message="„nichts Neues“\n.\nQUIT"),))
    with serve_mail(box, context, require_starttls=True, authenticator=check) as port:
        mail = Mail(to=("a@desk.example", "b@desk.example"), sender="us@desk.example", host="127.0.0.1", port=port)
        wrong = Mail(**{**_fields(mail), "user": "us", "password": "wrong"})
        with pytest.raises(ChannelError, match="SMTPAuthenticationError"):
            wrong.send(message)
        Mail(**{**_fields(mail), "user": "us", "password": "right"}).send(message)
        assert seen[-1] == (b"us", b"right")
        box.refused = {"b@desk.example"}
        with pytest.raises(ChannelError, match=r"the server refused b@desk\.example"):
            mail.send(message)
    assert len(box.mails) == 2
    text = box.mails[0].decode("ascii")
    assert "Subject: Newsreel: alerts of zeitung: 1 begun\r\n" in text
    assert "Auto-Submitted: auto-generated\r\n" in text
    assert "Date: Mon, 04 May 2026 03:02:01 +0000\r\n" in text


def _fields(mail: Mail) -> dict[str, Any]:
    return {name: getattr(mail, name) for name in Mail.__slots__}


def test_no_password_goes_over_an_open_line() -> None:
    box = Mailbox()
    with serve_mail(box) as port:
        mail = Mail(to=("a@desk.example",), sender="us@desk.example", host="127.0.0.1", port=port)
        with pytest.raises(ChannelError, match="no encryption"):
            Mail(**{**_fields(mail), "user": "us", "password": "x"}).send(Message(id="msg_1", at=NOW, note="n"))
        mail.send(Message(id="msg_1", at=NOW, note="n"))
    assert len(box.mails) == 1


def test_a_command_that_fails_or_never_ends_is_an_error() -> None:
    message = Message(id="msg_1", at=NOW, begun=(build_alert("a"),))
    script = (
        "import json, os, sys; text = sys.stdin.read()\n"
        "sys.exit(text + json.loads(os.environ['NEWSREEL_ALERT'])['type'])"
    )
    with pytest.raises(ChannelError, match=r"with 1: Begun:\n  a in news: silence: no .*\n.*\nalerts\.changed"):
        Command(words=(sys.executable, "-c", script)).send(message)
    with pytest.raises(ChannelError, match=r"did not end within 0.2 s"):
        Command(words=("sleep", "60"), timeout_s=0.2).send(message)
    with pytest.raises(ChannelError, match="could not be started"):
        Command(words=("/no/such/command",)).send(message)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[alert]]\n", "needs one of url, mail_to and command, and has none"),
        ('[[alert]]\nurl = "https://a.example/"\ncommand = ["true"]\n', "has url and command"),
        ('[[alert]]\nurl = "https://a.example/"\n', "secret_env of [[alert]] https://a.example/ must name"),
        ('[[alert]]\nurl = "ftp://a.example/"\nsecret_env = "HOME"\n', "must be an http or https address"),
        ('[[alert]]\nmail_to = ["a@b.example"]\n', "needs mail_from"),
        ('[[alert]]\nmail_to = ["a@b.example"]\nmail_from = "x@b.example"\nsmtp = "http://h"\n', "must be smtp://HOST"),
        ('[[alert]]\ncommand = ["true"]\nkinds = ["noise"]\n', "'noise'; known are run, silence"),
        ('[[alert]]\ncommand = ["true"]\nevery = 1\n', "unknown field `every`"),
        ('[[alert]]\ncommand = ["true"]\n[[alert]]\ncommand = ["true"]\n', "named twice"),
        ("[[alert\n", "alerts.toml: "),
        ('\ufeff[[alert]]\ncommand = ["true"]\nevery = 1\n', "unknown field `every`"),
    ],
)
def test_a_fault_in_the_file_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "alerts.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(AlertsError) as refused:
        read_receivers(path)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert read_receivers(tmp_path / "none.toml") == ()
    with pytest.raises(AlertsError, match="Is a directory"):
        read_receivers(tmp_path)


SOURCE = """
name = "paper"
timezone = "UTC"
scope = ["{base}/"]
seeds = ["{base}/"]
[links]
article = ['/(?P<id>\\w+)\\.html$']
"""


def test_a_run_tells_of_its_alerts_and_the_next_one_that_they_are_over(data: Data, tmp_path: Path) -> None:
    box, file = Mailbox(), tmp_path / "alerts.toml"
    with WireServer({}) as server, WireServer({"/hook": build_response(b"")}) as hook, serve_mail(box) as port:
        source = tmp_path / "paper.toml"
        source.write_text(SOURCE.format(base=server.base_url), "utf-8")
        script = f"open({str(tmp_path / 'received')!r}, 'a').write(__import__('sys').stdin.read())"
        file.write_text(
            f'[[alert]]\nurl = "{hook.base_url}/hook"\nsecret_env = "ALERT_KEY"\nevery_s = 0\n'
            f'[[alert]]\nmail_to = ["desk@paper.example"]\nmail_from = "us@paper.example"\nsmtp = "127.0.0.1:{port}"\n'
            f"[[alert]]\ncommand = {json.dumps([sys.executable, '-c', script])}\nevery_s = 0\n",
            "utf-8",
        )
        options: dict[str, Any] = {
            "data": data,
            "settings": LOOPBACK | {"ALERTS_FILE": file, "LOG_LEVEL": "ERROR"},
            "environment": {"ALERT_KEY": SECRET.decode()},
        }

        def crawl() -> subprocess.CompletedProcess[str]:
            return run_scrapy("crawl", "category", "-a", f"source={source}", **options)

        refused = crawl()  # every page is answered with 404
        assert refused.returncode == 1, refused.stderr
        assert len(box.mails) == 1
        with AlertStore(data.path / "alerts.sqlite") as alerts:
            assert [alert.kind for alert in alerts.list_current()] == ["no_article", "run"]
        story = b"<h1>The bridge is open again</h1><time>2026-01-02 08:00</time><p>%b</p>" % (b"It was closed. " * 40)
        server.routes = {"/": build_response(b'<a href="/n1.html">1</a>'), "/n1.html": build_response(story)}
        good = crawl()
        assert good.returncode == 0, good.stderr
        assert len(box.mails) == 1  # its last message is too recent
        again = run_scrapy("alerts", **options)
        assert (again.returncode, again.stdout) == (
            0,
            "mailto:desk@paper.example: the last message is too recent; the rest is sent later\n",
        )
        tried = run_scrapy("alerts", "--test", **options)
        assert (tried.returncode, len(tried.stdout.splitlines()), len(box.mails)) == (0, 3, 2)
    requests = [exchange.received for exchange in hook.exchanges if exchange.target == "/hook"]
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in requests]
    assert [body["type"] for body in bodies] == ["alerts.changed", "alerts.changed", "alerts.test"]
    assert [[len(body["data"][name]) for name in ("begun", "ended")] for body in bodies[:2]] == [[2, 0], [0, 2]]
    fields = dict(line.split(b": ", 1) for line in requests[0].partition(b"\r\n\r\n")[0].split(b"\r\n")[1:])
    named = {name.lower(): value.decode() for name, value in fields.items()}
    expected = sign(
        SECRET, named[b"webhook-id"], int(named[b"webhook-timestamp"]), requests[0].partition(b"\r\n\r\n")[2]
    )
    assert named[b"webhook-signature"] == expected
    received = (tmp_path / "received").read_text("utf-8")
    assert received.index("Begun:\n  paper: no_article: ") < received.index("Over:\n  paper: no_article: ")
