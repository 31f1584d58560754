"""Download one file over a connection that may break: redirects, progress, and going on where it stopped."""

import email.message
import http.client
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

BLOCK_BYTES = 1 << 18
SECONDS_BETWEEN_LINES = 3.0
FIRST_WAIT_SECONDS = 2.0  # after a broken connection; doubled each time
AGENT = "ecgstudy (a public research study)"


class DownloadError(RuntimeError):
    """The file could not be had; the message says why."""


def download(
    url: str,
    path: Path,
    *,
    progress: Callable[[str], None] = lambda line: None,
    attempts: int = 5,
    timeout_seconds: float = 60.0,
) -> Path:
    """Download `url` to `path`, which appears only when it is whole.

    What has arrived stays in `<path>.part`; a later call, in this process or another, goes on from there. Every
    attempt starts from `url` again, so a redirect to an address that expires is followed anew.

    Args:
        url: http or https.
        path: where the file goes; its folder is made where it is missing.
        progress: takes a line to show.
        attempts: how often a broken connection is taken up again.
        timeout_seconds: of silence, after which a connection counts as broken.

    Raises:
        DownloadError: refused by the server, no space, or broken too often.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    reason = ""
    for attempt in range(attempts):
        if attempt:
            progress(f"{reason}; going on from {_size(part) / 1e6:.0f} MB")
            time.sleep(FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
        try:
            _go_on(url, part, progress, timeout_seconds)
        except urllib.error.HTTPError as error:
            reason = f"the server answered {error.code} {error.reason}"
            if error.code == 416:  # nothing after what is there: it is whole, or of another file
                if _total(error.headers, 0) == _size(part) > 0:
                    return part.replace(path)
                part.unlink(missing_ok=True)
            elif error.code < 500 and error.code not in (408, 429):
                break
        except (OSError, http.client.HTTPException) as error:
            reason = f"the connection broke ({str(getattr(error, 'reason', error)) or type(error).__name__})"
        else:
            return part.replace(path)
    raise DownloadError(f"{url}: {reason}")


def _go_on(url: str, part: Path, progress: Callable[[str], None], timeout_seconds: float) -> None:
    """Fetch what `part` lacks.

    Raises:
        OSError, http.client.HTTPException: the connection broke; what arrived is kept.
    """
    if not url.startswith(("http://", "https://")):
        raise DownloadError(f"{url}: not an http or https address")
    validator = part.with_name(part.name + ".version")
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if _size(part):
        headers["Range"] = f"bytes={_size(part)}-"
        if validator.is_file():
            headers["If-Range"] = validator.read_text()  # the server sends all of a file that has changed since
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout_seconds) as answer:
        start = _size(part) if answer.status == 206 else 0
        total = _total(answer.headers, start)
        _check_space(part.parent, (total or 0) - start)
        tag = answer.headers.get("ETag", "")
        if tag.startswith('"'):  # a weak tag, W/"...", may not be used to go on
            validator.write_text(tag)
        else:
            validator.unlink(missing_ok=True)
        _receive(answer, part, start, total, progress)
    if total is not None and _size(part) < total:
        raise ConnectionError(f"it ended after {_size(part):,} of {total:,} bytes")
    validator.unlink(missing_ok=True)


def _receive(
    answer: http.client.HTTPResponse, part: Path, start: int, total: int | None, progress: Callable[[str], None]
) -> None:
    of_total = f" of {total / 1e6:.0f}" if total else ""
    last = time.monotonic()
    with part.open("ab" if start else "wb") as file:
        while block := answer.read(BLOCK_BYTES):
            file.write(block)
            if time.monotonic() - last > SECONDS_BETWEEN_LINES:
                last = time.monotonic()
                progress(f"downloaded {file.tell() / 1e6:.0f}{of_total} MB")
        progress(f"downloaded {file.tell() / 1e6:.1f}{of_total} MB")


def _total(headers: email.message.Message, start: int) -> int | None:
    """Size of the whole file, where the server tells it."""
    stated = headers.get("Content-Range", "").rpartition("/")[2]
    if stated.isdigit():
        return int(stated)
    length = headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadError(f"{folder}: needs {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free")
