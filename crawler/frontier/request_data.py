"""Requests as JSON, so that a table can keep them and another process can make them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.utils.request import request_from_dict

from crawler.runs.run import META_CAPTURE

if TYPE_CHECKING:
    from scrapy import Spider

_PLAIN = ("callback", "errback", "method", "priority", "dont_filter", "encoding", "flags", "cb_kwargs", "meta")
_DEFAULTS: dict[str, Any] = {
    "method": "GET",
    "priority": 0,
    "dont_filter": False,
    "encoding": "utf-8",
    "flags": [],
    "cb_kwargs": {},
    "meta": {},
    "callback": None,
    "errback": None,
}
# Scrapy marks with the first of them a request whose proxy is that of the environment.
_FROM_ENVIRONMENT = "_scheme_proxy"
_PROXY_META = frozenset((_FROM_ENVIRONMENT, "_auth_proxy", "proxy"))
_PROXY_HEADER = b"Proxy-Authorization"


def dump_request(request: Request, spider: Spider | None) -> str:
    """Write a request as JSON, without its default values, and without the environment's proxy and its password.

    Raises:
        TypeError: its meta or arguments hold more than data.
        ValueError: its callback is not a method of the spider.
    """
    # Scrapy's own to_dict() looks for a callback among all members of the spider, for every request.
    values = {name: getattr(request, name) for name in _PLAIN}
    values["callback"] = _find_method(spider, request.callback)
    values["errback"] = _find_method(spider, request.errback)
    is_proxy_kept = _FROM_ENVIRONMENT not in request.meta
    left_out = {META_CAPTURE} if is_proxy_kept else {META_CAPTURE, *_PROXY_META}
    values["meta"] = {name: value for name, value in request.meta.items() if name not in left_out}
    data: dict[str, Any] = {"url": request.url}
    data |= {name: value for name, value in values.items() if value != _DEFAULTS[name]}
    if type(request) is not Request:
        data["_class"] = f"{type(request).__module__}.{type(request).__qualname__}"
        data |= {name: getattr(request, name) for name in request.attributes if name not in Request.attributes}
    if request.cookies:
        data["cookies"] = request.cookies
    if request.body:
        data["body"] = base64.b64encode(request.body).decode()
    headers = [
        [name.decode("latin-1"), [value.decode("latin-1") for value in entries]]
        for name, entries in request.headers.items()
        if is_proxy_kept or name != _PROXY_HEADER
    ]
    if headers:
        data["headers"] = headers
    return json.dumps(data, ensure_ascii=False)


def _find_method(spider: Spider | None, function: Any) -> str | None:
    """Return the name by which a spider knows one of its methods."""
    if function is None:
        return None
    name = getattr(function, "__name__", "")
    if spider is None or not name or getattr(spider, name, None) != function:
        raise ValueError(f"{function} is not a method of the spider")
    return str(name)


def load_request(text: str, spider: Spider | None) -> Request:
    """Read what `dump_request` wrote."""
    data = json.loads(text)
    if "body" in data:
        data["body"] = base64.b64decode(data["body"])
    if "headers" in data:
        data["headers"] = {
            name.encode("latin-1"): [value.encode("latin-1") for value in entries] for name, entries in data["headers"]
        }
    return request_from_dict(data, spider=spider)
