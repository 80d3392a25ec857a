"""Fixtures that several suites share: the real control plane, started when the first test asks for it."""

from controlplane.fixtures import cluster, cluster_namespace, controllers, service_account

__all__ = ["cluster", "cluster_namespace", "controllers", "service_account"]
