"""What localstack/start.ts tells this package, by environment variables."""

import os
from pathlib import Path

NODE = os.environ.get("FLOWSTITCH_LAMBDA_NODE", "node")
"""The Node that runs the functions."""

FOLDER = Path(os.environ.get("FLOWSTITCH_LAMBDA_FOLDER", "lambda")).absolute()
"""LocalStack's folder, removed at its end. This package writes logs/<function>.log, processes/<pid>.json and tmp/ there
and looks for chaos.json."""

MAX_RUNNING = int(os.environ.get("FLOWSTITCH_LAMBDA_MAX_RUNNING") or max(2, os.cpu_count() or 2) + 2)
"""Invocations that run at the same time; others wait their turn."""

MAX_POLLERS = int(os.environ.get("FLOWSTITCH_LAMBDA_MAX_POLLERS") or max(2, os.cpu_count() or 2))
"""Upper bound of an event source mapping's pollers, whatever MaximumConcurrency it asks for."""
