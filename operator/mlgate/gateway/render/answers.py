"""Envoy routes that the gateway answers itself: guards, metadata documents, 404 and 405.

The guards refuse before any cryptography what Envoy 1.40 would let pass: `xxBearer tok` and `Basic a, Bearer tok` (it
looks for the prefix anywhere), a token in the query string (it would travel upstream in the URL), TRACE and friends.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

from mlgate.gateway.render.access import open_to_all
from mlgate.gateway.render.tokens import not_required
from mlgate.gateway.render.types import (
    AUDIENCE_FILTER,
    JWT_FILTER,
    PERMISSION_FILTER,
    ROUTE_METADATA,
    Json,
    literal,
    set_header,
)
from mlgate.gateway.validate import METHODS

# RFC 6750 section 2.1: one scheme, one token. Auth0's access tokens are JWTs: three base64url parts.
_ONE_BEARER = r"[Bb]earer [A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"
_ANY_BEARER = r"(?i).*bearer.*"
# One object for the thousands of routes that it is part of: nothing changes rendered resources.
_OPEN: Json = {JWT_FILTER: not_required(), AUDIENCE_FILTER: open_to_all(), PERMISSION_FILTER: open_to_all()}
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Document:
    """Protected-resource metadata (RFC 9728) of one audience, at ``path``."""

    path: str
    audience: str
    issuer: str
    scopes: tuple[str, ...]


def unauthenticated() -> Json:
    """Per-route configuration of a route that anybody may call."""
    return dict(_OPEN)


def fixed(name: str, match: Json, status: int, detail: str, headers: tuple[Json, ...] = ()) -> Json:
    """An Envoy route that answers with a problem document (RFC 9457); see replies for its body."""
    return {
        "name": name,
        "match": match,
        "direct_response": {"status": status, "body": {"inline_string": detail}},
        "metadata": {"filter_metadata": {ROUTE_METADATA: {"title": _PHRASES[status]}}},
        "typed_per_filter_config": unauthenticated(),
        **({"response_headers_to_add": list(headers)} if headers else {}),
    }


def guards(challenge: str) -> list[Json]:
    """Refused on every path of a virtual host, before its routes. ``challenge`` is its realm and metadata URL."""
    invalid = set_header("www-authenticate", literal(f'Bearer error="invalid_request", {challenge}'))
    method = {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(METHODS)}}, "invert_match": True}
    bearer = {"name": "authorization", "string_match": {"safe_regex": {"regex": _ANY_BEARER}}}
    not_one = {
        "name": "authorization",
        "string_match": {"safe_regex": {"regex": _ONE_BEARER}},
        "invert_match": True,
    }
    return [
        method_not_allowed("guard#method", {"prefix": "/", "headers": [method]}, METHODS),
        fixed(
            "guard#query-token",
            {"prefix": "/", "query_parameters": [{"name": "access_token", "present_match": True}]},
            400,
            "a token in the query string is not accepted; send it in the Authorization header",
            (invalid,),
        ),
        fixed(
            "guard#authorization",
            {"prefix": "/", "headers": [bearer, not_one]},
            400,
            "the Authorization header is malformed or repeated",
            (invalid,),
        ),
    ]


def method_not_allowed(name: str, match: Json, allowed: tuple[str, ...]) -> Json:
    allow = set_header("allow", ", ".join(allowed))
    return fixed(name, match, 405, "this path does not take this method", (allow,))


def not_found(name: str = "none#not-found") -> Json:
    return fixed(name, {"prefix": "/"}, 404, "no such host or path")


def metadata_document(document: Document) -> Json:
    """The document that a 401's `resource_metadata` points at, readable by anybody."""
    body = {
        "resource": document.audience,
        "authorization_servers": [document.issuer],
        "bearer_methods_supported": ["header"],
        "scopes_supported": list(document.scopes),
    }
    get = {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}
    return {
        "name": "metadata#" + document.path,
        "match": {"path": document.path, "headers": [get]},
        "direct_response": {"status": 200, "body": {"inline_string": json.dumps(body, separators=(",", ":"))}},
        "response_headers_to_add": [
            set_header("content-type", "application/json"),
            set_header("cache-control", "max-age=300"),
        ],
        "typed_per_filter_config": unauthenticated(),
    }
