"""What would let a deployment fail is found before it is begun, and nothing is claimed that Azure did not say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mlgate.azureml.preflight_reads import Size, Usage
from mlgate.errors import Terminal, Wait
from mlgate.kinds.azure.preflight import ACR_PULL, BLOB_READER, PULLS, READER, Access, Asked, Facts, findings, trouble
from mlgate.reasons import Reason

SMALL = Size("Standard_DS2_v2", "standardDSv2Family", 2, True)
DS3 = Size("Standard_DS3_v2", "standardDSv2Family", 4, True)
TINY = Size("Standard_DS1_v2", "standardDSv2Family", 1, False)
A100 = Size("Standard_NC24ads_A100_v4", "standardNCADSA100v4Family", 24, True)
SIZES = [SMALL, DS3, TINY, A100]
ASKED = Asked("westeurope", "Standard_DS3_v2", 1, "fraud version 7")
REGISTRY = Access("pull the image", "AcrPull", PULLS, "/subscriptions/s/registries/acr", None)


def quota(used: int, limit: int, family: str = "Standard DSv2 Family Cluster Dedicated vCPUs") -> list[Usage]:
    return [Usage("Standard FSv2 Family Cluster Dedicated vCPUs", 0, 0), Usage(family, used, limit)]


def roles(*ids: str) -> Facts:
    return Facts(accesses=[replace(REGISTRY, roles=frozenset(ids))])


@dataclass(frozen=True)
class Case:
    name: str
    facts: Facts
    asked: Asked = ASKED
    says: tuple[str, ...] = ()
    """Words of the one finding; none: nothing is found."""
    reason: Reason | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


CASES = [
    Case("where Azure says nothing, nothing is claimed", Facts()),
    Case("all is well", Facts(SIZES, quota(0, 100), True)),
    Case(
        "a model version that is not registered",
        Facts(model_found=False),
        says=("fraud version 7", "not registered", "every minute"),
        reason=Reason.DEPENDENCY_NOT_FOUND,
    ),
    Case("a model of a registry is not looked for", Facts(model_found=False), asked=replace(ASKED, model=None)),
    Case(
        "an instance type that the region does not have, with others like it",
        Facts(SIZES),
        asked=replace(ASKED, instance_type="Standard_DS99_v2"),
        says=("Standard_DS99_v2 is not offered in westeurope", "Standard_DS2_v2, Standard_DS3_v2"),
        reason=Reason.INVALID_SPEC,
    ),
    Case(
        "an instance type that is not for online endpoints",
        Facts(SIZES),
        asked=replace(ASKED, instance_type="standard_ds1_v2"),
        says=("not offered for online endpoints",),
        reason=Reason.INVALID_SPEC,
    ),
    Case("a list of sizes that is empty says nothing", Facts([])),
    Case(
        "missing cores, with the 20 % that Azure keeps on top",
        Facts(SIZES, quota(0, 6)),
        says=("2 cores too few", "0 of 6 are used", "8 are needed for 1 x Standard_DS3_v2", "2 instances", "20 %"),
        reason=Reason.PLAN_LIMIT,
    ),
    Case("just enough cores", Facts(SIZES, quota(92, 100))),
    Case(
        "one core too few",
        Facts(SIZES, quota(93, 100)),
        says=("1 core too few",),
        reason=Reason.PLAN_LIMIT,
    ),
    Case(
        "ten instances need twelve",
        Facts(SIZES, quota(0, 47)),
        asked=replace(ASKED, instances=10),
        says=("48 are needed", "12 instances"),
        reason=Reason.PLAN_LIMIT,
    ),
    Case("a family without a limit", Facts(SIZES, quota(500, -1))),
    Case("a family of which Azure tells no quota", Facts(SIZES, [])),
    Case(
        "large machines have no 20 % on top",
        Facts(SIZES, quota(0, 24, "Standard NCADSA100v4 Family Cluster Dedicated vCPUs")),
        asked=replace(ASKED, instance_type=A100.name),
    ),
    Case("an identity with the role", roles(ACR_PULL)),
    Case("an identity whose roles may not be read", Facts(accesses=[REGISTRY])),
    Case("an identity with a role of the customer's own", roles("11111111-2222-3333-4444-555555555555")),
    Case(
        "an identity without any role",
        roles(),
        says=("AcrPull", "/subscriptions/s/registries/acr", "pull the image", "10 minutes"),
        reason=Reason.ACCESS_DENIED,
    ),
    Case(
        "an identity with other roles only", roles(READER, BLOB_READER), says=("AcrPull",), reason=Reason.ACCESS_DENIED
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_findings(case: Case) -> None:
    found = findings(case.asked, case.facts)
    assert [finding.reason for finding in found] == ([case.reason] if case.reason else [])
    for word in case.says:
        assert word in found[0].sentence


def test_everything_is_told_at_once_and_what_lasts_decides() -> None:
    met = trouble(findings(ASKED, Facts(SIZES, quota(0, 0), False)))
    assert isinstance(met, Terminal)
    assert met.reason is Reason.PLAN_LIMIT
    assert "not registered" in met.message
    assert "cores too few" in met.message
    assert "preflight: Skip" in met.message


def test_what_may_come_by_itself_is_waited_for() -> None:
    met = trouble(findings(ASKED, Facts(model_found=False)))
    assert isinstance(met, Wait)
    assert met.after == 60.0
