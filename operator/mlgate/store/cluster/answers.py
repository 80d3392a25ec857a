"""What the API server's answers mean, said once.

Errors are `Status` objects (https://kubernetes.io/docs/reference/using-api/api-concepts/#status-kind): the HTTP code
says what to do, `reason` tells AlreadyExists from Conflict. Proxies and missing kinds answer in plain text.
"""

from __future__ import annotations

import json
from typing import Any

from ..protocol import AlreadyExists, Conflict, Forbidden, Invalid, NotFound, StoreError, Unavailable

# Said with 500 although the object is what is wrong: server-side apply of what does not fit the schema (an undeclared
# field, whatever fieldValidation says; two list items with one key), and create with a resourceVersion.
REFUSED_WITH_500 = ("failed to create typed patch object", "resourceVersion should not be set on objects to be created")


class Expired(StoreError):
    """410: the resourceVersion or the continue token is too old; list again."""


class MissingKind(NotFound):
    """404 for the path itself: the cluster does not serve this kind (its CRD is not installed)."""


def error_for(code: int, body: bytes | str) -> StoreError:
    """The protocol's error for an answer that is not 2xx."""
    status = _status(body)
    message = str(status.get("message") or _text(body) or f"the API server answered {code}")
    if code == 404:
        # A missing object or namespace is a Status about it; a missing path has no details.
        return NotFound(message) if (status.get("details") or {}).get("name") else MissingKind(message)
    if code == 409:
        return AlreadyExists(message) if status.get("reason") == "AlreadyExists" else Conflict(message)
    if code in (401, 403):
        return Forbidden(message)
    if code == 410:
        return Expired(message)
    if code == 500 and message.startswith(REFUSED_WITH_500):
        return Invalid(message)
    if code in (408, 429) or code >= 500:
        return Unavailable(message)
    return Invalid(message)


def _text(body: bytes | str) -> str:
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    return text.strip()[:500]


def _status(body: bytes | str) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) and parsed.get("kind") == "Status" else {}
