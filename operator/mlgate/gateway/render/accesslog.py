"""One JSON line per request: who, what, how it ended, and nothing that is secret.

The path is logged without its query; of the token only the subject, the client and the token's id. No token or key was
found in such a log (shared facts, gateway 1).
"""

from __future__ import annotations

from mlgate.gateway.render.types import JWT_FILTER, Json, extension

_FORMAT = {
    "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
    "request_id": "%STREAM_ID%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "host": "%REQ(:AUTHORITY)%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "route": "%ROUTE_NAME%",
    "upstream": "%UPSTREAM_CLUSTER%",
    "upstream_address": "%UPSTREAM_HOST%",
    "upstream_attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "upstream_failure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "deployment": "%RESP(AZUREML-MODEL-DEPLOYMENT)%",
    "duration_ms": "%DURATION%",
    "first_byte_ms": "%RESPONSE_DURATION%",
    "received_bytes": "%BYTES_RECEIVED%",
    "sent_bytes": "%BYTES_SENT%",
    "sub": f"%DYNAMIC_METADATA({JWT_FILTER}:jwt:sub)%",
    "azp": f"%DYNAMIC_METADATA({JWT_FILTER}:jwt:azp)%",
    "jti": f"%DYNAMIC_METADATA({JWT_FILTER}:jwt:jti)%",
    "token_error": f"%DYNAMIC_METADATA({JWT_FILTER}:jwt_fail)%",
    "remote": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "tls": "%DOWNSTREAM_TLS_VERSION%",
    "user_agent": "%REQ(USER-AGENT):120%",
}


def access_log(path: str) -> list[Json]:
    without_query = extension(
        "envoy.formatter.req_without_query", "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery"
    )
    return [
        extension(
            "envoy.access_loggers.file",
            "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            path=path,
            log_format={"json_format": _FORMAT, "formatters": [without_query]},
        )
    ]
