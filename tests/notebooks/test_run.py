"""The whole study, from drawn pages to the report, by the same function that `make run-all` calls."""

import time

import nbformat
import pytest

from ecgstudy import execution, workflow
from ecgstudy.study import Study

SMALL = {
    "name": "small",
    "data": {"source": "synthetic", "synthetic_pages": 72},
    "image": {"height": 64, "width": 112},
    "splits": {"folds": 2},
    "models": ["majority", "heart_rate", "thumbnail", "efficientnet_lite0"],
    "training": {"epochs": 4, "batch_size": 16, "learning_rate": 1e-3},
    "evaluation": {"resamples": 200},
    "explanation": {"pages": 4},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path_factory.mktemp("outputs")))
        study = Study.load(SMALL)
        workflow.run_study(study)
        yield study


@pytest.mark.parametrize("name", workflow.NOTEBOOKS)
def test_every_notebook_ran_to_its_end_without_an_error(study, name):
    book = nbformat.read(study.folder / "notebooks" / f"{name}.ipynb", as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code" and cell.source.strip()]
    assert all(cell.execution_count for cell in code)
    assert not [out for cell in code for out in cell.outputs if out.output_type == "error"]
    assert (study.folder / "notebooks" / f"{name}.html").is_file()


def test_the_template_runs_and_pages_through_cases_with_maps(study):
    done = execution.execute(study, workflow.notebooks_folder() / "template.ipynb")
    shown = str(nbformat.read(done, as_version=4).metadata["widgets"])
    assert "labelled" in shown and "answered" in shown  # the widgets' state, as the last cells left it
    assert "No map" not in shown and "Grad-CAM" in shown


def test_the_ladder_has_every_model_on_every_rung(study):
    text = (study.folder / "tables" / "headline.txt").read_text()
    assert len(text.strip().split("\n")) == 1 + len(study.models)
    assert "Pages left out" in text.split("\n")[0]


def test_the_report_stands_alone(study):
    page = (study.folder / "report.html").read_text()
    assert "<img" in page or "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_second_run_does_nothing_and_is_quick(study):
    said, began = [], time.monotonic()
    workflow.run_study(study, say=said.append)
    assert time.monotonic() - began < 10
    assert [line for line in said if "up to date" not in line] == [said[-1]]


def test_a_deleted_notebook_is_made_again_and_nothing_else(study):
    (study.folder / "notebooks" / "01_eda.html").unlink()
    said = []
    workflow.run_study(study, say=said.append)
    assert [line.strip() for line in said if line.endswith("...")] == ["notebook 01_eda ...", "report ..."]
