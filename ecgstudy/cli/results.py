"""Verbs about results: evaluate, report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecgstudy.cli.studies import study_of
from ecgstudy.cli.terminal import DEFAULT, AsJson, DataOption, Params, next_command, show_json, show_table, tell
from ecgstudy.study import Study

if TYPE_CHECKING:
    import pandas as pd

HOLDS_STUDY = {".yaml", ".yml"}
_REPORTED = {"tables": "csv", "figures": "svg", "notebooks": "html"}  # folder -> ending of what a report is made from


def evaluate(
    what: Annotated[
        Path,
        typer.Argument(help="A params file, the folder of a saved run or of a released model, a model file (.keras) or "
                            "a prediction file (.csv)."),
    ] = DEFAULT,
    model: Annotated[list[str] | None, typer.Option(help="One model (may be repeated); all by default.")] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="A CSV of page_id, p_mi, p_abnormal, p_history, p_normal to score beside them.")
    ] = None,
    params: Annotated[Path, typer.Option(help="The study whose pages a model file or a prediction file is about.")]
    = DEFAULT,
    metric: Annotated[str, typer.Option(help="What the leaderboard is ordered by.")] = "balanced_accuracy",
    data: DataOption = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Score a study's finished runs, one run, a model file, or a prediction file beside them.

    \b
    Examples:
      ecgstudy evaluate params/quick.yaml --model efficientnet_lite0
      ecgstudy evaluate outputs/quick/runs/RUN
      ecgstudy evaluate mine.csv --params params/complete.yaml --json
      ecgstudy evaluate mine.keras
    """
    if not what.exists():
        raise ValueError(f"{what}: no such file or folder; the study's own params files are in params/")
    if what.is_dir():
        show_table(_of_folder(what, params, metric), as_json=as_json)
        return
    if what.suffix.lower() in HOLDS_STUDY:
        study, answers = Study.load(what, data=data), predictions
    else:
        study, answers = Study.load(params, data=data), what
    if answers is None:
        from ecgstudy.evaluation import ladder

        show_table(ladder.headline(_ladder(study, model), metric), as_json=as_json, index=True)
        next_command("report", what)
        return
    show_table(_beside(study, answers, model, metric), as_json=as_json)


def report(params: Params, as_json: AsJson = False) -> None:
    """Write outputs/<study>/report.html from the finished tables and figures.

    \b
    Example:
      ecgstudy report params/quick.yaml
    """
    from ecgstudy.report.html import write_report

    folder = Study.load(params).folder
    written = write_report(folder)
    if as_json:
        made = {kind: sorted(map(str, folder.glob(f"{kind}/*.{ending}"))) for kind, ending in _REPORTED.items()}
        show_json({"report": str(written)} | made)
    else:
        print(written)


def _manifest(study: Study) -> "pd.DataFrame":
    from ecgstudy.data.manifest import read_manifest

    if not (study.folder / "manifest.csv").is_file():
        from ecgstudy.data.prepare import open_study

        tell(f"preparing {study.name}")
        open_study(study)
    return read_manifest(study.folder / "manifest.csv")


def _ladder(study: Study, model: list[str] | None, run: str | None = None) -> "pd.DataFrame":
    """The ladder of all finished runs, or of one."""
    from ecgstudy.evaluation import ladder
    from ecgstudy.training.runs import read_predictions

    found = read_predictions(study, model or None)
    if run is not None:
        found = found[found["run"] == run]
        if found.empty:
            raise ValueError(f"{run}: not a finished run of study {study.name!r} as it is now; train it again")
    chosen = study.evaluation
    return ladder.ladder(found, _manifest(study), resamples=chosen.resamples, level=chosen.level)


def _of_folder(folder: Path, params: Path, metric: str) -> "pd.DataFrame":
    """A saved run on its own test pages, or a released model as its study measured it."""
    if (folder / "run.json").is_file():
        table = _ladder(study_of(folder, params), None, folder.name)
        rows = table[(table["metric"] == metric) & (table["weighting"] == "plain") & (table["stratum"] == "all")]
        return rows[["model", "protocol", "metric", "value", "low", "high", "pages"]].reset_index(drop=True)
    from ecgstudy.release.load import find_release, load_release
    from ecgstudy.release.measured import as_table

    return as_table(load_release(find_release(folder)).record)


def _beside(study: Study, answers: Path, model: list[str] | None, metric: str) -> "pd.DataFrame":
    """A prediction file or a model file among the study's own models."""
    import pandas as pd

    from ecgstudy.evaluation import pooling, submission

    frequencies = pooling.selected_frequencies(_manifest(study))
    manifest = submission.benchmark_pages(_manifest(study), study.data.pages)
    if answers.suffix.lower() == ".keras":
        from ecgstudy.release import model_file

        tell("a model that learned from these pages scores too high; then score held-out answers, as a CSV with `fold`")
        table = submission.check_submission(model_file.answers(answers, study), manifest)
    else:
        table = submission.read_submission(answers, manifest)
    chosen = study.evaluation
    mine = submission.score_submission(
        table, manifest, name=answers.stem, resamples=chosen.resamples, level=chosen.level, frequencies=frequencies
    )
    own = _ladder(study, model) if (study.folder / "runs").is_dir() else pd.DataFrame()
    return submission.leaderboard(own, mine, metric=metric).round(3)
