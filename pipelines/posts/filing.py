"""How far an article has come in the ledger: whether it is settled, and which file its post has."""

from __future__ import annotations

from dataclasses import dataclass

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A post's right to a file name; of several with the same claim the smallest key has it."""

    key: _Key
    claim: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """How far an article has come: what it was settled into last, and which file that became.

    Attributes:
        state: the post as it was settled last, as `load_post` reads it; '' before.
        is_settled: nothing was stated since, only its file is behind.
        claim: None where it has no file yet.
        outcome: what this run has done for its file so far, or ''.
    """

    state: str
    is_settled: bool
    claim: Claim | None
    outcome: str
