"""Processes that end with the one that started them.

A study that is killed must not leave its training behind: the next start would find the folder unlocked and train the
same run beside it.
"""

import ctypes
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading


def end_with_parent() -> None:
    """End this process at once when its parent is gone, however the parent ended.

    The parent holds the other end of stdin and never writes; the system closes that end with the parent, on every
    platform. On Linux the kernel is asked as well, since a thread has to wait for its turn.
    """
    if sys.platform == "linux":
        asked_for_death = 1  # PR_SET_PDEATHSIG, man 2 prctl
        ctypes.CDLL(None, use_errno=True).prctl(asked_for_death, signal.SIGKILL)
    threading.Thread(target=_wait_for_the_end, args=(sys.stdin.fileno(),), daemon=True).start()


def end_with_starter() -> None:
    """The same, for a process that `multiprocessing` started."""
    starter = multiprocessing.parent_process()
    assert starter is not None
    threading.Thread(target=_wait_for, args=(starter.sentinel,), daemon=True).start()


def _wait_for_the_end(handle: int) -> None:
    while os.read(handle, 1):
        pass
    os._exit(1)  # no clean-up: what was half done lies under a temporary name


def _wait_for(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
