"""The audit of anyone's pages and split, for a terminal and for continuous integration."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ecgstudy.data import audit, near_copies, sources
from ecgstudy.data.manifest import Pages
from ecgstudy.vocabulary import PARTS, choose

TEST_SHARE = 0.2  # of the random split whose leakage is foretold
PART_NAMES = {"val": "validation", "valid": "validation", "dev": "validation", "training": "train", "testing": "test"}
_LISTED = 20  # pairs and bad files that are printed; the tables have all


@dataclass(frozen=True)
class FolderAudit:
    """What an audit found; printed as text.

    Attributes:
        copies: files against distinct pages, by class.
        near: pairs of near-copies: `path, label, other_path, other_label, likeness`, or None where not asked for.
        expected: leakage to expect of a random split, by class.
        leaks: leakage of the split at hand, or None where there is none.
        bad_files: files left out, with the reason.
    """

    copies: pd.DataFrame
    near: pd.DataFrame | None
    expected: pd.DataFrame
    leaks: audit.Leakage | None
    bad_files: tuple[tuple[str, str], ...]

    @property
    def exit_code(self) -> int:
        """1 where a test file has a copy in its own training part, else 0."""
        return int(self.leaks is not None and self.leaks.share > 0)

    def __str__(self) -> str:
        parts = [self.copies.round(2).to_string()]
        if self.near is not None:
            parts.append(f"{len(self.near)} pairs of near-copies" + _listed(self.near))
        parts.append(f"A random split with {TEST_SHARE:.0%} test files: share of them with a copy in training")
        parts[-1] += "\n" + self.expected.round(3).to_string()
        if self.leaks is not None:
            parts.append(f"This split: {self.leaks.share:.1%} of the test files have a copy in training")
            parts[-1] += "\n" + self.leaks.table.round(3).to_string()
        if self.bad_files:
            bad = pd.DataFrame(self.bad_files, columns=["path", "reason"])
            parts.append(f"{len(bad)} files left out" + _listed(bad))
        return "\n\n".join(parts)


def audit_folder(
    source: str, *, split: Path | None = None, near: bool = True, progress: Callable[[str], None] = lambda line: None
) -> FolderAudit:
    """Copies among anyone's pages, and the leakage of a split.

    Args:
        source: as `sources.open_pages` takes it.
        split: a CSV with the columns `path` and `part` (`train`, `validation`, `test`), optionally `fold` and `seed`;
            a folder that comes as `train/` + `test/` needs none.
        near: look for near-copies too.
        progress: takes a line to show.

    Raises:
        ValueError: as `open_pages`; the split names a file that is not there, or an unknown part.
    """
    pages = sources.open_pages(source)
    pairs = near_copies.near_copies(pages, progress=progress) if near else None
    parts = _given_split(pages.manifest) if split is None else read_split(split, pages.manifest)
    manifest = pages.manifest[pages.manifest["selected"].astype(bool)]
    return FolderAudit(
        copies=audit.copies_table(pages.manifest),
        near=None if pairs is None else _with_paths(pairs, pages),
        expected=audit.expected_leakage(manifest, test_share=TEST_SHARE, seed=0),
        leaks=None if parts is None else audit.leakage(pages.manifest, parts, near=pairs),
        bad_files=pages.bad_files,
    )


def read_split(path: Path, manifest: pd.DataFrame) -> pd.DataFrame:
    """Anyone's split as the rows that `audit.leakage` takes.

    Args:
        path: a CSV with `path` (as in the manifest) and `part`, optionally `fold` and `seed`.
        manifest: one row per file.

    Raises:
        ValueError: no such file, a column is missing, a part is unknown, a file is not in the manifest, no test part.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such split; give a CSV with columns path and part")
    try:
        table = pd.read_csv(path, dtype={"path": str, "part": str})
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from None
    if not {"path", "part"} <= set(table):
        raise ValueError(f"{path}: has columns {', '.join(table.columns)}; it needs path and part")
    parts = table["part"].astype(str).str.strip().str.lower()
    table["part"] = parts.map(lambda name: PART_NAMES.get(name, name))
    for name in table["part"].unique():
        choose(f"part in {path}", name, PARTS)
    page_ids = manifest.set_index("path")["page_id"]
    foreign = table.loc[~table["path"].isin(page_ids.index), "path"]
    if len(foreign):
        raise ValueError(f"{path}: {len(foreign)} files are not among the pages, the first is {foreign.iloc[0]}")
    if "test" not in set(table["part"]):
        raise ValueError(f"{path}: no file in a test part")
    keys = [name for name in ("seed", "fold") if name in table]
    return table[[*keys, "path", "part"]].assign(page_id=page_ids.loc[table["path"]].to_numpy())


def _given_split(manifest: pd.DataFrame) -> pd.DataFrame | None:
    """The split that the folders `train/` and `test/` make, where there are such."""
    if "given_part" not in manifest or not (manifest["given_part"] == "test").any():
        return None
    return manifest[["path", "page_id"]].assign(part=manifest["given_part"])


def _with_paths(pairs: pd.DataFrame, pages: Pages) -> pd.DataFrame:
    facts = pages.distinct.set_index("page_id")[["path", "label"]]
    first, second = (facts.loc[pairs[name]].reset_index(drop=True) for name in ("page_id", "other_id"))
    return pd.concat([first, second.add_prefix("other_"), pairs["likeness"].reset_index(drop=True)], axis=1)


def _listed(table: pd.DataFrame) -> str:
    if table.empty:
        return ""
    more = f"\n... and {len(table) - _LISTED} more" if len(table) > _LISTED else ""
    return "\n" + table.head(_LISTED).round(3).to_string(index=False) + more
