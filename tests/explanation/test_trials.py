"""Drawn pages that maps are tested on."""

import numpy as np

from ecgstudy.explanation import leads, maps, planted, trials

HEIGHT, WIDTH = 64, 112


def test_drawn_trials_know_their_truth_and_their_marks():
    trial = trials.drawn_trial(4, height=HEIGHT, width=WIDTH, seed=0, labels=("mi", "normal"), shortcut=True)
    assert trial.pictures.shape == (4, HEIGHT, WIDTH, 3)
    assert trial.classes.tolist() == [0, 3, 0, 3]
    assert [mask.any() for mask in trial.truths] == [True, False, True, False]
    assert all(0 < mask.mean() < 0.01 for mask in trial.marks)
    some = trial.rows(trial.classes == 0)
    assert len(some.pictures) == len(some.truths) == len(some.walls) == len(some.backdrop.layouts) == 2
    assert all((wall | ~mask)[:48].all() for mask, wall in zip(some.truths, some.walls, strict=True))  # strip aside
    healthy = trials.drawn_trial(4, height=HEIGHT, width=WIDTH, seed=0, shortcut=True, healthy=True)
    assert healthy.classes.tolist() == [0, 1, 2, 3]
    assert not np.any(healthy.truths) and not np.any(healthy.walls) and all(mask.any() for mask in healthy.marks)


def test_a_mark_in_the_footer_is_found_outside_of_the_waveform():
    """A model that read the planted footer of whole pages is caught by the mass outside of the leads."""
    trial = trials.drawn_trial(40, height=HEIGHT, width=WIDTH, seed=3, shortcut=True, region="page")
    honest = trials.drawn_trial(40, height=HEIGHT, width=WIDTH, seed=3, region="page")
    answer = planted.fit_linear(trial.pictures, trial.classes)
    fair = planted.fit_linear(honest.pictures, honest.classes)
    is_normal = trial.classes == 3  # four squares: the most ink
    outside = {}
    for name, model, some in (("caught", answer, trial.rows(is_normal)), ("fair", fair, honest.rows(is_normal))):
        heat = maps.explain(
            model, some.pictures, some.classes, method="integrated_gradients", baseline="mean", backdrop=some.backdrop
        )
        outside[name] = np.mean(
            [leads.lead_shares(*p)["outside"] for p in zip(heat, some.backdrop.layouts, strict=True)]
        )
    assert outside["caught"] > 2 * outside["fair"]
