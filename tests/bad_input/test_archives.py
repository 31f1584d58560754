"""Zip files with tricks or damage: refused in one line, and nothing is written."""

import hashlib
import io
import random
import stat
import zipfile

import pytest

from ecgstudy.data import fetch

PAGE = b"a page of the set"
KNOWN = {hashlib.sha256(PAGE).hexdigest(): 1}


def archive(path, *members, content=PAGE):
    """A zip of `members`, names or ZipInfos, all with the same content."""
    with zipfile.ZipFile(path, "w") as target:
        for member in members:
            target.writestr(member, content)
    return path


def link(name, kind):
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o777) << 16
    return member


@pytest.mark.parametrize(
    "name", ["../page.jpg", "mi/../../page.jpg", "/page.jpg", "C:/page.jpg", "..\\page.jpg", "\\\\server\\page.jpg"]
)
def test_a_path_that_leaves_the_folder(tmp_path, said, name):
    path = archive(tmp_path / "set.zip", "good.jpg", name)
    shown = zipfile.ZipFile(path).infolist()[1].orig_filename
    message = f"set.zip: {shown!r} points outside of the folder; nothing was unpacked"
    assert said(fetch.unpack, path, tmp_path / "pages", KNOWN) == message
    assert not (tmp_path / "pages").exists()


def test_a_link(tmp_path, said):
    path = archive(tmp_path / "set.zip", "good.jpg", link("bad.jpg", stat.S_IFLNK), content=b"/etc/passwd")
    message = "set.zip: 'bad.jpg' is a link; nothing was unpacked"
    assert said(fetch.unpack, path, tmp_path / "pages", KNOWN) == message
    assert not (tmp_path / "pages").exists()


def test_a_file_far_larger_than_a_page_is_refused_before_it_is_unpacked(tmp_path, said):
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("bomb.jpg", bytes(fetch.LARGEST_FILE + 1))
    message = "set.zip: 'bomb.jpg' is encrypted or far larger than a page; nothing was unpacked"
    assert said(fetch.unpack, tmp_path / "set.zip", tmp_path / "pages", KNOWN) == message


def test_unknown_files_alone_are_not_the_public_set(tmp_path, said):
    path = archive(tmp_path / "set.zip", "a.jpg", content=b"another")
    message = "set.zip: none of its 1 files is a known page of the public set"
    assert said(fetch.unpack, path, tmp_path / "pages", KNOWN) == message


@pytest.mark.parametrize("spoil", ["empty", "text", "cut", "flipped"])
def test_a_damaged_zip(tmp_path, said, spoil):
    path = archive(tmp_path / "set.zip", "mi/page.jpg")
    content = path.read_bytes()
    at = content.index(PAGE)
    spoilt = {
        "empty": b"",
        "text": b"<html>not found</html>",
        "cut": content[:-30],
        "flipped": content[:at] + b"A" + content[at + 1 :],
    }[spoil]
    path.write_bytes(spoilt)
    assert said(fetch.unpack, path, tmp_path / "pages", KNOWN).startswith("set.zip: no whole zip file (")
    assert not list(tmp_path.rglob("*.jpg"))


def test_a_fuzzed_zip_is_unpacked_right_or_refused_by_name(tmp_path):
    buffer = io.BytesIO()
    archive(buffer, "mi/page.jpg", "normal/page.jpg")
    whole, chance = buffer.getvalue(), random.Random(0)
    for _ in range(300):
        spoilt = bytearray(whole)
        for _ in range(chance.choice([1, 2, 8])):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        (tmp_path / "set.zip").write_bytes(spoilt[: chance.choice([len(spoilt), chance.randrange(len(spoilt))])])
        try:
            fetch.unpack(tmp_path / "set.zip", tmp_path / "pages", KNOWN)
        except (ValueError, RuntimeError) as refusal:
            assert str(refusal).startswith(str(tmp_path / "set.zip")) and "\n" not in str(refusal)
    assert {path.read_bytes() for path in (tmp_path / "pages").rglob("*.jpg")} <= {PAGE}
    assert {path.name for path in tmp_path.iterdir()} <= {"set.zip", "pages"}
