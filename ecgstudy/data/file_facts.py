"""What a picture file shows, remembered by the file's content, so that a later run decodes nothing again."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ecgstudy import files
from ecgstudy.data import pictures
from ecgstudy.pages import layout

RECIPE = "1"  # raised when the same file would give other facts


@dataclass(frozen=True)
class FileFacts:
    """One picture file.

    Attributes:
        page_id: first 12 hex digits of the SHA-256 of its pixels; copies have the same, whatever their format.
        width: pixels.
        height: pixels.
        layout: name, or None where none was recognised.
        problem: why none was recognised.
    """

    page_id: str
    width: int
    height: int
    layout: str | None
    problem: str = ""


class Memory:
    """Facts by the SHA-256 of files, kept in one JSON file; without a path they are forgotten."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, FileFacts] = {}
        self._new = False
        try:
            kept = json.loads(path.read_text()) if path is not None else {}
            if kept.get("recipe") == RECIPE:
                self._known = {digest: FileFacts(**facts) for digest, facts in kept["files"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # missing or damaged: made anew

    def facts(self, path: Path, digest: str) -> FileFacts:
        """What the file shows.

        Args:
            path: of the file.
            digest: its SHA-256.

        Raises:
            ValueError: not a picture, damaged, or too large to open safely.
            OSError: the file cannot be opened.
        """
        if digest not in self._known:
            self._known[digest] = look(path)
            self._new = True
        return self._known[digest]

    def keep(self) -> None:
        """Write what is new to disk."""
        if self._new and self._path is not None:
            content = {"recipe": RECIPE, "files": {digest: asdict(facts) for digest, facts in self._known.items()}}
            files.write_atomically(self._path, lambda temporary: temporary.write_text(json.dumps(content)))
            self._new = False


def look(path: Path) -> FileFacts:
    """Decode a picture and find its layout.

    Raises:
        ValueError: not a picture, damaged, or too large to open safely.
        OSError: the file cannot be opened.
    """
    picture = pictures.read_picture(path)
    page_id = hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()[:12]
    name, problem = None, ""
    try:
        name = layout.find_layout(picture).name
    except ValueError as error:
        problem = str(error)
    return FileFacts(page_id, picture.shape[1], picture.shape[0], name, problem)
