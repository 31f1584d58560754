"""What happens when the places that a map points at are taken away: curves, ROAD and leads, on models known by hand."""

import numpy as np
import pytest

from ecgstudy.explanation import agreement, controls, leads, removal

from .conftest import SquareAnswer

HEIGHT, WIDTH = 64, 112


@pytest.fixture
def reads_one_lead(prepared):
    """p = ink in V2, from 0 to 1; and a map that says so."""
    pictures, behind = prepared
    weights = np.zeros((HEIGHT, WIDTH, 3, 4))
    part = behind.layouts[0].leads["V2"].pixels(HEIGHT, WIDTH)
    weights[part] = 1.0 / weights[part][..., 0].size
    maps_ = np.zeros((len(pictures), HEIGHT, WIDTH))
    maps_[:, part[0], part[1]] = 1

    class Ink(SquareAnswer):
        def probabilities(self, pictures):
            return super().probabilities(255 - pictures)

    return Ink(weights, power=1), maps_


def test_the_deletion_curve_of_a_linear_model_by_hand():
    """p = sum of four pixels' ink; the map ranks them 4, 3, 2, 1."""
    picture = np.full((1, 2, 2, 3), 255.0)
    weights = np.zeros((2, 2, 3, 4))
    weights[..., 0, 0] = [[0.4, 0.3], [0.2, 0.1]]
    curve = removal.deletion_curves(
        SquareAnswer(weights, power=1),
        picture,
        np.array([0]),
        np.array([[[4, 3], [2, 1]]]),
        picture * 0,
        steps=4,
        seed=0,
    )
    np.testing.assert_allclose(curve, [[1, 0.6, 0.3, 0.1, 0]])
    assert removal.curve_areas(curve) == pytest.approx((0.5 + 0.6 + 0.3 + 0.1) / 4)


def test_insertion_is_deletion_the_other_way_round(weights, pictures):
    answer, heat = SquareAnswer(weights, power=1), np.random.default_rng(0).uniform(size=(3, 24, 42))
    which, paper = np.array([0, 1, 2]), pictures * 0
    deleted = removal.deletion_curves(answer, pictures, which, heat, paper, seed=0)
    inserted = removal.insertion_curves(answer, pictures, which, -heat, paper, seed=0)
    np.testing.assert_allclose(deleted[:, [0, -1]], inserted[:, [-1, 0]], atol=1e-6)
    np.testing.assert_allclose(deleted[:, 5], inserted[:, 5], atol=1e-4)  # half of the pixels


def test_imputation_goes_on_with_a_slope_and_leaves_the_rest_alone():
    columns = np.linspace(20, 230, 60)
    picture = np.broadcast_to(columns[None, :, None], (40, 60, 3)).astype(np.float32)
    mask = np.zeros((40, 60), dtype=bool)
    mask[10:30, 20:45] = True
    filled = removal.imputed(np.where(mask[..., None], 0, picture), mask, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(filled[~mask], picture[~mask])
    assert np.abs(filled - picture)[mask].mean() < 8  # the noise alone has a mean of 2


def test_road_is_high_for_a_right_map_opposite_for_its_opposite_and_zero_for_a_blind_one(reads_one_lead, prepared):
    answer, right = reads_one_lead
    pictures, which = prepared[0], np.zeros(4, dtype=int)
    right = right * (255 - pictures.min(axis=3))  # its ink: paper that gives way to paper changes nothing
    good = removal.road(answer, pictures, which, right, seed=0)
    bad = removal.road(answer, pictures, which, -right, seed=0)
    clouds = [controls.random_map(pictures, seed=seed) for seed in range(12)]
    blind = [removal.road(answer, pictures, which, heat, seed=0).mean() for heat in clouds]
    assert (good > 0.005).all()
    np.testing.assert_allclose(good, -bad, atol=0.01)
    assert abs(np.mean(blind)) < good.mean() / 4


def test_removing_the_lead_that_decides_costs_more_than_the_same_area_elsewhere(reads_one_lead, prepared):
    answer, right = reads_one_lead
    pictures, behind = prepared
    which = np.zeros(4, dtype=int)
    drops = removal.lead_drops(answer, pictures, which, behind)
    assert (np.nanargmax(drops, axis=1) == leads.REGIONS.index("V2")).all()
    random = removal.random_drops(answer, pictures, which, behind, seed=0)
    gains = removal.lead_removal(right, behind, drops, random)
    np.testing.assert_allclose(gains, drops[:, leads.REGIONS.index("V2")] - random[:, 0])
    assert (gains > 0).all()
    assert np.isnan(removal.lead_removal(-right, behind, drops, random)).all()  # points at nothing


def test_rank_correlation_of_equal_opposite_even_and_unrelated_maps():
    rng = np.random.default_rng(0)
    one = rng.uniform(size=(5, 64, 112))
    np.testing.assert_allclose(agreement.rank_correlations(one, one**1), 1)
    np.testing.assert_allclose(agreement.rank_correlations(one, -one), -1)
    assert np.isnan(agreement.rank_correlations(one, one * 0)).all()
    assert np.abs(agreement.rank_correlations(one, rng.uniform(size=one.shape))).max() < 0.3
    broken = one.copy()
    broken[2, 0, 0] = np.nan
    assert np.isnan(agreement.rank_correlations(one, broken)).tolist() == [False, False, True, False, False]
