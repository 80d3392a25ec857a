"""What a region offers: sizes of machines, Azure ML's quota of cores by family and its use, and the versions filter.

Shapes as in the ARM specification's examples VirtualMachineSize/list and Usage/list. Deployments use the cores of their
instances and 20 % more instances, rounded up (public report mslearn-azure-ml 30: one F4s_v2 needs 8).
"""

from __future__ import annotations

import math
import re

from mlgate_sim.azure import arm_errors
from mlgate_sim.azure.arm_message import Answer, ArmRequest, Json
from mlgate_sim.azure.state import AzureState, same_location

USUAL_LIMIT = 1000  # cores of a family, unless the state says otherwise
SURCHARGE = 1.2
# name -> (family, cores, GPUs, memory in GB, whether online endpoints may use it)
SIZES: dict[str, tuple[str, int, int, float, bool]] = {
    "Standard_DS1_v2": ("standardDSv2Family", 1, 0, 3.5, False),
    "Standard_DS2_v2": ("standardDSv2Family", 2, 0, 7.0, True),
    "Standard_DS3_v2": ("standardDSv2Family", 4, 0, 14.0, True),
    "Standard_DS4_v2": ("standardDSv2Family", 8, 0, 28.0, True),
    "Standard_DS5_v2": ("standardDSv2Family", 16, 0, 56.0, True),
    "Standard_F2s_v2": ("standardFSv2Family", 2, 0, 4.0, True),
    "Standard_F4s_v2": ("standardFSv2Family", 4, 0, 8.0, True),
    "Standard_F8s_v2": ("standardFSv2Family", 8, 0, 16.0, True),
    "Standard_E2s_v3": ("standardESv3Family", 2, 0, 16.0, True),
    "Standard_E4s_v3": ("standardESv3Family", 4, 0, 32.0, True),
    "Standard_NC6s_v3": ("standardNCSv3Family", 6, 1, 112.0, True),
    "Standard_NC24ads_A100_v4": ("standardNCADSA100v4Family", 24, 1, 220.0, True),
}


def answer(state: AzureState, request: ArmRequest) -> Answer:
    """`GET …/locations/{region}/vmSizes`, `/usages` and `/quotas`."""
    kind, region = (request.path.trailing or "").lower(), request.path.name
    if request.method == "GET" and kind == "vmsizes":
        return Answer(200, {"value": [_size(name) for name in SIZES]})
    if request.method == "GET" and kind in ("usages", "quotas"):
        families = sorted({family for family, *_ in SIZES.values()})
        return Answer(200, {"value": [_family(state, request, family, region, kind) for family in families]})
    message = f"The resource type 'locations/{request.path.trailing}' could not be found in the namespace."
    raise arm_errors.gateway(404, "InvalidResourceType", message)


def refuse_over_quota(state: AzureState, deployment_id: str, region: str, instance_type: str, instances: int) -> None:
    """Raises Refusal (400) for a deployment that would use more cores of its family than there are."""
    size = SIZES.get(instance_type)
    if size is None:
        return
    needed = math.ceil(instances * SURCHARGE) * size[1]
    used, limit = _used(state, size[0], region, but=deployment_id), state.quota.get(size[0], USUAL_LIMIT)
    if used + needed > limit:
        raise arm_errors.invalid_request(
            "VmSize",
            f"Not enough quota available for {instance_type} in SubscriptionId {state.settings.subscription}. "
            f"Current usage/limit: {used}/{limit}. Additional needed: {needed}",
        )


def _used(state: AzureState, family: str, region: str, *, but: str = "") -> int:
    total = 0
    for key, found in state.resources.items():
        size = SIZES.get(str(found.get("properties", {}).get("instanceType")))
        if key.split("/")[-2] != "deployments" or size is None or size[0] != family or key == but.lower():
            continue
        if same_location(found["location"], region):
            total += math.ceil(found["sku"]["capacity"] * SURCHARGE) * size[1]
    return total


def _size(name: str) -> Json:
    family, cores, gpus, memory, serves = SIZES[name]
    return {
        "name": name,
        "family": family,
        "vCPUs": cores,
        "gpus": gpus,
        "osVhdSizeMB": 1047552,
        "maxResourceVolumeMB": cores * 7168,
        "memoryGB": memory,
        "lowPriorityCapable": True,
        "premiumIO": True,
        "supportedComputeTypes": ["AmlCompute", "ComputeInstance", *(["MIR"] if serves else [])],
    }


def _family(state: AzureState, request: ArmRequest, family: str, region: str, kind: str) -> Json:
    words = re.sub(r"^standard(.*)Family$", r"Standard \1 Family Cluster Dedicated vCPUs", family)
    found: Json = {
        "id": f"/subscriptions/{request.path.subscription}/{kind}/{words.replace(' ', '_')}",
        "type": f"Microsoft.MachineLearningServices/vmFamily/{kind}",
        "limit": state.quota.get(family, USUAL_LIMIT),
        "name": {"localizedValue": words, "value": words},
        "unit": "Count",
    }
    return found | ({"currentValue": _used(state, family, region)} if kind == "usages" else {})
