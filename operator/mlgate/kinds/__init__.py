"""The kinds: what each wants, what it sees, how the two differ and how to change it. No Kubernetes, no retries, no
conditions: `engine.protocols` is the contract they keep. A new kind is one module here and one line below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .auth0_action import Auth0Action
from .auth0_api import Auth0API
from .auth0_app_binding import Auth0AppBinding
from .auth0_client import Auth0Client
from .auth0_client_grant import Auth0ClientGrant
from .auth0_connection import Auth0Connection
from .auth0_mfa_factor_set import Auth0MFAFactorSet
from .auth0_mfa_policy import Auth0MFAPolicy
from .auth0_organization import Auth0Organization
from .auth0_role import Auth0Role
from .auth0_role_assignment import Auth0RoleAssignment
from .auth0_tenant import Auth0Tenant
from .auth0_user import Auth0User
from .azure_connection import AzureConnection
from .azure_ml_compute import AzureMLCompute
from .azure_ml_environment import AzureMLEnvironment
from .azure_ml_model import AzureMLModel
from .azure_ml_online_deployment import AzureMLOnlineDeployment
from .azure_ml_online_endpoint import AzureMLOnlineEndpoint
from .azure_ml_workspace import AzureMLWorkspace
from .model_gateway import ModelGateway
from .model_route import ModelRoute
from .on_auth0 import OnAuth0
from .secured_model_endpoint import SecuredModelEndpoint

if TYPE_CHECKING:
    from .. import auth0 as auth0_package
    from .. import azureml as azureml_package
    from ..engine.protocols import Kind
    from .gateway_view import GatewayView


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
        ModelGateway(gateways),
        ModelRoute(gateways),
        SecuredModelEndpoint(azure),
        Auth0AppBinding(),
        Auth0MFAPolicy(),
    )
    return {kind.type.kind: kind for kind in kinds}
