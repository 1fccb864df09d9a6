"""Scripts for shells, as the shells that are here take them."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from crawler.projects.completion import SHELLS, Words
from crawler.projects.main import list_commands
from tests.crawler.projects.test_projects import run_newsreel

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = {
    "crawl": Words(
        summary="Crawl: it's 100% of `it`", options={"-a": "an argument", "--json": "as $JSON"}, first=["site"]
    ),
    "serve": Words(summary="Serve", options={"--port": "8080"}),
}


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> str:
    done = run_newsreel("completion", "bash", folder=tmp_path_factory.mktemp("shell"))
    assert done.returncode == 0, done.stderr
    return done.stdout


def press_tab(script: str, folder: Path, *words: str) -> list[str]:
    """What bash offers in place of the last word."""
    ask = f'COMP_WORDS=("$@"); COMP_CWORD={len(words) - 1}; _newsreel; printf "%s\\n" "${{COMPREPLY[@]}}"'
    command = ["bash", "--norc", "-c", f"{script}\n{ask}", "bash", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_words_settings_and_files(script: str, tmp_path: Path) -> None:
    (tmp_path / "harbour.toml").touch()
    assert set(press_tab(script, tmp_path, "newsreel", "")) == set(list_commands())
    assert press_tab(script, tmp_path, "newsreel", "ver") == ["verify"]
    assert press_tab(script, tmp_path, "newsreel", "forget", "--dry") == ["--dry-run"]
    assert press_tab(script, tmp_path, "newsreel", "crawl", "cat") == ["category"]
    assert press_tab(script, tmp_path, "newsreel", "export", "par") == ["parquet"]
    assert press_tab(script, tmp_path, "newsreel", "crawl", "site", "-s", "DATA_D") == ["DATA_DIR="]
    assert press_tab(script, tmp_path, "newsreel", "sources", "check", "har") == ["harbour.toml"]
    assert press_tab(script, tmp_path, "newsreel", "nobody", "--x") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_well_formed_whatever_a_help_text_says(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "script"
    path.write_text(SHELLS[shell](COMMANDS, ["DATA_DIR"]), "utf-8")
    checked = subprocess.run([shell, "-n", path], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_fish_completes_by_what_it_is_given(tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    (tmp_path / "script").write_text(SHELLS["fish"](COMMANDS, ["DATA_DIR"]), "utf-8")

    def press(line: str) -> list[str]:
        command = ["fish", "--no-config", "-c", f"source script; complete -C '{line}'"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return [offer.partition("\t")[0] for offer in done.stdout.splitlines()]

    assert press("newsreel ser") == ["serve"]
    assert press("newsreel crawl --j") == ["--json"]
    assert press("newsreel crawl si") == ["site"]
    assert press("newsreel crawl -s DA") == ["DATA_DIR="]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("newsreel ser", "newsreel serve "),
        ("newsreel crawl --j", "newsreel crawl --json "),
        ("newsreel crawl si", "newsreel crawl site "),
        ("newsreel crawl -s DA", "newsreel crawl -s DATA_DIR="),
    ],
)
def test_zsh_completes_by_what_it_is_given(line: str, completed: str, tmp_path: Path) -> None:
    """At its prompt, on a terminal: its completion works nowhere else."""
    script = tmp_path / "script"
    script.write_text(SHELLS["zsh"](COMMANDS, ["DATA_DIR"]), "utf-8")
    terminal, end = pty.openpty()
    begin = f"autoload -Uz compinit; compinit -u -D; source {script}; compdef _newsreel newsreel; PS1=$((40+2))READY"
    command, environment = ["zsh", "-f", "-i"], os.environ | {"TERM": "dumb"}
    with subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env=environment, start_new_session=True) as zsh:
        try:
            os.write(terminal, f"{begin}\n".encode())
            read_until(terminal, "42READY")
            os.write(terminal, f"{line}\t".encode())
            read_until(terminal, completed)
        finally:
            zsh.kill()
            os.close(terminal)
            os.close(end)


def read_until(terminal: int, text: str) -> None:
    shown, until = "", time.monotonic() + 60
    while text not in shown:
        assert time.monotonic() < until, shown
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 65_536).decode("utf-8", "replace")


def test_another_shell_is_refused(tmp_path: Path) -> None:
    refused = run_newsreel("completion", "bsh", folder=tmp_path)
    assert (refused.returncode, "did you mean bash?" in refused.stderr) == (2, True)
