"""What `make run-all` does: prepare the data, train the grid, run the notebooks, write the report.

Each step knows the hash of what it reads; it is done again only when that hash, or one of its own
outputs, differs from what was recorded in `outputs/<study>/state.json`. A killed run goes on where it was:
every step writes under a temporary name and renames, and the grid looks for its own finished runs first.
"""

import functools
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import filelock
import yaml

from ecgstudy import execution, files, ledger
from ecgstudy.ledger import Say, Steps
from ecgstudy.study import Study, outputs_root, project_root
from ecgstudy.vocabulary import choose

NOTEBOOKS = ("01_eda", "02_baselines", "03_modified_models", "04_explainability", "05_results")
LONGEST = "04_explainability"  # about as long as the others together; reads none of their tables, nor they its own
PREPARE = "data and splits"
Task = Callable[[], object]

# TensorFlow's, before it can be told to be quiet
CHATTER = re.compile(r"[IWE]0000 |WARNING: All log messages before absl")


def notebooks_folder() -> Path:
    """Where the notebooks lie."""
    return project_root() / "notebooks"


def run_study(study: Study, *, only: str | None = None, say: Say = print) -> Path:
    """Run a whole study, or one notebook of it, doing again only what is stale.

    Args:
        study: what to run.
        only: the name of one notebook (`04_explainability`); what it needs is made first.
        say: takes each line of progress.

    Returns:
        The report, or the executed notebook when `only` is given.

    Raises:
        ValueError: the study names something that does not exist.
        RuntimeError: a notebook failed, or another run holds this study's folder.
    """
    names = _chosen(only)
    key = _study_key(study)
    if not Steps(study.folder).was_for(PREPARE, key):
        check_names(study)
    study.folder.mkdir(parents=True, exist_ok=True)
    with _alone(study.folder):
        files.remove_half_written(study.folder)
        _write_study_file(study)
        began = time.monotonic()
        record = Steps(study.folder)
        record.run(PREPARE, key, lambda: _in_child("prepare", study), _prepared_files(study), say)
        record.run("runs of the grid", key, lambda: _in_child("train", study), _finished_files(study), say)
        results = files.content_hash(key, record.output_hash("runs of the grid"))
        first: list[Task] = []
        if only is None and _hands_out(study):
            release = functools.partial(_in_child, "release", study)
            handed_out = [study.folder / "models" / "best" / "release.json"]
            first.append(lambda: record.run("model handed out", results, release, lambda: handed_out, say))
        _run_notebooks(study, names, results, record, say, first=first)
        if only is not None:
            return _notebook_outputs(study, names[0])[0]
        done = files.content_hash(*(record.output_hash(f"notebook {name}") for name in names))
        report = study.folder / "report.html"
        record.run("report", done, lambda: _in_child("report", study), lambda: [report], say)
        say(f"{study.name}: complete after {ledger.minutes(time.monotonic() - began)}")
    return report


def _run_notebooks(
    study: Study, names: Sequence[str], results: str, record: Steps, say: Say, *, first: Sequence[Task]
) -> None:
    """Execute notebooks, the longest one beside the others where the study has several workers.

    Args:
        study: whose notebooks.
        names: of the notebooks.
        results: hash of what they read.
        record: of the study's steps.
        say: takes each line of progress.
        first: what else is to be done, before the others.
    """
    lanes = min(study.execution.workers, 2)
    with execution.processes(lanes) as execute:

        def run(name: str) -> None:
            source = notebooks_folder() / f"{name}.ipynb"
            key = files.content_hash(results, source.read_bytes())
            outputs = functools.partial(_notebook_outputs, study, name)
            record.run(f"notebook {name}", key, lambda: execute(study, source), outputs, say)

        tasks = {name: functools.partial(run, name) for name in names}
        apart = [tasks.pop(LONGEST)] if lanes > 1 and LONGEST in tasks else []
        in_lanes([[*first, *tasks.values()], apart])


def in_lanes(lanes: Sequence[Sequence[Task]]) -> None:
    """Each lane's tasks one after another, the lanes beside each other.

    After an error in one lane the others end what they are at, so that nothing finished is lost, and begin no more.
    """
    over = threading.Event()

    def follow(lane: Sequence[Task]) -> None:
        for task in lane:
            if over.is_set():
                return
            try:
                task()
            except BaseException:
                over.set()
                raise

    with ThreadPoolExecutor(len(lanes)) as pool:
        try:
            for done in [pool.submit(follow, lane) for lane in lanes]:
                done.result()
        finally:
            over.set()


def _hands_out(study: Study) -> bool:
    """Whether a model can be chosen to answer pictures: one that reads pages, with inner answers, no random control."""
    from ecgstudy.models import registry

    def is_candidate(name: str) -> bool:
        row, recipe = registry.model_row(name), study.training.recipe(name)
        is_control = row.is_network and registry.is_random_control(
            registry.weights_source(row, recipe.weights), registry.trained_part(row, recipe.train_from)
        )
        return row.input == "page" and not is_control and (not row.is_network or recipe.train_from == "head")

    return "grouped" in study.splits.protocols and any(is_candidate(name) for name in study.models)


def check_names(study: Study) -> None:
    """Find at once what would stop a study only hours later: a wrong name, or a setting that a model cannot take.

    Raises:
        ValueError: one line with the key and the nearest known name, or with what to change.
    """
    from ecgstudy.data import images
    from ecgstudy.explanation import maps
    from ecgstudy.models import registry
    from ecgstudy.training import settings

    named: tuple[tuple[str, Iterable[str], Callable[[str], object]], ...] = (
        ("data.source", [study.data.source], _check_source),
        ("image.region", [study.image.region], images.check_region),
        ("models", study.models, registry.model_row),
        ("ablations", study.ablations, registry.model_row),
        ("training.models", study.training.models, registry.model_row),
        ("models", [*study.models, *study.ablations], lambda name: settings.check_study(study, [name])),
        ("evaluation.control_model", [study.evaluation.control_model], registry.model_row),
        ("explanation.models", study.explanation.models, registry.model_row),
        ("explanation.methods", study.explanation.methods, lambda name: choose("method", name, list(maps.METHODS))),
    )
    for key, names, check in named:
        for name in names:
            try:
                check(name)
            except ValueError as error:
                raise ValueError(f"{study.name}: {key}: {error}") from None


def _check_source(source: str) -> None:
    if source not in ("shipped", "synthetic") and not (source.strip() and Path(source).expanduser().exists()):
        raise ValueError(f"no folder or CSV {source!r}; give shipped, synthetic, or the path of your pages")


def _chosen(only: str | None) -> Sequence[str]:
    if only is None:
        return NOTEBOOKS
    name = only.removesuffix(".ipynb")
    if not (notebooks_folder() / f"{name}.ipynb").is_file():
        raise ValueError(f"no notebook {name!r} in {notebooks_folder()}; there are {', '.join(NOTEBOOKS)}")
    return (name,)


def _alone(folder: Path) -> filelock.BaseFileLock:
    lock = filelock.FileLock(folder / "running.lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise RuntimeError(f"{folder}: another run is at work here; wait for it, or stop it") from None
    return lock


def _write_study_file(study: Study) -> None:
    text = yaml.safe_dump({"study": study.content}, sort_keys=False)
    files.write_atomically(study.folder / "study.yaml", lambda path: path.write_text(text))


def _in_child(verb: str, study: Study) -> None:
    """Run one verb in a process of its own, so that what it loads (TensorFlow above all) goes with it.

    The child holds its end of a pipe as long as this process lives; it ends when this one does.
    """
    command = [sys.executable, "-m", "ecgstudy.child", verb, str(study.folder / "study.yaml")]
    environment = os.environ | {"ECGSTUDY_OUTPUTS": str(outputs_root().resolve())}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stderr=pipe, text=True) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if not CHATTER.match(line):
                print(line, end="", file=sys.stderr, flush=True)
    if child.returncode < 0:
        raise RuntimeError(f"`ecgstudy {verb}` was ended by signal {-child.returncode}; the same command goes on")
    if child.returncode:
        raise SystemExit(child.returncode)  # the child has said why


def _study_key(study: Study) -> str:
    """Hash of everything that tables and figures follow from: parameters, data, and the package's own code."""
    package = Path(__file__).parent
    code = [path.read_bytes() for path in sorted(package.rglob("*.py"))]
    return files.content_hash(json.dumps(study.content, sort_keys=True), *code, *_data_hashes(study.data.source))


def _data_hashes(source: str) -> list[str]:
    """Content hashes of all files of a data source; a source inside the package is hashed by its archives."""
    if source == "synthetic":
        return []
    root = Path(__file__).parent / "data" if source == "shipped" else Path(source)
    if root.is_file():
        return [files.file_hash(root)]
    kinds = {".zip", ".csv"} if source == "shipped" else {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".csv"}
    return [
        f"{path.relative_to(root)} {files.file_hash(path)}"
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in kinds
    ]


def _prepared_files(study: Study) -> Callable[[], list[Path]]:
    return lambda: [study.folder / "manifest.csv", *sorted((study.folder / "splits").glob("*.csv"))]


def _finished_files(study: Study) -> Callable[[], list[Path]]:
    """What runs answered; their weights are checked where they are read."""
    return lambda: sorted(p for kind in ("done.json", "*.csv") for p in (study.folder / "runs").glob(f"*/{kind}"))


def _notebook_outputs(study: Study, name: str) -> list[Path]:
    folder = study.folder / "notebooks"
    return [folder / f"{name}.ipynb", folder / f"{name}.html"]
