"""The command: quick help, every verb described with an example, results and messages apart, errors in one line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
import typer

from ecgstudy import __version__, cli

ROOT = typer.main.get_command(cli.app)
CHILD = {name: value for name, value in os.environ.items() if name != "ECGSTUDY_DEBUG"}


def commands(group=ROOT, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


VERBS = dict(commands())


def run(*words, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "ecgstudy", *words], capture_output=True, text=True, env=CHILD | environment
    )
    return done.returncode, done.stdout, done.stderr


def inside(capsys, monkeypatch, *words):
    """The same in this process."""
    monkeypatch.setattr(sys, "argv", ["ecgstudy", *map(str, words)])
    monkeypatch.delenv("ECGSTUDY_DEBUG", raising=False)
    with pytest.raises(SystemExit) as end:
        cli.main()
    told = capsys.readouterr()
    return end.value.code or 0, told.out, told.err


def test_the_verbs_are_those_that_people_were_promised():
    assert {" ".join(path) for path in VERBS} == {
        "run", "prepare", "train", "evaluate", "explain", "report", "release", "predict", "trace", "app", "export",
        "doctor", "models", "data fetch", "data pack", "data audit", "data synth",
    }  # fmt: skip


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_every_verb_says_what_it_does_with_an_example_that_it_understands(path):
    text = VERBS[path].help
    assert len(text.split("\n")[0]) > 25
    lines = [line.strip() for line in text.partition("Example")[2].splitlines() if line.strip().startswith("ecgstudy")]
    assert lines
    for line in lines:
        words = line.partition("|")[0].split()[1:]
        assert tuple(words[: len(path)]) == path
        context = VERBS[path].make_context(words[0], words[len(path) :])  # raises what a wrong option would
        assert context.params


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_every_argument_and_option_is_described(path):
    for parameter in VERBS[path].params:
        if parameter.name != "help":
            assert getattr(parameter, "help", None), parameter.name


def test_help_loads_no_heavy_library():
    code = (
        "import sys, atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
        "sys.argv = ['ecgstudy', '--help']; from ecgstudy import cli; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=CHILD)
    loaded = set(done.stderr.split())
    assert "ecgstudy.cli" in loaded and "predict" in done.stdout
    assert not {"numpy", "pandas", "matplotlib", "cv2", "scipy", "tensorflow", "keras", "PIL"} & loaded


def test_python_m_is_the_command_and_knows_its_version():
    assert run("--version") == (0, f"{__version__}\n", "")


def test_a_wrong_word_is_wrong_use_and_names_the_nearest():
    code, out, err = run("pedict")
    assert code == 2 and out == "" and "Did you mean 'predict'?" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "params/none.yaml"), "params/none.yaml: no such params file"),
        (("predict", "none.jpg"), "no released model|none.jpg: no such file or folder"),
        (("trace", "none.jpg"), "none.jpg: no such file or folder"),
        (("trace", "none.jpg", "--formats", "xml"), "unknown format 'xml'; choose from csv"),
        (("evaluate", "none.csv"), "none.csv: no such file or folder"),
        (("data", "audit", "none"), "none: no such folder or CSV"),
        (("data", "synth", "new", "--layout", "4x3"), "unknown layout '4x3'; choose from 3x4"),
        (("data", "synth", "new", "--pages", "3"), "3 synthetic pages are too few"),
        (("report", "params/none.yaml"), "no such params file"),
    ],
)
def test_an_error_is_one_line_and_no_traceback(words, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path))
    code, out, err = inside(capsys, monkeypatch, *words)
    assert code == 2 and out == "" and "Traceback" not in err
    assert err.startswith("ecgstudy: ") and err.count("\n") == 1
    assert any(part in err for part in message.split("|"))


def test_debug_anywhere_on_the_line_shows_the_traceback():
    code, _, err = run("report", "none.yaml", "--debug")
    assert code != 0 and "Traceback" in err and "ValueError" in err


def test_a_reader_that_stops_reading_is_no_error():
    words = f"{sys.executable} -m ecgstudy models | head -1"
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, env=CHILD)
    assert done.stderr == "" and done.stdout.startswith("majority")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_verbs(shell):
    asked = {"_ECGSTUDY_COMPLETE": f"complete_{shell}", "COMP_WORDS": "ecgstudy pre", "COMP_CWORD": "1",
             "_TYPER_COMPLETE_ARGS": "ecgstudy pre", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}  # fmt: skip
    command = shutil.which("ecgstudy", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("ecgstudy is not installed beside this Python")
    done = subprocess.run([command], capture_output=True, text=True, env=CHILD | asked)
    assert "predict" in done.stdout and "prepare" in done.stdout and "train" not in done.stdout


def test_models_are_listed_for_people_and_as_json(capsys, monkeypatch):
    code, out, err = inside(capsys, monkeypatch, "models", "--json")
    names = [row["name"] for row in json.loads(out)]
    assert code == 0 and err == "" and "efficientnet_lite0" in names
    assert [line.split()[0] for line in inside(capsys, monkeypatch, "models")[1].splitlines()] == names


def test_synthetic_pages_are_written_audited_and_suggested(capsys, monkeypatch, tmp_path):
    folder = tmp_path / "drawn"
    code, out, err = inside(capsys, monkeypatch, "data", "synth", folder, "--pages", 24)
    assert (code, out) == (0, f"{folder / 'pages.csv'}\n") and "next: ecgstudy run" in err
    assert len(list(folder.glob("mi/*.png"))) == 8 * len(list(folder.glob("mi/*-1.png"))) - 7 * 6  # left out: one file
    code, out, err = inside(capsys, monkeypatch, "data", "audit", out.strip(), "--no-near", "--json")
    found = json.loads(out)
    assert code == 0 and found["leakage"] is None and found["near_copies"] is None
    assert {row["label"] for row in found["copies"]} >= {"mi", "normal"}
    code, _, err = inside(capsys, monkeypatch, "data", "synth", folder)
    assert code == 2 and "not empty" in err


def test_click_and_the_help_agree_on_the_exit_codes():
    assert click.UsageError.exit_code == 2 and "0 done; 1 failed" in ROOT.help
