"""The committed descriptors are those of the Envoy that we run."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlgate.gateway.descriptors import COMMITTED, envoy_version, main, message_class
from mlgate.gateway.envoy import EnvoyFailed, find_envoy


def test_the_committed_descriptors_are_small_and_name_their_envoy() -> None:
    assert COMMITTED.stat().st_size < 1_000_000
    assert "/1.40.0/" in envoy_version()


def test_an_unknown_message_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        message_class("envoy.config.cluster.v3.Clutser")


@pytest.mark.envoy
def test_the_committed_descriptors_match_the_binary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        envoy = str(find_envoy())
    except EnvoyFailed as absent:
        pytest.skip(str(absent))
    assert main(["--envoy", envoy, "--check"]) == 0
    stale = tmp_path / "descriptors.binpb"
    assert main(["--envoy", envoy, "--out", str(stale), "--check"]) == 1
    assert "descriptors.binpb does not match" in capsys.readouterr().err
    assert not stale.exists()
