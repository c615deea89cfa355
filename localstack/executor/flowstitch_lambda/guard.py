"""Ends LocalStack when the program that started it is gone: that one's end, however it comes, closes standard input."""

import os
import shutil
import signal
import stat
import threading
import time

from flowstitch_lambda import process, settings


def _watch() -> None:
    while os.read(0, 1 << 10):
        pass
    process.close()
    os.chdir("/")
    # Twice: what is being written while the first one removes.
    for _ in range(2):
        shutil.rmtree(settings.FOLDER, ignore_errors=True)
        time.sleep(0.1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def start() -> None:
    """Watches where standard input is a pipe: localstack/start.ts makes one, and gives this process its own group."""
    if stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode):
        threading.Thread(target=_watch, name="flowstitch-guard", daemon=True).start()
