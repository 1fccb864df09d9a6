"""Settings in the environment: `NEWSREEL_DATA_DIR=/srv/news` sets `DATA_DIR`."""

from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "NEWSREEL_"
# What the user typed; set by `newsreel`, so that what it starts knows as well.
_PROGRAM: Final = "NEWSREEL_PROGRAM"
# They may hold a password, and Scrapy logs settings; what needs them reads the environment itself.
_SECRET: Final = frozenset({"CATALOGUE_URL", "FRONTIER_URL"})


def read_environment(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the environment makes: `NEWSREEL_DATA_DIR=/srv/news` sets `DATA_DIR`."""
    return {name: value for name, value in read_variables(defaults).items() if name in defaults}


def read_variables(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return every variable of ours by the name of its setting, which need not be one.

    A value that is TOML (`5`, `true`, `["a"]`) is read as such unless the default is text; any other is text.
    """
    texts = {name.removeprefix(PREFIX): text for name, text in os.environ.items() if name.startswith(PREFIX)}
    return {
        name: text if isinstance(defaults.get(name), str) else _load_value(text)
        for name, text in texts.items()
        if name not in _SECRET
    }


def name_program() -> str:
    """Return what the user typed, for sentences that tell what to type next: `newsreel`, or else `scrapy`."""
    return os.environ.get(_PROGRAM, "scrapy")


def set_program_name(name: str) -> None:
    """Have this process and what it starts name themselves so."""
    os.environ[_PROGRAM] = name


def _load_value(text: str) -> Any:
    try:
        values: Mapping[str, Any] = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return values["value"] if len(values) == 1 else text
