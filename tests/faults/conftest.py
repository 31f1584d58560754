"""A whole study, small enough to be killed often: three models, one notebook, pages of noise in four shades."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import PIL.Image
import pytest
import yaml

from ecgstudy.vocabulary import CLASSES

HOOKS = Path(__file__).parent / "hooks"
STUDY = {
    "name": "tiny",
    "data": {"source": "pages"},
    "image": {"region": "page", "height": 32, "width": 56},
    "splits": {"folds": 2, "validation": 0.25, "protocols": ["distinct", "grouped"]},
    "models": ["majority", "thumbnail", "baseline_cnn"],
    "training": {"epochs": 2, "batch_size": 8, "width": 4},
    "evaluation": {"resamples": 50},
    "explanation": {"models": ["baseline_cnn"]},
}
CELLS = (
    "import ecgstudy as es\nstudy = es.Study.load(study)",
    "from ecgstudy.data.manifest import read_manifest\npages = read_manifest(study.folder / 'manifest.csv')",
    "ladder = es.ladder(es.read_predictions(study), pages, resamples=50, level=0.95)",
    "es.save_table(ladder, study.folder / 'tables' / 'ladder.csv')",
)


class Project:
    """A project folder of its own: params, one notebook, outputs."""

    def __init__(self, folder: Path):
        self.folder, self.outputs = folder, folder / "outputs"
        self.study = self.outputs / STUDY["name"]
        (folder / "notebooks").mkdir(parents=True)
        chance = np.random.default_rng(0)
        for shade, label in enumerate(CLASSES):
            (folder / "pages" / label).mkdir(parents=True)
            for page in range(12):
                noise = chance.integers(20 * shade, 180 + 20 * shade, (32, 56, 3), np.uint8)
                PIL.Image.fromarray(noise).save(folder / "pages" / label / f"{page}.png")
        book = nbformat.v4.new_notebook()
        parameters = nbformat.v4.new_code_cell('study = "nothing"', metadata={"tags": ["parameters"]})
        book.cells = [parameters, *map(nbformat.v4.new_code_cell, CELLS)]
        nbformat.write(book, folder / "notebooks" / "tables.ipynb")
        self.write(STUDY)

    def write(self, study) -> None:
        (self.folder / "tiny.yaml").write_text(yaml.safe_dump({"study": study}))

    def start(self, **environment) -> subprocess.Popen:
        """The command as a user gives it, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "ecgstudy", "run", "tiny.yaml", "--only", "tables"],
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
        """Finished runs, and when they were."""
        return {path.parent.name: path.stat().st_mtime_ns for path in self.study.glob("runs/*/done.json")}

    def results(self) -> dict[str, bytes]:
        """What a reader reads: tables, splits, manifest, and what every run answered."""
        kinds = ("manifest.csv", "splits/*.csv", "runs/*/predictions.csv", "tables/*.csv")
        return {str(p.relative_to(self.study)): p.read_bytes() for kind in kinds for p in self.study.glob(kind)}

    def half_done(self) -> list[str]:
        """Files under temporary names."""
        return [str(p.relative_to(self.study)) for p in self.study.rglob(".*") if p.is_file()]


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The project after one run that nobody disturbed. Read it, or copy it."""
    project = Project(tmp_path_factory.mktemp("undisturbed") / "project")
    done = project.run()
    assert done.returncode == 0, done.stderr
    return project
