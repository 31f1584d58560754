"""The documentation builds without a warning, holds what the code holds, and can be read on a phone."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("docs", "params", "outputs/reference", "outputs/bench", "CHANGELOG.md")  # what a build reads
TEXT = sorted((ROOT / "docs").rglob("*.md"))


def build(project: Path) -> Path:
    words = ["-W", "--keep-going", "-q", "docs", "outputs/docs"]
    environment = os.environ | {"ECGSTUDY_OUTPUTS": str(project / "outputs")}
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words], cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return project / "outputs" / "docs"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of what a build reads, so that no test writes into the checkout."""
    folder = tmp_path_factory.mktemp("project")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("_build", "*.ipynb"))
        elif (ROOT / part).is_file():
            shutil.copy(ROOT / part, folder / part)
    planted = folder / "outputs" / "bench" / "planted.csv"
    planted.parent.mkdir(parents=True, exist_ok=True)
    columns = "name,ours,theirs,unit,ratio,goal,low,high,note"
    planted.write_text(
        f"{columns}\ncounting sheep,12.345,1234,s,100.1,50,90.4,110.2,three sheep\nsleeping,8,,h,,,7,9,\n"
    )
    return folder


@pytest.fixture(scope="module")
def built(project):
    """Built without executed notebooks."""
    return build(project)


def text_of(page: Path) -> str:
    return re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))


def test_it_builds_without_a_warning_where_no_notebook_was_executed(built):
    assert "make run-all executes the notebooks" in text_of(built / "results.html")


def test_every_command_every_key_and_every_public_name_has_its_place(built):
    import typer

    import ecgstudy
    from ecgstudy import cli, study
    from ecgstudy.models.registry import MODELS

    def holds(page, words):
        shown = text_of(built / "reference" / page)
        return [word for word in words if word not in shown]

    assert not holds("command-line.html", [f"ecgstudy {verb}" for verb in typer.main.get_command(cli.app).commands])
    assert not holds("params.html", [*study.Recipe.model_fields, *study.Evaluation.model_fields])
    assert not holds("api.html", ecgstudy._NAMES)
    assert not holds("models.html", MODELS)


def test_the_numbers_are_those_of_the_committed_tables(built):
    """The README quotes the same ladder by hand, and below it those of larger pictures."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table, rest = text.split("The selection itself")
    of_selection, more = rest.split("With nine times the pixels")
    score = r"\d\.\d\d \(\d\.\d\d to \d\.\d\d\)"
    table, of_whole = table.split("**Trained whole")
    quoted, shown = re.findall(score, table), text_of(built / "results.html")
    assert quoted
    assert not [one for one in quoted if one not in shown]
    reference = ROOT / "outputs" / "reference"
    whole = pd.read_csv(reference / "finetuned" / "ladder.csv").query("metric == 'accuracy' and weighting == 'plain'")
    whole = whole.query("model == 'efficientnet_lite0' and stratum == 'all'").set_index("protocol")
    rungs = whole.loc[["as_published", "grouped", "unseen"]]
    assert re.findall(score, of_whole) == [f"{r.value:.2f} ({r.low:.2f} to {r.high:.2f})" for r in rungs.itertuples()]
    found = pd.read_csv(reference / "finetuned" / "recalls.csv").query("label == 'mi' and stratum == 'all'")
    found = found.query("model == 'efficientnet_lite0'").set_index("protocol").loc[rungs.index]
    assert re.findall(r"\d+ of \d+", of_whole) == [f"{row.found} of {row.pages}" for row in found.itertuples()]
    visible = pd.read_csv(reference / "quick" / "selection_visible.csv")
    told = {f"{row.auroc:.2f} ({row.low:.2f} to {row.high:.2f})" for row in visible.itertuples()}
    assert set(re.findall(score, of_selection.replace("\n", " "))) <= told
    implied = pd.read_csv(reference / "quick" / "claimed_split.csv").query("model == 'remember'")["accuracy"]
    assert [f"{value:.2f}" for value in implied] == re.findall(r"\b\d\.\d\d(?=[;.])", of_selection)
    for name, part in zip(("originals", "tuned"), more.split("A backbone whose last blocks learn"), strict=True):
        kept = pd.read_csv(reference / name / "ladder.csv")
        measured = {f"{row.value:.2f} ({row.low:.2f} to {row.high:.2f})" for row in kept.itertuples()}
        assert set(re.findall(score, part.replace("\n", " "))) <= measured


def test_a_table_of_the_benchmark_is_shown_as_it_was_written(built):
    shown = " ".join(text_of(built / "results.html").split())
    assert "counting sheep 12.3 1,234 s 100 90.4 110 50 three sheep" in shown
    assert "sleeping 8 h 7 9" in shown
    assert "make bench has not been run here yet" not in shown


@pytest.mark.parametrize("page", TEXT, ids=lambda page: page.stem)
def test_no_score_is_typed(page):
    """Guessing among four classes (0.25), and the printed filter of the pages (0.67 Hz), are no results."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert not set(re.findall(r"\b0\.\d+\b|\b\d+ ?%", prose)) - {"0.25", "0.67"}


def test_an_executed_notebook_is_shown_with_its_outputs(project, built):
    from ecgstudy.workflow import NOTEBOOKS

    output = nbformat.v4.new_output("stream", text="all 7 runs are finished")
    cells = [nbformat.v4.new_markdown_cell("# The pages"), nbformat.v4.new_code_cell("runs", outputs=[output])]
    folder = project / "outputs" / "quick" / "notebooks"
    folder.mkdir(parents=True)
    language = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=language), folder / f"{NOTEBOOKS[0]}.ipynb")
    pages = build(project)
    assert "all 7 runs are finished" in text_of(pages / "notebooks" / f"{NOTEBOOKS[0]}.html")
    assert "The pages" in text_of(pages / "results.html")


def test_no_page_is_wider_than_a_phone_or_complains_in_the_console(built, tmp_path):
    browser = _browser(tmp_path)
    try:
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True},
        )
        for page in sorted(built.rglob("*.html")):
            if "_static" in page.parts:
                continue
            browser.get(page.as_uri())
            assert browser.execute_script("return document.documentElement.scrollWidth") <= 390, page.name
            errors = [line["message"] for line in browser.get_log("browser") if line["level"] == "SEVERE"]
            assert not [line for line in errors if "Got invalid theme mode" not in line], page.name  # the theme's own
    finally:
        browser.quit()


def _browser(profile: Path):
    """A headless Chromium that keeps to this computer; skipped by name where there is none."""
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("Chromium or chromedriver is not installed")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for word in (
        "headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "disable-quic", "no-first-run",
        "disable-background-networking", "disable-component-update", "disable-sync", f"user-data-dir={profile}",
        "host-resolver-rules=MAP * ~NOTFOUND",
    ):  # fmt: skip
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return selenium.Chrome(options=options, service=selenium.ChromeService(driver))
