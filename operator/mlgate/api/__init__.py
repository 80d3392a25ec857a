"""What users write: every kind of `mlgate.dev/v1alpha1` as types. The source of `crds/` and of the reference pages.

`KINDS` has every kind by name, in the order they depend on each other. A kind's module holds its spec, its status and
its `KindType`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .auth0action import AUTH0_ACTION, Auth0ActionSpec, Auth0ActionStatus
from .auth0api import AUTH0_API, Auth0APISpec, Auth0APIStatus
from .auth0appbinding import AUTH0_APP_BINDING, Auth0AppBindingSpec, Auth0AppBindingStatus
from .auth0client import AUTH0_CLIENT, Auth0ClientSpec, Auth0ClientStatus
from .auth0clientgrant import AUTH0_CLIENT_GRANT, Auth0ClientGrantSpec, Auth0ClientGrantStatus
from .auth0connection import AUTH0_CONNECTION, Auth0ConnectionSpec, Auth0ConnectionStatus
from .auth0mfafactorset import AUTH0_MFA_FACTOR_SET, Auth0MFAFactorSetSpec, Auth0MFAFactorSetStatus
from .auth0mfapolicy import AUTH0_MFA_POLICY, Auth0MFAPolicySpec, Auth0MFAPolicyStatus
from .auth0organization import AUTH0_ORGANIZATION, Auth0OrganizationSpec, Auth0OrganizationStatus
from .auth0role import AUTH0_ROLE, Auth0RoleSpec, Auth0RoleStatus
from .auth0roleassignment import AUTH0_ROLE_ASSIGNMENT, Auth0RoleAssignmentSpec, Auth0RoleAssignmentStatus
from .auth0tenant import AUTH0_TENANT, Auth0TenantSpec, Auth0TenantStatus
from .auth0user import AUTH0_USER, Auth0UserSpec, Auth0UserStatus
from .azureconnection import AZURE_CONNECTION, AzureConnectionSpec, AzureConnectionStatus
from .azuremlbatchdeployment import (
    AZURE_ML_BATCH_DEPLOYMENT,
    AzureMLBatchDeploymentSpec,
    AzureMLBatchDeploymentStatus,
)
from .azuremlbatchendpoint import AZURE_ML_BATCH_ENDPOINT, AzureMLBatchEndpointSpec, AzureMLBatchEndpointStatus
from .azuremlcompute import AZURE_ML_COMPUTE, AzureMLComputeSpec, AzureMLComputeStatus
from .azuremlenvironment import AZURE_ML_ENVIRONMENT, AzureMLEnvironmentSpec, AzureMLEnvironmentStatus
from .azuremlmodel import AZURE_ML_MODEL, AzureMLModelSpec, AzureMLModelStatus
from .azuremlonlinedeployment import (
    AZURE_ML_ONLINE_DEPLOYMENT,
    AzureMLOnlineDeploymentSpec,
    AzureMLOnlineDeploymentStatus,
)
from .azuremlonlineendpoint import AZURE_ML_ONLINE_ENDPOINT, AzureMLOnlineEndpointSpec, AzureMLOnlineEndpointStatus
from .azuremlpipelinerun import AZURE_ML_PIPELINE_RUN, AzureMLPipelineRunSpec, AzureMLPipelineRunStatus
from .azuremlworkspace import AZURE_ML_WORKSPACE, AzureMLWorkspaceSpec, AzureMLWorkspaceStatus
from .managed import Condition, ManagedSpec, ManagedStatus
from .meta import (
    API_VERSION,
    APPROVE,
    FINALIZER,
    GROUP,
    PAUSED,
    RECONCILE_REQUESTED_AT,
    VERSION,
    Api,
    Column,
    KindType,
    parse_duration,
)
from .modelgateway import MODEL_GATEWAY, ModelGatewaySpec, ModelGatewayStatus
from .modelroute import MODEL_ROUTE, ModelRouteSpec, ModelRouteStatus
from .references import (
    AllowedNamespaces,
    ApiRef,
    ClientRef,
    ObjectRef,
    RoleRef,
    SecretKeyRef,
    SecretRef,
    UserRef,
    may_refer,
)
from .securedmodelendpoint import SECURED_MODEL_ENDPOINT, SecuredModelEndpointSpec, SecuredModelEndpointStatus

KINDS: Mapping[str, KindType] = MappingProxyType(
    {
        kind.kind: kind
        for kind in (
            AUTH0_TENANT,
            AUTH0_API,
            AUTH0_CLIENT,
            AUTH0_CLIENT_GRANT,
            AUTH0_ROLE,
            AUTH0_USER,
            AUTH0_ROLE_ASSIGNMENT,
            AUTH0_ORGANIZATION,
            AUTH0_ACTION,
            AUTH0_MFA_FACTOR_SET,
            AUTH0_CONNECTION,
            AZURE_CONNECTION,
            AZURE_ML_WORKSPACE,
            AZURE_ML_COMPUTE,
            AZURE_ML_MODEL,
            AZURE_ML_ENVIRONMENT,
            AZURE_ML_ONLINE_ENDPOINT,
            AZURE_ML_ONLINE_DEPLOYMENT,
            AZURE_ML_BATCH_ENDPOINT,
            AZURE_ML_BATCH_DEPLOYMENT,
            AZURE_ML_PIPELINE_RUN,
            MODEL_GATEWAY,
            MODEL_ROUTE,
            SECURED_MODEL_ENDPOINT,
            AUTH0_APP_BINDING,
            AUTH0_MFA_POLICY,
        )
    }
)
"""Every kind by its name."""

__all__ = [
    "API_VERSION",
    "APPROVE",
    "AUTH0_ACTION",
    "AUTH0_API",
    "AUTH0_APP_BINDING",
    "AUTH0_CLIENT",
    "AUTH0_CLIENT_GRANT",
    "AUTH0_CONNECTION",
    "AUTH0_MFA_FACTOR_SET",
    "AUTH0_MFA_POLICY",
    "AUTH0_ORGANIZATION",
    "AUTH0_ROLE",
    "AUTH0_ROLE_ASSIGNMENT",
    "AUTH0_TENANT",
    "AUTH0_USER",
    "AZURE_CONNECTION",
    "AZURE_ML_BATCH_DEPLOYMENT",
    "AZURE_ML_BATCH_ENDPOINT",
    "AZURE_ML_COMPUTE",
    "AZURE_ML_ENVIRONMENT",
    "AZURE_ML_MODEL",
    "AZURE_ML_ONLINE_DEPLOYMENT",
    "AZURE_ML_ONLINE_ENDPOINT",
    "AZURE_ML_PIPELINE_RUN",
    "AZURE_ML_WORKSPACE",
    "FINALIZER",
    "GROUP",
    "KINDS",
    "MODEL_GATEWAY",
    "MODEL_ROUTE",
    "PAUSED",
    "RECONCILE_REQUESTED_AT",
    "SECURED_MODEL_ENDPOINT",
    "VERSION",
    "AllowedNamespaces",
    "Api",
    "ApiRef",
    "Auth0APISpec",
    "Auth0APIStatus",
    "Auth0ActionSpec",
    "Auth0ActionStatus",
    "Auth0AppBindingSpec",
    "Auth0AppBindingStatus",
    "Auth0ClientGrantSpec",
    "Auth0ClientGrantStatus",
    "Auth0ClientSpec",
    "Auth0ClientStatus",
    "Auth0ConnectionSpec",
    "Auth0ConnectionStatus",
    "Auth0MFAFactorSetSpec",
    "Auth0MFAFactorSetStatus",
    "Auth0MFAPolicySpec",
    "Auth0MFAPolicyStatus",
    "Auth0OrganizationSpec",
    "Auth0OrganizationStatus",
    "Auth0RoleAssignmentSpec",
    "Auth0RoleAssignmentStatus",
    "Auth0RoleSpec",
    "Auth0RoleStatus",
    "Auth0TenantSpec",
    "Auth0TenantStatus",
    "Auth0UserSpec",
    "Auth0UserStatus",
    "AzureConnectionSpec",
    "AzureConnectionStatus",
    "AzureMLBatchDeploymentSpec",
    "AzureMLBatchDeploymentStatus",
    "AzureMLBatchEndpointSpec",
    "AzureMLBatchEndpointStatus",
    "AzureMLComputeSpec",
    "AzureMLComputeStatus",
    "AzureMLEnvironmentSpec",
    "AzureMLEnvironmentStatus",
    "AzureMLModelSpec",
    "AzureMLModelStatus",
    "AzureMLOnlineDeploymentSpec",
    "AzureMLOnlineDeploymentStatus",
    "AzureMLOnlineEndpointSpec",
    "AzureMLOnlineEndpointStatus",
    "AzureMLPipelineRunSpec",
    "AzureMLPipelineRunStatus",
    "AzureMLWorkspaceSpec",
    "AzureMLWorkspaceStatus",
    "ClientRef",
    "Column",
    "Condition",
    "KindType",
    "ManagedSpec",
    "ManagedStatus",
    "ModelGatewaySpec",
    "ModelGatewayStatus",
    "ModelRouteSpec",
    "ModelRouteStatus",
    "ObjectRef",
    "RoleRef",
    "SecretKeyRef",
    "SecretRef",
    "SecuredModelEndpointSpec",
    "SecuredModelEndpointStatus",
    "UserRef",
    "may_refer",
    "parse_duration",
]
