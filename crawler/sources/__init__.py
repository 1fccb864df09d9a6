"""Sources: publishers, each described by a TOML file in this folder or elsewhere.

Adding a publisher needs no Python: `docs/sources.md` walks through a definition line by line.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from crawler.environment import name_program
from crawler.projects.folder import find_own_sources
from crawler.sources.definition import load_source
from crawler.sources.model import Login, Politeness, Session, Source, SourceError
from pipelines.rules.model import Discovery, Parser, RequisiteKind, Requisites, ShareRule

__all__ = [
    "Discovery",
    "Login",
    "Parser",
    "Politeness",
    "RequisiteKind",
    "Requisites",
    "Session",
    "ShareRule",
    "Source",
    "SourceError",
    "find_source",
    "list_sources",
    "load_source",
]

_HERE = Path(__file__).resolve().parent


def list_sources() -> list[str]:
    """Return the names of the sources that have a definition in the project folder's `sources`, or come with us."""
    return sorted({path.stem for folder in list_folders() for path in folder.glob("*.toml")})


def list_folders() -> list[Path]:
    """Return where definitions are found by name: the project folder's `sources` if it has one, then ours."""
    own = find_own_sources()
    return [own, _HERE] if own else [_HERE]


def find_source(name_or_path: str) -> Source:
    """Load a source by its name or by the path of its TOML file; of two with one name the project folder's is meant.

    Raises:
        SourceError: there is no such source, or its definition is invalid.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml" and "/" not in name_or_path:
        places = [folder / f"{name_or_path}.toml" for folder in list_folders()]
        path = next((place for place in places if place.is_file()), places[0])
        if not path.is_file():
            raise SourceError(f"unknown source; {_advise(name_or_path)}", path=name_or_path)
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise SourceError("there is no such file", path=name_or_path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"cannot be read: {error}", path=name_or_path) from error
    return load_source(text, path=str(path))


def _advise(name: str) -> str:
    known = list_sources()
    if near := get_close_matches(name, known, n=1):
        return f"did you mean {near[0]}?"
    return (
        f"known are {', '.join(known)}, or give the path of a TOML file;"
        f" the site spider also knows the publishers that '{name_program()} sources search' lists"
    )
