"""A released model, opened: every file is checked against its hash before it is read, and nothing is unpickled."""

import functools
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ecgstudy import files
from ecgstudy.models import registry
from ecgstudy.release import leads_tested
from ecgstudy.release.decision import Decision
from ecgstudy.release.likeness import Likeness
from ecgstudy.study import outputs_root
from ecgstudy.training.answers import NetworkAnswer
from ecgstudy.training.members import LinearMembers, Members, NetworkMembers, member_answer
from ecgstudy.training.runs import Run

FORMAT = 1  # raised when an older reader could not make sense of a release
RECORD, CARD = "release.json", "MODEL_CARD.md"
TOLERANCE = 2e-3  # of the members' probabilities on the check pictures, on another machine
SHIPPED = Path(__file__).parents[1] / "pretrained"  # comes with the package


@dataclass(frozen=True)
class Released:
    """A model that a study handed out.

    Attributes:
        folder: where it lies.
        record: its `release.json`: where it comes from, what it reads, how it did.
        decision: from raw answers to what is told.
        likeness: of a page to the training pages.
    """

    folder: Path
    record: dict[str, Any]
    decision: Decision
    likeness: Likeness

    @property
    def name(self) -> str:
        """Which model this is, for people and for JSON: model, study and the release's key."""
        return f"{self.record['model']} of study {self.record['study']}, release {self.record['key']}"

    @property
    def layouts(self) -> tuple[str, ...]:
        """Layouts of the pages that it learned from."""
        return tuple(self.record["pages"]["layouts"])

    @property
    def input_shape(self) -> tuple[int, int]:
        """Height and width of the pictures that it reads."""
        return self.record["picture"]["height"], self.record["picture"]["width"]

    @functools.cached_property
    def members(self) -> Members:
        """The models that answer; loaded when first asked, and asked for a known answer then.

        Raises:
            ValueError: they do not answer as they did when they were packed.
        """
        found = load_members(self.record, self.folder)
        away = np.abs(found.answers(check_pictures(self.record)) - np.array(self.record["check"])).max()
        if away > TOLERANCE:
            raise ValueError(
                f"{self.folder}: answers {away:.3f} away from what it answered when packed; "
                f"it was packed with {_libraries(self.record)}: install these, or release it anew"
            )
        return found

    def member(self, number: int) -> NetworkAnswer:
        """One of the networks by itself, with taps and gradients: what maps are made of.

        Raises:
            ValueError: the members are no networks.
        """
        run = _run(self.record["runs"][number])
        if not registry.model_row(run.model).is_network:
            raise ValueError(f"{run.model} has neither taps nor gradients; use lead_occlusion or occlusion")
        frozen = _file(self.record, self.folder, "frozen") if "frozen" in self.record["files"] else None
        return member_answer(run, _member_files(self.record, self.folder)[number], frozen)

    @functools.cached_property
    def leads_tested(self) -> dict[str, Any] | None:
        """How far naming leads by blanking them was tested: by the record, or the study's later tables."""
        known = self.record.get("leads_tested")
        return known or leads_tested.of_study(self.folder.resolve().parent.parent, self.record["model"])

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """Calibrated probabilities for pictures as the model reads them, `(pages, 4)`; lead occlusion asks this."""
        return self.decision.probabilities(self.members.answers(pictures))


def load_release(folder: str | Path) -> Released:
    """Open and check a release.

    Raises:
        ValueError: there is none, a file is missing or changed, or it is of another version; one line.
    """
    folder = Path(folder)
    record = _record(folder)
    for name, entry in record["files"].items():
        path = folder / entry["file"]
        if not path.is_file():
            raise ValueError(f"{path}: missing; release the model anew (`ecgstudy release`)")
        if files.file_hash(path) != entry["sha256"]:
            raise ValueError(f"{path}: not what was packed as {name!r}; release the model anew (`ecgstudy release`)")
    with np.load(_file(record, folder, "decision"), allow_pickle=False) as arrays:
        decision = Decision.read(record["decision"], arrays)
    with np.load(_file(record, folder, "likeness"), allow_pickle=False) as arrays:
        likeness = Likeness(arrays["thumbnails"], record["unlike_from"])
    return Released(folder, record, decision, likeness)


def find_release(where: str | Path | None = None) -> Path:
    """The folder of the model to use.

    Args:
        where: a folder with a `release.json`, a study's folder, or a study's name; without it the newest release of
            any study, or else the model that comes with the package.

    Raises:
        ValueError: there is none; the message says how to make one.
    """
    root = outputs_root()
    if where is not None:
        places = [Path(where), Path(where) / "models" / "best", root / str(where) / "models" / "best"]
    else:
        made = sorted(root.glob(f"*/models/best/{RECORD}"), key=lambda path: path.stat().st_mtime, reverse=True)
        places = [*(path.parent for path in made), SHIPPED]
    for place in places:
        if (place / RECORD).is_file():
            return place
    raise ValueError(f"{where or root}: no released model; `ecgstudy run params/quick.yaml` makes one")


def load_members(record: dict[str, Any], folder: Path) -> Members:
    """The models themselves, from their files; the files are taken to be checked."""
    paths = _member_files(record, folder)
    run = _run(record["runs"][0])
    if registry.model_row(run.model).is_network:
        frozen = _file(record, folder, "frozen") if "frozen" in record["files"] else None
        return NetworkMembers(run, paths, frozen)
    arrays = []
    for path in paths:
        with np.load(path, allow_pickle=False) as file:
            arrays.append(dict(file))
    return LinearMembers(arrays, (record["picture"]["height"], record["picture"]["width"]))


def check_pictures(record: dict[str, Any]) -> np.ndarray:
    """A picture of noise, the same everywhere, whose answer tells whether the members are what they were."""
    shape = (1, record["picture"]["height"], record["picture"]["width"], 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _record(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    if not path.is_file():
        raise ValueError(f"{folder}: no released model here ({RECORD} is missing); `ecgstudy release` makes one")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        content = {name: value for name, value in record.items() if name != "key"}
        intact = record["key"] == files.content_hash(json.dumps(content, sort_keys=True))[:12]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{path}: not a release's record; release the model anew (`ecgstudy release`)") from None
    if record["format"] != FORMAT:
        raise ValueError(f"{path}: format {record['format']}, this ecgstudy reads {FORMAT}; release the model anew")
    if not intact:
        raise ValueError(f"{path}: changed after it was written; release the model anew (`ecgstudy release`)")
    return record


def _member_files(record: dict[str, Any], folder: Path) -> list[Path]:
    entries = (name for name in record["files"] if name.startswith("member-"))
    return [_file(record, folder, name) for name in sorted(entries, key=lambda name: int(name[7:]))]


def _file(record: dict[str, Any], folder: Path, name: str) -> Path:
    return folder / Path(record["files"][name]["file"]).name  # never outside the folder


def _run(record: dict[str, Any]) -> Run:
    return Run(**{field.name: record[field.name] for field in fields(Run) if field.name in record})


def _libraries(record: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in record["libraries"].items())
