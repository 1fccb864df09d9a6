"""The Jinja2 environment of the viewer's pages: all markup is in template files, and every value is escaped."""

from __future__ import annotations

from datetime import datetime

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from archives.replay.routes import build_calendar_path, build_cdx_path, build_path, build_timemap_path
from archives.terminal import count_words


def build_environment(*packages: str) -> Environment:
    """Return the templates in the folders `web` of some packages; each is compiled once, when it is first used.

    Args:
        packages: names of packages; the templates of an earlier one may extend those of a later one.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name, "web") for name in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "counted": count_words,
        "instant": format_instant,
        "iso": datetime.isoformat,
        "short_digest": shorten_digest,
    }
    environment.globals |= {
        "memento_path": build_path,
        "calendar_path": build_calendar_path,
        "timemap_path": build_timemap_path,
        "cdx_path": build_cdx_path,
    }
    return environment


def format_instant(at: datetime) -> str:
    """Return an instant as people read it."""
    return f"{at.day} {at:%b} {at.year:04}, {at:%H:%M:%S} UTC"


def shorten_digest(digest: str) -> str:
    """Return the beginning of a digest, without its algorithm: enough to tell payloads apart at a glance."""
    return digest.partition(":")[2][:8].lower()
