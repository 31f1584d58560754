"""What our directives share: they write Markdown, and Sphinx reads it like the rest of the page."""

from collections.abc import Iterable, Sequence

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class MarkdownDirective(SphinxDirective):
    """A directive whose content is Markdown that `markdown` makes."""

    def markdown(self) -> str:
        """What stands in the page instead of the directive."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Sphinx calls this."""
        return self.parse_text_to_nodes(self.markdown(), allow_section_headings=True)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines) + "\n"


def code(value: object) -> str:
    """In backticks, or nothing for nothing."""
    return f"`{value}`" if str(value) else ""


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
