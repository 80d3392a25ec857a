"""The Kubernetes API server as a store, over the official client's asyncio transport (`kubernetes.aio`)."""

from .connection import ClusterConfigError, Connection
from .store import ClusterStore

__all__ = ["ClusterConfigError", "ClusterStore", "Connection"]
