"""Every kind of file that people have becomes the same picture; what cannot be opened says so."""

import re

import numpy as np
import PIL.Image
import pytest

from ecgstudy.pages import draw
from ecgstudy.predict.opening import decode_any, picture_paths, read_any
from ecgstudy.predict.page import check_page


@pytest.fixture(scope="module")
def scan():
    return PIL.Image.fromarray(draw.synthetic_page(5, seed=77, size="page").picture)


@pytest.fixture
def pdf(scan, tmp_path):
    """Two pages, the second on its side."""
    path = tmp_path / "scan.pdf"
    scan.save(path, save_all=True, append_images=[scan.rotate(90, expand=True)], resolution=200)
    return path


def names(places):
    return [path.rpartition("/")[2] for path in picture_paths(places)]


def test_folders_are_searched_and_their_absence_is_an_error(tmp_path):
    (tmp_path / "below").mkdir()
    for name in ("b.png", "below/a.JPG", "c.Pdf", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert names([tmp_path]) == ["b.png", "a.JPG", "c.Pdf"]
    assert names([tmp_path / "notes.txt"]) == ["notes.txt"]  # what a user names is tried
    with pytest.raises(ValueError, match="no such file or folder"):
        names([tmp_path / "missing"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no picture in this folder"):
        names([tmp_path / "empty"])


def test_every_page_of_a_pdf_is_a_page(pdf):
    assert names([pdf]) == ["scan.pdf#page=1", "scan.pdf#page=2"] and names([f"{pdf}#page=2"]) == ["scan.pdf#page=2"]
    first, second = (check_page(read_any(path)) for path in picture_paths([pdf]))
    assert first.layout.name == second.layout.name == "3x4" and (first.turned, second.turned) == (0, 90)


def test_a_page_that_the_pdf_does_not_have_is_an_error(pdf):
    with pytest.raises(ValueError, match="page 3 of a PDF with 2 pages"):
        read_any(f"{pdf}#page=3")


def test_bytes_give_the_picture_of_the_file(pdf, scan, tmp_path):
    scan.save(tmp_path / "page.png")
    assert np.array_equal(decode_any((tmp_path / "page.png").read_bytes(), "upload"), np.asarray(scan))
    assert np.array_equal(decode_any(pdf.read_bytes(), "upload"), read_any(pdf))


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4 but no more", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
def test_bytes_that_are_no_picture_are_refused_by_name(content):
    with pytest.raises(ValueError, match="upload: not a"):
        decode_any(content, "upload")


def test_a_damaged_pdf_is_one_page_that_cannot_be_opened(tmp_path):
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 but no more")
    assert names([tmp_path]) == ["bad.pdf"]
    with pytest.raises(ValueError, match="not a PDF that can be opened"):
        read_any(tmp_path / "bad.pdf")


def test_a_pdf_with_one_damaged_page_is_read_but_for_that_page(pdf, tmp_path):
    """The document opens, and says only when its second page is asked for that there is none."""
    content = pdf.read_bytes()
    kids = re.search(rb"/Kids \[\s*(\d+) 0 R\s+(\d+) 0 R", content)
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(content.replace(b"\n%s 0 obj" % kids[2], b"\n%s 1 obj" % (b"9" * len(kids[2])), 1))
    first, second = f"{broken}#page=1", f"{broken}#page=2"
    assert check_page(read_any(first)).layout.name == "3x4"
    with pytest.raises(ValueError, match=r"#page=2: page 2 of (this PDF cannot be drawn|a PDF with 1 pages)"):
        read_any(second)


@pytest.mark.parametrize("seed", range(20))
def test_a_pdf_with_flipped_bytes_is_a_picture_or_an_error_by_name(pdf, seed):
    chance = np.random.default_rng(seed)
    content = bytearray(pdf.read_bytes())
    head = np.flatnonzero(np.frombuffer(bytes(content), np.uint8) == ord("/"))
    for at in chance.choice(head, 6):  # where the names of the structure are
        content[at + 1] = int(chance.integers(32, 127))
    try:
        assert decode_any(bytes(content), "upload").dtype == np.uint8
    except ValueError as error:
        assert str(error).startswith("upload: ")


def test_a_picture_of_more_pixels_than_allowed_is_refused_before_it_is_decoded(tmp_path):
    PIL.Image.new("L", (300, 200)).save(tmp_path / "a.png")
    header = (tmp_path / "a.png").read_bytes()[:60]  # there is nothing to decode
    with pytest.raises(ValueError, match=r"^a.png: 300 x 200 is larger than 50,000 pixels$"):
        decode_any(header, "a.png", most_pixels=50_000)
    with pytest.raises(ValueError, match=r"^a.png: a damaged picture"):
        decode_any(header, "a.png", most_pixels=60_000)
