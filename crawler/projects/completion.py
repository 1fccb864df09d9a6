"""Shell completion scripts for `newsreel`: commands, options, words and settings.

A script holds everything that can be known beforehand, so that a press of the tab key starts no Python.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What may stand behind one command.

    Attributes:
        summary: one line on the command.
        options: help by option.
        first: words that may come first; where there are none, files do.
    """

    summary: str
    options: Mapping[str, str]
    first: Sequence[str] = ()


def build_bash(commands: Mapping[str, Words], settings: Iterable[str]) -> str:
    """Return the script for bash, to be sourced or put into `bash-completion/completions/newsreel`."""
    options = "\n".join(f"    {n}) options={_quote(w.options)} ;;" for n, w in commands.items())
    first = "\n".join(f"    {n}) first={_quote(w.first)} ;;" for n, w in commands.items() if w.first)
    return f"""\
# bash completion for newsreel
_newsreel() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} options= first=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W {_quote(commands)} -- "$word"))
    return
  fi
  if [ "$before" = -s ]; then
    compopt -o nospace 2>/dev/null
    COMPREPLY=($(compgen -S = -W {_quote(sorted(settings))} -- "$word"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{options}
  esac
  case ${{COMP_WORDS[1]}} in
{first}
  esac
  if [ "${{word#-}}" != "$word" ]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [ "$COMP_CWORD" -eq 2 ] && [ -n "$first" ]; then
    COMPREPLY=($(compgen -W "$first" -- "$word"))
  else
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -F _newsreel newsreel
"""


def build_zsh(commands: Mapping[str, Words], settings: Iterable[str]) -> str:
    """Return the script for zsh, to be put into a folder of `$fpath` as `_newsreel`."""
    described = "\n".join(f"    {shlex.quote(_join(n, w.summary))}" for n, w in commands.items())
    options = "\n".join(
        f"    {name}) options=({' '.join(shlex.quote(_join(o, text)) for o, text in words.options.items())}) ;;"
        for name, words in commands.items()
    )
    first = "\n".join(f"    {n}) first=({' '.join(w.first)}) ;;" for n, w in commands.items() if w.first)
    return f"""\
#compdef newsreel
_newsreel() {{
  local -a commands options first
  commands=(
{described}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  if [[ $words[CURRENT-1] == -s ]]; then
    compadd -S = -- {" ".join(sorted(settings))}
    return
  fi
  case $words[2] in
{options}
  esac
  case $words[2] in
{first}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe option options
  elif (( CURRENT == 3 && $#first )); then
    compadd -- $first
  else
    _files
  fi
}}
if [ "$funcstack[1]" = _newsreel ]; then _newsreel "$@"; else compdef _newsreel newsreel; fi
"""


def build_fish(commands: Mapping[str, Words], settings: Iterable[str]) -> str:
    """Return the script for fish, to be put into `completions/newsreel.fish`."""
    lines = ["# fish completion for newsreel", "complete -c newsreel -n __fish_use_subcommand -f"]
    for name, words in commands.items():
        lines.append(f"complete -c newsreel -n __fish_use_subcommand -a {name} -d {_escape(words.summary)}")
        behind = f"-n '__fish_seen_subcommand_from {name}'"
        for option, text in words.options.items():
            kind = "-l" if option.startswith("--") else "-s" if len(option) == len("-s") else "-o"
            lines.append(f"complete -c newsreel {behind} {kind} {option.lstrip('-')} -d {_escape(text)}")
        if words.first:
            lines.append(f"complete -c newsreel {behind} -f -a {_escape(' '.join(words.first))}")
    names = " ".join(f"{name}=" for name in sorted(settings))
    lines.append(f"complete -c newsreel -n 'not __fish_use_subcommand' -s s -x -a {_escape(names)}")
    return "\n".join(lines) + "\n"


def _quote(words: Iterable[str]) -> str:
    return shlex.quote(" ".join(words))


def _join(name: str, text: str) -> str:
    """Return what `_describe` of zsh takes: colons separate a word from its description."""
    return f"{name.replace(':', chr(92) + ':')}:{text}"


def _escape(text: str) -> str:
    """Return a word of fish, within whose single quotes only these two are escaped."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SHELLS: Final[Mapping[str, Callable[[Mapping[str, Words], Iterable[str]], str]]] = {
    "bash": build_bash,
    "zsh": build_zsh,
    "fish": build_fish,
}
