"""The layout of a page is found on the page: packed, original, at any scale between, drawn."""

import time

import cv2
import numpy as np
import pytest

from ecgstudy.data import pictures, shipped, sources
from ecgstudy.pages import draw, layout, signals
from ecgstudy.vocabulary import LEADS

FULL_PAGES = {  # zero lines of the rows in pixels, read off by eye on one page of each
    "3x4": [463, 763, 1066, 1366],
    "6x2plain": [399, 569, 741, 913, 1085, 1258, 1430],
}


@pytest.fixture(scope="module")
def complete():
    return shipped.load_pages("complete")


@pytest.fixture(scope="module")
def recording():
    return signals.simulate("normal", rng=np.random.default_rng(3))


def test_every_packed_page_has_its_layout_and_strip_lead(complete):
    """Names and strip leads of the table were checked against the originals' footers and traces."""
    for row in complete.manifest.itertuples():
        found = layout.find_layout(complete.picture(row.page_id))
        strip_lead = row.strip_lead if isinstance(row.strip_lead, str) else None
        assert (found.name, found.region, found.strip_lead) == (row.layout, "grid", strip_lead), row.page_id


def original_paths(folder) -> dict:
    files = shipped.originals(folder / "v1")
    return {row: files[row.sha256] for row in sources.public_set().itertuples(index=False)}


def check_original(row, path) -> None:
    found = layout.find_layout(pictures.read_picture(path))
    assert (found.name, found.region) == (row.layout, "page"), row.page_id
    assert found.strip_lead == (row.strip_lead if isinstance(row.strip_lead, str) else None), row.page_id
    assert found.pixels_per_mm == pytest.approx(7.87, abs=0.001)


def test_originals_have_their_layout(originals):
    """Two of a hundred pages of `3x4` and `6x2plain`, a third of the pages of `6x2grid`, and the other one."""
    paths = original_paths(originals)
    shares = {"3x4": 50, "6x2plain": 10, "6x2grid": 3, "other": 1}
    for name, step in shares.items():
        for row in [row for row in paths if row.layout == name][::step]:
            check_original(row, paths[row])


@pytest.mark.slow
def test_every_original_has_its_layout(originals):
    for row, path in original_paths(originals).items():
        check_original(row, path)


def test_zero_lines_of_packed_pages_are_those_of_the_originals(originals, complete):
    """In 6x2grid they differ from page to page; 0.13 mm is the packed picture's third of a pixel."""
    paths = original_paths(originals)
    for row in [row for row in paths if row.layout != "other"][::90] + [r for r in paths if r.layout == "6x2grid"][::6]:
        page = pictures.read_picture(paths[row])
        whole, packed = layout.find_layout(page), layout.find_layout(complete.picture(row.page_id))
        height_mm = (whole.frame.bottom - whole.frame.top) * page.shape[0] / whole.pixels_per_mm
        for lead in LEADS:
            full = (whole.zero_lines[lead] - whole.frame.top) / (whole.frame.bottom - whole.frame.top)
            assert packed.zero_lines[lead] * height_mm == pytest.approx(full * height_mm, abs=0.2)


@pytest.mark.parametrize("name", FULL_PAGES)
def test_zero_lines_stand_where_one_sees_them(originals, name):
    path = next(path for row, path in original_paths(originals).items() if row.layout == name)
    found = layout.find_layout(pictures.read_picture(path))
    lines = [*dict.fromkeys(found.zero_lines.values()), found.strip_zero_line]
    np.testing.assert_allclose(np.array(lines) * 1572, FULL_PAGES[name], atol=1.5)
    assert (found.frame.left, found.frame.top) == pytest.approx((68 / 2213, 283 / 1572), abs=1e-6)


@pytest.mark.parametrize("name", ["3x4", "6x2plain", "6x2grid"])
@pytest.mark.parametrize("size", ["page", "grid", "packed"])
def test_drawn_pages_are_found_where_they_were_drawn(name, size, recording):
    drawn = draw.draw_page(recording, layout=name, size=size, strip_lead="III")
    found, truth = layout.find_layout(drawn.picture), drawn.layout
    assert (found.name, found.region, found.strip_lead) == (truth.name, truth.region, truth.strip_lead)
    assert found.pixels_per_mm == pytest.approx(truth.pixels_per_mm, rel=0.005)
    for lead in LEADS:
        assert found.zero_lines[lead] == pytest.approx(truth.zero_lines[lead], abs=0.002)
        assert found.leads[lead].left == pytest.approx(truth.leads[lead].left, abs=0.002)


@pytest.mark.parametrize("scale", [0.4, 0.55, 0.8, 1.3])
@pytest.mark.parametrize("size", ["page", "grid"])
def test_any_scale_gives_the_same_fractions(size, scale, recording):
    picture = draw.draw_page(recording, size=size).picture
    scaled = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    whole, part = layout.find_layout(picture), layout.find_layout(scaled)
    assert part.name == whole.name and part.strip_lead == whole.strip_lead
    assert part.pixels_per_mm == pytest.approx(scale * whole.pixels_per_mm, rel=0.005)
    for lead in LEADS:
        assert part.zero_lines[lead] == pytest.approx(whole.zero_lines[lead], abs=0.002)


def test_strong_jpeg_compression_changes_nothing(complete):
    for row in complete.manifest[::120].itertuples():
        picture = complete.picture(row.page_id)
        coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
        noisy = np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])
        assert layout.find_layout(noisy).name == row.layout
        assert layout.find_layout(noisy).strip_lead == layout.find_layout(picture).strip_lead


def test_lead_boxes_tile_the_columns_and_hold_their_zero_lines(complete):
    found = layout.find_layout(complete.picture(complete.distinct["page_id"][0]))
    assert tuple(found.leads) == tuple(found.zero_lines) == LEADS
    for lead, box in found.leads.items():
        assert box.top < found.zero_lines[lead] < box.bottom
        assert (box.right - box.left) * 703 / found.pixels_per_mm == pytest.approx(62.5, abs=0.2)  # 2.5 s
    assert found.leads["I"].right == found.leads["aVR"].left and found.leads["I"].bottom == found.leads["II"].top


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.full((412, 703, 3), 255, np.uint8), "0 of 3 lines between columns, 0 calibration pulses, no red frame"),
        (np.zeros((1572, 2213, 3), np.uint8), "no known page"),
        (np.full((100, 170, 3), 255, np.uint8), "170 pixels wide, needs 703"),
        (np.full((412, 703), 255, np.uint8), r"uint8 \(412, 703\); decode it as RGB"),
        (np.random.default_rng(0).integers(0, 256, (412, 703, 3)).astype(np.uint8), "no known page"),
    ],
)
def test_no_page_is_refused_with_what_was_measured(picture, reason):
    with pytest.raises(layout.LayoutError, match=reason):
        layout.find_layout(picture)


def test_a_page_without_its_left_end_is_refused(recording):
    picture = draw.draw_page(recording, size="grid").picture.copy()
    picture[:, :200] = 255
    with pytest.raises(layout.LayoutError, match="3x4 has 4 rows, found 0 calibration pulses"):
        layout.find_layout(picture)


def test_finding_takes_less_than_50_ms(recording):
    picture = draw.draw_page(recording, size="page").picture
    start = time.process_time()
    for _ in range(5):
        layout.find_layout(picture)
    assert (time.process_time() - start) / 5 < 0.05


@pytest.mark.parametrize("name", ["3x4", "6x2plain"])
def test_a_hidden_calibration_pulse_is_filled_in_where_rows_are_fixed(name, recording):
    picture = draw.draw_page(recording, layout=name).picture.copy()
    whole = layout.find_layout(picture)
    line = round(whole.zero_lines["II"] * picture.shape[0])
    picture[line - 26 : line + 2, :25] = 255
    assert layout.find_layout(picture).zero_lines["II"] == pytest.approx(whole.zero_lines["II"], abs=0.005)


def test_a_pale_page_without_colour_is_found(recording):
    for name in ("3x4", "6x2plain", "6x2grid"):
        grey = draw.draw_page(recording, layout=name).picture.mean(axis=2, keepdims=True)
        pale = np.repeat(255 - 0.5 * (255 - grey), 3, axis=2).astype(np.uint8)
        assert layout.find_layout(pale).name == name
