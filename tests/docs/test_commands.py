"""Every command in the README, in CONTRIBUTING and in the documentation is run, or checked as far as it can be."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from ecgstudy import cli

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))


def blocks(page: Path, *words: str) -> list[str]:
    """The fenced blocks of a page whose first line names one of some languages."""
    found = re.findall(r"^```([^\n]*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for word, text in found if word in words]


def commands(page: Path) -> list[str]:
    """The command lines of a page, without remarks. The README and CONTRIBUTING do not name the shell."""
    lines = [line.partition("  #")[0].strip() for text in blocks(page, "sh", "") for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


LINES = sorted({line for page in PAGES for line in commands(page)})

# beginnings of lines that are not run here, and why
NOT_RUN = {
    "git clone": "these tests run in a clone",
    ". .venv/bin/activate": "changes the shell that it is typed into",
    "conda": "downloads gigabytes; a test of the environment holds environment.yml and the lock file together",
    "pip install": "downloads packages; the extras' names are checked below",
    "pip download": "downloads gigabytes",
    "python3 -m venv": "the first line of three that install; environment.sh does the same and is run by make",
    ".venv/bin/pip install": "installs what the line above has downloaded",
    ".venv/bin/pre-commit install": "changes the clone's git hooks",
    "tensorboard": "serves until it is stopped",
    "uv pip": "resolves packages from the network",
}
# verbs that are parsed, not run: their options must exist and their values be allowed
PARSED = {
    "run": "minutes; tests/notebooks runs a whole study",
    "app": "serves until it is stopped; tests/browser opens it",
    "data fetch": "downloads the public set; tests/data fetches it from a server of its own",
    "data pack": "needs the original pages; tests/data packs them where they are at hand",
    "train params/cluster.yaml": "needs a cluster; tests/training trains on one of this machine",
}
# lines that need the networks of a finished study, which takes minutes on a busy machine
FINISHED = ("release", "explain", "export", "--model quick", "papermill")
# exit codes other than 0 that are an answer too
ALSO_RIGHT = {"data audit": 1, "doctor": 1}


def own_words(line: str) -> list[str] | None:
    """The words after `ecgstudy`, or None for another program."""
    words = shlex.split(line)
    return words[1:] if words[0] in ("ecgstudy", ".venv/bin/ecgstudy") else None


def chosen(kind: str) -> list[str]:
    """The lines of one kind: skipped, make, parsed, finished, run."""

    def kind_of(line: str) -> str:
        if any(line.startswith(beginning) for beginning in NOT_RUN):
            return "skipped"
        if line.startswith("make"):
            return "make"
        if any(word in line for word in FINISHED):
            return "finished"
        words = " ".join(own_words(line) or [])
        return "parsed" if any(words.startswith(verb) for verb in PARSED) or words == "--help" else "run"

    return [line for line in LINES if kind_of(line) == kind]


def run_line(line, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(place / "outputs"))
    words = own_words(line)
    assert words is not None, f"{line}: no command of ours; run it here, or name it in NOT_RUN with the reason"
    monkeypatch.setattr(sys, "argv", ["ecgstudy", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    right = {0, *(code for verb, code in ALSO_RIGHT.items() if " ".join(words).startswith(verb))}
    assert (end.value.code or 0) in right, capsys.readouterr().err


def test_every_exception_still_stands_in_a_page_or_is_gone():
    assert LINES
    unused = [beginning for beginning in NOT_RUN if not any(line.startswith(beginning) for line in LINES)]
    assert unused in ([], ["uv pip"])


@pytest.mark.parametrize("line", chosen("run"))
def test_the_command_does_what_the_page_says(line, place, answers, model_file, trained, monkeypatch, capsys):
    run_line(line, place, monkeypatch, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line in chosen("finished") if own_words(line)])
def test_the_command_works_on_a_finished_study(line, place, finished, monkeypatch, capsys):
    run_line(line, place, monkeypatch, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line in chosen("finished") if not own_words(line)])
def test_the_program_of_others_takes_our_files(line, place, finished):
    words = [sys.executable, "-m", *shlex.split(line)]
    subprocess.run(words, cwd=place, check=True, capture_output=True, timeout=600)


@pytest.mark.parametrize("line", chosen("parsed"))
def test_the_command_is_understood(line):
    command, words = typer.main.get_command(cli.app), own_words(line)
    context = command.make_context("ecgstudy", list(words), resilient_parsing=words == ["--help"])
    while words != ["--help"] and hasattr(command, "resolve_command"):
        name, command, words = command.resolve_command(context, words)
        context = command.make_context(name, list(words), parent=context)  # a wrong option raises
    assert context.command_path.startswith("ecgstudy")


@pytest.mark.parametrize("line", chosen("make"))
def test_make_knows_the_word(line, monkeypatch):
    done = subprocess.run([*shlex.split(line), "--dry-run"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_extras_that_pages_install_exist():
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = [line.split("[")[1].split("]")[0] for line in LINES if line.startswith("pip install") and "[" in line]
    assert named and set(named) <= set(extras)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, place, monkeypatch):
    monkeypatch.chdir(place)
    names: dict = {}
    for text in blocks(page, "python"):
        exec(compile(text, str(page), "exec"), names)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "yaml")], ids=lambda page: page.stem)
def test_the_params_of_a_page_are_valid(page):
    import yaml

    from ecgstudy.study import Study

    for text in blocks(page, "yaml"):
        given = yaml.safe_load(text)["study"]
        Study.load({"name": "given", "models": ["majority"]} | given)
