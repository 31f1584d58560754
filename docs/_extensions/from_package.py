"""The public names by room, the commands and the models, each from where the package itself keeps them."""

import importlib
import inspect
import re
from collections import defaultdict
from pathlib import Path

import typer
from sphinx.application import Sphinx
from written import MarkdownDirective, code, table

import ecgstudy
from ecgstudy import cli, vocabulary
from ecgstudy.evaluation import controls, metrics
from ecgstudy.explanation import faithfulness, maps
from ecgstudy.models import registry
from ecgstudy.pages import damage
from ecgstudy.predict import page

TOP = "study"
MEMBERS = {"Study": "load, content"}  # of classes; their other fields stand elsewhere


class PublicNames(MarkdownDirective):
    """All names of `es` by room, each with its docstring."""

    def markdown(self) -> str:
        parts = []
        for room, names in rooms().items():
            parts.append(f"## {room}\n\n{_about(room)}\n")
            parts.extend(map(_documented, names))
        return "\n".join(parts)


def rooms() -> dict[str, list[str]]:
    """Room -> its public names, rooms in the order in which data flow."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, module in ecgstudy._NAMES.items():
        found[module.split(".")[0] if "." in module else TOP].append(name)
    return {room: sorted(names, key=str.lower) for room, names in found.items()}


class Commands(MarkdownDirective):
    """Every verb of `ecgstudy` as its own help describes it."""

    def markdown(self) -> str:
        group = typer.main.get_command(cli.app)
        return "\n".join(_verbs(group, None, "ecgstudy"))


def _verbs(command, parent, verb: str) -> list[str]:  # type: ignore[no-untyped-def]
    context = command.make_context(verb, [], parent=parent, resilient_parsing=True)
    parts = [_help(context)]
    if hasattr(command, "list_commands"):
        for inner in command.list_commands(context):
            parts += _verbs(command.get_command(context, inner), context, inner)
    return parts


def _help(context) -> str:  # type: ignore[no-untyped-def]
    """A verb as Markdown: usage, words, examples, arguments and options."""
    command = context.command
    words, _, examples = inspect.cleandoc(command.help or "").replace("\f", "").partition("\b\n")
    parts = [f"## `{context.command_path}`", words.strip()]
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts.append(f"```text\n{re.sub(r'{([^}]+)}', lambda name: name[1].upper(), usage)}\n```")
    rows = [_row(one) for one in command.params if not getattr(one, "hidden", False)]
    if any(default for _, default, _ in rows):
        parts.append(table(["argument or option", "default", "meaning"], rows))
    elif rows:
        parts.append(table(["argument or option", "meaning"], [[name, meaning] for name, _, meaning in rows]))
    lines = [line.strip() for line in examples.splitlines()[1:] if line.strip()]
    if lines:
        parts.append("```sh\n" + "\n".join(re.sub(r"\s{2,}(?=[a-z])", "  # ", line) for line in lines) + "\n```")
    return "\n\n".join(parts) + "\n"


def _row(one) -> list[str]:  # type: ignore[no-untyped-def]
    if one.param_type_name == "option":
        names = ", ".join(code(name) for name in [*one.opts, *one.secondary_opts])
    else:
        names = code(one.name.upper() + ("..." if one.nargs == -1 else ""))
    default = one.default if isinstance(one.default, str | int | float | Path) and one.default is not False else ""
    return [names, code(default) if default is not None else "", getattr(one, "help", "") or ""]


class Models(MarkdownDirective):
    """One row per model that a study can name."""

    def markdown(self) -> str:
        rows = [
            [code(row.name), row.title, row.input, row.backbone or "no network",
             registry.weights_source(row, "offline"), row.source]
            for row in registry.MODELS.values()
        ]  # fmt: skip
        return table(["name", "title", "reads", "backbone", "first weights with `weights: offline`", "source"], rows)


class Known(MarkdownDirective):
    """What the package knows of a kind, as a table: refusals, metrics, methods, map-tests, controls, damages."""

    required_arguments = 1

    def markdown(self) -> str:
        return KNOWN[self.arguments[0]]()


def _metrics() -> str:
    kinds = {"counts": "the confusion matrix", "pages": "every page's probabilities"}
    rows = [
        [code(row.name), row.title, kinds[row.of], "up" if row.higher_is_better else "down"]
        for row in metrics.METRICS.values()
        if not row.name.endswith(vocabulary.CLASSES)
    ]
    each = "Those that begin with `macro_` exist for each class too, such as `recall_mi`."
    return table(["score", "title", "follows from", "better is"], rows) + f"\n{each}\n"


def _methods() -> str:
    needs = {"tap": "the last layer with a place", "gradients": "gradients", "probabilities": "probabilities alone",
             "nothing": "nothing: a control"}  # fmt: skip
    rows = [
        [code(row.name), row.title, needs[row.needs], "yes" if row.signed else "no"] for row in maps.METHODS.values()
    ]
    return table(["method", "title", "asks the model for", "has negative values"], rows)


def _map_tests() -> str:
    better = {1: "up", -1: "down", 0: "neither"}
    rows = [[code(name), test.title, better[test.better]] for name, test in faithfulness.TESTS.items()]
    return table(["test", "what is measured", "better is"], rows)


KNOWN = {
    "refusals": lambda: table(["refused as", "because"], page.REASONS.items()),
    "metrics": _metrics,
    "methods": _methods,
    "map-tests": _map_tests,
    "controls": lambda: table(
        ["control", "what the model sees"],
        [[code(name), controls.CONTROL_TITLES.get(name, name)] for name in vocabulary.CONTROLS],
    ),
    "damages": lambda: ", ".join(map(code, damage.DAMAGES)) + "\n",
}


class WordList(MarkdownDirective):
    """The columns or words that `ecgstudy.vocabulary` keeps under a name, as a list."""

    required_arguments = 1

    def markdown(self) -> str:
        return ", ".join(code(word) for word in getattr(vocabulary, self.arguments[0])) + "\n"


def _about(room: str) -> str:
    if room == TOP:
        return "Its parameters, and the words that all rooms share."
    return (importlib.import_module(f"ecgstudy.{room}").__doc__ or "").strip().splitlines()[0]


def _documented(name: str) -> str:
    """One name of `es`, left to autodoc; docstrings are reStructuredText, whatever the page is written in."""
    value, where = getattr(ecgstudy, name), f"ecgstudy.{ecgstudy._NAMES[name]}.{name}"
    if name in MEMBERS:
        lines = [f".. autoclass:: {where}()", f"   :members: {MEMBERS[name]}"]
    elif inspect.isclass(value):
        lines = [f".. autoclass:: {where}"]
    elif callable(value):
        lines = [f".. autofunction:: {where}"]
    else:  # a word list; autodoc would tell what a tuple is
        lines = [f".. py:data:: {name}", f"   :value: {value!r}"]
    return "\n".join(["```{eval-rst}", *lines, "```", ""])


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.add_directive("public-names", PublicNames)
    app.add_directive("commands", Commands)
    app.add_directive("models-table", Models)
    app.add_directive("word-list", WordList)
    app.add_directive("known", Known)
    return {"parallel_read_safe": True}
