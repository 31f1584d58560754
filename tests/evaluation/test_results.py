import pandas as pd

from ecgstudy.evaluation import ladder, results

FEW = {"resamples": 100, "seed": 0}


def test_all_tables_come_from_saved_predictions_alone(predictions, manifest, simulate_runs):
    everything = pd.concat(
        [
            predictions.replace({"model": {"weak": "traces"}}),
            simulate_runs(manifest, "good", 0.5, condition="blur-4", inner=False),
            simulate_runs(manifest, "good", 0.0, variant="permuted_labels", inner=False),
            simulate_runs(manifest, "good", 0.5, variant="share-0.5", inner=False),
        ],
        ignore_index=True,
    )
    tables = dict(results.results(everything, manifest.assign(printed_bpm=70.0), **FEW))
    assert set(tables) == {
        "ladder", "steps", "recalls", "scores", "comparisons", "seed_spread", "risk_coverage", "confusion",
        "sample_size", "reliability", "detection", "decision_curve", "conformal", "nested_choice", "selection",
        "inner_scores", "robustness", "learning_curve", "controls",
    }  # fmt: skip
    assert all(len(table) for table in tables.values())


def test_a_study_without_inner_answers_or_variants_still_has_its_ladder(predictions, manifest):
    rows = predictions[~predictions["part"].isin(["inner", "unseen"])]
    tables = dict(results.results(rows, manifest, wanted=("ladder", "detection", "controls"), **FEW))
    assert set(tables) == {"ladder"}
    pd.testing.assert_frame_equal(tables["ladder"], ladder.ladder(rows, manifest, **FEW))
