"""Where the cluster store takes its connection from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlgate.store.cluster import ClusterConfigError
from mlgate.store.cluster.connection import RELOAD_SECONDS, Identity, load


def _kubeconfig(path: Path, token: str) -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}:6443"}} for name in ("one", "two")],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "u"}} for name in ("one", "two")],
    }
    path.write_text(json.dumps(document))
    return path


async def test_a_kubeconfig_gives_the_server_of_its_context_and_the_token(tmp_path: Path) -> None:
    path = _kubeconfig(tmp_path / "config", "secret-token")
    for context, server in ((None, "https://one:6443"), ("two", "https://two:6443")):
        connection = await Identity(await load(path, context, {}), path, context).connection()
        assert connection.server == server
        assert connection.scheme == "Bearer"
        assert connection.token is not None
        assert connection.token.reveal() == "secret-token"
        assert "secret-token" not in repr(connection)


async def test_kubeconfig_comes_from_the_environment_when_none_is_named(tmp_path: Path) -> None:
    path = _kubeconfig(tmp_path / "config", "t")
    assert (await load(None, None, {"KUBECONFIG": str(path)})).host == "https://one:6443"


async def test_no_configuration_is_an_error_that_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ClusterConfigError, match="nowhere"):
        await load(tmp_path / "nowhere", None, {})
    with pytest.raises(ClusterConfigError, match="No connection to a cluster"):
        await load(None, None, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"})


async def test_a_refused_token_is_read_again_from_the_kubeconfig_but_not_all_the_time(tmp_path: Path) -> None:
    path = _kubeconfig(tmp_path / "config", "old")
    now = 0.0
    identity = Identity(await load(path, None, {}), path, None, environ={}, monotonic=lambda: now)
    _kubeconfig(path, "new")
    assert await identity.authorization() == "Bearer old"
    identity.refused()
    assert await identity.authorization() == "Bearer old"
    now = RELOAD_SECONDS
    assert await identity.authorization() == "Bearer new"
