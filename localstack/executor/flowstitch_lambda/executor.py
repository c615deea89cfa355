"""LocalStack's runtime executor on Node processes, with Lambda's limits and its words when one is passed.

An invocation is always answered: by the function, or when its process dies, passes its memory or its time. After any of
these ends the environment stays and its next invocation starts a new process.
"""

import json
import threading
import time

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from flowstitch_lambda import settings
from flowstitch_lambda.process import FunctionProcess, closing, write_log

INIT_SECONDS = 60  # Lambda gives 10; this machine may have to start many at once
# Bounds the wait for a turn, so that functions that invoke functions cannot wait for each other for ever.
TURN_SECONDS = 600
TICK_SECONDS = 0.05
MB = 1 << 20

_slots = threading.BoundedSemaphore(settings.MAX_RUNNING)


class Failure(Exception):
    """An invocation's end that is not the function's own answer."""

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.kind = kind


class NodeExecutor(RuntimeExecutor):
    def __init__(self, id, function_version):
        super().__init__(id, function_version)
        self._env_vars: dict = {}
        self._process: FunctionProcess | None = None
        self._running = False
        self._stopped = False
        self._lock = threading.Lock()
        self._lines = ""
        self._peak = 0

    def start(self, env_vars) -> None:
        self._env_vars = env_vars

    def stop(self) -> None:
        """Lets a running invocation finish, within its time; its process ends right after it."""
        with self._lock:
            self._stopped = True
            if not self._running:
                self._end_process()

    def _end_process(self) -> str:
        """Returns how it ended."""
        process, self._process = self._process, None
        if process is None:
            return ""
        how = process.end()
        self._note(process)
        return how

    def _note(self, process: FunctionProcess) -> None:
        """Keeps what the invocation's report needs."""
        self._lines = process.lines()
        self._peak = process.peak_rss

    def invoke(self, payload) -> InvocationResult:
        request_id = payload["invoke-id"]
        if not _slots.acquire(timeout=TURN_SECONDS):
            busy = f"waited {TURN_SECONDS} s for one of {settings.MAX_RUNNING} turns"
            result = self._error(request_id, "Sandbox.Busy", busy)
            result.logs = result.payload.decode()
            return result
        try:
            with self._lock:
                self._running = True
            return self._run(payload, request_id)
        finally:
            _slots.release()
            with self._lock:
                self._running = False
                if self._stopped:
                    self._end_process()

    def _run(self, payload: dict, request_id: str) -> InvocationResult:
        name = self.function_version.id.function_name
        begin = f"START RequestId: {request_id} Version: {self.function_version.id.qualifier}\n"
        write_log(name, begin)
        self._lines, self._peak = "", 0
        since = time.monotonic()
        try:
            process = self._make_ready()
            since = time.monotonic()
            result = self._result(request_id, self._ask(process, payload, request_id))
            process.rest()
            self._note(process)
        except EOFError:
            result = self._error(request_id, "Runtime.ExitError", self._end_process())
        except Failure as failure:
            self._end_process()
            result = self._error(request_id, failure.kind, str(failure))
        report = self._report(request_id, time.monotonic() - since)
        write_log(name, report)
        result.logs = begin + self._lines + report
        return result

    def _make_ready(self) -> FunctionProcess:
        """The process; a new one when there is none, or when it died between two invocations."""
        if self._process and self._process.rss() == 0:
            self._end_process()
        if self._process:
            return self._process
        if closing():
            raise Failure("Sandbox.Stopped", "LocalStack is shutting down")
        code = self.function_version.config.code.get_unzipped_code_location()
        self._process = process = FunctionProcess(self._env_vars, code, self.function_version.config.memory_size)
        too_late = Failure("Sandbox.InitTimedout", f"Init timed out after {INIT_SECONDS} seconds")
        message = self._await(process, INIT_SECONDS, too_late)
        if "error" in message:
            raise Failure(message["error"]["errorType"], message["error"]["errorMessage"])
        return process

    def _ask(self, process: FunctionProcess, payload: dict, request_id: str) -> dict:
        limit = self.function_version.config.timeout
        message = {
            "id": request_id,
            "event": payload["payload"],
            "arn": payload["invoked-function-arn"],
            "trace": payload.get("trace-id"),
            "deadline": int((time.time() + limit) * 1000),
        }
        process.send(message)
        return self._await(process, limit, Failure("Sandbox.Timedout", f"Task timed out after {limit:.2f} seconds"))

    def _await(self, process: FunctionProcess, seconds: float, too_late: Failure) -> dict:
        """The process's next message. Failure when its time or its memory is up, EOFError when it dies."""
        deadline = time.monotonic() + seconds
        limit = self.function_version.config.memory_size
        while True:
            message = process.receive(TICK_SECONDS)
            used = process.rss()
            if used > limit * MB:
                words = f"{used // MB} MB of memory in use, the function's limit is {limit} MB"
                raise Failure("Runtime.OutOfMemory", f"Runtime exited with error: signal: killed: {words}")
            if message is not None:
                return message
            if time.monotonic() > deadline:
                raise too_late

    def _result(self, request_id: str, answer: dict) -> InvocationResult:
        is_error = "error" in answer
        payload = json.dumps(answer["error"]) if is_error else answer["result"]
        return InvocationResult(request_id, payload.encode(), is_error, None)

    def _error(self, request_id: str, kind: str, message: str) -> InvocationResult:
        error = {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {message}"}
        write_log(self.function_version.id.function_name, f"{error['errorMessage']} ({kind})\n")
        return InvocationResult(request_id, json.dumps(error).encode(), True, None)

    def _report(self, request_id: str, seconds: float) -> str:
        return (
            f"REPORT RequestId: {request_id} Duration: {seconds * 1000:.2f} ms "
            f"Memory Size: {self.function_version.config.memory_size} MB Max Memory Used: {self._peak // MB} MB\n"
        )

    def get_logs(self) -> str:
        return self._lines

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        # Requests and answers go over a socket pair: nothing is posted here.
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}/"

    @classmethod
    def prepare_version(cls, function_version) -> None:
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version) -> None:
        """Nothing is kept for a version beside its unzipped code, which LocalStack removes."""
