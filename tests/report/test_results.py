import pandas as pd
import pytest

from ecgstudy.evaluation import ladder
from ecgstudy.report import results
from ecgstudy.study import Study
from ecgstudy.vocabulary import CLASSES, PROBABILITIES

# two pages of each class in two folds of `grouped`, all answered "mi"
ROWS = [(f"{label}{at}", label, at) for label in CLASSES for at in range(2)]
MANIFEST = pd.DataFrame(
    [(page, page, label, page) for page, label, _ in ROWS], columns=["path", "page_id", "label", "group"]
)
MANIFEST = MANIFEST.assign(selected=True, layout="3x4", width=703, height=412)
PREDICTIONS = pd.DataFrame(
    [(page, page, at, f"run{at}") for page, _, at in ROWS], columns=["path", "page_id", "fold", "run"]
)
PREDICTIONS = PREDICTIONS.assign(
    model="majority",
    weights="none",
    trained="all",
    protocol="grouped",
    seed=0,
    variant="clean",
    part="test",
    condition="clean",
)
PREDICTIONS[list(PROBABILITIES)] = [0.7, 0.1, 0.1, 0.1]


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path))
    return Study.load({"name": "small", "models": ["majority"], "evaluation": {"resamples": 50}})


def test_tables_are_saved_and_those_that_cannot_be_made_are_empty(study):
    found = results.study_results(study, PREDICTIONS, MANIFEST, wanted=("ladder", "robustness"), suffix="_some")
    saved = pd.read_csv(study.folder / "tables" / "ladder_some.csv")
    assert len(saved) == len(found["ladder"]) > 0
    balanced = saved[(saved.metric == "balanced_accuracy") & (saved.weighting == "selected")]
    assert balanced.value.tolist() == [0.25]
    assert found["robustness"].empty and not (study.folder / "tables" / "robustness_some.csv").exists()


def test_a_table_is_made_once_and_read_afterwards_as_it_was(study, monkeypatch):
    made = results.study_results(study, PREDICTIONS.assign(weights=""), MANIFEST, wanted=("ladder", "confusion"))
    monkeypatch.setattr(ladder, "ladder", lambda *args, **options: pytest.fail("made again"))
    read = results.study_results(study, PREDICTIONS.assign(weights=""), MANIFEST, wanted=("ladder",))
    assert list(read) == ["ladder"]
    pd.testing.assert_frame_equal(read["ladder"], made["ladder"])


@pytest.mark.parametrize("change", ["answers", "file", "record"])
def test_a_table_is_made_again_when_answers_file_or_record_changed(study, change):
    results.study_results(study, PREDICTIONS, MANIFEST, wanted=("ladder",))
    path, answers = study.folder / "tables" / "ladder.csv", PREDICTIONS
    good = path.read_bytes()
    if change == "answers":
        answers = PREDICTIONS.assign(p_mi=0.1, p_normal=0.7)
    else:
        (path if change == "file" else path.with_name("made.json")).write_text("spoilt")
    found = results.study_results(study, answers, MANIFEST, wanted=("ladder",))["ladder"]
    assert len(found) and (path.read_bytes() == good) == (change != "answers")
