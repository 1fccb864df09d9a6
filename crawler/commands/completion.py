"""`newsreel completion`: the shell script that completes commands, options and settings."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from scrapy.exceptions import UsageError

from crawler.projects.command import NewsreelCommand, refuse_word
from crawler.projects.completion import SHELLS, Words
from crawler.projects.configuration import list_settings
from crawler.projects.main import list_commands, load_command
from crawler.publishing.formats import describe_formats
from crawler.sinks.addresses import SINKS

if TYPE_CHECKING:
    from scrapy.settings import Settings

# Words that come first behind a command, where it knows them before it runs.
_FIRST: Final = {
    "crawl": ("category", "share", "site"),
    "sources": ("list", "check", "new", "record", "schema"),
    "schedule": ("export",),
    "completion": tuple(SHELLS),
    "webhooks": ("list", "retry", "deliver"),
}


class Command(NewsreelCommand):
    """Prints a script for a shell.

    Exit codes: 0 good, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    examples = ("bash > ~/.local/share/bash-completion/completions/newsreel",)

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "|".join(SHELLS)

    def short_desc(self) -> str:
        """Return one line for `newsreel --help`."""
        return "Print the shell script that completes commands, options and settings"

    def long_desc(self) -> str:
        """Return how to use it."""
        return (
            'bash: eval "$(newsreel completion bash)" in ~/.bashrc; '
            'zsh: newsreel completion zsh > "${fpath[1]}/_newsreel"; '
            "fish: newsreel completion fish > ~/.config/fish/completions/newsreel.fish"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 (Scrapy's signature)
        """Print the script for the shell named in `args`."""
        if len(args) != 1:
            raise UsageError(f"name one shell: {', '.join(SHELLS)}", print_help=False)
        if args[0] not in SHELLS:
            raise refuse_word(args[0], list(SHELLS), "shell that this command knows")
        assert self.settings is not None
        commands = {name: _describe(name, self.settings) for name in list_commands()}
        print(SHELLS[args[0]](commands, list_settings()), end="")  # noqa: T201


def _describe(name: str, settings: Settings) -> Words:
    command = load_command(name)
    command.settings = settings
    parser = argparse.ArgumentParser(conflict_handler="resolve", add_help=False)
    command.add_options(parser)
    options = {
        option: " ".join((action.help or "").replace("%%", "%").split())
        for action in parser._actions
        for option in action.option_strings
    }
    first = (*describe_formats(), *SINKS, "schema", "webhooks") if name == "export" else _FIRST.get(name, ())
    return Words(summary=command.short_desc(), options=options, first=first)
