"""What people are told to do about a typo."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mlgate.cli.dev.advice import advice


@dataclass(frozen=True)
class Case:
    sentence: str
    kind: str
    message: str
    expect: str

    def __str__(self) -> str:
        return self.sentence


SME = "SecuredModelEndpoint"
CASES = [
    Case(
        "a field that is nearly right is named",
        SME,
        "failed to create typed patch object (ml/fraud): .spec.workspaceReff: field not declared in schema",
        "Did you mean workspaceRef?",
    ),
    Case(
        "a field inside a list is found too",
        SME,
        '.spec.deployments[name="blue"].instancetype: field not declared in schema',
        "Did you mean instanceType?",
    ),
    Case("kubectl's words are understood", "Auth0Tenant", 'unknown field "spec.plann"', "Did you mean plan?"),
    Case(
        "where nothing is near, what there is is listed",
        "Auth0Tenant",
        ".spec.credentials.zzz: field not declared in schema",
        "spec.credentials has: method, secretRef.",
    ),
    Case("other refusals speak for themselves", SME, "spec.route: Required value", ""),
    Case("kinds that are not ours are left alone", "Secret", ".dataa: field not declared in schema", ""),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_advice(case: Case) -> None:
    assert advice(case.kind, case.message) == case.expect
