"""Azure Machine Learning as mlgate sees it: sessions, resources, long operations, errors.

Knows nothing of Kubernetes, of kinds or of Auth0. Importing it is cheap: azure.* is loaded when a session first talks
to Azure. Where to look: `session` (the way in), `wire` (the one place from which requests leave), `faults` (what an
answer means), `progress` (how far a long operation is), `explain` (why one failed), `compare` (when read means the
same as written).
"""

from .access import AzureAccess, ClientSecret, Elsewhere, ManagedIdentity, WorkloadIdentity
from .arm_id import ArmId, Subject
from .assets import AssetVersions
from .endpoints import Keys, Slot
from .explain import Failure, explain
from .faults import SoftDeletedTwin
from .jobs import Jobs
from .progress import OperationStatus, Progress, State
from .resources import Accepted, Resources
from .scoring import Scoring, ScoringAnswer, ScoringRequest
from .session import Session, Sessions
from .wire import API_VERSION, EndpointToken, RequestSeen

__all__ = [
    "API_VERSION",
    "Accepted",
    "ArmId",
    "AssetVersions",
    "AzureAccess",
    "ClientSecret",
    "Elsewhere",
    "EndpointToken",
    "Failure",
    "Jobs",
    "Keys",
    "ManagedIdentity",
    "OperationStatus",
    "Progress",
    "RequestSeen",
    "Resources",
    "Scoring",
    "ScoringAnswer",
    "ScoringRequest",
    "Session",
    "Sessions",
    "Slot",
    "SoftDeletedTwin",
    "State",
    "Subject",
    "WorkloadIdentity",
    "explain",
]
