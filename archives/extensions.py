"""Extensions from installed distributions: classes found by group and name, as entry points.

It is in this package because reading a stored file needs it, also where nothing but the archive is at hand. A
distribution is imported only when what it offers is asked for by name, so that a broken one stops nothing else.

Spec: https://packaging.python.org/en/latest/specifications/entry-points/
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from archives.errors import ArchiveError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class ExtensionError(ValueError):
    """An extension that cannot be used; the sentence names its distribution and says what is wrong.

    Attributes:
        group: such as `newsreel.exporters`.
        name: that was requested.
    """

    def __init__(self, message: str, *, group: str, name: str) -> None:
        super().__init__(f"{name!r} of {group} {message}")
        self.group = group
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One entry point, not yet imported.

    Attributes:
        distribution: name and version of the distribution that it belongs to.
        summary: what that distribution says of itself in one line; may be empty.
    """

    name: str
    distribution: str
    summary: str
    entry: EntryPoint


class ExtensionGroup(Generic[T]):
    """One group of entry points, each a class that makes a `T`.

    Args:
        name: of the group.
        members: what a `T` must have.
    """

    def __init__(self, name: str, *, members: tuple[str, ...]) -> None:
        self.name = name
        self.members = members

    def list_offers(self) -> tuple[Offer, ...]:
        """Return what is installed, by name; nothing of it is imported."""
        return tuple(sorted(map(_describe, entry_points(group=self.name)), key=lambda offer: offer.name))

    def find_offer(self, name: str) -> Offer:
        """Return what is installed under a name.

        Raises:
            ExtensionError: nothing is, or several distributions offer it.
        """
        offers = self.list_offers()
        found = [offer for offer in offers if offer.name == name]
        if not found:
            known = ", ".join(dict.fromkeys(offer.name for offer in offers)) or "none"
            raise self._fail(name, f"is offered by no installed distribution; installed are {known}")
        if len(found) > 1:
            names = " and ".join(offer.distribution for offer in found)
            raise self._fail(name, f"is offered by {names}; uninstall all but one")
        return found[0]

    def build(self, name: str, *arguments: object) -> T:
        """Return what the class under a name makes of these arguments.

        Raises:
            ExtensionError: there is no such class, or it cannot be used.
            ArchiveError: the class itself refuses, in its own words.
        """
        offer = self.find_offer(name)
        try:
            made = offer.entry.load()(*arguments)
        except ArchiveError:
            raise
        except (Exception, SystemExit) as error:
            raise self._fail(name, f"cannot be used: {offer.distribution} raises {explain(error)}") from error
        missing = [member for member in self.members if not hasattr(made, member)]
        if missing:
            raise self._fail(name, f"cannot be used: what {offer.distribution} makes has no {', '.join(missing)}")
        return cast("T", made)

    def _fail(self, name: str, message: str) -> ExtensionError:
        return ExtensionError(message, group=self.name, name=name)


def explain(error: BaseException) -> str:
    """Return an error of an extension in one line: its type and message."""
    return ": ".join(filter(None, (type(error).__name__, " ".join(str(error).split()))))


def _describe(entry: EntryPoint) -> Offer:
    about = entry.dist.metadata if entry.dist else None
    name, version, summary = (about[key] if about and key in about else "" for key in ("Name", "Version", "Summary"))
    label = f"{name} {version}".strip() or "an unnamed distribution"
    return Offer(name=entry.name, distribution=label, summary=summary, entry=entry)
