"""No code from data or params: what the package may call at all, and names that look like code."""

import ast
from pathlib import Path

import nbformat
import pandas as pd
import PIL.Image
import pytest

import ecgstudy
from ecgstudy import execution
from ecgstudy.data import sources
from ecgstudy.predict import served, worker
from ecgstudy.report import html, tables
from ecgstudy.study import Study
from ecgstudy.vocabulary import CLASSES

KERAS = ("models.load_model", "saving.load_model", "keras.load_model")
PACKAGE = Path(ecgstudy.__file__).parent
SOURCES = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def calls(name):
    """File and node of every call whose function ends with `name`."""
    for file, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and f".{ast.unparse(node.func)}".endswith(f".{name}"):
                yield file, node


def option(node, name):
    """The value of a keyword argument as text."""
    return next((ast.unparse(word.value) for word in node.keywords if word.arg == name), None)


@pytest.mark.parametrize(
    "name",
    [
        "eval", "exec", "pickle.load", "pickle.loads", "joblib.load", "os.system", "read_pickle",
        "enable_unsafe_deserialization", "yaml.unsafe_load", "yaml.full_load",
    ],
)  # fmt: skip
def test_the_package_never_calls(name):
    assert [file for file, _ in calls(name)] == []


def test_a_model_file_is_opened_in_keras_safe_mode():
    assert {option(node, "safe_mode") for at in KERAS for _, node in calls(at)} <= {"True"}


def test_the_one_unpickler_admits_tensors_alone():
    """Its own tests try to get more out of it."""
    users = {file for file, tree in SOURCES.items() if "pickle" in {n.name for i in imports(tree) for n in i.names}}
    assert users == {"models/lite0.py"}


def imports(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import)]


def test_arrays_are_read_without_pickle():
    asked = {file: option(node, "allow_pickle") for file, node in calls("np.load") if option(node, "mmap_mode") is None}
    assert set(asked.values()) == {"False"}, asked


def test_processes_send_each_other_bytes_and_never_pickles():
    """`send` and `recv` of a connection pickle; `send_bytes` and `recv_bytes` do not."""
    assert [file for verb in ("send", "recv") for file, _ in calls(verb)] == []
    assert {file for verb in ("send_bytes", "recv_bytes") for file, _ in calls(verb)} == {
        "predict/worker.py", "predict/remote.py",
    }  # fmt: skip


def test_what_listens_does_so_on_this_computer_alone():
    assert [ast.unparse(node.args[0]) for _, node in calls("connection.Listener")] == ["(HOST, 0)"]
    assert worker.HOST == served.HOST == "127.0.0.1"
    assert "--Voila.ip=127.0.0.1" in served.command(Path("predict.ipynb"), 8866)


def test_the_page_takes_no_message_much_larger_than_a_picture_may_be():
    limit = next(word for word in served.command(Path("predict.ipynb"), 8866) if "websocket_max_message_size" in word)
    assert worker.MOST_UPLOAD_BYTES < int(limit.rpartition(":")[2].strip(" }")) < 1.1 * worker.MOST_UPLOAD_BYTES


def test_yaml_is_read_by_safe_loaders_alone():
    assert [option(node, "Loader") for _, node in calls("yaml.load")] == ["_EachKeyOnce"]


def test_pillow_opens_named_formats_alone():
    assert [file for file, node in calls("Image.open") if option(node, "formats") is None] == []


def test_no_command_goes_through_a_shell():
    for verb in ("run", "Popen", "check_output", "check_call", "call"):
        assert [file for file, node in calls(f"subprocess.{verb}") if option(node, "shell") is not None] == []


def test_no_table_is_shown_unescaped():
    assert [file for file, node in calls("to_html") if option(node, "escape") == "False"] == []


NAME = "<img src=x onerror=alert(1)><script>alert(1)<.png"
HARM = ("<script>alert", "<img src=x")


@pytest.fixture
def pages(tmp_path):
    """Pages of which one has code for a name, under a class of its own name."""
    for number, label in enumerate(CLASSES):
        (tmp_path / "pages" / label).mkdir(parents=True)
        PIL.Image.new("RGB", (32, 24), (number, 0, 0)).save(tmp_path / "pages" / label / NAME)
    return sources.open_pages(str(tmp_path / "pages"))


def test_names_that_look_like_code_are_text_in_the_report(pages, tmp_path):
    tables.save_table(pages.manifest, tmp_path / "tables" / "pages")
    tables.save_table(pd.DataFrame({NAME: [1]}), tmp_path / "tables" / "columns")
    (tmp_path / f"{NAME}.md").write_text("")
    shown = html.write_report(tmp_path).read_text()
    assert not [harm for harm in HARM if harm in shown]
    assert "&lt;script&gt;alert" in shown


def test_names_that_look_like_code_are_text_in_an_executed_notebook(pages, tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ECGSTUDY_OUTPUTS", raising=False)
    pages.manifest.to_csv(tmp_path / "manifest.csv", index=False)
    book = nbformat.v4.new_notebook()
    cells = ("import pandas as pd\npages = pd.read_csv('../manifest.csv')\npages", "print(pages['path'][0])")
    book.cells = [nbformat.v4.new_code_cell("study = 0", metadata={"tags": ["parameters"]})]
    book.cells += map(nbformat.v4.new_code_cell, cells)
    nbformat.write(book, tmp_path / "notebooks" / "one.ipynb")
    study = Study.load({"name": "small", "models": ["majority"]})
    done = execution.execute(study, tmp_path / "notebooks" / "one.ipynb")
    shown = done.with_suffix(".html").read_text()
    assert not [harm for harm in HARM if harm in shown]
    assert "&lt;script&gt;alert" in shown
