"""The pages of the control port as a function from request to response: what is running, and buttons."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from archives.errors import ArchiveError
from archives.replay import pages
from archives.replay.http import Response, build_text
from archives.replay.pages import STYLE_PATH, Bar, Link, build_error_page
from archives.replay.templates import build_environment
from crawler.viewer.pages import load_style

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jinja2 import Environment

    from archives.replay.http import Request
    from crawler.control.access import Access
    from crawler.control.actions import Actions, SourceState

_MAX_FIELDS: Final = 8
_PRIVATE: Final = (("Cache-Control", "no-store"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPage:
    """What `control.html` shows.

    Attributes:
        key: goes with every form.
        origin: of this port, for the bookmarklet.
        viewer: the address of the viewer.
    """

    states: Sequence[SourceState]
    key: str
    origin: str
    viewer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavePage:
    """What `save.html` shows: the page that is to be saved, and for which source."""

    url: str
    source: str
    key: str


class ControlApp:
    """Answers on the control port.

    Args:
        viewer: the address of the viewer, to link to.
    """

    def __init__(self, access: Access, actions: Actions, *, viewer: str) -> None:
        self._access = access
        self._actions = actions
        self._viewer = viewer
        self._by_name: dict[str, Callable[[str], str]] = {
            "/start": actions.start,
            "/stop": actions.stop,
            "/pause": actions.pause,
            "/resume": actions.resume,
        }

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if request.path == STYLE_PATH:
            return load_style()
        if request.path == "/login":
            return self._log_in(request)
        if not self._access.may_read(request):
            return _build_page("login.html", None, status=401)
        try:
            return self._act(request) if request.method == "POST" else self._show(request)
        except ArchiveError as error:
            if self._access.is_program(request):
                return build_text(f"{error}\n", status=409)
            return build_error_page(409, "This cannot be done", str(error), links=[Link("Control", "/")])

    def _log_in(self, request: Request) -> Response:
        given = read_form(request) if request.method == "POST" else request.arguments
        if not self._access.is_token(given.get("token", "")):
            return _build_page("login.html", None, status=401)
        headers = (("Location", "/"), ("Set-Cookie", self._access.cookie), *_PRIVATE)
        return Response(status=303, headers=headers)

    def _show(self, request: Request) -> Response:
        if request.path == "/":
            page = ControlPage(
                states=self._actions.list_states(),
                key=self._access.form_key,
                origin=f"http://{request.host}",
                viewer=self._viewer,
            )
            return _build_page("control.html", page)
        if request.path == "/save":
            url = request.arguments.get("url", "")
            source = self._actions.find_owner(url)
            return _build_page("save.html", SavePage(url=url, source=source, key=self._access.form_key))
        return build_error_page(
            404, "Page not found", "There is no page at this address.", links=[Link("Control", "/")]
        )

    def _act(self, request: Request) -> Response:
        form = read_form(request)
        if not self._access.may_act(request, form):
            message = "The form did not come from this page; open it again and press the button there."
            return build_error_page(403, "Refused", message, links=[Link("Control", "/")])
        if request.path == "/save":
            said = self._actions.save(form.get("url", ""))
        elif request.path in self._by_name:
            said = self._by_name[request.path](form.get("source", ""))
        else:
            return build_text("Not found.\n", status=404)
        if self._access.is_program(request):
            return build_text(f"{said}\n")
        return Response(status=303, headers=(("Location", "/"), *_PRIVATE))


def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form that was sent; of a repeated one the last."""
    try:
        return dict(parse_qsl(request.body.decode("utf-8", "replace"), max_num_fields=_MAX_FIELDS))
    except ValueError:
        return {}


@cache
def _load_templates() -> Environment:
    return build_environment("crawler.control", pages.PACKAGE)


def _build_page(template: str, page: object, *, status: int = 200) -> Response:
    return pages.build_page(template, page, bar=Bar(), status=status, headers=_PRIVATE, templates=_load_templates())
