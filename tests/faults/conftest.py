"""A whole study, small enough to be killed often: two models, five short notebooks, pages of noise in four shades."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import PIL.Image
import pytest
import yaml

from ecgstudy.training import runs
from ecgstudy.vocabulary import CLASSES

HOOKS = Path(__file__).parent / "hooks"
STUDY = {
    "name": "tiny",
    "data": {"source": "pages"},
    "image": {"region": "page", "height": 32, "width": 56},
    "splits": {"folds": 2, "validation": 0.25, "protocols": ["distinct", "grouped"]},
    "models": ["majority", "efficientnet_lite0"],
    "training": {"epochs": 2, "batch_size": 8, "weights": "offline", "train_from": "head"},  # on a frozen prefix
    "evaluation": {"resamples": 50},
    "execution": {"workers": 2},  # notebooks beside each other, as in the default study
}
OPENING = "import ecgstudy as es\nstudy = es.Study.load(study)"
PAGES = "from ecgstudy.data.manifest import read_manifest\npages = read_manifest(study.folder / 'manifest.csv')"
CELLS = {  # of each notebook, as the study's own begin and end: read what lies there, save a table or a figure
    "01_eda": (PAGES, "es.save_table(es.layout_counts(pages), study.folder / 'tables' / 'layouts')"),
    "02_baselines": (
        "histories = es.read_histories(study)",
        "es.save_table(histories, study.folder / 'tables' / 'histories')",
    ),
    "03_modified_models": (
        "axes = es.plot_training(es.read_histories(study).query('protocol == \"grouped\"'))",
        "es.save_figure(axes, study.folder / 'figures' / 'learning_curves');",
    ),
    "04_explainability": (
        "means = es.read_predictions(study).groupby('model')[['p_mi', 'p_normal']].mean().reset_index()",
        "es.save_table(means, study.folder / 'tables' / 'means')",
    ),
    "05_results": (
        PAGES,
        "ladder = es.ladder(es.read_predictions(study), pages, resamples=50, level=0.95)",
        "es.save_table(ladder, study.folder / 'tables' / 'ladder')",
    ),
}


class Project:
    """A project folder of its own: params, notebooks, outputs."""

    def __init__(self, folder: Path):
        self.folder, self.outputs = folder, folder / "outputs"
        self.study = self.outputs / STUDY["name"]
        self.seconds: dict[str, int] = {}  # step -> how long it took when nobody disturbed
        (folder / "notebooks").mkdir(parents=True)
        chance = np.random.default_rng(0)
        for shade, label in enumerate(CLASSES):
            (folder / "pages" / label).mkdir(parents=True)
            for page in range(12):
                noise = chance.integers(20 * shade, 180 + 20 * shade, (32, 56, 3), np.uint8)
                PIL.Image.fromarray(noise).save(folder / "pages" / label / f"{page}.png")
        for name, cells in CELLS.items():
            parameters = nbformat.v4.new_code_cell('study = "nothing"', metadata={"tags": ["parameters"]})
            book = nbformat.v4.new_notebook()
            book.cells = [parameters, *map(nbformat.v4.new_code_cell, (OPENING, *cells))]
            nbformat.write(book, folder / "notebooks" / f"{name}.ipynb")
        (folder / "tiny.yaml").write_text(yaml.safe_dump({"study": STUDY}))

    def start(self, **environment) -> subprocess.Popen:
        """The command as a user gives it, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "ecgstudy", "run", "tiny.yaml"],
            cwd=self.folder,
            env=os.environ | {"ECGSTUDY_OUTPUTS": str(self.outputs), "PYTHONPATH": str(HOOKS)} | environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,  # its children have it too: at its end all of them are gone
            text=True,
            start_new_session=True,
        )

    def run(self, **environment) -> subprocess.CompletedProcess:
        process = self.start(**environment)
        _, said = process.communicate(timeout=600)
        return subprocess.CompletedProcess(process.args, process.returncode, stderr=said)

    def finished(self) -> dict[str, int]:
        """Runs that are finished and whole, and when they were finished."""
        records = self.study.glob("runs/*/done.json")
        return {path.parent.name: path.stat().st_mtime_ns for path in records if runs.is_finished(path.parent)}

    def results(self) -> dict[str, bytes]:
        """What a reader reads: tables, figures, splits, manifest, what every run answered, the model handed out."""
        kinds = (
            "manifest.csv", "splits/*.csv", "runs/*/predictions.csv", "tables/*.csv", "figures/*.svg", "models/best/*",
        )  # fmt: skip
        return {str(p.relative_to(self.study)): p.read_bytes() for kind in kinds for p in self.study.glob(kind)}

    def half_done(self) -> list[str]:
        """Files under temporary names, and notebooks that were not executed to their end."""
        found = [path for path in self.study.rglob(".*") if path.is_file()]
        found += [path for kind in ("running", "failed") for path in self.study.glob(f"notebooks/*.{kind}.ipynb")]
        return [str(path.relative_to(self.study)) for path in found]


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The project after one run that nobody disturbed, and how long each step of it took. Read it, or copy it."""
    project = Project(tmp_path_factory.mktemp("undisturbed") / "project")
    done = project.run()
    assert done.returncode == 0, done.stderr
    project.seconds = {step: int(took) for step, took in re.findall(r"^  (.+): (\d+) s$", done.stderr, re.MULTILINE)}
    return project
