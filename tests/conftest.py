"""What several rooms' tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def originals() -> Path:
    """The folder with the original pages, `v1/` and `v2/`; skips where they are not at hand."""
    folder = os.environ.get("ECGSTUDY_ORIGINALS")
    if not folder:
        pytest.skip("the original pages are not at hand (ECGSTUDY_ORIGINALS is not set)")
    return Path(folder)
