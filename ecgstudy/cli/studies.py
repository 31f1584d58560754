"""Verbs that make a study: run, prepare, train, release, models."""

from pathlib import Path
from typing import Annotated

import typer

from ecgstudy.cli.terminal import DEFAULT, AsJson, DataOption, Params, next_command, show_json, tell
from ecgstudy.study import Study


def run(
    params: Params,
    data: DataOption = None,
    only: Annotated[str | None, typer.Option(help="One notebook alone, such as 04_explainability.")] = None,
) -> None:
    """Run a whole study: data, models, notebooks, report. Only what is stale is done again.

    \b
    Examples:
      ecgstudy run params/quick.yaml
      ecgstudy run params/quick.yaml --data my-pages/ --only 01_eda
    """
    from ecgstudy import workflow

    study = Study.load(params, data=data)
    result = workflow.run_study(study, only=only, say=tell)
    headline = study.folder / "tables" / "headline.txt"
    if only is None and headline.is_file():
        print(headline.read_text(encoding="utf-8"))
    print(result)
    if only is None:
        next_command("predict", "page.jpg", "--model", study.name)


def prepare(params: Params, data: DataOption = None) -> None:
    """Make a study's manifest, audit, splits and cached pictures.

    \b
    Example:
      ecgstudy prepare params/quick.yaml
    """
    from ecgstudy.data.prepare import open_study

    pages = open_study(Study.load(params, data=data))
    print(f"{len(pages.manifest)} files, {len(pages.distinct)} distinct pages")
    next_command("train", params, *(["--data", data] if data else []))


def train(
    params: Params = DEFAULT,
    model: Annotated[list[str] | None, typer.Option(help="One model (may be repeated); all by default.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs at most, instead of the study's.")] = None,
    data: DataOption = None,
    as_json: AsJson = False,
) -> None:
    """Train what a study lacks. Finished runs are kept; with --json they are listed, each with its folder.

    \b
    Examples:
      ecgstudy train params/quick.yaml
      ecgstudy train --model efficientnet_lite0 --epochs 30
    """
    from ecgstudy.data.prepare import open_study
    from ecgstudy.training.extras import run_extras
    from ecgstudy.training.grid import run_grid

    study = Study.load(params, data=data)
    if epochs is not None:
        study = Study.load(study.content | {"training": study.content["training"] | {"epochs": epochs}})
    open_study(study)
    runs = run_grid(study, models=model or None, progress=tell)
    runs += run_extras(study, models=model or None, progress=tell)
    folder = study.folder / "runs"
    if as_json:
        names = ("model", "protocol", "fold", "seed", "variant")
        show_json([{name: getattr(run, name) for name in names} | {"folder": str(folder / run.name)} for run in runs])
    else:
        print(f"{len(runs)} runs are complete in {folder}")
    next_command("evaluate", params, *(["--data", data] if data else []))


def release(
    params: Params = DEFAULT,
    model: Annotated[
        str | None, typer.Option(help="This model; by default the best one on inner predictions, never on test pages.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Pack the model that a finished study hands out, checked, with its card, for `ecgstudy predict`.

    \b
    Examples:
      ecgstudy release params/quick.yaml
      ecgstudy release params/quick.yaml --model efficientnet_lite0
    """
    from ecgstudy.release import write

    study = Study.load(params, data=data)
    print(write.release(study, model, progress=tell))
    next_command("predict", "page.jpg", "--model", study.name)


def models(as_json: AsJson = False) -> None:
    """List the models that a study can name.

    \b
    Example:
      ecgstudy models
    """
    from ecgstudy.models.registry import MODELS

    if as_json:
        show_json([{"name": row.name, "title": row.title, "input": row.input} for row in MODELS.values()])
        return
    for row in MODELS.values():
        print(f"{row.name:28} {row.title}")


def study_of(folder: Path, otherwise: Path) -> Study:
    """The study in whose folder something lies, or the one of a params file."""
    for parent in folder.resolve().parents:
        if (parent / "study.yaml").is_file():
            return Study.load(parent / "study.yaml")
    return Study.load(otherwise)
