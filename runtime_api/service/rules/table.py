"""The rule of each operation that is served."""

from __future__ import annotations

from collections.abc import Callable

from . import Asked, Result
from .account import get_account_settings
from .aliases import create_alias, delete_alias, get_alias, list_aliases, update_alias
from .code_signing import (
    create_code_signing_config,
    delete_code_signing_config,
    delete_function_code_signing_config,
    get_code_signing_config,
    get_function_code_signing_config,
    list_code_signing_configs,
    list_functions_by_code_signing_config,
    put_function_code_signing_config,
    update_code_signing_config,
)
from .concurrency import delete_function_concurrency, get_function_concurrency, put_function_concurrency
from .event_invoke import (
    delete_function_event_invoke_config,
    get_function_event_invoke_config,
    list_function_event_invoke_configs,
    put_function_event_invoke_config,
    update_function_event_invoke_config,
)
from .function_urls import (
    create_function_url_config,
    delete_function_url_config,
    get_function_url_config,
    list_function_url_configs,
    update_function_url_config,
)
from .functions import (
    create_function,
    delete_function,
    get_function,
    get_function_configuration,
    list_functions,
    update_function_code,
    update_function_configuration,
)
from .layer_policies import (
    add_layer_version_permission,
    get_layer_version_policy,
    remove_layer_version_permission,
)
from .layers import (
    delete_layer_version,
    get_layer_version,
    get_layer_version_by_arn,
    list_layer_versions,
    list_layers,
    publish_layer_version,
)
from .mappings import (
    create_event_source_mapping,
    delete_event_source_mapping,
    get_event_source_mapping,
    list_event_source_mappings,
    update_event_source_mapping,
)
from .policies import add_permission, get_policy, remove_permission
from .provisioned import (
    delete_provisioned_concurrency_config,
    get_provisioned_concurrency_config,
    list_provisioned_concurrency_configs,
    put_provisioned_concurrency_config,
)
from .runtime_management import (
    get_function_recursion_config,
    get_runtime_management_config,
    put_function_recursion_config,
    put_runtime_management_config,
)
from .tags import list_tags, tag_resource, untag_resource
from .versions import list_versions_by_function, publish_version

__all__ = ["RULES", "Rule"]

Rule = Callable[[Asked], Result]

RULES: dict[str, Rule] = {
    "AddLayerVersionPermission": add_layer_version_permission,
    "AddPermission": add_permission,
    "CreateAlias": create_alias,
    "CreateCodeSigningConfig": create_code_signing_config,
    "CreateEventSourceMapping": create_event_source_mapping,
    "CreateFunction": create_function,
    "CreateFunctionUrlConfig": create_function_url_config,
    "DeleteAlias": delete_alias,
    "DeleteCodeSigningConfig": delete_code_signing_config,
    "DeleteEventSourceMapping": delete_event_source_mapping,
    "DeleteFunctionCodeSigningConfig": delete_function_code_signing_config,
    "DeleteFunction": delete_function,
    "DeleteFunctionEventInvokeConfig": delete_function_event_invoke_config,
    "DeleteFunctionUrlConfig": delete_function_url_config,
    "DeleteLayerVersion": delete_layer_version,
    "DeleteFunctionConcurrency": delete_function_concurrency,
    "DeleteProvisionedConcurrencyConfig": delete_provisioned_concurrency_config,
    "GetAccountSettings": get_account_settings,
    "GetAlias": get_alias,
    "GetCodeSigningConfig": get_code_signing_config,
    "GetEventSourceMapping": get_event_source_mapping,
    "GetFunctionCodeSigningConfig": get_function_code_signing_config,
    "GetFunctionEventInvokeConfig": get_function_event_invoke_config,
    "GetFunctionUrlConfig": get_function_url_config,
    "GetFunctionRecursionConfig": get_function_recursion_config,
    "GetRuntimeManagementConfig": get_runtime_management_config,
    "GetFunction": get_function,
    "GetFunctionConcurrency": get_function_concurrency,
    "GetFunctionConfiguration": get_function_configuration,
    "GetLayerVersion": get_layer_version,
    "GetLayerVersionPolicy": get_layer_version_policy,
    "GetLayerVersionByArn": get_layer_version_by_arn,
    "GetPolicy": get_policy,
    "GetProvisionedConcurrencyConfig": get_provisioned_concurrency_config,
    "ListAliases": list_aliases,
    "ListCodeSigningConfigs": list_code_signing_configs,
    "ListEventSourceMappings": list_event_source_mappings,
    "ListFunctionEventInvokeConfigs": list_function_event_invoke_configs,
    "ListFunctionUrlConfigs": list_function_url_configs,
    "ListFunctionsByCodeSigningConfig": list_functions_by_code_signing_config,
    "ListFunctions": list_functions,
    "ListLayerVersions": list_layer_versions,
    "ListLayers": list_layers,
    "ListProvisionedConcurrencyConfigs": list_provisioned_concurrency_configs,
    "ListTags": list_tags,
    "ListVersionsByFunction": list_versions_by_function,
    "PublishLayerVersion": publish_layer_version,
    "PublishVersion": publish_version,
    "PutFunctionCodeSigningConfig": put_function_code_signing_config,
    "PutFunctionEventInvokeConfig": put_function_event_invoke_config,
    "PutFunctionRecursionConfig": put_function_recursion_config,
    "PutRuntimeManagementConfig": put_runtime_management_config,
    "PutFunctionConcurrency": put_function_concurrency,
    "PutProvisionedConcurrencyConfig": put_provisioned_concurrency_config,
    "RemoveLayerVersionPermission": remove_layer_version_permission,
    "RemovePermission": remove_permission,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "UpdateAlias": update_alias,
    "UpdateCodeSigningConfig": update_code_signing_config,
    "UpdateEventSourceMapping": update_event_source_mapping,
    "UpdateFunctionCode": update_function_code,
    "UpdateFunctionEventInvokeConfig": update_function_event_invoke_config,
    "UpdateFunctionUrlConfig": update_function_url_config,
    "UpdateFunctionConfiguration": update_function_configuration,
}
