"""What is accepted as a page, and by what name all else is refused."""

import cv2
import numpy as np
import PIL.Image
import pytest

from ecgstudy.pages import damage, draw
from ecgstudy.pages.layout import find_layout
from ecgstudy.predict import page
from ecgstudy.predict.page import RefusedError, check_page, open_page

OTHER = (
    "a person", "noise", "a letter", "a chart", "a table", "white", "black", "an empty form", "a gradient",
    "a chessboard",
)  # fmt: skip
STRANGE = ("four rows of three", "twelve rows", "three leads", "no strip")


def reason_of(picture):
    with pytest.raises(RefusedError) as refusal:
        check_page(picture)
    assert refusal.value.reason in page.REASONS and str(refusal.value)
    return refusal.value.reason


@pytest.mark.parametrize("layout", ["3x4", "6x2plain", "6x2grid"])
def test_real_pages_of_every_layout_are_accepted(layout, real_pages):
    for picture in real_pages[layout]:
        checked = check_page(picture)
        assert checked.layout.name == layout
        assert checked.read > 0.9 and checked.turned == 0


@pytest.mark.parametrize("layout", ["3x4", "6x2plain", "6x2grid"])
def test_whole_pages_are_accepted_and_no_pixel_is_changed(layout):
    drawn = draw.synthetic_page(1, seed=4, layouts=(layout,), size="page").picture
    checked = check_page(drawn)
    assert checked.layout.name == layout
    assert np.array_equal(checked.picture, drawn)


@pytest.mark.parametrize("name", OTHER)
def test_a_picture_that_is_no_ecg_is_refused(name, other_pictures):
    assert set(other_pictures) == set(OTHER)
    assert reason_of(other_pictures[name]) == "not an ECG"


@pytest.mark.parametrize("name", [*STRANGE, *(f"{name}, no grid" for name in STRANGE)])
def test_an_arrangement_that_the_study_does_not_know_is_refused(name, strange_pages):
    framed = "no" not in name
    assert reason_of(strange_pages[name]) in (("unknown layout",) if framed else ("unknown layout", "cut off"))


def test_the_page_of_another_arrangement_in_the_public_set_is_refused(shipped):
    pages = shipped.distinct
    other = pages.loc[pages["layout"] == "other", "page_id"].iloc[0]
    assert reason_of(shipped.picture(other)) == "unknown layout"


def test_a_small_picture_is_refused(real_pages):
    assert reason_of(cv2.resize(real_pages["3x4"][0], (560, 328), interpolation=cv2.INTER_AREA)) == "too small"


@pytest.mark.parametrize("enlarged", [1, 2])
def test_a_blurred_picture_is_refused_at_any_scale(enlarged, real_pages):
    picture = real_pages["3x4"][0]
    picture = cv2.resize(picture, None, fx=enlarged, fy=enlarged, interpolation=cv2.INTER_CUBIC)
    assert reason_of(damage.damage(picture, "blur", 5, seed=0)) == "too blurred"


@pytest.mark.parametrize(
    "kept", [np.s_[:, 75:], np.s_[:, :-75], np.s_[:280], np.s_[45:]], ids=["left", "right", "bottom", "top"]
)
def test_a_page_that_is_cut_off_is_refused(kept):
    drawn = draw.synthetic_page(2, seed=4).picture
    assert reason_of(cv2.resize(drawn[kept], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)) == "cut off"


@pytest.mark.parametrize(
    ("layout", "kept", "measured"),
    [("3x4", 0.4, "only 39% of the columns"), ("6x2plain", 0.05, "only 5% of the columns"),
     ("6x2grid", 0.05, "no trace in the 12 lead boxes of layout 6x2grid")],
)  # fmt: skip
def test_a_framed_page_whose_leads_are_wiped_is_refused(layout, kept, measured):
    """Frame, rules, header, strip and the beginning of every lead are there; nothing else is."""
    drawn = draw.synthetic_page(1, seed=4, layouts=(layout,), size="page").picture
    clean, wiped = damage.empty_paper(drawn), drawn.copy()
    for box in find_layout(drawn).leads.values():
        rows, columns = box.pixels(*drawn.shape[:2])
        end = slice(int(columns.start + kept * (columns.stop - columns.start)), columns.stop)
        wiped[rows, end] = clean[rows, end]
    with pytest.raises(RefusedError, match=measured) as refusal:
        check_page(wiped)
    assert refusal.value.reason == "no trace"


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_page_on_its_side_or_head_is_turned(quarters, real_pages):
    upright = real_pages["3x4"][0]
    checked = check_page(np.ascontiguousarray(np.rot90(upright, quarters)))
    assert np.array_equal(checked.picture, upright)
    assert abs(checked.turned) == {1: 90, 2: 180, 3: 90}[quarters]


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff\xe0 half a JPEG"])
def test_a_file_that_is_no_picture_is_refused(content, tmp_path):
    path = tmp_path / "page.jpg"
    path.write_bytes(content)
    with pytest.raises(RefusedError) as refusal:
        open_page(path)
    assert refusal.value.reason == "unreadable"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(RefusedError, match="no such file"):
        open_page(tmp_path / "missing.jpg")


def test_the_orientation_in_a_photographs_exif_is_heeded(real_pages, tmp_path):
    sideways = PIL.Image.fromarray(np.ascontiguousarray(np.rot90(real_pages["3x4"][0])))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees clockwise to see it"
    sideways.save(tmp_path / "page.png", exif=exif)
    assert open_page(tmp_path / "page.png").turned == 0
