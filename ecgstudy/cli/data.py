"""Verbs about pages: fetch, pack, audit, synth."""

from pathlib import Path
from typing import Annotated

import typer

from ecgstudy.cli.terminal import AsJson, next_command, show_json, tell

app = typer.Typer(no_args_is_help=True, help="Fetch, pack, audit and draw pages.")


@app.command()
def fetch(
    folder: Annotated[Path, typer.Argument(help="Where the pages go; a folder outside the repository.")],
    version: Annotated[int, typer.Option(help="2 (the set that everyone uses) or 1 (the larger, earlier one).")] = 2,
) -> None:
    """Download the public set, with resume, and check every file.

    \b
    Example:
      ecgstudy data fetch ~/ecg-pages --version 1
    """
    from ecgstudy.data.fetch import fetch_public_set

    print(fetch_public_set(folder, version=version, progress=tell))
    next_command("run", "params/quick.yaml", "--data", folder)


@app.command()
def pack(
    selected: Annotated[Path, typer.Argument(help="The original pages of version 2.")],
    complete: Annotated[Path, typer.Argument(help="The original pages of version 1.")],
    destination: Annotated[Path, typer.Option(help="Where the two archives go.")] = Path("ecgstudy/data"),
) -> None:
    """Make the packed pages that ship with the package from the originals.

    \b
    Example:
      ecgstudy data pack ~/ecg-pages/v2 ~/ecg-pages/v1 --destination packed/
    """
    from ecgstudy.data.shipped import pack

    for path in pack(selected, complete, destination):
        print(path)


@app.command()
def audit(
    folder: Annotated[str, typer.Argument(help="A folder or a CSV of pages.")],
    split: Annotated[Path | None, typer.Option(help="A CSV of path and part (train, validation, test).")] = None,
    near: Annotated[bool, typer.Option(help="Look for near-copies too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Count copies and near-copies, and the leakage of a split; exit code 1 where the split leaks.

    \b
    Examples:
      ecgstudy data audit pages/ --split split.csv
      ecgstudy data audit pages.csv --no-near --json
    """
    from ecgstudy.data.folder_audit import audit_folder

    found = audit_folder(folder, split=split, near=near, progress=tell)
    if as_json:
        show_json(_as_data(found))
    else:
        print(found)
    raise typer.Exit(found.exit_code)


@app.command()
def synth(
    folder: Annotated[Path, typer.Argument(help="Where the pages go, one folder per class.")],
    pages: Annotated[int, typer.Option(help="Distinct pages; some get copies, as in the public set.")] = 240,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    layout: Annotated[list[str] | None, typer.Option(help="3x4, 6x2plain, 6x2grid (may be repeated).")] = None,
) -> None:
    """Draw pages whose truth is known, with a table of it (pages.csv): for trials, teaching and bug reports.

    \b
    Examples:
      ecgstudy data synth drawn/ --pages 48
      ecgstudy data synth drawn/ --layout 3x4 --layout 6x2grid --seed 7
    """
    from ecgstudy.data.drawn_folder import draw_folder

    print(draw_folder(folder, pages=pages, seed=seed, layouts=tuple(layout or ("3x4",)), progress=tell))
    next_command("run", "params/quick.yaml", "--data", folder / "pages.csv")


def _as_data(found) -> dict:  # type: ignore[no-untyped-def]  # a FolderAudit, whose module is slow to import
    """An audit as plain data."""
    import json

    def rows(table, index: bool = True) -> list | None:  # type: ignore[no-untyped-def]
        if table is None:
            return None
        return json.loads((table.reset_index() if index else table).to_json(orient="records"))

    return {
        "copies": rows(found.copies),
        "near_copies": rows(found.near, index=False),
        "expected_leakage": rows(found.expected),
        "leakage": None if found.leaks is None else {"share": found.leaks.share, "by_class": rows(found.leaks.table)},
        "bad_files": [{"path": path, "reason": reason} for path, reason in found.bad_files],
    }
