"""What the verbs share: where lines go, how tables look, and what to type next."""

import contextlib
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

DEFAULT = Path("params/quick.yaml")
_CHATTER = re.compile(rb"[IWE]0000 |WARNING: All log messages before absl")  # TensorFlow's, before it can be told

Params = Annotated[Path, typer.Argument(help="A params file, such as params/quick.yaml.")]
DataOption = Annotated[
    str | None, typer.Option("--data", help="A folder or a CSV of pages, instead of the study's own.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]


def tell(line: str) -> None:
    """One line of progress, on stderr."""
    print(line, file=sys.stderr, flush=True)


def next_command(*words: object) -> None:
    """Suggest what to type next, on stderr."""
    tell(f"next: ecgstudy {shlex.join(map(str, words))}")


def show_table(table: "pd.DataFrame", *, as_json: bool, index: bool = False) -> None:
    """A table on stdout, aligned for people or as a JSON list of rows."""
    if as_json:
        rows = table.reset_index() if index else table
        show_json(json.loads(rows.to_json(orient="records")))  # NaN becomes null
    else:
        print(table.to_string(index=index))


def show_json(value: Any) -> None:
    """Plain data on stdout."""
    print(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep TensorFlow's start-up chatter from stderr; whatever else is written there comes afterwards."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            for line in file:
                if not _CHATTER.match(line):
                    os.write(2, line)


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal that moves on with each line, plain lines elsewhere; both on stderr, and none for one step.

    Args:
        total: how many lines will come.
    """
    if total < 2:
        yield lambda line: None
    elif not sys.stderr.isatty():
        yield tell
    else:
        import rich.console
        import rich.progress

        console = rich.console.Console(stderr=True)
        with rich.progress.Progress(console=console, transient=True) as bar:
            task = bar.add_task("", total=total)

            def step(line: str) -> None:
                bar.update(task, advance=1, description=line[-40:])

            yield step
