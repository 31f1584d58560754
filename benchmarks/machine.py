"""What the numbers were measured on, and the memory of a process with all that it starts."""

import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path

LOOK = 0.5  # seconds between two looks at the memory


def facts() -> dict[str, object]:
    """One line of machine.csv."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(), "cores": os.cpu_count(), "memory_gb": round(pages / 2**30),
        "python": platform.python_version(), "tensorflow": importlib.metadata.version("tensorflow"),
    }  # fmt: skip


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def peak_of_tree(command: list[str], **how: object) -> float | None:
    """Run a command to its end: the most memory that it and all its children held at one look, in MB.

    What several processes share, libraries for example, counts in each. None where the system has no `/proc`.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    process = subprocess.Popen(command, **how)  # type: ignore[call-overload]
    most = 0.0
    while process.poll() is None:
        most = max(most, _held_by(process.pid))
        time.sleep(LOOK)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return most or None


def _held_by(root: int) -> float:
    """Resident memory of a process and its descendants, in MB; of those that have just ended, none."""
    parents, held = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            pages = int((entry / "statm").read_text(encoding="utf-8").split()[1])
        except (OSError, ValueError):
            continue
        parents[int(entry.name)] = parent
        held[int(entry.name)] = pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def is_below(process: int) -> bool:
        while process not in (root, 0):
            process = parents.get(process, 0)
        return process == root

    return sum(size for process, size in held.items() if is_below(process))
