"""Every kind of file that people have becomes the same picture; what cannot be opened says so."""

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
