"""One Node process that serves the invocations of one execution environment, one after the other.

Requests and answers go over a socket pair, a line of JSON each; the process's end closes it, so that whoever waits for
an answer learns of it. What the process prints goes to the function's log, line by line.
"""

import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import psutil

from flowstitch_lambda import chaos, settings

LOG = logging.getLogger(__name__)
BOOTSTRAP = Path(__file__).parent / "bootstrap.mjs"
HEAP_SHARE = 0.7  # of the function's memory: what Node's heap may take; the rest is for buffers, native code and stacks
PASSED_ON = ("PATH", "LANG", "LC_ALL")

_living: set["FunctionProcess"] = set()
_log_lock = threading.Lock()
_closing = threading.Event()


def living() -> list["FunctionProcess"]:
    return list(_living)


def closing() -> bool:
    """Whether LocalStack is shutting down: no process may start any more."""
    return _closing.is_set()


def close() -> None:
    """Kills all processes, for good."""
    _closing.set()
    for one in living():
        one.end()


def write_log(function_name: str, text: str) -> None:
    """Appends whole lines to a function's log."""
    folder = settings.FOLDER / "logs"
    with _log_lock:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / f"{function_name}.log", "a", encoding="utf-8") as file:
            file.write(text)


class FunctionProcess:
    """Starts at once; may be asked for one answer at a time, and has to be ended."""

    function_name: str
    request_id: str | None
    """The invocation that it serves now."""

    def __init__(self, env_vars: dict, code: Path, memory_mb: int):
        self.function_name = str(env_vars["AWS_LAMBDA_FUNCTION_NAME"])
        self.request_id = None
        self.peak_rss = 0
        self._received = b""
        self._lines: list[str] = []
        self._end_seen = threading.Event()
        (settings.FOLDER / "tmp").mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f"{self.function_name}-", dir=settings.FOLDER / "tmp"))
        # LocalStack removes a version's code when a new one comes, and what still runs may import more of it.
        task = shutil.copytree(code, self._folder / "task", copy_function=os.link)
        (self._folder / "tmp").mkdir()
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                self._command(memory_mb),
                env=self._environment(env_vars, task, theirs.fileno()),
                cwd=task,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        self._stats = psutil.Process(self.pid)
        self._record = settings.FOLDER / "processes" / f"{self.pid}.json"
        _living.add(self)
        self._write_record()
        self._pump = threading.Thread(target=self._read_output, name=f"lambda-log-{self.pid}", daemon=True)
        self._pump.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _command(self, memory_mb: int) -> list[str]:
        heap = max(32, int(memory_mb * HEAP_SHARE))
        return [settings.NODE, f"--max-old-space-size={heap}", f"--title=lambda-{self.function_name}", str(BOOTSTRAP)]

    def _environment(self, env_vars: dict, task: Path, descriptor: int) -> dict[str, str]:
        env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        # As on Lambda, there is no home folder: what wants one has to be told where.
        env["HOME"] = "/home/sbx_user1051"
        env.update({name: str(value) for name, value in env_vars.items()})
        env.update(LAMBDA_TASK_ROOT=str(task), TMPDIR=str(self._folder / "tmp"), TZ="UTC")
        env["FLOWSTITCH_LAMBDA_FD"] = str(descriptor)
        return env

    def _write_record(self) -> None:
        self._record.parent.mkdir(parents=True, exist_ok=True)
        record = {"pid": self.pid, "function": self.function_name, "request": self.request_id}
        self._record.write_text(json.dumps(record))

    def _read_output(self) -> None:
        for raw in self._process.stdout:
            line = raw.decode("utf-8", "replace").rstrip("\n") + "\n"
            write_log(self.function_name, line)
            self._lines.append(line)
            if line.startswith("END RequestId: "):
                self._end_seen.set()
            if chaos.dooms(self.function_name, line):
                LOG.info("chaos: killing %s, pid %s, for: %s", self.function_name, self.pid, line.strip())
                self.kill()

    def send(self, message: dict) -> None:
        """Sends one request; a process that is gone already shows itself to the one who waits for the answer."""
        self.request_id = message["id"]
        self._lines.clear()
        self._end_seen.clear()
        self._write_record()
        self._signal(signal.SIGCONT)
        with contextlib.suppress(OSError):
            self._socket.settimeout(None)
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, seconds: float) -> dict | None:
        """The next message, or None after so many seconds. EOFError: the process has closed the socket, it is gone."""
        self._socket.settimeout(seconds)
        while b"\n" not in self._received:
            try:
                chunk = self._socket.recv(1 << 16)
            except TimeoutError:
                return None
            except OSError:
                chunk = b""
            if not chunk:
                raise EOFError
            self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)

    def rest(self) -> None:
        """Freezes the process until its next invocation, as Lambda does: nothing goes on after the answer."""
        self._end_seen.wait(1)
        self.request_id = None
        self._write_record()
        self._signal(signal.SIGSTOP)

    def lines(self) -> str:
        """What it printed since the last request."""
        return "".join(self._lines)

    def rss(self) -> int:
        """Resident memory, bytes; 0 when the process is gone."""
        try:
            now = self._stats.memory_info().rss
        except psutil.Error:
            return 0
        self.peak_rss = max(self.peak_rss, now)
        return now

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def end(self) -> str:
        """Kills the process if it still lives, and removes all that is left of it but its log.

        Returns how it ended, in Lambda's words.
        """
        try:
            self._process.wait(1 if self._gone() else 0)
        except subprocess.TimeoutExpired:
            self.kill()
        code = self._process.wait()
        self._pump.join(2)
        self._socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._record.unlink(missing_ok=True)
        _living.discard(self)
        if code < 0:
            return f"Runtime exited with error: signal: {signal.Signals(-code).name}"
        return f"Runtime exited with error: exit status {code}" if code else "Runtime exited without providing a reason"

    def _gone(self) -> bool:
        """Whether the other end of the socket is closed: the process ends by itself, with an exit status."""
        try:
            self._socket.settimeout(0)
            return self._socket.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
