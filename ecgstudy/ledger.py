"""The record of what a study has finished, by the hashes of what each step read and of what it left."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ecgstudy import files

Say = Callable[[str], None]


class Steps:
    """The record of finished steps in one study's folder: what each read, and what it left. Threads may share it."""

    def __init__(self, folder: Path):
        self._path = folder / "state.json"
        self._folder = folder
        self._writing = threading.Lock()
        try:
            self._done: dict[str, Any] = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            self._done = {}  # never ran, or the record itself is damaged: every step is looked at anew

    def was_for(self, name: str, key: str) -> bool:
        """Whether a step was done for this key, whatever became of its outputs."""
        return name in self._done and self._done[name]["key"] == key

    def run(self, name: str, key: str, action: Callable[[], object], outputs: Callable[[], list[Path]], say: Say):
        """Do `action` unless it was done for the same `key` and its outputs are still what they were."""
        done = self._done.get(name)
        if done and done["key"] == key and done["outputs"] == _hashes(outputs(), self._folder):
            say(f"  {name}: up to date")
            return
        say(f"  {name} ...")
        began = time.monotonic()
        action()
        with self._writing:
            self._done[name] = {"key": key, "outputs": _hashes(outputs(), self._folder)}
            files.write_atomically(self._path, lambda path: path.write_text(json.dumps(self._done, indent=1)))
        say(f"  {name}: {minutes(time.monotonic() - began)}")

    def output_hash(self, name: str) -> str:
        """One hash over all that a finished step left."""
        return files.content_hash(json.dumps(self._done[name], sort_keys=True))


def minutes(seconds: float) -> str:
    """A span of time as people say it."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def _hashes(paths: list[Path], folder: Path) -> dict[str, str | None]:
    return {str(p.relative_to(folder)): files.file_hash(p) if p.is_file() else None for p in paths}
