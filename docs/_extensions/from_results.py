"""Measured numbers, read from the committed tables while the pages are built, so that no page holds a typed figure.

Roles: `score` (model, protocol, perhaps a metric), `recall` (model, protocol, class), `count` and `highest-rate` (a
query on the packed pages), `param` (a key of the committed study), `columns` (of a committed table). Directives:
`ladder-table`, `result-table`, `bench-tables`.
"""

import functools
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import ClassVar

import pandas as pd
import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from written import MarkdownDirective, code, table

from ecgstudy.report import tables
from ecgstudy.vocabulary import PROTOCOL_TITLES

OUTPUTS = Path(__file__).parents[2] / "outputs"
STUDY = "quick"
CONTROL = " (control: random weights, frozen)"
MACHINE = "machine.csv"
BENCH = ("name", "ours", "theirs", "unit", "ratio", "low", "high", "goal", "note")


@functools.cache
def kept(name: str) -> pd.DataFrame:
    """A committed table, such as `reference/quick/ladder.csv`."""
    return pd.read_csv(OUTPUTS / name)


@functools.cache
def packed_pages() -> pd.DataFrame:
    """What is known of every packed page."""
    with resources.files("ecgstudy.data").joinpath("public_set.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


def score(words: str) -> str:
    """`traces grouped` -> balanced accuracy with its interval, as the README quotes it."""
    model, protocol, metric = [*words.split(), "balanced_accuracy"][:3]
    ladder = kept(f"reference/{STUDY}/ladder.csv")
    rows = ladder[(ladder["stratum"] == "all") & (ladder["weighting"] == "selected")]
    row = rows[(rows["model"] == model) & (rows["protocol"] == protocol) & (rows["metric"] == metric)].iloc[0]
    return f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def recall(words: str) -> str:
    """`traces unseen mi` -> `3 of 7`."""
    model, protocol, label = words.split()
    recalls = kept(f"reference/{STUDY}/recalls.csv")
    rows = recalls[(recalls["stratum"] == "all") & (recalls["label"] == label)]
    row = rows[(rows["model"] == model) & (rows["protocol"] == protocol)].iloc[0]
    return f"{row['found']} of {row['pages']}"


def count(words: str) -> str:
    """`files selected`, `pages`, `pages selected and label == 'mi'`, `groups selected`: how many the package holds."""
    what, _, query = words.partition(" ")
    rows = packed_pages().query(query) if query else packed_pages()
    return f"{ {'files': rows['copies'].sum(), 'groups': rows['group'].nunique()}.get(what, len(rows)):,}"


def highest_rate(query: str) -> str:
    """`selected and label == 'normal'` -> the highest rate that is printed on such pages."""
    return f"{packed_pages().query(query)['printed_bpm'].max():.0f}"


def param(key: str) -> str:
    """`evaluation.level` -> its value in the committed study, in percent where it is a share."""
    value = yaml.safe_load((OUTPUTS / "reference" / STUDY / "study.yaml").read_text(encoding="utf-8"))["study"]
    for part in key.split("."):
        value = value[part]
    return f"{value:.0%}" if isinstance(value, float) and 0 < value < 1 else f"{value:,}"


def columns(name: str) -> str:
    """The columns of a committed table, as they stand in its first line."""
    return ", ".join(kept(name).columns)


class LadderTable(MarkdownDirective):
    """The headline of a committed study: a row per model, a column per rung. The argument names the study."""

    required_arguments = 1

    def markdown(self) -> str:
        return ladder_table(f"reference/{self.arguments[0]}/ladder.csv")


class BenchTables(MarkdownDirective):
    """What `make bench` measured, a table for each file in `outputs/bench/`; a sentence where there is none."""

    def markdown(self) -> str:
        return bench_tables(OUTPUTS / "bench")


def bench_tables(folder: Path) -> str:
    """All tables of a benchmark with the machine that they were measured on, as Markdown."""
    areas = [path for path in sorted(folder.glob("*.csv")) if path.name != MACHINE]
    if not areas:
        return f"{code('make bench')} has not been run here yet.\n"
    machine = [_machine(pd.read_csv(folder / MACHINE).iloc[0])] if (folder / MACHINE).is_file() else []
    parts = [
        f"### {path.stem.capitalize()}\n\n{bench_table(pd.read_csv(path))}\n"
        f"From {code(f'outputs/bench/{path.name}')}.\n"
        for path in areas
    ]
    return "\n".join([*machine, *parts])


def bench_table(rows: pd.DataFrame) -> str:
    """One file of a benchmark; numbers that were not measured stay empty."""
    lines = [["" if pd.isna(value) else _rounded(value) for value in row] for row in rows[list(BENCH)].to_numpy()]
    return table(BENCH, lines)


def _machine(facts: pd.Series) -> str:
    return (
        f"Measured by {code('make bench')} on {facts['cores']} cores of {facts['processor']} with "
        f"{facts['memory_gb']} GB of memory, Python {facts['python']}, TensorFlow {facts['tensorflow']}.\n"
    )


def _rounded(value: object) -> object:
    if not isinstance(value, float):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def ladder_table(name: str) -> str:
    """Balanced accuracy of a committed ladder: a row per model, a column per rung."""
    ladder = kept(name)
    metric = (ladder["metric"] == "balanced_accuracy") & (ladder["stratum"] == "all")
    rows = ladder[metric & (ladder["weighting"] == "selected")]
    rungs = [rung for rung in PROTOCOL_TITLES if rung in set(rows["protocol"])]
    lines = []
    order = tables.order_models(rows["model"])  # averages of models come last
    rows = rows.sort_values("model", key=lambda names: names.map(order.index), kind="stable")
    for (name, weights, trained), mine in rows.groupby(["model", "weights", "trained"], sort=False):
        values = mine.set_index("protocol")
        cells = [
            f"{values['value'][rung]:.2f} ({values['low'][rung]:.2f} to {values['high'][rung]:.2f})" for rung in rungs
        ]
        control = CONTROL if (weights, trained) == ("random", "head") else ""
        lines.append([tables.model_title(name) + control, *cells])
    return table(["model", *(PROTOCOL_TITLES[rung].lower() for rung in rungs)], lines)


class ResultTable(MarkdownDirective):
    """A committed table as it stands; with `:otherwise:`, that sentence where the table is not there yet."""

    required_arguments = 1
    option_spec: ClassVar = {
        "columns": directives.unchanged,
        "query": directives.unchanged,
        "otherwise": directives.unchanged,
    }

    def markdown(self) -> str:
        name = self.arguments[0]
        if not (OUTPUTS / name).is_file():
            if "otherwise" not in self.options:
                raise self.error(f"outputs/{name} is not there")
            return self.options["otherwise"]
        rows = with_intervals(kept(name).query(self.options.get("query", "index == index")))
        names = [word.strip() for word in self.options["columns"].split(",")] if "columns" in self.options else rows
        lines = [[_shown(value) for value in row] for row in rows[list(names)].to_numpy()]
        return table([word.replace("_", " ") for word in names], lines) + f"\nFrom {code('outputs/' + name)}.\n"


def with_intervals(rows: pd.DataFrame) -> pd.DataFrame:
    """The same table with value and interval in one column where there are such, and models by their titles."""
    if {"value", "low", "high"} <= set(rows):
        rows = rows.assign(value=[f"{row.value:.2f} ({row.low:.2f} to {row.high:.2f})" for row in rows.itertuples()])
    titles = rows["model"].map(tables.model_title)
    if "weights" in rows:
        titles = titles.where((rows["weights"] != "random") | (rows["trained"] != "head"), titles + CONTROL)
    return rows.assign(model=titles)


def _shown(value: object) -> object:
    return f"{value:.2g}" if isinstance(value, float) else value


def role(text_of: Callable[[str], str], *, is_code: bool = False) -> Callable[..., tuple[list[nodes.Node], list]]:
    """A role whose text a function finds; what it cannot find is a warning, so that `-W` stops the build."""

    def found(name, rawtext, text, lineno, inliner, options=None, content=None):  # type: ignore[no-untyped-def]
        try:
            words = text_of(text)
        except (LookupError, OSError, ValueError) as error:
            return [], [inliner.reporter.error(f"{name} {text!r}: nothing such is measured ({error})", line=lineno)]
        return [(nodes.literal if is_code else nodes.inline)(rawtext, words)], []

    return found


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.add_role("score", role(score))
    app.add_role("recall", role(recall))
    app.add_role("count", role(count))
    app.add_role("highest-rate", role(highest_rate))
    app.add_role("param", role(param))
    app.add_role("columns", role(columns, is_code=True))
    app.add_directive("ladder-table", LadderTable)
    app.add_directive("result-table", ResultTable)
    app.add_directive("bench-tables", BenchTables)
    return {"parallel_read_safe": True}
