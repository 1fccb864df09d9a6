"""Sends one signed change to one webhook receiver.

The form is that of Standard Webhooks 1.0, so that its libraries check what comes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from crawler.fetching.pauses import parse_retry_after
from crawler.publishing.http_post import NoAnswer, post
from pipelines.exports.records import build_object, build_thin_object
from pipelines.exports.web_addresses import is_web_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.exports.records import PostRecord

_LONGEST_PAUSE_S = 24 * 3600.0
_PAYLOADS = ("full", "thin")
_SHORT_CHARS = 100
_SECRET_PREFIX = "whsec_"  # noqa: S105 (of every secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One receiver.

    Attributes:
        url: to POST to; also the receiver's name in the outbox.
        secret: key of the signature.
        collection: only its changes; '' for those of all.
        timeout_s: to wait for an answer.
        payload: `full`, or `thin`: what names the post and the change, without its text.
        max_bytes: of a body; a larger one is sent thin, or not at all if that is too large as well. 0 for no bound.
    """

    url: str
    secret: bytes
    collection: str = ""
    timeout_s: float = 10.0
    payload: str = "full"
    max_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a delivery was not taken.

    Attributes:
        status: of the answer, or 0 if there was none.
        wait_s: seconds that the receiver asked to be left alone.
    """

    words: str
    status: int = 0
    wait_s: float = 0.0

    @property
    def is_final(self) -> bool:
        """Whether the same bytes will be refused again: they are too large, and those behind them are not."""
        return self.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One change on its way to one receiver."""

    number: int
    id: str
    body: bytes
    attempts: int


def load_hook(table: Mapping[str, Any]) -> Hook:
    """Read one table `[[webhook]]`; the secret is in an environment variable, never in the file.

    Raises:
        ValueError: it is invalid.
    """
    allowed = {"url", "secret_env", "collection", "timeout_s", "payload", "max_bytes"}
    unknown = sorted(table.keys() - allowed)
    if unknown:
        raise ValueError(f"{unknown[0]} is not a key of [[webhook]]; allowed are {', '.join(sorted(allowed))}")
    url, variable = str(table.get("url", "")), str(table.get("secret_env", ""))
    if not is_web_address(url):
        raise ValueError(
            f"url of [[webhook]] must be an http or https address without blanks and user name, not {url!r}"
        )
    secret = os.environ.get(variable, "") if variable else ""
    if not secret:
        raise ValueError(f"secret_env of [[webhook]] {url} must name an environment variable that holds its secret")
    try:
        key = _load_secret(secret)
    except ValueError as error:
        raise ValueError(f"the secret of [[webhook]] {url} {error}") from error
    timeout = table.get("timeout_s", 10.0)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= _LONGEST_PAUSE_S:
        raise ValueError(f"timeout_s of [[webhook]] {url} must be seconds, at most a day, not {timeout!r}")
    collection = str(table.get("collection", ""))
    payload, most = table.get("payload", "full"), table.get("max_bytes", 0)
    if payload not in _PAYLOADS:
        raise ValueError(f"payload of [[webhook]] {url} must be {' or '.join(_PAYLOADS)}, not {payload!r}")
    if type(most) is not int or most < 0:
        raise ValueError(f"max_bytes of [[webhook]] {url} must be a whole number, not {most!r}")
    return Hook(url=url, secret=key, collection=collection, timeout_s=float(timeout), payload=payload, max_bytes=most)


def sign(secret: bytes, delivery_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `Webhook-Signature`.

    Spec: Standard Webhooks 1.0, symmetric signatures: HMAC-SHA256 over id, timestamp and body, joined by full stops,
    in Base64.
    """
    message = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, message, hashlib.sha256).digest()).decode()


def _load_secret(text: str) -> bytes:
    """Return the key; `whsec_` and Base64 as Standard Webhooks writes it, or any text as it is."""
    if not text.startswith(_SECRET_PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("begins with whsec_, and is not Base64 behind it") from None


def post_delivery(hook: Hook, delivery: Delivery, timestamp: int) -> Refusal | None:
    """Send one delivery; return what went wrong, or None. Redirects are not followed: a receiver says where it is."""
    if 0 < hook.max_bytes < len(delivery.body):
        words = f"not sent: {len(delivery.body)} bytes, and max_bytes is {hook.max_bytes}"
        return Refusal(words=words, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Newsreel",
        "Webhook-Id": delivery.id,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": sign(hook.secret, delivery.id, timestamp, delivery.body),
    }
    try:
        status, answered = post(hook.url, delivery.body, headers, hook.timeout_s)
    except NoAnswer as error:
        return Refusal(words=str(error))
    if 200 <= status < 300:
        return None
    after = answered.get("Retry-After", "").encode("latin-1", "replace")
    wait_s = min(parse_retry_after(after) or 0.0, _LONGEST_PAUSE_S)
    return Refusal(words=f"answered {status}", status=status, wait_s=wait_s)


def build_message_id(text: str) -> str:
    """Return an id that is the same at every attempt to send what a text names.

    It holds no full stop: Standard Webhooks joins it to the timestamp and the body by them.
    """
    return f"msg_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def build_envelope(kind: str, at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payload in the form that Standard Webhooks recommends."""
    return {"type": kind, "timestamp": at.isoformat(timespec="seconds"), "data": data}


def build_body(record: PostRecord, hook: Hook) -> str:
    """Return the payload of a change; `isThin` where `data` lacks the text, and may have a shortened headline."""
    assert record.change is not None
    envelope = build_envelope(f"post.{record.change.kind}", datetime.now(UTC), build_object(record))
    thin = envelope | {"isThin": True, "data": build_thin_object(record)}
    shortest = thin | {"data": thin["data"] | {"headline": record.headline[:_SHORT_CHARS]}}
    for payload in (envelope, thin, shortest)[hook.payload == "thin" :]:
        body = json.dumps(payload, ensure_ascii=False)
        if not 0 < hook.max_bytes < len(body.encode()):
            break
    return body
