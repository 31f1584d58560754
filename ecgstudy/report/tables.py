"""Tables as people read them: which rows, in which order, a value with its interval, Markdown, LaTeX, CSV."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from ecgstudy import files
from ecgstudy.models import registry

TEX_ROWS = 60  # of a table on one printed page


def with_interval(value: float, low: float, high: float, *, digits: int = 2) -> str:
    """`0.61 (0.54 to 0.68)`; an empty string where there is no value."""
    if pd.isna(value):
        return ""
    if pd.isna(low) or pd.isna(high):
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def model_title(name: str) -> str:
    """The model's title from the registry, an average's from its members', or the name where there is none."""
    members = [registry.MODELS.get(member) for member in name.split("+")]
    return " + ".join(row.title for row in members if row) if all(members) else name


def model_family(name: str) -> str:
    """`simple` (no network), `baseline` (a plain backbone) or `modified` (a backbone with something added)."""
    row = registry.model_row(name)
    if not row.is_network:
        return "simple"
    return "modified" if row.neck else "baseline"


def models_of(names: Iterable[str], *families: str) -> list[str]:
    """Those models that belong to one of these families, in the registry's order."""
    return [name for name in order_models(names) if model_family(name) in families]


def order_models(names: Iterable[str]) -> list[str]:
    """Models in the registry's order, those that it does not know at the end."""
    known = list(registry.MODELS)
    return sorted(dict.fromkeys(names), key=lambda name: known.index(name) if name in known else len(known))


def is_random_control(table: pd.DataFrame) -> pd.Series:
    """Rows of a network whose frozen backbone has random weights: a control, in no comparison."""
    return registry.is_random_control(table.weights, table.trained)


def headline_rows(headline: pd.DataFrame, claims: pd.DataFrame | None = None) -> pd.DataFrame:
    """The headline as `es.headline` gives it, with titles for names, in the registry's order.

    Args:
        headline: indexed by model, one column per rung.
        claims: the published table; its recall then stands in a last column, for models that are no random control.
    """
    rows = headline.reset_index()
    names = rows.model.str.split(" ").str[0]
    titles = [model_title(name) + text.removeprefix(name) for name, text in zip(names, rows.model, strict=True)]
    rows = rows.assign(model=titles)
    if claims is not None:
        claimed = names.map(claims.set_index("registry_name").recall).where(names == headline.index)
        rows["Published recall (claim)"] = [f"{value:.2f}" if pd.notna(value) else "" for value in claimed]
    order = order_models(names)
    return rows.iloc[sorted(range(len(rows)), key=lambda at: order.index(names[at]))].reset_index(drop=True)


def ladder_rows(ladder: pd.DataFrame, metric: str = "balanced_accuracy", *, controls: bool = False) -> pd.DataFrame:
    """The rows that the ladder figure shows: one per model and protocol.

    Each distinct page counts once (weighting `selected`), so that copies do not count more than other pages.

    Args:
        ladder: with vocabulary.LADDER_COLUMNS.
        metric: one score.
        controls: with the networks of frozen random weights, which the figure leaves out.
    """
    keep = (ladder.metric == metric) & (ladder.stratum == "all") & (ladder.weighting == "selected")
    return ladder[keep & (controls | ~is_random_control(ladder))]


def each(table: pd.DataFrame, *, index: bool = True) -> Iterator[Any]:
    """The rows as named tuples. Typed loosely: a type checker takes every cell for anything that pandas can hold."""
    return table.itertuples(index=index)


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Every cell as people read it: one number of decimals per column, three at most; unknown is empty."""
    return pd.DataFrame({name: _column_text(table[name]) for name in table.columns}, dtype=str)


def is_number(column: pd.Series) -> bool:
    """Whether a column is set flush right: numbers, but not yes and no."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def to_markdown(table: pd.DataFrame) -> str:
    """The table in Markdown: numbers right, text left, pipes escaped, no index."""
    lines = [_markdown_line(table.columns), _markdown_line("---:" if is_number(table[c]) else "---" for c in table)]
    lines += [_markdown_line(row) for row in each(as_text(table), index=False)]
    return "\n".join(lines) + "\n"


def to_tex(table: pd.DataFrame, *, caption: str = "", label: str = "") -> str:
    """The table in LaTeX (package booktabs), with its caption and label where they are given."""
    columns = "".join("r" if is_number(table[name]) else "l" for name in table.columns)
    body = [_tex_line(row) for row in each(as_text(table), index=False)]
    lines = ["\\begin{table}", "\\centering"]
    lines += [f"\\caption{{{_tex(caption)}}}"] if caption else []
    lines += [f"\\label{{{label}}}"] if label else []
    lines += [f"\\begin{{tabular}}{{{columns}}}", "\\toprule", _tex_line(table.columns), "\\midrule"]
    lines += [*body, "\\bottomrule", "\\end{tabular}", "\\end{table}"]
    return "\n".join(lines) + "\n"


def save_table(table: pd.DataFrame, path: str | Path, *, caption: str = "") -> Path:
    """Save a table as CSV (full precision) and, where it fits on a page, as LaTeX beside it.

    Args:
        table: an index with a name is kept as a column.
        path: where to, with or without suffix; its folder is made.
        caption: of the LaTeX table.

    Returns:
        The path of the CSV.
    """
    base = Path(path).with_suffix("")
    table = table if table.index.names == [None] else table.reset_index()
    tex = to_tex(table, caption=caption, label=f"tab:{base.name}")
    files.write_atomically(base.with_suffix(".csv"), lambda file: table.to_csv(file, index=False))
    if len(table) <= TEX_ROWS:
        files.write_atomically(base.with_suffix(".tex"), lambda file: file.write_text(tex, encoding="utf-8"))
    return base.with_suffix(".csv")


def save_text(table: pd.DataFrame, path: str | Path) -> Path:
    """Save a table as aligned plain text, for a terminal."""
    text = as_text(table).to_string(index=False, justify="left") + "\n"
    return files.write_atomically(Path(path), lambda file: file.write_text(text, encoding="utf-8"))


def _column_text(column: pd.Series) -> list[str]:
    if pd.api.types.is_bool_dtype(column):
        return ["yes" if value else "no" for value in column]
    if pd.api.types.is_float_dtype(column):
        digits = _digits(column.dropna())
        return ["" if pd.isna(value) else f"{value:.{digits}f}" for value in column]
    return ["" if pd.isna(value) else " ".join(str(value).split()) for value in column]


def _digits(values: pd.Series) -> int:
    """The decimals that a column needs: as few as show every value, three at most, fewer for large ones."""
    most = 3 if values.abs().max() < 100 else 1
    return next((digits for digits in range(most) if (values.round(digits) == values).all()), most)


def _markdown_line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _tex_line(cells: Iterable[str]) -> str:
    return " & ".join(map(_tex, cells)) + " \\\\"


def _tex(text: str) -> str:
    escapes = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    escapes |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
    return "".join(escapes.get(sign, sign) for sign in text)
