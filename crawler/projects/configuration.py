"""Settings of a project folder: the file `newsreel.toml`, and environment variables `NEWSREEL_…`.

Both name settings as `crawler/settings.py` and Scrapy do. What the command line says with `-s` ranks above the
environment, the environment above the file.
"""

from __future__ import annotations

import json
import math
import sys
import tomllib
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scrapy.settings import default_settings

from crawler import settings
from crawler.environment import name_program, read_environment, read_variables
from crawler.projects.folder import CONFIGURATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Paths in newsreel.toml count from its folder, so that a command does the same from every folder below it.
_PATHS: Final = frozenset(
    {"DATA_DIR", "ALERTS_FILE", "EXPORTS_FILE", "METRICS_FILE", "JOBDIR", "LOG_FILE", "VIEWER_REPLAYWEB_DIR"}
)
# Close enough to be a typo rather than a setting of another extension.
_LIKENESS: Final = 0.84
_BOOLEANS: Final = ("true", "false", "1", "0")
_USAGE: Final = 2


class ConfigurationError(ValueError):
    """A configuration file that cannot be used; the message names the file."""


def load_configuration(folder: Path) -> dict[str, Any]:
    """Return the settings that a project folder's `newsreel.toml` makes; nothing if there is no such file.

    Raises:
        ConfigurationError: the file is not TOML, or holds what is not a setting.
    """
    path = folder / CONFIGURATION
    if not _is_path(str(folder)):
        raise ConfigurationError(f"{folder}: the name of this folder is not UTF-8; rename it")
    try:
        values = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text; save it in that encoding") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    for name in values:
        if not name.isupper():
            near = _find_near(name.upper(), list_settings())
            advice = f"; did you mean {near}?" if near else "; settings are written in capitals"
            raise ConfigurationError(f"{path}: {name} is not a setting{advice}")
    if fault := find_fault(values):
        raise ConfigurationError(f"{path}: {fault}")
    return {name: _settle_path(name, value, folder) for name, value in values.items()}


def load_settings(folder: Path | None) -> dict[str, Any]:
    """Return every setting that holds in a project folder: the defaults, its file, the environment.

    Raises:
        ConfigurationError: the file is not TOML, or it or the environment holds what is not a setting.
    """
    values = dict(settings.defaults)
    if fault := find_fault(read_variables(values)):
        raise ConfigurationError(fault)
    values |= load_configuration(folder) if folder else {}
    return values | read_environment(values)


def load_or_exit(folder: Path | None) -> dict[str, Any]:
    """Return what `load_settings` does, or exit with its sentence: Scrapy imports settings and would not catch it."""
    try:
        return load_settings(folder)
    except ConfigurationError as error:
        print(f"{name_program()}: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(_USAGE)


def find_fault(values: Mapping[str, Any]) -> str:
    """Return a sentence on the first name that is a typo or value that its setting cannot have; '' if all are good."""
    if misspelt := find_misspelling(values):
        return f"{misspelt[0]} is not a setting; did you mean {misspelt[1]}?"
    defaults = vars(default_settings) | settings.defaults
    for name, value in values.items():
        if wanted := _refuse_value(name, value, defaults.get(name)):
            return f"{name} must be {wanted}, not {value!r}"
    return ""


def _refuse_value(name: str, value: Any, default: Any) -> str:
    """Return what a setting must be, in words, if a value is not that; '' if it is."""
    words, is_good = "", True
    if value and name in settings.choices:
        words, is_good = f"one of {', '.join(settings.choices[name])}", value in settings.choices[name]
    elif name in _PATHS:
        words, is_good = "a path in quotation marks, in UTF-8", _is_path(value)
    elif isinstance(default, bool):
        words, is_good = "true or false", str(value).lower() in _BOOLEANS
    elif isinstance(default, int | float) or name in settings.least:
        words, is_good = _check_number(name, value, is_whole=isinstance(default, int))
    elif isinstance(default, str):
        words, is_good = "text in quotation marks", isinstance(value, str)
    elif isinstance(default, list | tuple):
        words, is_good = "a list", isinstance(value, list | tuple | str)
    elif isinstance(default, dict):
        words, is_good = "a table", _is_table(value)
    return "" if is_good else words


def _check_number(name: str, value: Any, *, is_whole: bool) -> tuple[str, bool]:
    """Return what a number must be, in words, and whether a value is that."""
    # Scrapy reads most of its whole numbers as any number, and some may be negative.
    is_ours = name in settings.defaults
    least = settings.least.get(name, 0) if is_ours else -math.inf
    kind = "a whole number" if is_ours and is_whole else "a number"
    try:
        number = math.nan if isinstance(value, bool) else float(value)
        is_good = least <= number < math.inf and not (is_ours and is_whole and int(value) != number)
    except (TypeError, ValueError):
        is_good = False
    return f"{kind}, {least} or more" if is_ours else kind, is_good


def _is_path(value: Any) -> bool:
    try:
        return isinstance(value, str) and b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False


def _is_table(value: Any) -> bool:
    """Return whether a value is a table, or the text of one in JSON, as Scrapy reads it from a command line."""
    try:
        return isinstance(json.loads(value) if isinstance(value, str) else value, dict)
    except ValueError:
        return False


def find_misspelling(names: Iterable[str]) -> tuple[str, str] | None:
    """Return the first name that is not a setting but nearly one, with the setting it is near to; or None.

    A name that resembles none is left to the extension that it may belong to.
    """
    known = list_settings()
    for name in names:
        if name not in known and (near := _find_near(name, known)):
            return name, near
    return None


def _find_near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=_LIKENESS)
    # DATA_DIRECTORY for DATA_DIR, but no DATA_DIR_OF_MINE.
    near += [key for key in known if "_" in key and name.startswith(key) and not name.startswith(f"{key}_")]
    return near[0] if near else ""


@cache
def list_settings() -> frozenset[str]:
    """Return the names of all settings, ours and Scrapy's."""
    scrapys = {name for name in vars(default_settings) if name.isupper()}
    return frozenset(scrapys | settings.defaults.keys() | _UNSET)


# Settings of ours, or read by parts of Scrapy, that have no default.
_UNSET: Final = frozenset(
    {
        "CLOSESPIDER_PAGECOUNT_NO_ITEM",
        "COLLECTION",
        "DOWNLOAD_DELAY_JITTER",
        "FRONTIER_FILE",
        "POSTS_DIR",
        "POSTS_LEDGER",
        "VIEWER_REPLAYWEB_DIR",
    }
)


def _settle_path(name: str, value: Any, folder: Path) -> Any:
    is_path = name in _PATHS and isinstance(value, str) and value
    return str(folder / Path(value).expanduser()) if is_path else value
