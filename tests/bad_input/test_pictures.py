"""Picture files of every broken kind: each is refused in one line with its name, or shown as a person sees it."""

import io
import os
import struct
import zlib

import numpy as np
import PIL.Image
import pytest

from ecgstudy.data import pictures, sources
from ecgstudy.vocabulary import CLASSES

READ = "JPEG, PNG, WEBP, TIFF are read"


def drawing():
    return PIL.Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8))


def encoded(kind, image=None, **options):
    buffer = io.BytesIO()
    (image or drawing()).save(buffer, kind, **options)
    return buffer.getvalue()


def png(width, height, *extra, data=b""):
    """A PNG by hand: whatever size its header claims."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def cut(content, share):
    return content[: int(len(content) * share)]


def swapped(content, at):
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


LONG_TEXT = (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80_000_000)))

REFUSED = {
    "zero bytes": ("a.jpg", b"", f"a.jpg: not a picture ({READ})"),
    "text under a picture's ending": ("a.jpg", b"hello", f"a.jpg: not a picture ({READ})"),
    "a GIF": ("a.png", encoded("GIF"), f"a.png: not a picture ({READ})"),
    "a BMP": ("a.png", encoded("BMP"), f"a.png: not a picture ({READ})"),
    "an SVG, which may hold scripts": ("a.png", b"<svg xmlns='http://x'/>", f"a.png: not a picture ({READ})"),
    "PostScript, which is a program": ("a.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n", f"a.jpg: not a picture ({READ})"),
    "a PDF under a picture's ending": ("a.jpg", b"%PDF-1.4\n", f"a.jpg: not a picture ({READ})"),
    "a zip under a picture's ending": ("a.png", b"PK\x03\x04" + bytes(60), f"a.png: not a picture ({READ})"),
    "a PNG that ends after its signature": ("a.png", b"\x89PNG\r\n\x1a\n", f"a.png: not a picture ({READ})"),
    "a PNG without a pixel": ("a.png", png(0, 0), f"a.png: not a picture ({READ})"),
    "a PNG whose header fails its checksum": ("a.png", swapped(encoded("PNG"), 20), f"a.png: not a picture ({READ})"),
    "a PNG cut in the middle": (
        "a.png", cut(encoded("PNG"), 0.5), "a.png: a damaged picture (image file is truncated)",
    ),
    "a PNG with a flipped byte": (
        "a.png", swapped(encoded("PNG"), 4000), "a.png: a damaged picture (broken data stream when reading image file)",
    ),
    "a JPEG cut in its header": ("a.jpg", encoded("JPEG")[:10], "a.jpg: a damaged picture (Truncated File Read)"),
    "a JPEG cut in the middle": (
        "a.jpg", encoded("JPEG")[:1500],
        "a.jpg: a damaged picture (image file is truncated (0 bytes not processed))",
    ),
    "a WebP cut in the middle": (
        "a.webp", cut(encoded("WEBP"), 0.5), "a.webp: a damaged picture (could not create decoder object)",
    ),
    "a TIFF cut in the middle": (
        "a.tif", encoded("TIFF")[:4000], "a.tif: a damaged picture (image file is truncated (0 bytes not processed))",
    ),
    "a bomb of 2.5 billion pixels": ("a.png", png(50_000, 50_000), "a.png: larger than 100,000,000 pixels"),
    "a bomb just above the limit": (
        "a.png", png(10_001, 10_000), "a.png: 10001 x 10000 is larger than 100,000,000 pixels",
    ),
    "a bomb in a comment": (
        "a.png", png(1, 1, LONG_TEXT, data=bytes(4)),
        "a.png: a damaged picture (Decompressed data too large for PngImagePlugin.MAX_TEXT_CHUNK)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_by_name(tmp_path, said, name, content, message):
    (tmp_path / name).write_bytes(content)
    line = said(pictures.read_picture, tmp_path / name)
    if message.endswith("bytes not processed))"):  # how many depends on the decoder's buffer
        line, message = (text[: text.rindex("(")] for text in (line, message))
    assert line == message


def link_to_itself(path):
    path.symlink_to(path)


def link_to_nothing(path):
    path.symlink_to(path.parent / "nowhere.png")


def nothing(path):
    pass


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (nothing, "a.png: no such file"),
        (link_to_nothing, "a.png: no such file"),
        (link_to_itself, "a.png: cannot be opened (Too many levels of symbolic links)"),
        (os.mkdir, "a.png: a folder, not a picture"),
        (os.mkfifo, "a.png: a device or pipe, not a picture"),
    ],
    ids=["missing", "a link to nothing", "a link to itself", "a folder", "a pipe that nobody writes to"],
)
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, said, make, message):
    make(tmp_path / "a.png")
    assert said(pictures.read_picture, tmp_path / "a.png") == message
    assert said(pictures.picture_size, tmp_path / "a.png") == message


def test_a_file_that_may_not_be_read_is_refused(tmp_path, said):
    drawing().save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    if os.access(tmp_path / "a.png", os.R_OK):
        pytest.skip("this user reads every file (root does)")
    assert said(pictures.read_picture, tmp_path / "a.png") == "a.png: cannot be opened (Permission denied)"


def turned(orientation):
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    return exif


RED = PIL.Image.new("RGB", (8, 4), "red")
SHOWN = {
    "CMYK": (encoded("JPEG", RED.convert("CMYK"), quality=95), (4, 8), (254, 0, 0)),
    "palette": (encoded("PNG", RED.convert("P", palette=PIL.Image.Palette.ADAPTIVE)), (4, 8), (255, 0, 0)),
    "grey": (encoded("WEBP", PIL.Image.new("L", (8, 4), 128)), (4, 8), (128, 128, 128)),
    "one bit": (encoded("TIFF", PIL.Image.new("1", (8, 4), 1), compression="group4"), (4, 8), (255, 255, 255)),
    "16 bits": (encoded("PNG", PIL.Image.fromarray(np.full((4, 8), 65535, np.uint16))), (4, 8), (255, 255, 255)),
    "numbers that are none": (
        encoded("TIFF", PIL.Image.fromarray(np.full((4, 8), np.nan, np.float32))), (4, 8), (0, 0, 0),
    ),
    "transparent": (encoded("PNG", PIL.Image.new("RGBA", (8, 4), (0, 0, 0, 0))), (4, 8), (255, 255, 255)),
    "a transparent palette": (
        encoded("PNG", PIL.Image.new("P", (8, 4), 0), transparency=0), (4, 8), (255, 255, 255),
    ),
    "turned by EXIF": (encoded("JPEG", RED, exif=turned(6)), (8, 4), (254, 0, 0)),
    "EXIF that says nonsense": (encoded("JPEG", RED, exif=turned(99)), (4, 8), (254, 0, 0)),
    "animated": (
        encoded("WEBP", RED, save_all=True, append_images=[PIL.Image.new("RGB", (8, 4), "blue")], lossless=True),
        (4, 8), (255, 0, 0),
    ),
    "a TIFF of two pages": (
        encoded("TIFF", RED, save_all=True, append_images=[PIL.Image.new("RGB", (8, 4), "blue")]), (4, 8), (255, 0, 0),
    ),
    "another format's ending": (encoded("PNG", RED), (4, 8), (255, 0, 0)),
    "one pixel": (encoded("PNG", PIL.Image.new("RGB", (1, 1), "red")), (1, 1), (255, 0, 0)),
}  # fmt: skip


@pytest.mark.parametrize(("content", "shape", "colour"), SHOWN.values(), ids=SHOWN)
def test_unusual_but_whole_pictures_are_read_as_a_person_sees_them(tmp_path, content, shape, colour):
    (tmp_path / "a.jpg").write_bytes(content)
    picture = pictures.read_picture(tmp_path / "a.jpg")
    assert picture.dtype == np.uint8 and picture.shape == (*shape, 3)
    assert np.abs(picture[0, 0].astype(int) - colour).max() <= 2
    assert np.array_equal(pictures.decode_picture(content, "a.jpg"), picture)


def test_a_folder_of_pages_lists_every_bad_file_with_its_reason_and_reads_the_others(tmp_path):
    for number, label in enumerate(CLASSES):
        (tmp_path / label).mkdir()
        PIL.Image.new("RGB", (32, 24), (number, 0, 0)).save(tmp_path / label / "good.png")
    (tmp_path / "mi" / "cut.png").write_bytes(cut(encoded("PNG"), 0.5))
    (tmp_path / "mi" / "empty.jpg").write_bytes(b"")
    (tmp_path / "mi" / "loop.png").symlink_to(tmp_path / "mi" / "loop.png")
    (tmp_path / "mi" / "circle").symlink_to(tmp_path)
    with pytest.warns(UserWarning, match="2 files are left out"):
        pages = sources.open_pages(str(tmp_path))
    assert sorted(pages.manifest["path"]) == sorted(f"{label}/good.png" for label in CLASSES)
    assert dict(pages.bad_files) == {
        str(tmp_path / "mi" / "cut.png"): "a damaged picture (image file is truncated)",
        str(tmp_path / "mi" / "empty.jpg"): f"not a picture ({READ})",
    }
