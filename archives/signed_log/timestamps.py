"""RFC 3161 time-stamps: an authority's statement that the last entry, and so every file, existed at an instant.

Spec: RFC 3161 (Time-Stamp Protocol), §3.4 (over HTTP).
"""

from __future__ import annotations

import base64
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.error import URLError

from archives.errors import SignatureError
from archives.signed_log.log import dump_signed, read_log
from archives.urls import describe_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from archives.signed_log.log import LogWriter
    from archives.storage.collection import Collection

EVENT: Final = "time-stamp"
_GRANTED: Final = (0, 1)
_TIMEOUT_S: Final = 60
_MOST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a time-stamp says.

    Attributes:
        at: by the authority's clock.
        fault: why it proves nothing; empty for a good one.
    """

    at: datetime | None
    fault: str = ""


def add_timestamp(writer: LogWriter, url: str) -> None:
    """Have an authority time-stamp the last entry, and log its answer.

    Raises:
        SignatureError: there is no entry, the authority gives none, or `rfc3161-client` is not installed.
    """
    if not writer.entries:
        raise SignatureError("there is nothing in the log to time-stamp")
    client = _load_client()
    last = writer.entries[-1]
    data = dump_signed({**last.fields, "signature": last.signature})
    request = client.TimestampRequestBuilder().data(data).hash_algorithm(client.HashAlgorithm.SHA256).build()
    answer = _ask(url, request.as_bytes())
    try:
        response = client.decode_timestamp_response(answer)
        if response.status not in _GRANTED:
            reason = ", ".join(response.status_string) or f"status {int(response.status)}"
            raise SignatureError(f"{describe_url(url)} gave no time-stamp ({reason})")
        is_ours = response.tst_info.nonce == request.nonce
    except ValueError as error:
        raise SignatureError(f"{describe_url(url)} gave no time-stamp that can be read ({error})") from error
    fields = {"event": EVENT, "authority": describe_url(url), "token": base64.b64encode(answer).decode()}
    stamp = check_timestamp({**fields, "previous": last.digest}, None)
    if stamp.fault or not is_ours:
        raise SignatureError(f"{describe_url(url)} gave the time-stamp of something else")
    writer.append(fields)


def _ask(url: str, data: bytes) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise SignatureError(f"{url!r} is not an address of a time-stamp authority; it begins with http:// or https://")
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 (the scheme was looked at)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 (likewise)
            return bytes(answer.read(_MOST_BYTES))
    except (URLError, OSError, ValueError) as error:
        raise SignatureError(f"{describe_url(url)} cannot be asked for a time-stamp ({error}); try again") from error


def check_timestamp(fields: Mapping[str, Any], roots: Path | None) -> Stamp:
    """Check the time-stamp of an entry, offline.

    Args:
        fields: of the entry; it is over the entry before.
        roots: a PEM file with certificates: self-signed ones are trusted, others may stand
            between these and the authority's; without it, nothing can be said of the signature.

    Raises:
        SignatureError: the file holds no certificate, or `rfc3161-client` is not installed.
    """
    client = _load_client()
    try:
        response = client.decode_timestamp_response(base64.b64decode(str(fields.get("token")), validate=True))
        at: datetime = response.tst_info.gen_time
        digest = bytes.fromhex(str(fields["previous"]))
        is_of_entry = response.tst_info.message_imprint.message == digest
    except (ValueError, TypeError, KeyError) as error:
        return Stamp(at=None, fault=f"cannot be read ({error})")
    if not is_of_entry:
        return Stamp(at=at, fault="is of something else than the entry before it")
    if roots is None:
        return Stamp(at=at)
    builder = client.VerifierBuilder()
    for certificate in _load_certificates(roots):
        is_root = certificate.subject == certificate.issuer
        builder = (builder.add_root_certificate if is_root else builder.add_intermediate_certificate)(certificate)
    try:
        builder.build().verify(response, digest)
    except client.VerificationError as error:
        return Stamp(at=at, fault=f"does not hold ({error})")
    except ValueError as error:
        raise SignatureError(
            f"{roots} cannot be used ({error}); it has to hold a root certificate", path=roots
        ) from error
    return Stamp(at=at)


def _load_certificates(path: Path) -> list[Any]:
    from cryptography import x509  # noqa: PLC0415 - optional

    try:
        return list(x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise SignatureError(f"{path} holds no certificates that can be read ({error})", path=path) from error


def _load_client() -> Any:
    try:
        import rfc3161_client  # noqa: PLC0415 - optional
    except ImportError as error:
        raise SignatureError("time-stamps need the extra 'timestamps': pip install 'newsreel[timestamps]'") from error
    return rfc3161_client


def find_logged(collection: Collection, filename: str) -> tuple[str, str]:
    """Find when a file was last entered in the signed log, and when that entry was first time-stamped.

    Returns:
        Two dates of the log; empty where it was not.
    """
    logged_at = stamped_at = ""
    for entry in read_log(collection):
        if entry.fields.get("file") == filename:
            logged_at, stamped_at = str(entry.fields.get("at", "")), ""
        elif logged_at and not stamped_at and entry.fields.get("event") == EVENT:
            stamped_at = str(entry.fields.get("at", ""))
    return logged_at, stamped_at
