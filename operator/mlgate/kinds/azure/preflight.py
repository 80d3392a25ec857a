"""Preflight: what would let a new deployment fail after minutes, found out before it is begun.

Asked only when one is made. Every claim rests on something that Azure said; what could not be read is not claimed, nor
what Azure refuses at once by itself (an endpoint's name that is taken in the region). Quota: Azure ML keeps 20 % more
instances than asked for, rounded up, but for a few large sizes (Azure's page "manage quotas"). Roles: the endpoint's
identity pulls images (AcrPull) and reads the model (Storage Blob Data Reader); ids are those of the built-in roles, and
a role that is not known here may allow it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...azureml import Session
from ...azureml.preflight_reads import Size, Usage, family_key
from ...errors import Terminal, Trouble, Wait
from ...reasons import Reason
from . import arm_body
from .deployment_body import CAPACITY, INSTANCE_TYPE, MODEL

LOOK = 60.0
"""Seconds to the next look at what may come by itself: a model that is being registered, a role that spreads."""
SURCHARGE = 1.2
NO_SURCHARGE = frozenset(
    {
        "standard_nc24ads_a100_v4",
        "standard_nc48ads_a100_v4",
        "standard_nc96ads_a100_v4",
        "standard_nd96asr_v4",
        "standard_nd96amsr_a100_v4",
        "standard_nd40rs_v2",
    }
)
OWNER, CONTRIBUTOR = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "b24988ac-6180-42a0-ab88-20f7382dd24c"
ACR_PULL, ACR_PUSH = "7f951dda-4ed3-4680-a7ca-43fe172d538d", "8311e382-0749-4cb8-b61a-304f252e45ec"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
BLOB_CONTRIBUTOR, BLOB_OWNER = "ba92f5b4-2d11-453d-a403-e96b0029c9fe", "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
READER, DATA_SCIENTIST = "acdd72a7-3385-48ef-bd42-f606fba81ae7", "f6c7c914-8db3-469d-8ca1-694a8f32e121"
PULLS = frozenset({ACR_PULL, ACR_PUSH, OWNER, CONTRIBUTOR})
READS = frozenset({BLOB_READER, BLOB_CONTRIBUTOR, BLOB_OWNER})
KNOWN = PULLS | READS | {READER, DATA_SCIENTIST}


@dataclass(frozen=True, slots=True)
class Asked:
    """The deployment that is to be made."""

    location: str
    instance_type: str | None
    instances: int
    model: str | None
    """`fraud version 7`, where it is one of the workspace's own."""


@dataclass(frozen=True, slots=True)
class Access:
    """What an identity has on one resource, by the ids of its roles; None: not known."""

    what: str
    role: str
    enough: frozenset[str]
    scope: str
    roles: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What Azure said. None: it did not."""

    sizes: Sequence[Size] | None = None
    usages: Sequence[Usage] | None = None
    model_found: bool | None = None
    accesses: Sequence[Access] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that would let it fail. `may_come`: it may be there a minute later without a change of the manifest."""

    reason: Reason
    sentence: str
    may_come: bool = False


def findings(asked: Asked, facts: Facts) -> list[Finding]:
    """Everything that stands against it."""
    found = [_model(asked, facts), *_size(asked, facts), *(_role(access) for access in facts.accesses)]
    return [finding for finding in found if finding is not None]


def trouble(found: Sequence[Finding]) -> Trouble | None:
    """All findings as one: Wait where each may come by itself."""
    if not found:
        return None
    lasting = [finding for finding in found if not finding.may_come]
    text = " ".join(finding.sentence for finding in found)
    message = f"Not begun, because it would fail: {text} (spec.preflight: Skip goes ahead all the same.)"
    if lasting:
        return Terminal(message, reason=lasting[0].reason)
    return Wait(message, reason=found[0].reason, after=LOOK)


def _model(asked: Asked, facts: Facts) -> Finding | None:
    if facts.model_found is not False or asked.model is None:
        return None
    return Finding(
        Reason.DEPENDENCY_NOT_FOUND,
        f"Model {asked.model} is not registered in the workspace. Register it, or correct spec.model; mlgate looks again"
        " every minute.",
        may_come=True,
    )


def _size(asked: Asked, facts: Facts) -> Iterable[Finding | None]:
    if asked.instance_type is None or not facts.sizes:
        return
    size = next((s for s in facts.sizes if s.name.lower() == asked.instance_type.lower()), None)
    if size is None or not size.serves:
        why = "is not offered" if size is None else "is not offered for online endpoints"
        yield Finding(
            Reason.INVALID_SPEC,
            f"Instance type {asked.instance_type} {why} in {asked.location}{_others(asked.instance_type, facts.sizes)}."
            " Choose another instanceType, or a workspace in another region.",
        )
        return
    yield _quota(asked, size, facts.usages)


def _quota(asked: Asked, size: Size, usages: Sequence[Usage] | None) -> Finding | None:
    usage = next((u for u in usages or () if family_key(u.family) == family_key(size.family)), None)
    if usage is None or usage.limit < 0 or not size.cores:
        return None
    kept = asked.instances if size.name.lower() in NO_SURCHARGE else math.ceil(asked.instances * SURCHARGE)
    needed = kept * size.cores
    short = usage.used + needed - usage.limit
    if short <= 0:
        return None
    more = "" if kept == asked.instances else f", as many as {kept} instances: Azure ML reserves 20 % on top"
    return Finding(
        Reason.PLAN_LIMIT,
        f"{short} core{'' if short == 1 else 's'} too few of {usage.family} in {asked.location}: {usage.used} of "
        f"{usage.limit} are used and {needed} are needed for {asked.instances} x {size.name}{more}. Ask for more quota"
        " in Azure, or choose a smaller instanceType or fewer instances.",
    )


def _others(wanted: str, sizes: Sequence[Size]) -> str:
    """Sizes of the same letter that may be used, the smallest first."""
    stem = wanted.lower()[: len("standard_d")]
    near = sorted((s.cores, s.name) for s in sizes if s.serves and s.name.lower().startswith(stem))[:3]
    return f" (there is {', '.join(name for _, name in near)})" if near else ""


def _role(access: Access) -> Finding | None:
    if access.roles is None or access.roles & access.enough or access.roles - KNOWN:
        return None
    return Finding(
        Reason.ACCESS_DENIED,
        f"The endpoint's identity lacks the role {access.role} on {access.scope}, without which it cannot {access.what}."
        " Assign it; a new assignment takes up to 10 minutes to be known, and mlgate looks again every minute.",
        may_come=True,
    )


async def check(session: Session, deployment_id: str, wanted: Mapping[str, Any]) -> None:
    """Raises Terminal or Wait for a deployment that would fail. Costs at most seven reads, most of them shared with
    other deployments of the last minutes; what speaks against it is asked anew before it is claimed."""
    if await _found(session, deployment_id, wanted):
        session.preflight.forget()
        if (met := trouble(await _found(session, deployment_id, wanted))) is not None:
            raise met


async def _found(session: Session, deployment_id: str, wanted: Mapping[str, Any]) -> list[Finding]:
    location = str(wanted.get("location") or "")
    endpoint_id = deployment_id.rsplit("/deployments/", 1)[0]
    workspace_id = endpoint_id.rsplit("/onlineEndpoints/", 1)[0]
    reads, model = session.preflight, str(wanted.get(MODEL) or "")
    own = model.lower().startswith(f"{workspace_id.lower()}/models/") and "/versions/" in model
    asked = Asked(location, wanted.get(INSTANCE_TYPE), int(wanted.get(CAPACITY) or 1), _called(model) if own else None)
    facts = Facts(
        sizes=await reads.sizes(location) if location and asked.instance_type else None,
        usages=await reads.usages(location) if location and asked.instance_type else None,
        model_found=await reads.has_version(model) if own else None,
        accesses=await _accesses(session, workspace_id, endpoint_id),
    )
    return findings(asked, facts)


async def _accesses(session: Session, workspace_id: str, endpoint_id: str) -> list[Access]:
    workspace = await session.preflight.resource(workspace_id) or {}
    registry = arm_body.read(workspace, "properties.containerRegistry")
    storage = arm_body.read(workspace, "properties.storageAccount")
    if not registry and not storage:
        return []
    principals = _principals(await session.preflight.resource(endpoint_id) or {})
    found = []
    for scope, what, role, enough in (
        (registry, "pull the image", "AcrPull", PULLS),
        (storage, "read the model", "Storage Blob Data Reader", READS),
    ):
        if scope and principals:
            roles = [await session.preflight.roles(str(scope), principal) for principal in principals]
            known = [each for each in roles if each is not None]
            together = frozenset().union(*known) if len(known) == len(roles) else None
            found.append(Access(what, role, enough, str(scope), together))
    return found


def _principals(endpoint: Mapping[str, Any]) -> list[str]:
    identity = endpoint.get("identity") or {}
    given = (identity.get("userAssignedIdentities") or {}).values()
    every = [identity.get("principalId"), *((each or {}).get("principalId") for each in given)]
    return [str(principal) for principal in every if principal]


def _called(model_id: str) -> str:
    parts = model_id.rsplit("/", 3)
    return f"{parts[1]} version {parts[3]}"
