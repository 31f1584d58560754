"""The packed pages: what they count, that they serve, and that nothing printed around the waveforms is in them."""

import hashlib
import re
import zipfile

import cv2
import numpy as np
import pandas as pd
import pytest

from ecgstudy.data import pictures, shipped, sources, splits
from ecgstudy.data.manifest import check_manifest
from ecgstudy.pages import layout

SAMPLE = {"3x4": 6, "6x2plain": 6, "6x2grid": 6}


@pytest.fixture(scope="module")
def found(originals) -> dict:
    """page_id -> path of the original."""
    table = sources.public_set()
    files = shipped.originals(originals / "v1") | shipped.originals(originals / "v2")
    return {row.page_id: files[row.sha256] for row in table.itertuples()}


@pytest.fixture(scope="module")
def complete():
    return shipped.load_pages("complete")


def sample(pages: pd.DataFrame, name: str, count: int) -> list[str]:
    return pages[pages["layout"] == name]["page_id"].sort_values().sample(count, random_state=1).tolist()


def test_as_published_every_infarct_file_is_tested_beside_its_copy_in_the_training_part():
    """What README says of the first rung."""
    pages = shipped.load_pages("selected").manifest
    split = splits.make_splits(pages, protocols=["as_published"])["as_published"]
    known = split.assign(label=pages.set_index("path").loc[split["path"], "label"].to_numpy())
    tested = known[(known["part"] == "test") & (known["label"] == "mi")]
    trained = {fold: set(own["page_id"]) for fold, own in known[known["part"] == "train"].groupby("fold")}
    assert len(tested) == 239
    assert all(row.page_id in trained[row.fold] for row in tested.itertuples())


def test_selected_are_the_928_files_of_491_pages():
    pages = shipped.load_pages("selected")
    assert (len(pages.manifest), len(pages.distinct)) == (928, 491)
    assert pages.distinct["label"].value_counts().to_dict() == {"mi": 30, "abnormal": 233, "history": 86, "normal": 142}
    assert pages.manifest["label"].value_counts().to_dict() == {
        "mi": 239, "abnormal": 233, "history": 172, "normal": 284,
    }  # fmt: skip
    assert pages.manifest["selected"].all() and set(pages.manifest["layout"]) == {"3x4"}


def test_complete_are_1426_pages_once_each(complete):
    assert len(complete.manifest) == len(complete.distinct) == 1426
    assert complete.manifest["layout"].value_counts().to_dict() == {
        "3x4": 1261, "6x2plain": 103, "6x2grid": 61, "other": 1,
    }  # fmt: skip
    check_manifest(complete.manifest)


def test_unseen_are_added_to_the_selected_files():
    pages = shipped.load_pages("selected", unseen=True).manifest
    unseen = pages[~pages["selected"] & (pages["layout"] == "3x4")]
    assert len(pages) == 928 + 935
    assert unseen["label"].value_counts().to_dict() == {"mi": 7, "abnormal": 138, "history": 22, "normal": 603}


def test_an_unknown_set_is_named():
    with pytest.raises(ValueError, match="unknown set of pages 'seleced'"):
        shipped.load_pages("seleced")


def test_every_picture_has_the_size_that_the_manifest_says(complete):
    for row in complete.manifest[::25].itertuples():
        picture = complete.picture(row.page_id)
        assert picture.shape == (row.height, row.width, 3) and picture.dtype == np.uint8


def test_neither_record_number_nor_day_is_in_the_table():
    table = sources.public_set()
    assert table["month"].dropna().str.fullmatch(r"20\d\d-\d\d").all()
    assert table["group"].str.fullmatch(r"g\d{3}").all()
    assert table["page_id"].is_monotonic_increasing and table["page_id"].is_unique


def test_device_measurements_cover_the_6x2grid_pages_and_agree_with_themselves():
    """Read once from the originals' headers: the rate is that of the footer, QTc is QT by Bazett's formula."""
    device = pd.read_csv(shipped.archive_path("device_measurements.csv")).set_index("page_id")
    table = sources.public_set().set_index("page_id")
    assert set(device.index) == set(table.index[table["layout"] == "6x2grid"])
    printed = table["printed_bpm"].reindex(device.index).dropna()
    assert len(printed) == 59 and (device["hr"].reindex(printed.index) == printed).all()
    np.testing.assert_allclose(device["qt_ms"] / np.sqrt(60 / device["hr"]), device["qtc_ms"], atol=2.5)
    assert device["reading"].value_counts().to_dict() == {"other": 46, "mi": 13, "normal": 2}
    assert device["p_ms"].isna().sum() == device["pr_ms"].isna().sum() == 9  # no P wave, printed as 0


def test_archives_hold_pictures_and_nothing_else():
    for name in shipped.ARCHIVES:
        with zipfile.ZipFile(shipped.archive_path(name)) as archive:
            members = archive.infolist()
            assert all(re.fullmatch(r"[0-9a-f]{12}\.webp", member.filename) for member in members)
            assert {(member.date_time, member.compress_type) for member in members} == {((1980, 1, 1, 0, 0, 0), 0)}
            first = archive.read(members[0])
            assert b"EXIF" not in first and b"XMP " not in first and b"ICCP" not in first


def test_packing_twice_gives_the_same_bytes_and_those_of_the_package(found, tmp_path):
    paths = {page_id: found[page_id] for page_id in sorted(found)[:3]}
    once, twice = (shipped.write_archive(paths, tmp_path / name).read_bytes() for name in ("a.zip", "b.zip"))
    assert once == twice
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        for page_id in paths:
            assert archive.read(f"{page_id}.webp") == shipped.member(page_id)


@pytest.mark.slow
def test_packing_all_pages_gives_the_archives_of_the_package(originals, tmp_path):
    made = shipped.pack(originals / "v2", originals / "v1", tmp_path)
    for path in made:
        assert path.read_bytes() == shipped.archive_path(path.name).read_bytes()


def test_pages_that_are_missing_are_counted(tmp_path):
    with pytest.raises(ValueError, match="1426 of 1426 pages are missing"):
        shipped.pack(tmp_path, tmp_path, tmp_path)


def test_table_and_originals_agree(found):
    """`page_id` is the hash of the decoded pixels; a file's hash leads to it."""
    for page_id in sorted(found)[::150]:
        picture = pictures.read_picture(found[page_id])
        assert hashlib.sha256(picture.tobytes()).hexdigest()[:12] == page_id


def test_nothing_from_above_the_frame_is_in_packed_6x2grid_pages(found, complete):
    """Header painted over and header as it is give the same packed picture, and the package has that one."""
    page_ids = complete.manifest.loc[complete.manifest["layout"] == "6x2grid", "page_id"]
    for page_id in page_ids[::6]:
        page = pictures.read_picture(found[page_id])
        top = first_red_row(page)
        blank = page.copy()
        blank[:top] = 255
        expected = shipped.packed_picture(page)
        np.testing.assert_array_equal(expected, shipped.crop(blank, layout.find_layout(page)))
        difference = expected.astype(int) - complete.picture(page_id)
        assert np.abs(difference).mean() < 6  # WebP


def test_no_letter_hangs_into_6x2grid_pages(found, complete):
    """On two pages the reading has so many lines that the tails of its last letters reach below the frame's edge."""
    page_ids = complete.manifest.loc[complete.manifest["layout"] == "6x2grid", "page_id"]
    with_tails = []
    for page_id in page_ids:
        page = pictures.read_picture(found[page_id])
        rows, columns = layout.find_layout(page).frame.pixels(*page.shape[:2])
        cleaned = shipped.without_tails(page[rows, columns])
        assert not loose_ink(cleaned)
        if loose_ink(page[rows, columns]):
            with_tails.append(page_id)
            assert (cleaned != page[rows, columns]).any(axis=2).sum() < 600
            expected = shipped.crop(page, layout.find_layout(page))
            difference = complete.picture(page_id)[:4].mean(axis=2) - expected[:4].mean(axis=2)
            assert np.abs(difference).max() < 40  # WebP has 28; with the tails it would be 169
        else:
            np.testing.assert_array_equal(cleaned, page[rows, columns])
    assert sorted(with_tails) == ["b24a6cdc73d9", "d8c74a34f2d1"]


def loose_ink(area: np.ndarray) -> bool:
    """Is there ink within 12 rows of the upper edge, more than a grid dot, that no ink below row 12 continues?"""
    ink = area[:40].max(axis=2) < 110
    reached = ink & (np.arange(len(ink)) >= 12)[:, None]
    while True:  # grow upwards from below, one pixel a turn
        grown = ink & (cv2.dilate(reached.astype(np.uint8), np.ones((3, 3))) > 0)
        if (grown == reached).all():
            break
        reached = grown
    sizes = cv2.connectedComponentsWithStats((ink & ~reached)[:12].astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]
    return bool((sizes > 4).any())


@pytest.mark.parametrize("name", ["3x4", "6x2plain"])
def test_no_header_or_footer_is_in_packed_pages(name, found, complete):
    for page_id in sample(complete.manifest, name, 6):
        page = pictures.read_picture(found[page_id])
        blank = page.copy()
        blank[:276] = blank[1525:] = 255  # the last header line ends at 270, the footer begins at 1530
        where = layout.find_layout(page)
        np.testing.assert_array_equal(shipped.crop(page, where), shipped.crop(blank, where))


def first_red_row(page: np.ndarray) -> int:
    """The frame's upper edge, found without `find_layout`: the first row that is red over most of the width."""
    red = page[:, 300:1900, 0].astype(int) - page[:, 300:1900, 1] > 40
    return int(np.flatnonzero(red.mean(axis=1) > 0.5)[0])


@pytest.mark.parametrize("name", SAMPLE)
def test_the_traces_centre_line_is_where_the_original_has_it(name, found, complete):
    """Half of all columns within 0.08 mm (0.008 mV), 95 of 100 within 0.4 mm; measured on 50 pages: 0.06 and 0.34."""
    errors = centre_line_errors(sample(complete.manifest, name, SAMPLE[name]), found, complete)
    assert np.median(errors) < 0.08 and np.quantile(errors, 0.95) < 0.4


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLE)
def test_the_traces_centre_line_is_where_50_originals_have_it(name, found, complete):
    errors = centre_line_errors(sample(complete.manifest, name, 50), found, complete)
    assert np.median(errors) < 0.08 and np.quantile(errors, 0.95) < 0.4


def centre_line_errors(page_ids: list[str], found: dict, complete) -> np.ndarray:
    """Distances in mm between the trace's centre lines on packed and original pages, over columns that show one."""
    errors = []
    for page_id in page_ids:
        both = [centre_lines(picture) for picture in (pictures.read_picture(found[page_id]), complete.picture(page_id))]
        errors.append(np.abs(both[0] - both[1]))
    together = np.concatenate(errors)
    kept = together[np.isfinite(together)]
    assert kept.size > 0.4 * together.size
    return kept


def centre_lines(picture: np.ndarray) -> np.ndarray:
    """Per lead and per third of a millimetre: the trace's height in mm above its zero line, NaN where unclear.

    Clear is a column whose ink is one piece of at most 1.5 mm; the lead's name at its left end is left out.
    """
    where = layout.find_layout(picture)
    height, width = picture.shape[:2]
    wide = max(1, round(where.pixels_per_mm / 2.62))
    picture = cv2.blur(picture, (wide, wide))  # as wide as a packed pixel: the dots of the grid vanish
    ink = 1 - picture.max(axis=2).astype(float) / 255
    heights = []
    for lead, box in where.leads.items():
        rows, _ = box.pixels(height, width)
        centre = ink_centres(ink[rows], 1.5 * where.pixels_per_mm) + rows.start
        millimetres = (where.zero_lines[lead] * height - centre) / where.pixels_per_mm
        at = np.linspace(box.left + 0.03, box.right - 0.005, 160) * width - 0.5
        heights.append(np.interp(at, np.arange(width), millimetres))
    return np.concatenate(heights)


def ink_centres(ink: np.ndarray, widest: float) -> np.ndarray:
    """Centre of the ink of each column in pixels from the top, NaN where it is not in one piece."""
    dark = ink > 0.45
    row = np.arange(len(ink))[:, None] + 0.5
    first, last = dark.argmax(axis=0), len(ink) - 1 - dark[::-1].argmax(axis=0)
    clear = dark.any(axis=0) & (last - first < widest)
    weight = np.where(abs(row - 0.5 - (first + last) / 2) <= widest, np.clip(ink - 0.2, 0, None), 0)
    with np.errstate(invalid="ignore"):
        return np.where(clear, (weight * row).sum(axis=0) / weight.sum(axis=0), np.nan)
