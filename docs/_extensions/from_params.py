"""The keys of a params file, from the pydantic model that checks them; the words are the comments beside its fields."""

import ast
import inspect
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from written import MarkdownDirective, code, table

from ecgstudy import study


class ParamsKeys(MarkdownDirective):
    """Every section of a params file with its keys, defaults, what is allowed, and what they mean."""

    def markdown(self) -> str:
        schema = study.Study.model_json_schema()
        return "\n".join(_section(name, words, section, schema) for name, words, section in sections())


class ParamsFiles(MarkdownDirective):
    """What each params file of the project says of itself in its first lines."""

    def markdown(self) -> str:
        files = sorted((Path(__file__).parents[2] / "params").glob("*.yaml"))
        return "\n".join(f"`params/{path.name}`\n: {_opening(path)}\n" for path in files)


def _opening(path: Path) -> str:
    """The comment at the head of a file, as one paragraph per sentence that it sets apart."""
    lines = itertools.takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
    words = " ".join(line.lstrip("# ") for line in lines)
    return " ".join(words.split()).replace("<", "\\<")


def sections() -> Iterator[tuple[str, str, type[study.Section]]]:
    """Heading, a sentence and the model of each part of a params file, in the order of `Study`."""
    yield "study", "The single top key of the file.", study.Study
    for name, field in study.Study.model_fields.items():
        if inspect.isclass(field.annotation) and issubclass(field.annotation, study.Section):
            words = "Every key may stand below `models.<name>` too, for one model alone." if name == "training" else ""
            yield f"study.{name}", words, field.annotation


def _section(name: str, words: str, section: type[study.Section], schema: dict[str, Any]) -> str:
    own = schema if section is study.Study else schema["$defs"][section.__name__]
    meanings = comments(section)
    rows = [
        [code(key), allowed(field, schema), _default(field), meanings.get(key, "")]
        for key, field in own["properties"].items()
    ]
    return f"## `{name}`\n\n{words}\n\n" + table(["key", "allowed", "default", "meaning"], rows)


def comments(section: type) -> dict[str, str]:
    """Field -> the comment on its line, of a class and those that it inherits from."""
    found: dict[str, str] = {}
    for owner in reversed(section.__mro__):
        if owner.__module__ != study.__name__:
            continue
        source = inspect.getsource(owner)
        lines = source.splitlines()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                comment = re.search(r"\s# (?!type:)(.+)$", lines[(node.end_lineno or node.lineno) - 1])
                found[node.target.id] = comment[1] if comment else ""
    return found


def allowed(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """What JSON schema says of a key, in words."""
    if "anyOf" in field:
        return " or ".join(allowed(one, schema) for one in field["anyOf"])
    if "$ref" in field:
        return f"[section](#study-{field['$ref'].rsplit('/', 1)[1].lower()})"
    if "enum" in field:
        return ", ".join(code(word) for word in field["enum"])
    if "const" in field:
        return code(field["const"])
    kind = field.get("type", "anything")
    if kind == "array":
        return f"list of {allowed(field['items'], schema)}"
    words = {"integer": "whole number", "string": "text", "boolean": "`true`, `false`", "null": "`null`"}
    words |= {"object": "mapping"}
    return words.get(kind, kind) + _bounds(field)


def _bounds(field: dict[str, Any]) -> str:
    named = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = [f"{words} {field[key]:g}" for key, words in named.items() if key in field]
    if "pattern" in field:
        bounds.append(f"matching {code(field['pattern'])}")
    return f" {' and '.join(bounds)}" if bounds else ""


def _default(field: dict[str, Any]) -> str:
    if "default" not in field:
        return "required" if "$ref" not in field else ""
    value = field["default"]
    if isinstance(value, dict):
        return "" if "$ref" in field else "`{}`"
    if isinstance(value, list):
        return code(f"[{', '.join(map(str, value))}]")
    return code({None: "null", True: "true", False: "false"}.get(value, value) if not _is_number(value) else value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.add_directive("params-keys", ParamsKeys)
    app.add_directive("params-files", ParamsFiles)
    return {"parallel_read_safe": True}
