"""LocalStack's ways in: the runtime executor (LAMBDA_RUNTIME_EXECUTOR=node) and what to do at start and shutdown."""

from localstack.runtime import hooks
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class NodeExecutorPlugin(RuntimeExecutorPlugin):
    name = "node"

    def load(self, *args, **kwargs):
        from flowstitch_lambda.executor import NodeExecutor

        return NodeExecutor


@hooks.on_infra_start()
def start():
    from flowstitch_lambda import chaos, guard, pollers, process

    guard.start()
    pollers.install()
    chaos.start(process.living)


# Before LocalStack stops its services: they wait for invocations, which would otherwise run to their end.
@hooks.on_infra_shutdown(priority=100)
def shutdown():
    from flowstitch_lambda import process

    process.close()
