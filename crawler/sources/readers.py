"""Python that reads a source's pages where expressions are not enough, found by the name that a definition gives it.

A definition may come out of somebody else's archive, so it can name no module at will: only a file that lies beside
it, which whoever named the definition's path has chosen, or a class that an installed package offers for this under
the entry point group `newsreel.readers`.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from archives.extensions import ExtensionError, ExtensionGroup

if TYPE_CHECKING:
    from pipelines.rules.model import Reader

READERS: Final[ExtensionGroup[Reader]] = ExtensionGroup("newsreel.readers", members=("find_fields",))
_FILE = re.compile(r"(?P<file>[A-Za-z0-9_-]+\.py):(?P<name>[A-Za-z_]\w*)")


class ReaderError(ValueError):
    """A reader that cannot be loaded; the sentence says why and what to do."""


def load_reader(name: str, *, beside: str) -> Reader:
    """Return the reader that a definition names.

    Args:
        name: `file.py:Class`, or the name of an entry point.
        beside: path of the definition.

    Raises:
        ReaderError: there is no such class, or it is not a reader.
    """
    in_file = _FILE.fullmatch(name)
    if in_file:
        return _load_beside(Path(beside), in_file["file"], in_file["name"])
    try:
        return READERS.build(name)
    except ExtensionError as error:
        raise ReaderError(f"{error}; a class in a file is named 'file.py:Class'") from error


def _load_beside(definition: Path, file: str, name: str) -> Reader:
    path = definition.with_name(file)
    if not definition.is_file() or not path.is_file():
        raise ReaderError(f"there is no {file} beside {definition}; give the path of a definition in the same folder")
    module_name = f"newsreel_reader_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        raise ReaderError(f"{path} cannot be loaded: {error}") from error
    if not hasattr(module, name):
        raise ReaderError(f"{path} has no class {name}; write it there, or correct the name")
    try:
        reader = getattr(module, name)()
    except TypeError as error:
        raise ReaderError(
            f"{name!r} of {path} must be a class whose constructor needs no arguments: {error}"
        ) from error
    if not callable(getattr(reader, "find_fields", None)):
        raise ReaderError(f"{name!r} of {path} has no method find_fields(page), which returns texts by field")
    return cast("Reader", reader)
