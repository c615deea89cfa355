"""More pollers for LocalStack's SQS event source mappings, and pollers that wait.

LocalStack polls each mapping in one thread, one batch after the other, whatever its MaximumConcurrency says; then no
two invocations of a function would ever run side by side, and what can only go wrong between two of them would stay
unseen. Here each mapping of an SQS queue gets up to MaximumConcurrency threads, all running LocalStack's own poller.

LocalStack asks a queue without waiting, and then rests: twenty idle pollers take a third of a processor, and a message
lies there for half a second. A receive that waits costs nothing and has the message at once.
"""

import logging
import threading

from flowstitch_lambda import settings

LOG = logging.getLogger(__name__)
UNSET_CONCURRENCY = 2
# A mapping that was disabled or deleted may still take a message for as long.
WAIT_SECONDS = 5


def concurrency(esm_config: dict) -> int:
    """Pollers of a mapping: its MaximumConcurrency (two when unset), within what this machine is allowed."""
    if ":sqs:" not in esm_config.get("EventSourceArn", ""):
        return 1
    wanted = esm_config.get("ScalingConfig", {}).get("MaximumConcurrency") or UNSET_CONCURRENCY
    return max(1, min(wanted, settings.MAX_POLLERS))


def _make_wait(worker) -> None:
    poller = worker.poller
    if hasattr(poller, "maximum_batching_window"):
        poller.maximum_batching_window = max(poller.maximum_batching_window, WAIT_SECONDS)


def _poll(worker, pause: float, pause_when_empty: float) -> None:
    from localstack.services.lambda_.event_source_mapping.pollers.poller import EmptyPollResultsException

    shutdown = worker._shutdown_event
    while not shutdown.is_set():
        seconds = pause
        try:
            worker.poller.poll_events()
        except EmptyPollResultsException:
            seconds = pause_when_empty
        except Exception as error:
            LOG.warning("polling %s: %s", worker.esm_config.get("EventSourceArn"), error)
            seconds = 1
        shutdown.wait(seconds)


def install() -> None:
    from localstack import config
    from localstack.services.lambda_.event_source_mapping.esm_worker import EsmWorker

    start_one = EsmWorker.start
    pause = config.LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC
    pause_when_empty = config.LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC

    def start(worker):
        _make_wait(worker)
        start_one(worker)
        for number in range(1, concurrency(worker.esm_config)):
            name = f"event-source-mapping-poller-{worker.uuid}-{number}"
            threading.Thread(target=_poll, args=(worker, pause, pause_when_empty), name=name, daemon=True).start()

    EsmWorker.start = start
