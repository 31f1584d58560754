"""Cases in a notebook: every control turns the page, and what is shown is what the model answered."""

import io

import numpy as np
import PIL.Image
import pytest

from ecgstudy.data.prepare import open_study
from ecgstudy.predict.browse import KINDS, browse_cases
from ecgstudy.report.figures_pages import waveform_picture
from ecgstudy.training import runs


@pytest.fixture
def browser(grid_study):
    return browse_cases(grid_study, open_study(grid_study), runs.read_predictions(grid_study), count=20)


def shown(browser):
    return np.asarray(PIL.Image.open(io.BytesIO(browser.picture.value)).convert("RGB"))


def test_the_page_shown_is_that_of_the_words(browser, grid_study):
    browser.model.value = "thumbnail"
    pages = open_study(grid_study)
    for place in (1, 3):
        browser.place.value = place
        page_id = browser.rows.page_id[place - 1]
        assert np.array_equal(shown(browser), waveform_picture(pages, page_id)) and page_id in browser.words.value


def test_only_pages_of_the_chosen_kind_are_shown(browser):
    browser.model.value = "majority"  # answers one class, so that some pages are right and some are wrong
    for kind, right in (("answered right", {True}), ("answered wrong", {False})):
        browser.kind.value = kind
        assert set(browser.rows.right) == right and browser.place.value == 1
    browser.kind.value = "missed infarctions"
    assert set(browser.rows.label) <= {"mi"} and browser.place.max == max(1, len(browser.rows))


def test_no_page_is_shown_more_than_once_and_no_more_than_asked_for(browser):
    assert browser.rows.page_id.is_unique and len(browser.rows) == 20 and set(KINDS) == set(browser.kind.options)


def test_a_model_without_maps_says_so(browser):
    browser.model.value = "majority"
    browser.method.value = "gradcam"
    assert "No map" in browser.words.value


def test_without_tested_pages_there_is_nothing_to_page_through(grid_study):
    predictions = runs.read_predictions(grid_study)
    with pytest.raises(ValueError, match="no model has answered test pages"):
        browse_cases(grid_study, open_study(grid_study), predictions[predictions["part"] == "unseen"])
