"""The study's notebooks, as `make run-all` last executed them, become pages; without them the docs build too."""

import shutil
from pathlib import Path

from sphinx.application import Sphinx
from written import MarkdownDirective

from ecgstudy.study import outputs_root
from ecgstudy.workflow import NOTEBOOKS

STUDY = "quick"


def collect(app: Sphinx, config: object) -> None:
    """Copy the executed notebooks into `docs/notebooks/` (git does not keep them there), or take old copies away."""
    target = Path(app.srcdir) / "notebooks"
    for name in NOTEBOOKS:
        executed, copy = outputs_root() / STUDY / "notebooks" / f"{name}.ipynb", target / f"{name}.ipynb"
        if not executed.is_file():
            copy.unlink(missing_ok=True)
        elif not copy.is_file() or copy.read_bytes() != executed.read_bytes():
            target.mkdir(exist_ok=True)
            shutil.copyfile(executed, copy)


class ExecutedNotebooks(MarkdownDirective):
    """A list of the executed notebooks, or where they would come from."""

    def markdown(self) -> str:
        self.env.note_reread()  # the list may have grown since the page was last read
        found = [name for name in NOTEBOOKS if (Path(self.env.srcdir) / "notebooks" / f"{name}.ipynb").is_file()]
        if not found:
            return "`make run-all` executes the notebooks; documentation that is built afterwards shows them here."
        lines = [f"/notebooks/{name}" for name in found]
        return "\n".join(["As `make run-all` executed them:\n", "```{toctree}", ":maxdepth: 1", "", *lines, "```"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.add_directive("executed-notebooks", ExecutedNotebooks)
    app.connect("config-inited", collect)
    return {"parallel_read_safe": True}
