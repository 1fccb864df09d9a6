"""TLS settings of connections: trust store, versions, client certificates."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scrapy.exceptions import NotConfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy.settings import BaseSettings

_VERSIONS: Final = {
    "TLSv1.0": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


class TlsContexts:
    """The contexts of one run: one for all hosts, and one for each host that wants to know who we are.

    `DOWNLOAD_VERIFY_CERTIFICATES`, `DOWNLOAD_TLS_TRUST_STORE` (a PEM file or a folder of hashed ones, instead of the
    system's), `DOWNLOAD_TLS_CLIENT_CERTIFICATES` (host to a PEM file with certificate and key, or to a list of
    certificate and key file), `DOWNLOAD_TLS_MIN_VERSION`, `DOWNLOAD_TLS_MAX_VERSION`, `DOWNLOADER_CLIENT_TLS_CIPHERS`.

    Raises:
        NotConfigured: a setting names a file that is no such file, or a version or cipher that is none.
    """

    def __init__(self, settings: BaseSettings) -> None:
        self._settings = settings
        self._certificates: Mapping[str, Any] = settings.getdict("DOWNLOAD_TLS_CLIENT_CERTIFICATES")
        self._common: ssl.SSLContext | None = None
        self._own: dict[str, ssl.SSLContext] = {}
        for host in self._certificates:
            self._own[host] = self._build(host)

    def find(self, host: str) -> ssl.SSLContext:
        """Return the context for a host; made when it is first needed, since that takes a while."""
        if host in self._own:
            return self._own[host]
        if self._common is None:
            self._common = self._build()
        return self._common

    def _build(self, host: str | None = None) -> ssl.SSLContext:
        try:
            context = self._build_bare()
            if host is not None:
                files = self._certificates[host]
                context.load_cert_chain(*([files] if isinstance(files, str) else files))
        except (OSError, ssl.SSLError, KeyError, TypeError) as error:
            about = f"the client certificate of {host}" if host else "the DOWNLOAD_TLS settings"
            raise NotConfigured(f"TLS cannot be set up by {about}: {error!r}; mend the setting") from error
        return context

    def _build_bare(self) -> ssl.SSLContext:
        settings = self._settings
        store = settings.get("DOWNLOAD_TLS_TRUST_STORE")
        is_folder = bool(store) and Path(store).is_dir()
        context = ssl.create_default_context(
            cafile=None if is_folder else store or None, capath=store if is_folder else None
        )
        context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
        context.set_alpn_protocols(["http/1.1"])
        if not settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if ciphers := settings.get("DOWNLOADER_CLIENT_TLS_CIPHERS"):
            context.set_ciphers(ciphers)
        if lowest := settings.get("DOWNLOAD_TLS_MIN_VERSION"):
            context.minimum_version = _VERSIONS[lowest]
        if highest := settings.get("DOWNLOAD_TLS_MAX_VERSION"):
            context.maximum_version = _VERSIONS[highest]
        return context
