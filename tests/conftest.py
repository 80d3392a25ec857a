"""What several suites share: the real control plane, started when the first test asks for it, and who runs what when
the tests run side by side."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from controlplane.fixtures import cluster, cluster_namespace, controllers, service_account

__all__ = ["cluster", "cluster_namespace", "controllers", "service_account"]


class ByFile(LoadScopeScheduling):
    """A file's tests run on one worker, and everything end to end on one and the same: there is then one control plane,
    whose objects nobody else counts. It is the largest share, which is handed out first; the others run the rest
    meanwhile. (`xdist_group` would say the same, but xdist 3.8 loses the groups under pytest 9.2.)"""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "e2e" if file.startswith("tests/e2e/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return ByFile(config, log)
