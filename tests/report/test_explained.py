"""Explanations as files, of pictures and of a run's test pages."""

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from ecgstudy.data import prepare
from ecgstudy.explanation import leads, networks, siblings
from ecgstudy.pages import draw
from ecgstudy.report import explained
from ecgstudy.study import Explanation, Study
from ecgstudy.training import answers, grid, runs

TINY = {
    "name": "tiny",
    "data": {"source": "synthetic", "synthetic_pages": 36},
    "image": {"height": 32, "width": 56},
    "splits": {"folds": 2, "validation": 0.25, "protocols": ["grouped"]},
    "models": ["majority", "baseline_cnn"],
    "training": {"epochs": 1, "batch_size": 8, "width": 2},
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture
def study(outputs, monkeypatch):
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(outputs))
    study = Study.load(TINY)
    grid.run_grid(study, progress=lambda line: None)  # trained once: the second test finds it finished
    return study


def first_run(study, model="baseline_cnn"):
    return runs.study_runs(study, [model])[0]


def test_a_saved_run_is_explained_page_by_page(study):
    run, said = first_run(study), []
    assert (
        explained.write_run_explanations(study, run, answers.load_answer(study, run), pages=5, show=said.append) == {}
    )
    folder = study.folder / "explained" / run.name
    table = pd.read_csv(folder / "gradcam.csv", dtype={"page_id": str})
    assert list(table.columns) == ["page_id", "label", "answer", "probability", "sentence"]
    assert len(table) == len(said) == 5
    predictions = runs.read_predictions(study, [run.model])
    tested = predictions[(predictions.run == run.name) & (predictions.part == "test")]
    assert set(table.page_id) <= set(tested.page_id)
    for page_id in table.page_id:
        shares = pd.read_csv(folder / f"{page_id}-gradcam.csv").set_index("region").share[list(leads.REGIONS)]
        assert np.isnan(shares).all() or shares.sum() == pytest.approx(1)
        with PIL.Image.open(folder / f"{page_id}-gradcam.png") as overlay:
            assert np.load(folder / f"{page_id}-gradcam.npy").shape == overlay.size[::-1]


def test_all_pages_of_the_test_part_are_explained_by_default(study, tmp_path):
    run = first_run(study)
    explained.write_run_explanations(
        study, run, answers.load_answer(study, run), tmp_path, method="edge", show=lambda line: None
    )
    predictions = runs.read_predictions(study, [run.model])
    tested = predictions[(predictions.run == run.name) & (predictions.part == "test")]
    assert set(pd.read_csv(tmp_path / "edge.csv", dtype={"page_id": str}).page_id) == set(tested.page_id)


def test_a_bad_picture_in_a_folder_is_named_and_the_others_go_on(study, tmp_path):
    PIL.Image.fromarray(draw.synthetic_page(0, seed=5, label="mi").picture).save(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    PIL.Image.fromarray(np.full((300, 400, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    answer = answers.load_answer(study, first_run(study))
    said: list[str] = []
    failed = explained.write_explanations(answer, [tmp_path], tmp_path / "out", show=said.append)
    assert {name.rsplit("/")[-1] for name in failed} == {"broken.png", "grey.png"}
    assert len(said) == 1 and (tmp_path / "out" / "good-gradcam.txt").is_file()


def test_pictures_of_one_name_in_two_folders_have_files_of_their_own(study, tmp_path):
    for number, (folder, name) in enumerate([("a", "x.png"), ("b", "x.png"), ("b", "x.1.png"), ("b", "x.2.png")]):
        (tmp_path / folder).mkdir(exist_ok=True)
        picture = draw.synthetic_page(number, seed=5, label="mi").picture
        PIL.Image.fromarray(picture).save(tmp_path / folder / name)
    answer, said = answers.load_answer(study, first_run(study)), []
    places = [tmp_path / "a", tmp_path / "b", tmp_path / "b" / "x.png"]  # one of them twice
    assert explained.write_explanations(answer, places, tmp_path / "out", method="edge", show=said.append) == {}
    names = sorted(path.name for path in (tmp_path / "out").glob("*.npy"))
    assert names == ["x-edge.npy", "x.1-edge.npy", "x.2-edge.npy", "x~2-edge.npy"]
    assert len(said) == 4 and len({path.read_bytes() for path in (tmp_path / "out").glob("*.npy")}) == 4


def test_what_cannot_be_explained_is_refused_in_one_line(study):
    run = first_run(study)
    answer = answers.load_answer(study, run)
    with pytest.raises(ValueError, match="unknown method 'gradcamm'; did you mean 'gradcam'"):
        explained.write_run_explanations(study, run, answer, method="gradcamm")
    with pytest.raises(ValueError, match="majority: reads nothing"):
        answers.load_answer(study, first_run(study, "majority"))
    with pytest.raises(ValueError, match="0 pages to explain"):
        explained.write_run_explanations(study, run, answer, pages=0)
    with pytest.raises(ValueError, match="no picture in"):
        explained.write_explanations(answer, [study.folder / "splits"], study.folder)


def test_models_beside_a_run_answer_as_they_do_alone_and_leave_it_as_it_was(study):
    own, other = (run for run in runs.study_runs(study, ["baseline_cnn"]))
    answer = answers.load_answer(study, own)
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 32, 56, 3)).astype(np.float32)
    before = answer.probabilities(pictures)
    found = siblings.siblings(study, own, answer)
    assert {name: len(models) for name, models in found.items()} == {
        "randomisation": 1, "random_head": 1, "permuted_labels": 0, "agreement_folds": 1, "agreement_seeds": 0
    }  # fmt: skip
    alone = answers.load_answer(study, other).probabilities(pictures)
    np.testing.assert_allclose(found["agreement_folds"][0].probabilities(pictures), alone, atol=1e-6)
    np.testing.assert_array_equal(answer.probabilities(pictures), before)
    misled = siblings.permuted_head(study, prepare.open_study(study), own, answer)
    assert misled.probabilities(pictures).sum(axis=1) == pytest.approx(1)
    assert np.abs(misled.probabilities(pictures) - before).max() > 0.01
    np.testing.assert_array_equal(answer.probabilities(pictures), before)


def test_networks_that_are_shown_have_their_cases_and_tables(study):
    """All that notebook 4 asks, but for the tests of faithfulness, on a study without unseen pages and measurements."""
    small = study.model_copy(update={"explanation": Explanation(models=("baseline_cnn",), pages=6, drawn_pages=4)})
    pages = prepare.open_study(small)
    (shown,) = networks.open_networks(small, pages)
    assert len(shown.cases) == len(shown.pictures) == 6
    shares = networks.network_shares(small, [shown])
    assert set(shares.model) == {"baseline_cnn"} and set(shares.region) == set(leads.REGIONS)
    assert set(networks.territory_table([shown]).pages) == {"mi", "others"}
    assert networks.unseen_shares(small, pages, shown).empty
    deciding = networks.deciding_leads(small, pages, [shown])
    assert set(deciding.source) == {"Grad-CAM", "Occlusion by lead"}
    assert networks.faithfulness_tables(small, pages, [], networks.drawn_pages(small, [shown])).empty
