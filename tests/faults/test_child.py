"""A killed study leaves no process behind that would go on writing into its folder."""

import subprocess
import sys

import pytest

CHILD = """
import sys, time
from ecgstudy import lifeline
sys.platform = {platform!r}
lifeline.end_with_parent()
print("at work", flush=True)
time.sleep(60)
"""
PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {child!r}], stdin=subprocess.PIPE)
time.sleep(60)
"""


@pytest.mark.parametrize("platform", [sys.platform, "any"])
def test_a_child_ends_when_its_parent_is_killed(platform):
    """By the pipe alone too, which is what holds where there is no prctl."""
    code = PARENT.format(child=CHILD.format(platform=platform))
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout.readline() == "at work\n"
    parent.kill()
    parent.communicate(timeout=20)  # the child has this pipe too: it is at its end when both are gone


def test_a_child_whose_parent_lives_does_its_work_to_the_end():
    code = "from ecgstudy import lifeline; lifeline.end_with_parent(); print('done')"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.read() == "done\n"
    assert child.wait() == 0
