"""The page in the browser: a picture is dropped or an example chosen, and what is said of it appears below.

The page stands before anything heavy is loaded; TensorFlow and the model come in a thread of their own meanwhile.
"""

import html
import threading
from importlib import resources
from typing import TYPE_CHECKING, Any

import ipywidgets
from IPython.display import HTML, display

from ecgstudy.vocabulary import DISCLAIMER

if TYPE_CHECKING:
    from ecgstudy.predict.shown import Asked

MOST_UPLOAD_BYTES = 20_000_000  # of one picture; uploads stay in memory and are never written
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
        self._asked: Asked | None = None
        self._upload = ipywidgets.FileUpload(
            accept=".jpg,.jpeg,.png,.webp,.tif,.tiff,.pdf", multiple=False, description="Choose a picture", icon=""
        )
        self._example = ipywidgets.Dropdown(options=[CHOOSE, *EXAMPLES], description="or", value=CHOOSE)
        self._status, self._answer, self._map = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self._upload.observe(self._uploaded, "value")
        self._example.observe(self._chosen, "value")

    def show(self) -> None:
        """Put the page into the notebook, and load the model while it is being read."""
        style, script = (_text(f"browser.{kind}") for kind in ("css", "js"))
        display(HTML(f"<style>{style}</style>"))  # type: ignore[no-untyped-call]
        begin = (
            '<div class="ecg"><h1>One\'s own picture of a printed ECG</h1>'
            f'<p class="warning">{html.escape(DISCLAIMER)}</p><p>Drop a picture anywhere on this page, choose one '
            f"(JPEG, PNG, WebP, TIFF or PDF, up to {MOST_UPLOAD_BYTES // 1_000_000} MB), or take an example. "
            "Pictures stay in the memory of this computer; none is written or sent anywhere.</p></div>"
        )
        self._say("Loading the model")
        box = ipywidgets.VBox(
            [ipywidgets.HTML(begin), self._upload, self._example, self._status, self._answer, self._map]
        )
        box.add_class("ecg-page")
        display(box)
        display(HTML(f"<script>{script.replace('__LIMIT__', str(MOST_UPLOAD_BYTES))}</script>"))  # type: ignore[no-untyped-call]
        self._loading = threading.Thread(target=self._load, daemon=True)
        self._loading.start()

    def _load(self) -> None:
        try:
            from ecgstudy.predict.shown import Asked

            asked = self._asked = Asked(self._model)
            self._say(f"Ready. The model: {asked.released.name}")
        except (ValueError, OSError, RuntimeError, ImportError) as error:
            self._failed = " ".join(str(error).split())
            self._say(f"No model: {self._failed}")

    def _ready(self) -> "Asked | None":
        self._loading.join()
        return self._asked

    def _uploaded(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        name, content = str(file["name"]), bytes(file["content"])
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
        self._say(f"Judging: {title}")
        asked = self._ready()
        if asked is None:
            self._say(f"No model: {self._failed}")
            return
        prediction = asked.judge(title, picture)
        self._answer.value = asked.answer(prediction)
        if prediction.refused:
            self._say(f"Refused: {title}")
            return
        self._say(f"Answered: {title}; drawing the map")
        self._map.value = asked.map(prediction)
        self._say(f"Done: {title}")

    def _say(self, text: str) -> None:
        self._status.value = (
            f'<div class="ecg"><p role="status" aria-live="polite" class="ecg-status">{html.escape(text)}</p></div>'
        )


def _text(name: str) -> str:
    return resources.files("ecgstudy.predict").joinpath(name).read_text(encoding="utf-8")
