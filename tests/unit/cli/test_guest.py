"""What `mlgate dev` may write to somebody's cluster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from mlgate.cli.dev.guest import at_work, may_apply, objection, of_others, some
from mlgate.store.protocol import Object

NOW = 1_800_000_000.0


def made(kind: str = "Auth0Client", *managers: str, owner: str | None = None) -> Object:
    metadata: dict[str, Any] = {"name": "a", "namespace": "ns", "managedFields": [{"manager": m} for m in managers]}
    if owner:
        metadata["ownerReferences"] = [{"apiVersion": owner, "kind": "X", "name": "x", "uid": "1"}]
    return {"kind": kind, "metadata": metadata}


@dataclass(frozen=True)
class Case:
    id: str
    there: Object | None
    may: bool
    says: str | None = None

    def __str__(self) -> str:
        return self.id


@pytest.mark.parametrize(
    "case",
    [
        Case("what is not there yet is written", None, may=True),
        Case("what an earlier run left behind is written again", made("Secret", "mlgate-dev", "mlgate"), may=True),
        Case("somebody's Secret is not overwritten", made("Secret", "kubectl"), may=False, says="stays as it is"),
        Case("somebody's Namespace serves as it is", made("Namespace", "kubectl"), may=False),
    ],
    ids=str,
)
def test_what_may_be_written(case: Case) -> None:
    assert may_apply(case.there) is case.may
    if case.there is not None and not case.may:
        words = objection(case.there)
        assert words is None if case.says is None else words is not None and case.says in words


def test_objects_of_others_are_those_that_nothing_of_ours_made() -> None:
    part = made("Auth0Role", "mlgate", owner="mlgate.dev/v1alpha1")
    assert of_others([made("Auth0Client", "mlgate-dev"), part]) == []
    assert of_others([made("Auth0Client", "kubectl", owner="apps/v1")]) == ["Auth0Client ns/a"]


def test_an_mlgate_that_was_silent_for_long_is_not_at_work() -> None:
    def lease(age: float, labels: dict[str, str]) -> Object:
        renewed = datetime.fromtimestamp(NOW - age, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": "pod-1", "renewTime": renewed}
        return {"kind": "Lease", "metadata": {"name": "l", "namespace": "ns", "labels": labels}, "spec": spec}

    ours = {"mlgate.dev/replica": "mlgate"}
    assert at_work([lease(5, ours), lease(5, {}), lease(60, ours)], NOW) == ["pod-1"]


def test_long_lists_are_cut() -> None:
    assert some(["a", "b"]) == "a, b"
    assert some(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
