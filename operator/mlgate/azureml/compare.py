"""When what Azure reads back means the same as what was written, field by field, as data.

What is read is not what was written (recordings Test_MachineLearning_Workspaces_CRUD, TestOnlineDeployment,
TestBatchEndpoint): `Standard_S1` comes back as `Basic`, `Microsoft.KeyVault` as `Microsoft.Keyvault`, `aadToken` as
`AADToken`, defaults such as probes appear when the operation ends, model URIs are rewritten, `etag` is always null. So
only fields that were written are compared, each by its own rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Same = Callable[[Any, Any], bool]

_DURATION = re.compile(
    r"P(?:(?P<days>\d+(?:\.\d+)?)D)?(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.IGNORECASE,
)
_SECONDS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def _empty(value: Any) -> bool:
    return value is None or value in ("", {}, [])


def exact(wanted: Any, seen: Any) -> bool:
    """Equal; null, "", {} and [] all mean "not set" to Azure."""
    return wanted == seen or (_empty(wanted) and _empty(seen))


def any_case(wanted: Any, seen: Any) -> bool:
    """Enumeration words and ARM ids: Azure changes their casing."""
    if isinstance(wanted, str) and isinstance(seen, str):
        return wanted.rstrip("/").lower() == seen.rstrip("/").lower()
    return exact(wanted, seen)


def seconds(duration: Any) -> float | None:
    """An ISO 8601 duration (`PT1M30S`, `P1DT2H`) in seconds; None for what is none."""
    found = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if not found or not any(found.groupdict().values()):
        return None
    return sum(float(value) * _SECONDS[unit] for unit, value in found.groupdict().items() if value)


def duration(wanted: Any, seen: Any) -> bool:
    """ISO 8601 durations: `PT90S` is `PT1M30S`."""
    one, other = seconds(wanted), seconds(seen)
    return one == other if one is not None and other is not None else exact(wanted, seen)


def location(wanted: Any, seen: Any) -> bool:
    """Regions: `West Europe` is `westeurope`."""
    if isinstance(wanted, str) and isinstance(seen, str):
        return wanted.replace(" ", "").lower() == seen.replace(" ", "").lower()
    return exact(wanted, seen)


def traffic(wanted: Any, seen: Any) -> bool:
    """Weights: a deployment with 0 is as one that is not named."""
    return _weights(wanted) == _weights(seen)


def _weights(value: Any) -> dict[str, int]:
    return {name.lower(): int(weight) for name, weight in (value or {}).items() if weight}


def contains(wanted: Any, seen: Any) -> bool:
    """Maps that others write to as well (tags, `properties.properties`): what was written is there."""
    return all((seen or {}).get(key) == value for key, value in (wanted or {}).items())


def covers(wanted: Any, seen: Any) -> bool:
    """Objects in objects to which Azure may add: what was written is there, at every depth."""
    if isinstance(wanted, Mapping) and isinstance(seen, Mapping):
        return all(covers(value, seen.get(key)) for key, value in wanted.items())
    return exact(wanted, seen)


def run_settings(wanted: Any, seen: Any) -> bool:
    """Settings of a pipeline's runs: Azure writes some keys in full (`ComponentDeployment.Settings.continue_on_step_failure`)
    and may add others; True is "True"."""
    there = {str(key).rpartition(".")[2].lower(): str(value).lower() for key, value in (seen or {}).items()}
    asked = {str(key).rpartition(".")[2].lower(): str(value).lower() for key, value in (wanted or {}).items()}
    return asked.items() <= there.items()


def names(wanted: Any, seen: Any) -> bool:
    """Lists of names (of headers): in any order and casing."""
    return {str(name).lower() for name in wanted or ()} == {str(name).lower() for name in seen or ()}


def number(wanted: Any, seen: Any) -> bool:
    """Numbers, also those that come back as text."""
    try:
        return float(wanted) == float(seen)
    except (TypeError, ValueError):
        return exact(wanted, seen)


def identity(wanted: Any, seen: Any) -> bool:
    """`SystemAssigned,UserAssigned` in any order and casing, with the same user-assigned identities."""

    def read(value: Any) -> tuple[set[str], set[str]]:
        kinds = {part.strip().lower() for part in str((value or {}).get("type") or "None").split(",")}
        return kinds - {"none"}, {name.lower() for name in (value or {}).get("userAssignedIdentities") or {}}

    return read(wanted) == read(seen)


def asset(wanted: Any, seen: Any) -> bool:
    """Models, environments and code: ARM ids, `azureml:name:version` and `azureml://…` names of one asset."""
    if not (isinstance(wanted, str) and isinstance(seen, str)):
        return exact(wanted, seen)
    return any_case(wanted, seen) or (_asset(wanted) is not None and _asset(wanted) == _asset(seen))


_ASSET_PATH = re.compile(
    r"(?:^azureml://|/)(?:registries/([^/]+)/)?(models|environments|codes|components|data)/([^/]+)/versions/([^/]+)$",
    re.I,
)
_ASSET_SHORT = re.compile(r"^azureml:([^:/@]+):([^:/]+)$")


def _asset(text: str) -> tuple[str, str, str] | None:
    if found := _ASSET_PATH.search(text):
        return (found[1] or "").lower(), found[3].lower(), found[4].lower()
    if found := _ASSET_SHORT.match(text):
        return "", found[1].lower(), found[2].lower()
    return None


_COPIED = re.compile(r"/ServiceReplicated/[^/]+(?=/)", re.I)
_STORED = re.compile(r"(?:^azureml://(?:.*/)?|/)datastores/([^/]+)/paths/(.*)$", re.I)


def stored_at(wanted: Any, seen: Any) -> bool:
    """Where the files of a version are. Azure writes a short URI of a datastore out in full and moves uploads to a copy of
    its own (`…/paths/ServiceReplicated/<guid>/…`); for the outputs of a job it may name the datastore they are in."""
    if not (isinstance(wanted, str) and isinstance(seen, str)):
        return exact(wanted, seen)
    one, other = (_COPIED.sub("", uri.rstrip("/")) for uri in (wanted, seen))
    if one == other:
        return True
    here, there = _STORED.search(one), _STORED.search(other)
    if here and there:
        return here[1].lower() == there[1].lower() and here[2] == there[2]
    return one.lower().startswith("azureml://jobs/") and there is not None


def same_yaml(wanted: Any, seen: Any) -> bool:
    """YAML text, in whatever layout."""
    if not (isinstance(wanted, str) and isinstance(seen, str)):
        return exact(wanted, seen)
    try:
        return bool(yaml.safe_load(wanted) == yaml.safe_load(seen))
    except yaml.YAMLError:
        return wanted == seen


def not_compared(wanted: Any, seen: Any) -> bool:
    """Azure decides for itself, or never shows the field."""
    return True


# Path in the wire body -> rule. What is not listed is compared exactly;
WORKSPACE: Mapping[str, Same] = {
    "location": location,
    "tags": contains,
    "identity": identity,
    "kind": any_case,
    "sku": not_compared,  # Standard_S1 is accepted and read back as Basic
    "properties.storageAccount": any_case,
    "properties.keyVault": any_case,
    "properties.applicationInsights": any_case,
    "properties.containerRegistry": any_case,
    "properties.publicNetworkAccess": any_case,
    "properties.primaryUserAssignedIdentity": any_case,
    "properties.allowPublicAccessWhenBehindVnet": not_compared,  # false is read back as true
}
ENDPOINT: Mapping[str, Same] = {
    "location": location,
    "tags": contains,
    "identity": identity,
    "kind": any_case,
    "properties.authMode": any_case,
    "properties.publicNetworkAccess": any_case,
    "properties.compute": any_case,
    "properties.traffic": traffic,
    "properties.mirrorTraffic": traffic,
    "properties.properties": contains,
    "properties.keys": not_compared,  # write-only
}
DEPLOYMENT: Mapping[str, Same] = {
    "location": location,
    "tags": contains,
    "kind": any_case,
    "sku.name": any_case,
    "sku.tier": any_case,
    "sku.capacity": number,
    "properties.endpointComputeType": any_case,
    "properties.instanceType": any_case,
    "properties.model": asset,
    "properties.environmentId": asset,
    "properties.codeConfiguration.codeId": asset,
    "properties.egressPublicNetworkAccess": any_case,
    "properties.environmentVariables": contains,
    "properties.requestSettings.requestTimeout": duration,
    "properties.requestSettings.maxQueueWait": duration,
    "properties.requestSettings.maxConcurrentRequestsPerInstance": number,
    "properties.livenessProbe.initialDelay": duration,
    "properties.livenessProbe.period": duration,
    "properties.livenessProbe.timeout": duration,
    "properties.readinessProbe.initialDelay": duration,
    "properties.readinessProbe.period": duration,
    "properties.readinessProbe.timeout": duration,
    "properties.startupProbe.initialDelay": duration,
    "properties.startupProbe.period": duration,
    "properties.startupProbe.timeout": duration,
    "properties.dataCollector.rollingRate": any_case,
    "properties.dataCollector.requestLogging.captureHeaders": names,
    "properties.scaleSettings.scaleType": any_case,
    "properties.scaleSettings.pollingInterval": duration,
    "properties.properties": contains,
}
BATCH_ENDPOINT: Mapping[str, Same] = {
    "location": location,
    "tags": contains,
    "identity": identity,
    "properties.authMode": any_case,
    "properties.defaults.deploymentName": any_case,
    "properties.properties": contains,
}
BATCH_DEPLOYMENT: Mapping[str, Same] = {
    "location": location,
    "tags": contains,
    "properties.compute": any_case,
    "properties.model.referenceType": any_case,
    "properties.model.assetId": asset,
    "properties.environmentId": asset,
    "properties.codeConfiguration.codeId": asset,
    "properties.environmentVariables": contains,
    "properties.miniBatchSize": number,
    "properties.maxConcurrencyPerInstance": number,
    "properties.errorThreshold": number,
    "properties.outputAction": any_case,
    "properties.loggingLevel": any_case,
    "properties.retrySettings.maxRetries": number,
    "properties.retrySettings.timeout": duration,
    "properties.resources.instanceCount": number,
    "properties.deploymentConfiguration.deploymentConfigurationType": any_case,
    "properties.deploymentConfiguration.componentId.referenceType": any_case,
    "properties.deploymentConfiguration.componentId.assetId": asset,
    "properties.deploymentConfiguration.settings": run_settings,
    "properties.properties": contains,
}
COMPUTE: Mapping[str, Same] = {
    "location": location,
    "tags": contains,
    "identity": identity,
    "properties.computeType": any_case,
    "properties.properties.vmSize": any_case,
    "properties.properties.vmPriority": any_case,
    "properties.properties.subnet.id": any_case,
    "properties.properties.scaleSettings.nodeIdleTimeBeforeScaleDown": duration,
}
MODEL: Mapping[str, Same] = {
    "properties.modelUri": stored_at,
    "properties.modelType": any_case,
    "properties.flavors": covers,
    "properties.properties": contains,
    "properties.stage": any_case,
}
ENVIRONMENT: Mapping[str, Same] = {
    "properties.condaFile": same_yaml,
    "properties.build.contextUri": stored_at,
    "properties.inferenceConfig.livenessRoute": covers,
    "properties.inferenceConfig.readinessRoute": covers,
    "properties.inferenceConfig.scoringRoute": covers,
    "properties.osType": any_case,
    "properties.properties": contains,
    "properties.stage": any_case,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that was written and reads back with another meaning."""

    path: str
    wanted: Any
    seen: Any


def differences(wanted: Mapping[str, Any], seen: Mapping[str, Any], rules: Mapping[str, Same]) -> list[Difference]:
    """Every field of the wire body `wanted` that the resource `seen` does not hold, in the order of their paths."""
    return sorted(_walk("", wanted, seen, rules), key=lambda found: found.path)


def _walk(path: str, wanted: Any, seen: Any, rules: Mapping[str, Same]) -> Iterator[Difference]:
    rule = rules.get(path)
    if rule is None and isinstance(wanted, Mapping) and wanted:
        below = seen if isinstance(seen, Mapping) else {}
        for key, value in wanted.items():
            yield from _walk(f"{path}.{key}" if path else key, value, below.get(key), rules)
    elif not (rule or exact)(wanted, seen):
        yield Difference(path, wanted, seen)
