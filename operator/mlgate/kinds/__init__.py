"""The kinds: what each wants, what it sees, how the two differ and how to change it. No Kubernetes, no retries, no
conditions: `engine.protocols` is the contract they keep. A new kind is one module in the folder of
its service and one line below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .auth0.action import Auth0Action
from .auth0.api import Auth0API
from .auth0.app_binding import Auth0AppBinding
from .auth0.client import Auth0Client
from .auth0.client_grant import Auth0ClientGrant
from .auth0.connection import Auth0Connection
from .auth0.mfa_factor_set import Auth0MFAFactorSet
from .auth0.mfa_policy import Auth0MFAPolicy
from .auth0.on_auth0 import OnAuth0
from .auth0.organization import Auth0Organization
from .auth0.role import Auth0Role
from .auth0.role_assignment import Auth0RoleAssignment
from .auth0.tenant import Auth0Tenant
from .auth0.user import Auth0User
from .azure.batch_deployment import AzureMLBatchDeployment
from .azure.batch_endpoint import AzureMLBatchEndpoint
from .azure.compute import AzureMLCompute
from .azure.connection import AzureConnection
from .azure.environment import AzureMLEnvironment
from .azure.model import AzureMLModel
from .azure.online_deployment import AzureMLOnlineDeployment
from .azure.online_endpoint import AzureMLOnlineEndpoint
from .azure.pipeline_run import AzureMLPipelineRun
from .azure.workspace import AzureMLWorkspace
from .gateway.model_gateway import ModelGateway
from .gateway.model_route import ModelRoute
from .secured_endpoint.secured_model_endpoint import SecuredModelEndpoint

if TYPE_CHECKING:
    from .. import auth0 as auth0_package
    from .. import azureml as azureml_package
    from ..engine.protocols import Kind
    from .gateway.view import GatewayView


def build(
    auth0: auth0_package.Sessions, azure: azureml_package.Sessions, gateways: GatewayView
) -> Mapping[str, Kind[Any]]:
    """Every kind by its name, talking to the services through these sessions."""
    in_tenant: tuple[OnAuth0[Any], ...] = (
        Auth0Client(auth0),
        Auth0API(auth0),
        Auth0ClientGrant(auth0),
        Auth0Role(auth0),
        Auth0User(auth0),
        Auth0RoleAssignment(auth0),
        Auth0Organization(auth0),
        Auth0Action(auth0),
        Auth0MFAFactorSet(auth0),
        Auth0Connection(auth0),
    )
    kinds: tuple[Kind[Any], ...] = (
        Auth0Tenant(auth0, {kind.type.kind: kind.scopes for kind in in_tenant}),
        *in_tenant,
        AzureConnection(azure),
        AzureMLWorkspace(azure),
        AzureMLModel(azure),
        AzureMLCompute(azure),
        AzureMLEnvironment(azure),
        AzureMLOnlineEndpoint(azure, gateways),
        AzureMLOnlineDeployment(azure),
        AzureMLBatchEndpoint(azure),
        AzureMLBatchDeployment(azure),
        AzureMLPipelineRun(azure),
        ModelGateway(gateways),
        ModelRoute(gateways),
        SecuredModelEndpoint(azure),
        Auth0AppBinding(),
        Auth0MFAPolicy(),
    )
    return {kind.type.kind: kind for kind in kinds}
