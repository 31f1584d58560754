"""The `ecgstudy` command: one thin function per verb.

Results go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 failed, 2 wrong use.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ecgstudy.study import Study

app = typer.Typer(
    no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, help=__doc__.split("\n")[0]
)
data_app = typer.Typer(no_args_is_help=True, help="Fetch, pack and audit pages.")
app.add_typer(data_app, name="data")

Params = Annotated[Path, typer.Argument(help="A params file, such as params/quick.yaml.")]
DataOption = Annotated[
    str | None, typer.Option("--data", help="A folder or a CSV of pages, instead of the study's own.")
]


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
) -> None:
    """Can a network find myocardial infarction on the picture of a printed ECG? A study to repeat."""
    if debug:
        os.environ["ECGSTUDY_DEBUG"] = "1"


@app.command()
def run(
    params: Params,
    data: DataOption = None,
    only: Annotated[str | None, typer.Option(help="One notebook alone, such as 04_explainability.")] = None,
) -> None:
    """Run a whole study: data, models, notebooks, report. Only what is stale is done again.

    Example: ecgstudy run params/quick.yaml
    """
    from ecgstudy import workflow

    study = Study.load(params, data=data)
    result = workflow.run_study(study, only=only, say=tell)
    headline = study.folder / "tables" / "headline.txt"
    if only is None and headline.is_file():
        print(headline.read_text(encoding="utf-8"))
    print(result)


@app.command()
def prepare(params: Params, data: DataOption = None) -> None:
    """Make a study's manifest, audit, splits and cached pictures."""
    from ecgstudy.data.prepare import open_study

    pages = open_study(Study.load(params, data=data))
    print(f"{len(pages.manifest)} files, {len(pages.distinct)} distinct pages")


@app.command()
def train(
    params: Annotated[Path, typer.Argument(help="A params file.")] = Path("params/quick.yaml"),
    model: Annotated[list[str] | None, typer.Option(help="One model (may be repeated); all by default.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs at most, instead of the study's.")] = None,
    data: DataOption = None,
) -> None:
    """Train what a study lacks. Finished runs are kept.

    Example: ecgstudy train --model efficientnet_lite0 --epochs 30
    """
    from ecgstudy.data.prepare import open_study
    from ecgstudy.training.conditions import run_conditions
    from ecgstudy.training.grid import run_grid
    from ecgstudy.training.variants import run_variants

    study = Study.load(params, data=data)
    if epochs is not None:
        study = Study.load(study.content | {"training": study.content["training"] | {"epochs": epochs}})
    open_study(study)
    runs = run_grid(study, models=model or None, progress=tell)
    runs += run_variants(study, models=model or None, progress=tell)
    run_conditions(study, models=model or None, progress=tell)
    print(f"{len(runs)} runs are complete in {study.folder / 'runs'}")


@app.command()
def evaluate(
    params: Annotated[Path, typer.Argument(help="A params file.")] = Path("params/quick.yaml"),
    model: Annotated[list[str] | None, typer.Option(help="One model (may be repeated); all by default.")] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="A CSV of page_id, p_mi, p_abnormal, p_history, p_normal to score instead.")
    ] = None,
    metric: Annotated[str, typer.Option(help="What the leaderboard is ordered by.")] = "balanced_accuracy",
    data: DataOption = None,
) -> None:
    """Score a study's finished runs, or a prediction file beside them.

    Example: ecgstudy evaluate params/complete.yaml --predictions mine.csv
    """
    import pandas as pd

    from ecgstudy.data.manifest import read_manifest
    from ecgstudy.evaluation import ladder as rungs
    from ecgstudy.evaluation import submission
    from ecgstudy.training.runs import read_predictions

    study = Study.load(params, data=data)
    manifest = read_manifest(study.folder / "manifest.csv")
    resamples, level = study.evaluation.resamples, study.evaluation.level
    table = pd.DataFrame()
    if predictions is None or (study.folder / "runs").is_dir():
        table = rungs.ladder(read_predictions(study, model or None), manifest, resamples=resamples, level=level)
    if predictions is None:
        print(rungs.headline(table, metric).to_string())
        return
    answers = submission.read_submission(predictions, manifest)
    mine = submission.score_submission(answers, manifest, name=predictions.stem, resamples=resamples, level=level)
    print(submission.leaderboard(table, mine, metric=metric).round(3).to_string(index=False))


@app.command()
def explain(
    pictures: Annotated[list[Path], typer.Argument(help="Pictures of pages, or folders of them.")],
    method: Annotated[str, typer.Option(help="gradcam, integrated_gradients, lead_occlusion, ...")] = "gradcam",
    params: Annotated[Path, typer.Option(help="The study whose model is asked.")] = Path("params/quick.yaml"),
    model: Annotated[str | None, typer.Option(help="By default the first of the study's explained models.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where it goes; outputs/<study>/explained by default.")] = None,
) -> None:
    """Write map, overlay, the table by lead and a sentence for pictures of pages.

    Example: ecgstudy explain page.jpg --method lead_occlusion
    """
    from ecgstudy.report.explained import write_explanations
    from ecgstudy.training.answers import load_answer
    from ecgstudy.training.runs import study_runs

    study = Study.load(params)
    run = next(
        (run for run in study_runs(study, [model or study.explanation.models[0]]) if run.protocol == "grouped"), None
    )
    if run is None:
        raise ValueError(f"study {study.name!r} has no run under grouped; add it to splits.protocols")
    failed = write_explanations(
        load_answer(study, run),
        pictures,
        folder or study.folder / "explained",
        method=method,
        region=study.image.region,
        show=print,
    )
    for path, reason in failed.items():
        tell(f"{path}: {reason}")
    raise typer.Exit(int(bool(failed)))


@app.command()
def report(params: Params) -> None:
    """Write outputs/<study>/report.html from the finished tables and figures."""
    from ecgstudy.report.html import write_report

    print(write_report(Study.load(params).folder))


@app.command()
def models() -> None:
    """List the models that a study can name."""
    from ecgstudy.models.registry import MODELS

    for row in MODELS.values():
        print(f"{row.name:28} {row.title}")


@data_app.command()
def fetch(
    folder: Annotated[Path, typer.Argument(help="Where the pages go; a folder outside the repository.")],
    version: Annotated[int, typer.Option(help="2 (the set that everyone uses) or 1 (the larger, earlier one).")] = 2,
) -> None:
    """Download the public set, with resume, and check every file.

    Example: ecgstudy data fetch ~/ecg-pages --version 1
    """
    from ecgstudy.data.fetch import fetch_public_set

    print(fetch_public_set(folder, version=version, progress=tell))


@data_app.command()
def pack(
    selected: Annotated[Path, typer.Argument(help="The original pages of version 2.")],
    complete: Annotated[Path, typer.Argument(help="The original pages of version 1.")],
    destination: Annotated[Path, typer.Option(help="Where the two archives go.")] = Path("ecgstudy/data"),
) -> None:
    """Make the packed pages that ship with the package from the originals."""
    from ecgstudy.data.shipped import pack

    for path in pack(selected, complete, destination):
        print(path)


@data_app.command()
def audit(
    folder: Annotated[str, typer.Argument(help="A folder or a CSV of pages.")],
    split: Annotated[Path | None, typer.Option(help="A CSV of path and part (train, validation, test).")] = None,
    near: Annotated[bool, typer.Option(help="Look for near-copies too.")] = True,
) -> None:
    """Count copies and near-copies, and the leakage of a split; exit code 1 where the split leaks.

    Example: ecgstudy data audit pages/ --split split.csv
    """
    from ecgstudy.data.folder_audit import audit_folder

    found = audit_folder(folder, split=split, near=near, progress=tell)
    print(found)
    raise typer.Exit(found.exit_code)


def tell(line: str) -> None:
    """One line of progress, on stderr."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Run the command; every expected error becomes one line and an exit code."""
    try:
        app()
    except ValueError as error:
        _end(error, code=2)
    except (OSError, RuntimeError) as error:
        _end(error, code=1)


def _end(error: Exception, *, code: int) -> None:
    if os.environ.get("ECGSTUDY_DEBUG"):
        raise error
    tell(f"ecgstudy: {' '.join(str(error).split())}")
    raise SystemExit(code)
