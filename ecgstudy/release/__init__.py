"""The model that a study hands out: chosen, calibrated, packed with its card, opened again."""

from ecgstudy.release.load import Released, find_release, load_release
from ecgstudy.release.write import release

__all__ = ["Released", "find_release", "load_release", "release"]
