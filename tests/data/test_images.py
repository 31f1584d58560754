"""Pictures are cut, resized once, and found again."""

import io

import numpy as np
import PIL.Image
import pytest

from ecgstudy.data import images, pictures
from ecgstudy.data.manifest import Pages
from ecgstudy.data.synthetic import synthetic


@pytest.fixture(scope="module")
def pages():
    return synthetic(24, seed=0, unseen=False)


def counted(pages):
    """The same pages, and a list that grows with every picture that is read."""
    read = []
    return Pages(pages.manifest, pages.region, lambda path: read.append(path) or pages.read(path)), read


def cached(pages, folder, **changes):
    wanted = {"region": "grid", "height": 32, "width": 56, "folder": folder} | changes
    return images.cached_pictures(pages, **wanted)


def test_a_second_run_reads_no_picture_and_gives_the_same(pages, tmp_path):
    spied, read = counted(pages)
    first = cached(spied, tmp_path)
    assert len(read) == 24
    second = cached(spied, tmp_path)
    assert len(read) == 24
    assert np.array_equal(first.pictures, second.pictures)


@pytest.mark.parametrize("change", [{"height": 40}, {"width": 60}])
def test_other_parameters_get_a_cache_of_their_own(pages, tmp_path, change):
    assert cached(pages, tmp_path).key != cached(pages, tmp_path, **change).key


def test_a_row_holds_the_page_it_is_named_for(pages, tmp_path):
    cache = cached(pages, tmp_path)
    page = pages.distinct["page_id"].iloc[7]
    expected = images.resize(pages.picture(page), 32, 56)
    assert np.array_equal(cache.pictures[cache.rows([page])[0]], expected)


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_a_damaged_cache_is_made_anew(pages, tmp_path, damage):
    good = np.array(cached(pages, tmp_path).pictures)
    file = next(tmp_path.glob("*.npy"))
    content = bytearray(file.read_bytes())
    file.write_bytes(content[:-500] if damage == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    assert np.array_equal(cached(pages, tmp_path).pictures, good)


def test_a_page_without_a_cached_picture_is_named(pages, tmp_path):
    with pytest.raises(ValueError, match="page nothing has no cached picture"):
        cached(pages, tmp_path).rows(["nothing"])


@pytest.fixture(scope="module")
def partly_blank(pages):
    """Six drawn pages, of which two are empty paper."""
    rows = pages.distinct.iloc[:6]
    blank = set(rows["path"].iloc[[1, 4]])

    def read(path):
        picture = pages.read(path)
        return np.full_like(picture, 255) if path in blank else picture

    return Pages(rows.reset_index(drop=True), pages.region, read), blank


def usable(pages, folder, **changes):
    wanted = {"region": "redrawn", "height": 32, "width": 56, "folder": folder, "strict": False} | changes
    return images.usable_pages(pages, **wanted)


def test_a_page_that_cannot_be_redrawn_is_left_out_by_name_and_the_others_are_not_drawn_again(partly_blank, tmp_path):
    drawn, blank = partly_blank
    spied, read = counted(drawn)
    with pytest.warns(UserWarning, match="2 files are left out; the first is .*no known page"):
        left = usable(spied, tmp_path)
    assert {path for path, _ in left.bad_files} == blank and not blank & set(left.manifest["path"])
    cache = cached(left, tmp_path, region="redrawn")
    assert len(read) == 6
    page = left.distinct["page_id"].iloc[2]
    expected = images.resize(images.region_picture(left.picture(page), "redrawn", source_region="grid"), 32, 56)
    assert np.array_equal(cache.pictures[cache.rows([page])[0]], expected)
    read.clear()
    with pytest.warns(UserWarning, match="2 files"):
        usable(spied, tmp_path)
    assert not read


def test_a_page_that_cannot_be_redrawn_stops_a_strict_study_and_a_cache_of_all(partly_blank, tmp_path):
    for ask in (lambda: usable(partly_blank[0], tmp_path, strict=True),
                lambda: cached(partly_blank[0], tmp_path, region="redrawn")):  # fmt: skip
        with pytest.raises(images.UnreadableError, match=r"page \w+: .*no known page.* \(and 1 more pages\)") as caught:
            ask()
        assert len(caught.value.reasons) == 2


def test_a_region_that_no_page_has_is_a_mistake_in_the_study_and_no_bad_page(partly_blank, tmp_path):
    with pytest.raises(ValueError, match="region 'page' is not on packed pages"):
        usable(partly_blank[0], tmp_path, region="page")


def test_resizing_is_anti_aliased():
    """A fine chequerboard becomes even grey; picking pixels would leave black or white."""
    board = np.indices((300, 300)).sum(axis=0) % 2 * 255
    small = images.resize(np.repeat(board[..., None], 3, axis=2).astype(np.uint8), 30, 30)
    assert np.abs(small.astype(int) - 127).max() <= 2


def test_a_box_cuts_what_it_says():
    page = np.arange(100 * 200 * 3, dtype=np.uint32).reshape(100, 200, 3).astype(np.uint8)
    cut = images.region_picture(page, "0.5,0,1,0.1", source_region="page")
    assert np.array_equal(cut, page[:10, 100:])


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("header", "unknown region 'header'; choose from page, grid, redrawn, or a box"),
        ("0.5,0,0.2,1", "needs 0 <= left < right <= 1"),
    ],
)
def test_a_wrong_region_says_which_there_are(region, message):
    with pytest.raises(ValueError, match=message):
        images.region_picture(np.zeros((10, 10, 3), np.uint8), region, source_region="page")


def test_the_whole_page_is_not_on_packed_pages():
    with pytest.raises(ValueError, match="packed pages, which hold the grid alone; use the original pages"):
        images.region_picture(np.zeros((10, 10, 3), np.uint8), "page", source_region="grid")


def save(path, image, **options):
    image.save(path, **options)
    return path


def test_pictures_of_many_kinds_become_rgb_as_a_person_sees_them(tmp_path):
    red = PIL.Image.new("RGB", (8, 4), "red")
    kinds = {
        "cmyk.jpg": red.convert("CMYK"),
        "palette.png": red.convert("P"),
        "clear.png": PIL.Image.new("RGBA", (8, 4), (0, 0, 0, 0)),
        "deep.png": PIL.Image.fromarray(np.full((4, 8), 65535, np.uint16)),
        "grey.webp": red.convert("L"),
    }
    for name, image in kinds.items():
        picture = pictures.read_picture(save(tmp_path / name, image))
        assert picture.shape == (4, 8, 3), name
        assert picture.dtype == np.uint8, name
    assert (pictures.read_picture(tmp_path / "clear.png") == 255).all()  # transparent paper is white
    assert (pictures.read_picture(tmp_path / "deep.png") == 255).all()


def test_a_picture_is_turned_as_its_exif_says(tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # stored on its side
    path = save(tmp_path / "turned.jpg", PIL.Image.new("RGB", (8, 4)), exif=exif)
    assert pictures.read_picture(path).shape == (8, 4, 3)


def whole_jpeg():
    buffer = io.BytesIO()
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a picture"),
        (b"hello", "not a picture"),
        (whole_jpeg()[:900], "a damaged picture"),
        (b"GIF89a" + bytes(40), "not a picture"),
    ],
)
def test_a_file_that_is_no_whole_picture_is_named(tmp_path, content, message):
    path = tmp_path / "page.jpg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"page\.jpg: {message}"):
        pictures.read_picture(path)


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path):
    path = save(tmp_path / "bomb.png", PIL.Image.new("1", (20_000, 10_000)))
    with pytest.raises(ValueError, match="larger than 100,000,000 pixels"):
        pictures.read_picture(path)
