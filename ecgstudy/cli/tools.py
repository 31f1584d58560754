"""Verbs around a study: app, export, doctor."""

from pathlib import Path
from typing import Annotated

import typer

from ecgstudy.cli.terminal import AsJson, next_command, quiet, show_json, tell


def app(
    port: Annotated[int, typer.Option(help="Of the page on this computer; 0 takes a free one.")] = 8866,
    model: Annotated[str | None, typer.Option(help="A released model's folder or a study's name.")] = None,
    browser: Annotated[bool, typer.Option(help="Open it in the browser.")] = True,
) -> None:
    """Open a page in the browser where a picture can be dropped. Nothing leaves this computer or is written.

    \b
    Examples:
      ecgstudy app
      ecgstudy app --port 0 --no-browser --model quick
    """
    from ecgstudy.predict.served import serve

    raise typer.Exit(serve(port=port, model=model, browser=browser, say=tell))


def export(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")],
    model: Annotated[str | None, typer.Option(help="A released model's folder or a study's name.")] = None,
    form: Annotated[str, typer.Option("--format", help="savedmodel, litert, or both with a comma.")]
    = "savedmodel,litert",
) -> None:  # fmt: skip
    """Write a released model for other programs: one graph from picture to calibrated probabilities.

    \b
    Example:
      ecgstudy export exported/ --model quick --format litert
    """
    from ecgstudy.release.export import export as write
    from ecgstudy.release.load import find_release, load_release

    with quiet():
        written = write(load_release(find_release(model)), folder, formats=form.split(","), progress=tell)
    for path in written:
        print(path)


def doctor(as_json: AsJson = False) -> None:
    """Look whether this computer has what a study needs; exit code 1 where something is amiss.

    \b
    Example:
      ecgstudy doctor
    """
    from ecgstudy import doctor as asked

    found = asked.findings()
    if as_json:
        show_json([one.as_dict() for one in found])
    else:
        for one in found:
            print(one)
    bad = any(one.is_fault for one in found)
    if not bad:
        next_command("run", "params/quick.yaml")
    raise typer.Exit(int(bad))
