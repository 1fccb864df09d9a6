"""The command `newsreel` as users type it: in a project folder, in an empty one, from an installed wheel."""

from __future__ import annotations

import ast
import math
import os
import re
import resource
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archives.storage.collection import Collection
from crawler.environment import read_environment
from crawler.projects.configuration import (
    ConfigurationError,
    find_fault,
    find_misspelling,
    load_configuration,
    load_settings,
)
from crawler.projects.folder import find_folder
from crawler.projects.main import list_commands
from crawler.projects.template import make_project
from crawler.reparsing.ledger import find_ledger
from crawler.spiders.category import CategorySpider
from crawler.spiders.share import ShareSpider
from crawler.spiders.site import SiteSpider
from pipelines.posts.ledger import Ledger
from tests.project import ROOT, Data, run_module, start_module

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.long

SOURCE = """
name = "harbour"
title = "Harbour News"
language = "en"
timezone = "Europe/London"
scope = ["http://harbour.example/"]
seeds = ["http://harbour.example/"]
"""


def run_newsreel(
    *arguments: str | Path, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    clean = {"SCRAPY_SETTINGS_MODULE": None, "PYTHONPATH": None} | dict(environment or {})
    return run_module("crawler", *arguments, cwd=folder, environment=clean)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work") / "news"
    made = run_newsreel("init", folder, folder=folder.parent)
    assert made.returncode == 0, made.stderr
    (folder / "sources" / "harbour.toml").write_text(SOURCE, "utf-8")
    return folder


def test_help_lists_every_command_and_an_unknown_one_is_refused_with_the_nearest(tmp_path: Path) -> None:
    told = run_newsreel("--help", folder=tmp_path)
    assert told.returncode == 0
    listed = {line.split()[0] for line in told.stdout.splitlines() if line.startswith("  ")}
    assert set(list_commands()) <= listed
    refused = run_newsreel("vrify", folder=tmp_path)
    assert (refused.returncode, refused.stderr) == (2, "newsreel: there is no command vrify; did you mean verify?\n")


def test_init_makes_what_is_missing_and_leaves_what_is_there(project: Path) -> None:
    names = {path.name for path in project.iterdir()}
    assert {"newsreel.toml", "scrapy.cfg", "newsreel_settings.py", "sources", ".gitignore"} <= names
    (project / ".gitignore").write_text("/mine/\n", "utf-8")
    (project / "scrapy.cfg").unlink()
    again = run_newsreel("init", folder=project)
    assert again.stdout.splitlines()[0] == "made scrapy.cfg"
    assert (project / ".gitignore").read_text("utf-8") == "/mine/\n"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = run_newsreel("init", tmp_path / "file" / "news", folder=tmp_path)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1


def test_sources_of_the_project_are_found_by_name_from_every_folder_below(project: Path) -> None:
    below = project / "sources"
    listed = run_newsreel("sources", folder=below)
    assert "harbour" in listed.stdout
    assert "finews" in listed.stdout
    assert run_newsreel("sources", "check", "harbour", folder=below).returncode == 0


@pytest.mark.parametrize("module", ["crawler", "scrapy"])
def test_settings_come_from_the_file_then_the_environment_then_the_command_line(project: Path, module: str) -> None:
    def read(*options: str, **environment: str) -> str:
        clean = {"SCRAPY_SETTINGS_MODULE": None, **environment}
        done = run_module(module, "settings", "--get", "DATA_DIR", *options, cwd=project, environment=clean)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert read() == str(project.resolve() / "data")
    assert read(NEWSREEL_DATA_DIR="/elsewhere") == "/elsewhere"
    assert read("-s", "DATA_DIR=/third", NEWSREEL_DATA_DIR="/elsewhere") == "/third"


def test_what_is_no_setting_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "newsreel.toml").write_text('CONTCAT = "x"\n', "utf-8")
    refused = run_newsreel("runs", folder=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.rstrip().endswith("CONTCAT is not a setting; did you mean CONTACT?")
    (tmp_path / "newsreel.toml").write_text("contact = 5\n", "utf-8")
    with pytest.raises(ConfigurationError, match="did you mean CONTACT"):
        load_configuration(tmp_path)
    (tmp_path / "newsreel.toml").write_text('data_dir = "x"\n', "utf-8")
    with pytest.raises(ConfigurationError, match="did you mean DATA_DIR"):
        load_configuration(tmp_path)
    (tmp_path / "newsreel.toml").write_text("= 5\n", "utf-8")
    with pytest.raises(ConfigurationError, match=r"newsreel\.toml"):
        load_configuration(tmp_path)


@pytest.mark.parametrize("module", ["crawler", "scrapy"])
@pytest.mark.parametrize(
    ("file", "variables", "options", "words"),
    [
        ('DOWNLOAD_DELAY = "soon"', {}, [], "DOWNLOAD_DELAY must be a number, 0 or more, not 'soon'"),
        ("", {"NEWSREEL_DATA_DRI": "x"}, [], "DATA_DRI is not a setting; did you mean DATA_DIR?"),
        ("", {"NEWSREEL_RETRY_TIMES": "[]"}, [], "RETRY_TIMES must be a whole number, 0 or more, not []"),
        ("", {}, ["-s", "ROBOTSTXT_OBEY=yes"], "ROBOTSTXT_OBEY must be true or false, not 'yes'"),
        ('ARCHIVE_MODE = "cpture"', {}, [], "ARCHIVE_MODE must be one of capture, off, not 'cpture'"),
        ("", {}, ["-L", "LOUD"], "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL, not 'LOUD'"),
        ("DATA_DIR = 5", {}, [], "DATA_DIR must be a path in quotation marks, in UTF-8, not 5"),
        ("", {"NEWSREEL_ADDONS": "x"}, [], "ADDONS must be a table, not 'x'"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence_wherever_it_is_made(
    tmp_path: Path, module: str, file: str, variables: dict[str, str | None], options: list[str], words: str
) -> None:
    make_project(tmp_path)
    (tmp_path / "newsreel.toml").write_text(file, "utf-8")
    clean: dict[str, str | None] = {"SCRAPY_SETTINGS_MODULE": None, "NEWSREEL_PROGRAM": None}
    done = run_module(module, "sources", *options, cwd=tmp_path, environment=clean | variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.rstrip().endswith(words)
    assert "Traceback" not in done.stderr


def test_a_full_disk_leaves_no_half_file_in_a_project_folder(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            make_project(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["sources"]
    assert tmp_path / "newsreel.toml" in make_project(tmp_path)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("DATA_DIRECTORY", "DATA_DIR"),
        ("EXPORT_FILE", "EXPORTS_FILE"),
        ("CLOSESPIDER_PAGE_COUNT", "CLOSESPIDER_PAGECOUNT"),
        ("MY_EXTENSION_KEY", ""),
        ("DATA_DIR_OF_MINE", ""),
        ("DATA_DIR", ""),
        ("DOWNLOAD_TIMEOUT", ""),
    ],
)
def test_a_misspelt_setting_is_distinguished_from_that_of_an_extension(name: str, near: str) -> None:
    assert find_misspelling([name]) == ((name, near) if near else None)


@pytest.mark.parametrize(
    ("name", "good", "bad", "wanted"),
    [
        ("CONTACT", ["me", ""], [5, ["me"]], "text in quotation marks"),
        ("DATA_DIR", ["2026", "dät a"], [5, "a\0b", "a\udcffb"], "a path in quotation marks, in UTF-8"),
        ("EXTENSIONS", [{}, '{"a": 1}'], ["a", ["a"], "[]"], "a table"),
        ("RESOLVER_ALLOW", [[], "10.0.0.0/8"], [5, {}], "a list"),
        ("DOWNLOAD_DELAY", [0, 0.5, "2"], [-1, math.nan, math.inf, True], "a number, 0 or more"),
        ("SCHEDULE_WORKERS", [1, "2", "1_0"], [0, 2.5, "2.5", "1e3", None], "a whole number, 1 or more"),
        ("STORE_KEEP_DAYS", [0, "1.5"], ["x", -1], "a number, 0 or more"),
        ("RETRY_PRIORITY_ADJUST", [-5], ["x"], "a number"),
    ],
)
def test_a_value_is_of_the_type_of_the_default_and_not_below_its_least(
    name: str, good: list[object], bad: list[object], wanted: str
) -> None:
    assert [value for value in good if find_fault({name: value})] == []
    assert [find_fault({name: value}) for value in bad] == [f"{name} must be {wanted}, not {value!r}" for value in bad]


def test_what_an_editor_does_to_a_file_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "newsreel.toml"
    path.write_bytes(b'\xef\xbb\xbfCONTACT = "me"\r\n')
    assert load_configuration(tmp_path) == {"CONTACT": "me"}
    path.write_text("", "utf-8")
    assert load_configuration(tmp_path) == {}
    path.write_text('CONTACT = "me"', "utf-16")
    with pytest.raises(ConfigurationError, match=r"newsreel\.toml is not UTF-8 text"):
        load_configuration(tmp_path)


def test_a_folder_whose_name_is_not_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name of this folder is not UTF-8"):
        load_configuration(tmp_path / "b\udcffd")


@pytest.mark.parametrize("name", ["100% [new] {a}", 'it\'s a "folder"', "c:\\d #1?", "-dash", ":cat:"])
def test_a_folder_of_any_name_is_a_project(tmp_path: Path, name: str) -> None:
    """Its definitions are listed, and what is wrong with one is printed with its whole path."""
    assert run_newsreel("init", "--", name, folder=tmp_path).returncode == 0
    folder = tmp_path / name
    (folder / "sources" / "harbour.toml").write_text(SOURCE, "utf-8")
    (folder / "sources" / "worse.toml").write_text(SOURCE + "colour = 5\n", "utf-8")
    (Data(folder / "data").collection("harbour") / "archive").mkdir(parents=True)
    Ledger(find_ledger(Collection.open(folder / "data", "harbour"))).close()
    listed = run_newsreel("sources", folder=folder)
    assert listed.returncode == 1
    assert "Harbour News" in listed.stdout
    assert f"\n{folder}/sources/worse.toml: colour: is not a key here" in listed.stdout
    (folder / "sources" / "worse.toml").unlink()
    checked = run_newsreel("doctor", folder=folder)
    assert (checked.returncode, str(folder) in checked.stdout, "up to date" in checked.stdout) == (0, True, True)


@pytest.mark.parametrize("kind", ["--cron", "--systemd"])
def test_a_line_break_in_the_name_of_a_folder_is_not_written_to_a_crontab_or_unit(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "two\nlines"
    make_project(folder)
    (folder / "sources" / "harbour.toml").write_text(SOURCE + '[schedule]\nevery = "1h"\n', "utf-8")
    refused = run_newsreel("schedule", "export", kind, folder=folder)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "a line break" in refused.stderr


def test_the_environment_gives_values_of_every_type_and_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"DOWNLOAD_DELAY": "0.5", "CONTACT": "5", "RESOLVER_ALLOW": '["10.0.0.0/8"]', "REVALIDATE_DAYS": "2"}
    for name, text in given.items():
        monkeypatch.setenv(f"NEWSREEL_{name}", text)
    monkeypatch.setenv("NEWSREEL_CATALOGUE_URL", "postgresql://u:secret@host/db")
    found = read_environment(load_settings(None))
    assert found == {"DOWNLOAD_DELAY": 0.5, "CONTACT": "5", "RESOLVER_ALLOW": ["10.0.0.0/8"], "REVALIDATE_DAYS": 2}


def test_the_nearest_folder_with_a_mark_is_the_project(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_folder(inner) is None
    (tmp_path / "newsreel.toml").touch()
    assert find_folder(inner) == tmp_path.resolve()
    (tmp_path / "a" / "scrapy.cfg").touch()
    assert find_folder(inner) == (tmp_path / "a").resolve()


def test_a_wheel_runs_the_demo_in_an_empty_folder(tmp_path: Path) -> None:
    copy = tmp_path / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("the project's files are listed by git, and this is not a clone")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, copy]
    built = subprocess.run(build, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    # What the wheel requires is lent by this environment, behind what the wheel holds; so nothing is downloaded.
    venv.create(tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", wheel], check=True)
    (site,) = (tmp_path / "env" / "lib").glob("python3*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    empty = tmp_path / "empty"
    empty.mkdir()
    where = [python, "-c", "import crawler; print(crawler.__file__)"]
    assert Path(subprocess.run(where, cwd=empty, capture_output=True, text=True, check=True).stdout).is_relative_to(
        site
    )
    script = tmp_path / "env" / "bin" / "newsreel"
    environment = {n: v for n, v in os.environ.items() if n not in {"SCRAPY_SETTINGS_MODULE", "PYTHONPATH"}}
    done = subprocess.run([script, "demo"], cwd=empty, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(empty.glob("data/demo/_posts/newspaper/*.md"))) == 43


@pytest.mark.parametrize(
    "typed", [["--help"], ["completion", "zsh"], ["sources", "list"], ["settings", "--get", "BOT_NAME"]]
)
@pytest.mark.parametrize("module", ["crawler", "scrapy"])
def test_a_closed_pipe_is_no_news(project: Path, typed: list[str], module: str) -> None:
    clean = {n: v for n, v in os.environ.items() if n != "SCRAPY_SETTINGS_MODULE"} | {"PYTHONPATH": str(ROOT)}
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", module, *typed]
    with os.fdopen(writing, "w") as pipe:
        done = subprocess.run(
            command, cwd=project, env=clean, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False
        )
    if (module, typed[0]) not in {("scrapy", "--help"), ("scrapy", "settings")}:  # Scrapy's own
        assert done.stderr == ""


# Presses Ctrl-C while our modules are imported.
INTERRUPTED = """
import os, signal, sys

class Finder:
    def find_spec(name, path=None, target=None):
        if name == "crawler.projects.main":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder)
"""


def test_an_interrupt_before_the_command_runs_leaves_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTED, "utf-8")
    done = run_module("crawler", "--version", environment={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_the_help_of_crawl_has_every_spider_and_argument(project: Path) -> None:
    text = run_newsreel("crawl", "--help", folder=project).stdout
    for spider in (CategorySpider, ShareSpider, SiteSpider):
        missing = [word for word in (spider.name, *(f"{name}=" for name in spider.arguments)) if word not in text]
        assert missing == []


@pytest.mark.parametrize(("module", "code"), [("crawler", 128 + signal.SIGINT), ("scrapy", -signal.SIGINT)])
def test_ctrl_c_is_no_traceback(project: Path, tmp_path: Path, module: str, code: int) -> None:
    folder = tmp_path / "demo"
    clean = {"SCRAPY_SETTINGS_MODULE": None}
    words = (module, "demo", "--dir", folder)
    with start_module(*words, cwd=project, environment=clean, stderr=subprocess.PIPE) as process:
        assert process.stderr
        while not any(folder.glob("*")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(60) == code
    assert said.splitlines()[-1].endswith(": interrupted")
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["runs", "--colection", "x"], "--collection"),
        (["export", "jsnl", "-o", "x"], "jsonl"),
        (["sources", "chekc", "x"], "check"),
        (["schedule", "exprot", "--cron"], "export"),
        (["crawl", "categry"], "category"),
        (["crawl", "category", "-a", "sorce=x"], "source"),
        (["serve", "-s", "DATA_DIRECTORY=x"], "DATA_DIR"),
    ],
)
@pytest.mark.parametrize("module", ["crawler", "scrapy"])
def test_a_slip_is_refused_with_what_was_meant(project: Path, typed: list[str], meant: str, module: str) -> None:
    done = run_module(module, *typed, cwd=project, environment={"SCRAPY_SETTINGS_MODULE": None})
    assert done.returncode == 2
    assert f"did you mean {meant}?" in done.stderr


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["runs", "harbour"], "this command takes options only, not harbour; --help lists them"),
        (["runs", "--limit", "-1"], "--limit needs a number of runs, or 0 for all"),
        (["serve", "--port", "99999"], "a port is a number from 0 to 65535"),
        (["sources", "--logfile", "no/such/folder/log"], "no/such/folder/log: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(project: Path, typed: list[str], words: str) -> None:
    (project / "data").mkdir(exist_ok=True)
    done = run_newsreel(*typed, folder=project)
    assert (done.returncode in (1, 2), done.stdout) == (True, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_sentences_name_the_program_that_was_typed(tmp_path: Path) -> None:
    """Of strings that say what to type next, none has one of the two names built in."""
    typed = re.compile(rf"(?:'|^|: )(?:scrapy|newsreel) (?:{'|'.join(list_commands())})\b")
    found = []
    for path in [p for package in ("archives", "pipelines", "crawler") for p in sorted((ROOT / package).rglob("*.py"))]:
        tree = ast.parse(path.read_text("utf-8"))
        documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found += [
            f"{path.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documents
            and "# " not in node.value  # a remark in a file that is made, and read by whoever
            and typed.search(node.value)
        ]
    # The help of `newsreel`, and a letter that is read where nobody has typed anything.
    elsewhere = ("crawler/projects/main.py", "crawler/commands/completion.py", "crawler/alerts/message.py")
    assert [place for place in found if not place.startswith(elsewhere)] == []
    told = run_newsreel("crawl", folder=tmp_path)
    assert "'newsreel list' shows them" in told.stderr


_READING = frozenset({"itemadapter", "pipelines.dates.parse", "pipelines.posts.settle", "pipelines.reading.read"})
_CRAWLING = frozenset({"babel", "chardet", "itemadapter", "pipelines.stages", "rich"})


@pytest.mark.parametrize(
    ("name", "heavy"),
    [*((name, _READING) for name in ("export", "health", "runs", "webhooks")), ("reparse", _CRAWLING)],
)
def test_a_command_loads_nothing_heavy_that_it_does_not_need(name: str, heavy: frozenset[str]) -> None:
    script = f"import sys, crawler.commands.{name}; print(sorted({set(heavy)} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
