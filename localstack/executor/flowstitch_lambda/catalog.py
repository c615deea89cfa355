"""What LocalStack's CloudFormation can deploy, told without asking the Internet.

LocalStack loads a list of the resource types that it supports from its maker's server when the first stack is
deployed, and where it gets none, takes all types as unsupported. Here the answer is what this very version has a
provider for.
"""

from localstack.utils.catalog.catalog import CatalogPlugin
from localstack.utils.catalog.common import (
    CloudFormationResourcesSupportAtRuntime,
    CloudFormationResourcesSupportInLatest,
)


class LocalCatalog(CatalogPlugin):
    # The name that LocalStack looks for first.
    name = "aws-catalog-remote-state-with-license"

    def __init__(self):
        self._resource_types = self._get_cfn_resources_available_at_runtime()

    def get_aws_service_status(self, service_name, operation_name=None):
        return None

    def get_cloudformation_resource_status(self, resource_name, service_name, is_pro_resource=False):
        if resource_name in self._resource_types:
            return CloudFormationResourcesSupportAtRuntime.AVAILABLE
        return CloudFormationResourcesSupportInLatest.NOT_SUPPORTED
