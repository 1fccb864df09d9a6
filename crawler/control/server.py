"""The control port: the viewer's server, which also takes small forms."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from archives.errors import CollectionError
from archives.replay.http import build_text
from archives.replay.server import Handler, ReplayServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archives.replay.http import App, Response

MAX_FORM_BYTES: Final = 16 * 1024
_FORM: Final = "application/x-www-form-urlencoded"


class _FormHandler(Handler):
    def do_POST(self) -> None:  # noqa: N802 (the base class looks for it under this name)
        refusal, length = self._check_form()
        if refusal is not None:
            self.close_connection = True
            self.respond_with(refusal)
            return
        self.respond(self.rfile.read(length))

    def _check_form(self) -> tuple[Response | None, int]:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            return build_text("Length required.\n", status=411), 0
        if len(length) > 6 or int(length) > MAX_FORM_BYTES:
            return build_text("Too large.\n", status=413), 0
        if self.headers.get_content_type() != _FORM:
            return build_text(f"A form is sent as {_FORM}.\n", status=415), 0
        return None, int(length)


class ControlServer(ReplayServer):
    """A server whose app is also given forms."""

    handler_class = _FormHandler


@contextmanager
def serve_control(app: App, *, host: str, port: int) -> Iterator[ControlServer]:
    """Serve while the block runs.

    Raises:
        CollectionError: the address is in use or does not exist.
    """
    try:
        server = ControlServer(app, host=host, port=port)
    except OSError as error:
        raise CollectionError(
            f"cannot serve on {host}:{port} ({error.strerror or error}); choose another with --control"
        ) from error
    with server:
        thread = threading.Thread(target=server.serve_forever, name="control", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
