"""Fetch the public set: download, check every file inside against its known SHA-256, unpack.

The zip is made anew on the server for each download, so its own checksum means nothing. Pages of the first
version that the study does not know are listed and left out.
"""

import csv
import hashlib
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ecgstudy import files
from ecgstudy.data import download, sources

ADDRESS = "https://data.mendeley.com/public-api/zip/gwbz3fsgp8/download/{version}"
BY_HAND = "https://data.mendeley.com/datasets/gwbz3fsgp8/{version}"
LARGEST_FILE = 50_000_000  # bytes; a page has under a million
LEFT_OUT = "left_out.csv"
COVID = "COVID-19, another question"
UNKNOWN = "not a known page"

_DAMAGED = (  # what zipfile raises on damaged bytes, as found by a fuzz
    zipfile.BadZipFile, EOFError, OSError, ValueError, LookupError, NotImplementedError, RuntimeError, struct.error,
    zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class Fetched:
    """What lies in a folder after `fetch_public_set`.

    Attributes:
        folder: give this to a study as `DATA`.
        files: known files in it, all checked.
        expected: how many the study knows of this version.
        left_out: path inside the archive and reason, of files that were not taken.
    """

    folder: Path
    files: int
    expected: int
    left_out: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.folder}: {self.files} of {self.expected} known files, each checked against its SHA-256"]
        for reason, count in Counter(reason for _, reason in self.left_out).items():
            lines.append(f"{count} files left out ({reason}); {self.folder / LEFT_OUT} lists them")
        return "\n".join(lines)


class NotThePublicSetError(RuntimeError):
    """What was downloaded holds no known page."""


class DamagedZipError(NotThePublicSetError):
    """What was downloaded is no zip, or only parts of one."""


def fetch_public_set(
    folder: Path,
    *,
    version: int = 2,
    progress: Callable[[str], None] = lambda line: None,
    address: str = ADDRESS,
    known: Mapping[str, int] | None = None,
) -> Fetched:
    """Download, check and unpack the public set into `folder/v<version>`.

    Nothing is downloaded where all known files lie there already, or where a zip that was downloaded by hand
    does. An interrupted download goes on where it stopped.

    Args:
        folder: a folder outside the repository.
        version: 2 (the selected pages that everyone uses) or 1 (the complete pages they were selected from).
        progress: takes a line to show.
        address: where the zip is, with `{version}`.
        known: SHA-256 -> how many files of the set have this content; the study's own list by default.

    Raises:
        ValueError: no such version; the archive has unsafe paths.
        RuntimeError: it could not be downloaded or is not the public set; the message says what to do by hand.
    """
    if version not in (1, 2):
        raise ValueError(f"version {version} is not known; choose 2 or 1")
    target = Path(folder).expanduser() / f"v{version}"
    known = known_files(version) if known is None else known
    if _present(target, known) == sum(known.values()):
        return Fetched(target, sum(known.values()), sum(known.values()))
    target.mkdir(parents=True, exist_ok=True)
    by_hand = sorted(target.glob("*.zip"))
    if by_hand:
        progress(f"checking and unpacking {by_hand[0]}")
        return unpack(by_hand[0], target, known)
    try:
        return _download_and_unpack(address.format(version=version), target, known, progress)
    except (download.DownloadError, NotThePublicSetError) as error:
        raise RuntimeError(
            f"{error}; download it by hand from {BY_HAND.format(version=version)} (Download All), "
            f"put the zip into {target} and run the same command again"
        ) from None


def known_files(version: int) -> dict[str, int]:
    """SHA-256 -> how many files of this version of the public set have that content, as far as it is known."""
    table = sources.public_set()
    if version == 2:
        selected = table[table["selected"]]
        return dict(zip(selected["sha256"], selected["copies"].astype(int), strict=True))
    return dict.fromkeys(table["sha256"], 1)


def _download_and_unpack(
    address: str, target: Path, known: Mapping[str, int], progress: Callable[[str], None], *, again: bool = True
) -> Fetched:
    archive = target / ".download"  # a whole one that is still here was not unpacked to the end
    if not archive.is_file():
        download.download(address, archive, progress=progress)
    progress("checking and unpacking")
    try:
        fetched = unpack(archive, target, known)
    except DamagedZipError:
        archive.unlink()
        if not again:
            raise
        progress("what came is damaged (the server makes a new zip each time, so parts may not fit); once more")
        return _download_and_unpack(address, target, known, progress, again=False)
    except (NotThePublicSetError, ValueError):
        archive.unlink()
        raise
    archive.unlink()
    return fetched


def unpack(archive: Path, folder: Path, known: Mapping[str, int]) -> Fetched:
    """Take the known files out of a zip, and write a list of the others.

    Args:
        archive: a zip file.
        folder: where the files go, below the folders that the archive has.
        known: SHA-256 -> how many files of the set have this content.

    Raises:
        ValueError: a path of the archive points outside of the folder, is a link, or is far too large. Nothing
            is written then.
        DamagedZipError: no zip, or not a whole one.
        NotThePublicSetError: no known page in it.
    """
    left_out: list[tuple[str, str]] = []
    with _opened(archive) as content:
        members = [member for member in content.infolist() if not member.is_dir()]
        for member in members:
            _check_member(archive, member)
        for member in members:
            reason = _take(content, member, folder, known)
            if reason is not None:
                left_out.append((member.filename, reason))
    if len(left_out) == len(members):
        raise NotThePublicSetError(f"{archive}: none of its {len(members)} files is a known page of the public set")
    files.write_atomically(folder / LEFT_OUT, lambda path: _write_list(path, left_out))
    return Fetched(folder, _present(folder, known), sum(known.values()), tuple(left_out))


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except _DAMAGED as error:
        raise _damaged(archive, error) from None


def _damaged(archive: str | Path | None, error: Exception) -> DamagedZipError:
    return DamagedZipError(f"{archive}: no whole zip file ({error})")


def _take(content: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, known: Mapping[str, int]) -> str | None:
    """Unpack one file if it is known; else say why it is left out."""
    if "covid" in PurePosixPath(member.filename).parent.name.lower():
        return COVID
    try:
        data = content.read(member)
    except _DAMAGED as error:
        raise _damaged(content.filename, error) from None
    if hashlib.sha256(data).hexdigest() not in known:
        return UNKNOWN
    files.write_atomically(folder / member.filename, lambda path: path.write_bytes(data))
    return None


def _check_member(archive: Path, member: zipfile.ZipInfo) -> None:
    name = member.orig_filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or ":" in parts[0] or "\0" in name:
        raise ValueError(f"{archive}: {member.orig_filename!r} points outside of the folder; nothing was unpacked")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ValueError(f"{archive}: {name!r} is a link; nothing was unpacked")
    if member.file_size > LARGEST_FILE or member.flag_bits & 1:
        raise ValueError(f"{archive}: {name!r} is encrypted or far larger than a page; nothing was unpacked")


def _present(folder: Path, known: Mapping[str, int]) -> int:
    """How many files of a folder are known ones."""
    found = Counter(files.file_hash(path) for path in folder.rglob("*.jpg")) if folder.is_dir() else Counter()
    return sum(min(count, known.get(digest, 0)) for digest, count in found.items())


def _write_list(path: Path, left_out: list[tuple[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "reason"), *left_out])
