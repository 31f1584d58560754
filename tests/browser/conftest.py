"""A headless Chromium that keeps to this computer; tests are skipped by name where there is none."""

import shutil

import pytest


@pytest.fixture(scope="session")
def open_browser(tmp_path_factory):
    """A function that opens a window of some size; all are closed in the end."""
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("Chromium or chromedriver is not installed")
    opened = []

    def open_(width=1280, height=900):
        options = selenium.ChromeOptions()
        options.binary_location = chromium
        profile = tmp_path_factory.mktemp("profile")
        for word in (
            "headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "disable-quic", "no-first-run",
            "disable-background-networking", "disable-component-update", "disable-sync", f"user-data-dir={profile}",
            f"window-size={width},{height}", "host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        ):  # fmt: skip
            options.add_argument(f"--{word}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        browser = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
        opened.append(browser)
        return browser

    yield open_
    for browser in opened:
        browser.quit()


@pytest.fixture
def errors():
    """A function: what went wrong in a browser's console."""

    def of(browser):
        return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]

    return of


@pytest.fixture
def set_width():
    """A function that makes a window narrow; headless windows are at least 500 pixels wide by themselves."""

    def set_(browser, width):
        size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    return set_


@pytest.fixture
def is_wider_than_its_window():
    """A function: whether one has to scroll sideways."""

    def of(browser):
        page = "document.documentElement"
        return browser.execute_script(f"return {page}.scrollWidth > {page}.clientWidth + 1")

    return of
