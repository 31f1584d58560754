"""Verbs about one's own pictures: predict, trace, explain."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ecgstudy.cli.studies import study_of
from ecgstudy.cli.terminal import DEFAULT, AsJson, next_command, progress, quiet, show_json, tell
from ecgstudy.study import Study
from ecgstudy.vocabulary import choose

Pictures = Annotated[
    list[Path],
    typer.Argument(help="JPEG, PNG, WebP, TIFF or PDF files (scan.pdf#page=2 for one page), or folders of them."),
]


def predict(
    pictures: Pictures,
    as_json: AsJson = False,
    csv: Annotated[Path | None, typer.Option(help="Write a table too, one row per picture.")] = None,
    figure: Annotated[Path | None, typer.Option(help="A folder that gets one figure per picture.")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="A released model's folder or a study's name; by default the newest, or the one that "
                          "comes with ecgstudy."),
    ] = None,
    leads: Annotated[bool, typer.Option(help="Also ask which leads the answer rests on (half a second more).")] = True,
) -> None:  # fmt: skip
    """Judge pictures of ECG pages, or refuse them by name. Research software, not a medical device.

    Exit code 1 where no picture could be judged.

    \b
    Examples:
      ecgstudy predict page.jpg
      ecgstudy predict scans/ --csv answers.csv --figure figures/
      ecgstudy predict photo.jpg --json | jq '.[0].probabilities'
    """
    from ecgstudy.predict import opening

    paths = list(opening.picture_paths(pictures))

    from ecgstudy.predict import ask, written
    from ecgstudy.predict.answer import in_words
    from ecgstudy.release.load import find_release, load_release

    released = load_release(find_release(model))
    with quiet():
        released.members  # noqa: B018  # loads TensorFlow, which chatters
    found = []
    with progress(len(paths)) as step:
        answers = ask.answered(paths, released, explain=leads, progress=step)
        for name, one in zip(opening.names(paths), answers, strict=True):
            found.append(one)
            if not as_json:
                print(in_words(one), flush=True)
            if figure is not None:
                written.write_figure(one, figure / f"{name}.png")
    if csv is not None:
        tell(f"table: {written.write_table(found, csv)}")
    if as_json:
        show_json([one.as_dict() for one in found])
    else:
        print("\n" + written.closing_words(released))
    if len(paths) == 1 and figure is None and not found[0].refused:
        next_command("predict", paths[0], "--figure", "figures/")
    raise typer.Exit(int(all(one.refused for one in found)))


def trace(
    pictures: Pictures,
    folder: Annotated[Path, typer.Option(help="Where the signals go.")] = Path(),
    formats: Annotated[str, typer.Option(help="Which files, with commas between: csv, wfdb.")] = "csv,wfdb",
    as_json: AsJson = False,
) -> None:
    """Read the twelve signals off pictures of ECG pages, as CSV and WFDB.

    Prints the files that it wrote; with --json one object per picture (path, refused, reason, measured, layout, read,
    files). Exit code 1 where no picture could be read.

    \b
    Examples:
      ecgstudy trace page.jpg
      ecgstudy trace scans/ --folder signals/ --formats csv
      ecgstudy trace scans/ --json | jq '.[].files'
    """
    from ecgstudy.pages import export
    from ecgstudy.predict import opening
    from ecgstudy.predict.page import RefusedError, open_page

    wanted = [choose("format", word.strip(), list(export.FORMATS)) for word in formats.split(",")]
    paths, rows = list(opening.picture_paths(pictures)), []
    with progress(len(paths)) as step:
        for name, path in zip(opening.names(paths), paths, strict=True):
            step(path)
            try:
                page = open_page(path)
            except RefusedError as refusal:
                tell(f"{path}: refused, {refusal.reason}: {refusal}")
                rows.append(_traced(path, reason=refusal.reason, measured=str(refusal)))
                continue
            files = export.write_signals(page.traced, folder, name, wanted)
            rows.append(_traced(path, layout=page.layout.name, read=round(page.read, 3), files=list(map(str, files))))
            if not as_json:
                print(*files, sep="\n")
    if as_json:
        show_json(rows)
    read = [row for row in rows if not row["refused"]]
    if read:
        next_command("predict", *paths[:1])
    raise typer.Exit(int(not read))


def _traced(path: str, **known: Any) -> dict[str, Any]:
    """What `trace` tells of one picture."""
    empty: dict[str, Any] = {"reason": None, "measured": None, "layout": None, "read": None, "files": []}
    return {"path": path, "refused": "reason" in known} | empty | known


def explain(
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(help="Pictures of pages, or folders of them; without, the test pages of a saved run."),
    ] = None,
    method: Annotated[str, typer.Option(help="gradcam, integrated_gradients, lead_occlusion, ...")] = "gradcam",
    params: Annotated[Path, typer.Option(help="The study whose model is asked.")] = DEFAULT,
    model: Annotated[str | None, typer.Option(help="By default the first of the study's explained models.")] = None,
    run: Annotated[Path | None, typer.Option(help="The folder of the saved run that is asked.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where it goes; outputs/<study>/explained by default.")] = None,
    pages: Annotated[int, typer.Option(help="So many test pages, where no pictures are given.")] = 12,
    as_json: AsJson = False,
) -> None:
    """Write map, overlay, the table by lead and a sentence for pictures, or for the test pages of a saved run.

    Prints the sentences; with --json one object with the rows, the failed pictures and the written files. Exit code 1
    where one could not be explained.

    \b
    Examples:
      ecgstudy explain page.jpg --method lead_occlusion
      ecgstudy explain --run outputs/quick/runs/RUN --pages 24
    """
    from ecgstudy.report import explained
    from ecgstudy.training.answers import load_answer

    study = Study.load(params) if run is None else study_of(run, params)
    chosen = _grouped_run(study, model) if run is None else _saved_run(study, run)
    folder = folder or study.folder / "explained"
    said: list[str] = []
    show: Callable[[str], object] = said.append if as_json else print
    before = _marks(folder)
    with quiet():
        answer = load_answer(study, chosen)
    if pictures:
        failed = explained.write_explanations(
            answer, pictures, folder, method=method, region=study.image.region, show=show
        )
    else:
        failed = explained.write_run_explanations(study, chosen, answer, folder, method=method, pages=pages, show=show)
    for path, reason in failed.items():
        tell(f"{path}: {reason}")
    tell(f"files: {folder}")
    if as_json:
        rows = _sentences(said) if pictures else _pages_table(folder / f"{method}.csv")
        show_json({"method": method, "explained": rows, "failed": failed, "files": _written_since(folder, before)})
    raise typer.Exit(int(bool(failed)))


def _written_since(folder: Path, before: dict[Path, tuple[int, int]]) -> list[str]:
    """The files of a folder that were not there before, or were others."""
    return sorted(str(path) for path, mark in _marks(folder).items() if before.get(path) != mark)


def _marks(folder: Path) -> dict[Path, tuple[int, int]]:
    """What tells a file of a folder from one that is written anew in its place."""
    found = [path for path in folder.glob("*") if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in found}


def _sentences(lines: list[str]) -> list[dict[str, Any]]:
    """`path: sentence`, as plain data; a path may have a colon of its own."""
    rows = []
    for line in lines:
        place = line.index(": ")
        while not Path(line[:place]).is_file():
            place = line.index(": ", place + 1)
        rows.append({"path": line[:place], "sentence": line[place + 2 :]})
    return rows


def _pages_table(path: Path) -> list[dict[str, Any]]:
    """The table of explained pages as plain data."""
    import json

    import pandas as pd

    return json.loads(pd.read_csv(path, dtype={"page_id": str}).to_json(orient="records"))


def _grouped_run(study: Study, model: str | None):  # type: ignore[no-untyped-def]  # a Run; its module is slow to import
    from ecgstudy.training.runs import study_runs

    found = study_runs(study, [model or study.explanation.models[0]])
    for one in found:
        if one.protocol == "grouped":
            return one
    raise ValueError(f"study {study.name!r} has no run under grouped; add it to splits.protocols")


def _saved_run(study: Study, folder: Path):  # type: ignore[no-untyped-def]
    from ecgstudy.training.runs import study_runs

    for one in study_runs(study):
        if one.name == folder.name:
            return one
    raise ValueError(f"{folder}: not a run of study {study.name!r} as it is now; train it again")
