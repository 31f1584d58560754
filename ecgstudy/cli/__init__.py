"""The `ecgstudy` command: one thin function per verb.

Results go to stdout, progress and messages to stderr. Exit codes: 0 done; 1 failed (also: the audited split leaks, no
picture could be judged, the doctor found a fault); 2 wrong use, such as a word that is unknown or a file that is not
there.
"""

import os
import sys
from typing import Annotated

import typer

from ecgstudy import __version__
from ecgstudy.cli import data, pictures, results, studies, tools
from ecgstudy.cli.terminal import tell

DESCRIPTION = (
    "Can a network find myocardial infarction on the picture of a printed ECG? A study to repeat.\n\n"
    "Results go to stdout, progress and messages to stderr. Exit codes: 0 done; 1 failed (also: the audited split "
    "leaks, no picture could be judged, the doctor found a fault); 2 wrong use.\n\n"
    "\b\nStart here:\n"
    "  ecgstudy predict page.jpg        one's own picture\n"
    "  ecgstudy run params/quick.yaml   the whole study"
)

app = typer.Typer(
    no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, help=DESCRIPTION,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version and stop.")
    ] = False,
) -> None:
    """Options of all verbs; `main` looks for `--debug` itself, so that it may stand anywhere."""


for verb in (
    studies.run, studies.prepare, studies.train, results.evaluate, pictures.explain, results.report, studies.release,
    pictures.predict, pictures.trace, tools.app, tools.export, tools.doctor, studies.models,
):  # fmt: skip
    app.command()(verb)
app.add_typer(data.app, name="data")


def main() -> None:
    """Run the command; every expected error becomes one line and an exit code."""
    if "--debug" in sys.argv:  # anywhere on the line
        sys.argv.remove("--debug")
        os.environ["ECGSTUDY_DEBUG"] = "1"
    try:
        app()
    except ValueError as error:
        _end(error, code=2)
    except (OSError, RuntimeError) as error:
        _end(error, code=1)
    except Exception as error:  # a fault of ours, or of a library: still one line, and how to see the rest
        _end(error, code=1, said=f"unexpected {type(error).__name__}: {error} (--debug shows where)")


def _end(error: Exception, *, code: int, said: str = "") -> None:
    if os.environ.get("ECGSTUDY_DEBUG"):
        raise error
    tell(f"ecgstudy: {' '.join((said or str(error)).split())}")
    raise SystemExit(code)
