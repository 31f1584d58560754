"""Files that appear whole or not at all, and hashes of what they hold."""

import hashlib
import itertools
import os
import platform
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

_HALF_WRITTEN = ".writing-"  # then machine, process and the name that the file will have


def write_atomically(path: Path, write: Callable[[Path], object]) -> Path:
    """Let `write` fill a temporary file beside `path`, then give it that name.

    A process that is killed leaves the old file or the new one, never half of one.

    Args:
        path: the file to make or replace; its folder is made where it is missing.
        write: takes the temporary path (same ending as `path`) and writes the content there.

    Raises:
        OSError: the folder cannot be written; whatever `write` raises. The temporary file is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f"{_HALF_WRITTEN}{platform.node()}-{os.getpid()}-{path.stem}-"
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp makes files that only their owner reads
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def remove_half_written(folder: Path) -> None:
    """Remove what killed processes of this machine left below a folder under temporary names."""
    if os.name != "posix":  # elsewhere a process cannot be looked for without touching it
        return
    own = f"{_HALF_WRITTEN}{platform.node()}-"
    for path in folder.rglob(f"{_HALF_WRITTEN}*"):
        number = path.name.removeprefix(own).partition("-")[0]
        if path.name.startswith(own) and number.isdigit() and not _is_alive(int(number)):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True


def distinct_names(stems: Iterable[str]) -> list[str]:
    """Names for files that are written into one folder: the stems, with a number where one stands twice.

    `a/x.jpg` and `b/x.jpg` become `x` and `x~2`, so that neither takes the other's place.
    """
    found: dict[str, None] = {}
    for stem in stems:
        numbered = (f"{stem}~{number}" for number in itertools.count(2))
        found[next(name for name in itertools.chain([stem], numbered) if name not in found)] = None
    return list(found)


def take_place(path: Path) -> None:
    """Have the disk keep room for the whole of a file that is written through a memory map.

    On a full disk such a write would end the process; this raises OSError before.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("rb+") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hex digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(*parts: str | bytes) -> str:
    """First 16 hex digits of the SHA-256 of the parts; where one part ends matters."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]
