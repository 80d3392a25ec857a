"""What the gateway itself answers: RFC 6750 challenges with RFC 9728 metadata, RFC 9457 bodies.

These live in the listener, so they must not name a route: whatever differs per route (realm, metadata URL, scope) is
read from the matched route's metadata. A reply is chosen by Envoy's response code details; Envoy answers 401 where its
own credential is missing and some token failures with 403, which are put right here (shared facts, gateway 1).
"""

from __future__ import annotations

from mlgate.gateway.render.access import WRONG_AUDIENCE
from mlgate.gateway.render.hygiene import CREDENTIAL_REFUSED
from mlgate.gateway.render.types import ROUTE_METADATA, Json, extension, set_header

CHALLENGE = f"%METADATA(ROUTE:{ROUTE_METADATA}:challenge)%"
SCOPE = f"%METADATA(ROUTE:{ROUTE_METADATA}:scope)%"
TITLE = f"%METADATA(ROUTE:{ROUTE_METADATA}:title)%"
JWT_DENIED = "jwt_authn_access_denied"

# Envoy's own words would tell callers about the inside ("transport failure reason: ..."); they are in the access log.
_PLAIN = (
    (400, "Bad Request", "the request is malformed"),
    (403, "Forbidden", "this request is not allowed"),
    (404, "Not Found", "no such host or path"),
    (408, "Request Timeout", "the request was not sent in time"),
    (413, "Content Too Large", "the request body is larger than this route allows"),
    (426, "Upgrade Required", "this protocol version is not served"),
    (429, "Too Many Requests", "the rate limit of this route is used up"),
    (431, "Request Header Fields Too Large", "the request headers are larger than this gateway allows"),
    (500, "Internal Server Error", "the gateway could not answer"),
    (502, "Bad Gateway", "the upstream gave no usable answer"),
    (503, "Service Unavailable", "the upstream cannot be reached now"),
    (504, "Gateway Timeout", "the upstream did not answer in time"),
)


def local_replies() -> Json:
    return {"mappers": [*_challenges(), *_credential(), _fixed_answer(), *(_plain(*each) for each in _PLAIN)]}


def _challenges() -> list[Json]:
    expired = "the access token is invalid or expired"
    foreign = "the access token was not issued for this API"
    missing = {
        "filter": _details(f'== "{JWT_DENIED}{{Jwt_is_missing}}"'),
        "headers_to_add": [set_header("www-authenticate", f"Bearer {CHALLENGE}")],
        "body_format_override": _problem(401, "Unauthorized", "an access token is required"),
    }
    keys_unknown = {
        "filter": _details(f'.startsWith("{JWT_DENIED}{{Wrong_requirement_name")'),
        "status_code": 503,
        "headers_to_add": [set_header("retry-after", "5")],
        "body_format_override": _problem(503, "Service Unavailable", "the tenant's signing keys are not known yet"),
    }
    invalid = {
        "filter": _details(f'.startsWith("{JWT_DENIED}")'),
        "status_code": 401,
        "headers_to_add": [set_header("www-authenticate", _error("invalid_token", expired))],
        "body_format_override": _problem(401, "Unauthorized", expired),
    }
    audience = {
        "filter": _details(f'== "rbac_access_denied_matched_policy[{WRONG_AUDIENCE}]"'),
        "status_code": 401,
        "headers_to_add": [set_header("www-authenticate", _error("invalid_token", foreign))],
        "body_format_override": _problem(401, "Unauthorized", foreign),
    }
    permission = {
        "filter": _details('.startsWith("rbac_access_denied")'),
        "headers_to_add": [set_header("www-authenticate", f'Bearer error="insufficient_scope", {CHALLENGE}')],
        "body_format_override": _problem(403, "Forbidden", f"missing permission: {SCOPE}"),
    }
    return [missing, keys_unknown, invalid, audience, permission]


def _credential() -> list[Json]:
    return [
        {
            "filter": _details('== "failed_to_inject_credential"'),
            "status_code": 503,
            "body_format_override": _problem(
                503, "Service Unavailable", "the gateway has no credential for the upstream yet"
            ),
        },
        {
            "filter": _details(f'== "{CREDENTIAL_REFUSED}"'),
            "body_format_override": _problem(
                502, "Bad Gateway", "the upstream did not accept the credential of this gateway"
            ),
        },
    ]


def _fixed_answer() -> Json:
    """Answers that a route gives itself: its metadata has the title, its body is the detail."""
    return {
        "filter": {"and_filter": {"filters": [_details('== "direct_response"'), _status("GE", 400)]}},
        "body_format_override": _problem("%RESPONSE_CODE%", TITLE, "%LOCAL_REPLY_BODY%"),
    }


def _plain(status: int, title: str, detail: str) -> Json:
    return {"filter": _status("EQ", status), "body_format_override": _problem(status, title, detail)}


def _error(code: str, description: str) -> str:
    return f'Bearer error="{code}", error_description="{description}", {CHALLENGE}'


def _problem(status: int | str, title: str, detail: str) -> Json:
    problem = {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": "%STREAM_ID%"}
    return {"json_format": problem, "content_type": "application/problem+json"}


def _details(comparison: str) -> Json:
    return {
        "extension_filter": extension(
            "envoy.access_loggers.extension_filters.cel",
            "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            expression=f"response.code_details{comparison if comparison.startswith('.') else ' ' + comparison}",
        )
    }


def _status(op: str, status: int) -> Json:
    # The runtime key is required by the schema; this name is never set, so the value below holds.
    value = {"default_value": status, "runtime_key": f"mlgate.local_reply.{op.lower()}.{status}"}
    return {"status_code_filter": {"comparison": {"op": op, "value": value}}}
