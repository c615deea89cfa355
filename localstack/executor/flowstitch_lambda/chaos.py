"""Kills function processes, for tests. Off unless FOLDER/chaos.json exists, which is read anew at every use, so that a
test can switch it on and off while functions run:

    {"killOnLog": "regular expression"}   a process that logs a line that matches is killed at once, by SIGKILL
    {"killEverySeconds": 2.5}             that often one of the processes that serve an invocation is killed, at random
    {"functions": "regular expression"}   with either: only processes of the functions whose name matches
"""

import json
import logging
import random
import re
import threading
import time
from collections.abc import Callable

from flowstitch_lambda import settings

LOG = logging.getLogger(__name__)
TICK_SECONDS = 0.1


def _read() -> dict:
    try:
        return json.loads((settings.FOLDER / "chaos.json").read_text())
    except (OSError, ValueError):
        return {}


def _concerns(chaos: dict, function_name: str) -> bool:
    return re.search(chaos.get("functions", ""), function_name) is not None


def dooms(function_name: str, line: str) -> bool:
    """Whether a process of that function that logged this line is to be killed for it."""
    chaos = _read()
    pattern = chaos.get("killOnLog")
    return pattern is not None and _concerns(chaos, function_name) and re.search(pattern, line) is not None


def _kill_one(chaos: dict, living: Callable[[], list]) -> None:
    serving = [one for one in living() if one.request_id is not None and _concerns(chaos, one.function_name)]
    if serving:
        victim = random.choice(serving)
        LOG.info("chaos: killing %s, pid %s", victim.function_name, victim.pid)
        victim.kill()


def _run(living: Callable[[], list]) -> None:
    last = time.monotonic()
    while True:
        time.sleep(TICK_SECONDS)
        chaos = _read()
        seconds = chaos.get("killEverySeconds")
        if not seconds:
            last = time.monotonic()
        elif time.monotonic() - last >= seconds:
            last = time.monotonic()
            _kill_one(chaos, living)


def start(living: Callable[[], list]) -> None:
    """From now on one of the processes that `living` gives may be killed."""
    threading.Thread(target=_run, args=(living,), name="flowstitch-chaos", daemon=True).start()
