"""The Auth0 tenant as mlgate sees it, over the official SDK auth0-python.

`Sessions.session(access)` gives a `Session` whose collections speak wire dicts and raise `mlgate.errors` only. Inside,
from the outside in: `session` and a module per collection over `collection` (what callers use), `wire` (the one door that
requests leave through), `faults` (what answers mean), `budget` and `ratelimit` (how many leave), `tokens`, `snapshot`,
`listing`, `logs`, `routes`.
"""

from .access import Granted, Plan, Raw, RequestSeen, TenantAccess
from .client_grants import ClientGrants
from .clients import Clients
from .connections import Connections
from .logs import Touched
from .organizations import Organizations
from .ratelimit import Allowed
from .resource_servers import ResourceServers
from .roles import Roles
from .session import Session, Sessions
from .tenant import Tenant

__all__ = [
    "Allowed",
    "ClientGrants",
    "Clients",
    "Connections",
    "Granted",
    "Organizations",
    "Plan",
    "Raw",
    "RequestSeen",
    "ResourceServers",
    "Roles",
    "Session",
    "Sessions",
    "Tenant",
    "TenantAccess",
    "Touched",
]
