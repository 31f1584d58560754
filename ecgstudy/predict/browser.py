"""The page in the browser: a picture is dropped or an example chosen, and what is said of it appears below.

The page holds no model: a process of its own does, for all pages at once (`predict.worker`). So the page stands before
anything heavy is loaded, and many pages take little memory.
"""

import contextlib
import html
import threading
from importlib import resources
from typing import Any

import ipywidgets
from IPython.display import HTML, display

from ecgstudy.predict import remote
from ecgstudy.predict.worker import MOST_UPLOAD_BYTES, MOST_UPLOAD_PIXELS
from ecgstudy.vocabulary import DISCLAIMER

_LONGEST_NAME = 200
CHOOSE = "choose an example"
EXAMPLES = {  # title -> name of a row of `shown.EXAMPLES`
    "Myocardial infarction, a page left out of the selection": "mi",
    "Abnormal heartbeat, a page left out of the selection": "abnormal",
    "History of MI, a page left out of the selection": "history",
    "Normal, a page left out of the selection": "normal",
    "A page of another layout": "another layout",
    "No ECG at all": "no ECG",
}


class Page:
    """The page: `Page().show()` in a notebook.

    Args:
        model: a released model's folder or a study's name; by default the newest, or the one that comes with ecgstudy.
    """

    def __init__(self, model: str | None = None):
        self._model, self._failed = model, ""
        self._remote: remote.Remote | None = None
        self._own = contextlib.ExitStack()  # a worker that was started for this page alone, in a notebook
        self._upload = ipywidgets.FileUpload(
            accept=".jpg,.jpeg,.png,.webp,.tif,.tiff,.pdf", multiple=False, description="Choose a picture", icon=""
        )
        self._example = ipywidgets.Dropdown(options=[CHOOSE, *EXAMPLES], description="or", value=CHOOSE)
        self._status, self._answer, self._map = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self._upload.observe(self._uploaded, "value")
        self._example.observe(self._chosen, "value")

    def show(self) -> None:
        """Put the page into the notebook; the model is loaded while it is being read."""
        style, script = (_text(f"browser.{kind}") for kind in ("css", "js"))
        display(HTML(f"<style>{style}</style>"))  # type: ignore[no-untyped-call]
        begin = (
            '<div class="ecg"><h1>One\'s own picture of a printed ECG</h1>'
            f'<p class="warning">{html.escape(DISCLAIMER)}</p><p>Drop a picture anywhere on this page, choose one '
            f"(JPEG, PNG, WebP, TIFF or PDF, up to {MOST_UPLOAD_BYTES // 1_000_000} MB and "
            f"{MOST_UPLOAD_PIXELS // 1_000_000} megapixels), or take an example. "
            "Pictures stay in the memory of this computer; none is written or sent anywhere.</p></div>"
        )
        self._say("Loading the model")
        box = ipywidgets.VBox(
            [ipywidgets.HTML(begin), self._upload, self._example, self._status, self._answer, self._map]
        )
        box.add_class("ecg-page")
        display(box)
        display(HTML(f"<script>{script.replace('__LIMIT__', str(MOST_UPLOAD_BYTES))}</script>"))  # type: ignore[no-untyped-call]
        self._remote = remote.found() or self._own.enter_context(remote.started(self._model))
        threading.Thread(target=self._greet, daemon=True).start()

    def _greet(self) -> None:
        assert self._remote is not None
        try:
            self._say(f"Ready. The model: {self._remote.model()}")
        except RuntimeError as error:
            self._failed = str(error)
            self._say(f"No model: {self._failed}")

    def _uploaded(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        name, content = str(file["name"])[:_LONGEST_NAME], bytes(file["content"])
        self._upload.value = ()  # forget it, and let the same picture be chosen again
        if len(content) > MOST_UPLOAD_BYTES:
            self._say(f"{name} is larger than {MOST_UPLOAD_BYTES // 1_000_000} MB")
            return
        self._judge(name, content)

    def _chosen(self, change: dict[str, Any]) -> None:
        if change["new"] in EXAMPLES:
            self._judge(change["new"], EXAMPLES[change["new"]])

    def _judge(self, title: str, picture: bytes | str) -> None:
        """Show what is said of the bytes of a file, or of an example by its name; the map comes last."""
        self._answer.value = self._map.value = ""
        if self._failed:
            self._say(f"No model: {self._failed}")
            return
        assert self._remote is not None
        self._say(f"Judging: {title}")
        try:
            for told in self._remote.judge(title, picture):
                self._show(title, told)
        except RuntimeError as error:
            self._show(title, {"failed": str(error)})

    def _show(self, title: str, told: dict[str, Any]) -> None:
        """One of a worker's answers."""
        if "waiting" in told:
            self._say(f"Waiting: {title} ({told['waiting']} other pictures come first)")
        elif "failed" in told:
            self._answer.value = self._map.value = ""
            self._say(f"Failed: {title} ({told['failed']})")
        elif "answer" in told:
            self._answer.value = told["answer"]
            self._say(f"Refused: {title}" if told["refused"] else f"Answered: {title}; drawing the map")
        else:
            self._map.value = told["map"]
            self._say(f"Done: {title}")

    def _say(self, text: str) -> None:
        self._status.value = (
            f'<div class="ecg"><p role="status" aria-live="polite" class="ecg-status">{html.escape(text)}</p></div>'
        )


def _text(name: str) -> str:
    return resources.files("ecgstudy.predict").joinpath(name).read_text(encoding="utf-8")
