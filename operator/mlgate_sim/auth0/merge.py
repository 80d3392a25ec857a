"""How a PATCH changes an object. The rules differ per object, which is why they are named here once.

Source: shared facts, auth0 section 2.2: nested objects of clients and flags of the tenant merge key by key and a null
removes a key (TestAccClientMetadataBehavior); nested objects of resource servers are replaced whole; arrays always are.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from mlgate_sim.auth0.call import Json


def patched(current: Json, patch: Json, *, merging: Collection[str] = ()) -> Json:
    """A new object: top-level nulls remove, the fields in `merging` merge key by key, all else is replaced."""
    result = copy.deepcopy(current)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif name in merging and isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        elif isinstance(value, dict) and name in merging:
            result[name] = merged({}, value)
        else:
            result[name] = copy.deepcopy(value)
    return result


def merged(current: Json, patch: Json) -> Json:
    """Key by key, at every depth; null removes a key."""
    result: dict[str, Any] = dict(current)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        else:
            result[name] = copy.deepcopy(value)
    return result
