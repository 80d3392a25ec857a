"""Which headers never pass the gateway.

Inbound: what a caller could use to pass for the gateway, for an Azure front end or for a rewriting proxy, and what only
insiders may say (`azureml-model-deployment` pins a deployment and bypasses the traffic split). Early, before any filter
reads them. Outbound: what tells about the inside. `azureml-model-deployment` passes outbound: callers may know which
deployment answered. Verified on Envoy 1.40 (shared facts, gateway 1); Azure's headers: shared facts, azure-ml 4.
"""

from __future__ import annotations

from mlgate.gateway.render.types import Json, any_of, extension

UPSTREAM_MARK = "x-mlgate-upstream"
"""Set on responses by the upstream filter chain only: tells an upstream's 401 from Envoy's own."""

CREDENTIAL_REFUSED = "upstream_credential_rejected"
"""Envoy's response details for an upstream that did not take our credential."""

CLAIM_HEADERS = {"x-auth-sub": "sub", "x-auth-azp": "azp", "x-auth-org": "org_id"}
"""Who the verified caller is, for the upstream. Trustworthy because inbound `x-auth-*` is stripped."""

_STRIPPED = (
    "azureml-model-deployment",
    "cookie",
    "proxy-authorization",
    "api-key",
    "forwarded",
    "x-envoy-retry-on",
    "x-envoy-max-retries",
    "x-envoy-retry-grpc-on",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-stream-duration-ms",
    "x-envoy-original-path",
    "x-envoy-original-host",
    "x-envoy-decorator-operation",
)
_STRIPPED_FAMILIES = (
    r"x-(?:auth|gateway|mlgate|ms|azure|azureml|original|rewrite|http-method|real|client|user"
    r"|forwarded-(?:host|server|port|prefix|user|email|access-token))(?:-.*)?"
)
_ADDED_BY_ENVOY = (
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-envoy-external-address",
    "x-envoy-original-path",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-attempt-count",
)
_RESPONSE_STRIPPED = (
    UPSTREAM_MARK,
    "x-ms-run-function-failed",
    "x-ms-server-version",
    "x-ms-run-fn-exec-ms",
    "azureml-served-by-cluster",
    "x-powered-by",
    "set-cookie",
)


def early_mutation() -> Json:
    """Strips inbound headers before routing and authentication see them."""
    family = {"remove_on_match": {"key_matcher": {"safe_regex": {"regex": _STRIPPED_FAMILIES}}}}
    return extension(
        "envoy.http.early_header_mutation.header_mutation",
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=[*({"remove": name} for name in _STRIPPED), family],
    )


def request_headers_to_remove() -> list[str]:
    """Stripped after routing. `authorization` is the caller's token: an injected credential is written later, by the
    upstream's own filters, so removing it here can never remove the credential (trap 10)."""
    return ["authorization", *_ADDED_BY_ENVOY]


def response_filter() -> Json:
    """First in the chain, so last on the way out: removes what tells about the inside."""
    return extension(
        "envoy.filters.http.header_mutation",
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        mutations={"response_mutations": [{"remove": name} for name in _RESPONSE_STRIPPED]},
    )


def upstream_mark_filter() -> Json:
    """An upstream filter that marks real responses."""
    mark = {
        "append": {
            "header": {"key": UPSTREAM_MARK, "value": "1"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
    }
    return extension(
        "envoy.filters.http.header_mutation",
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        mutations={"response_mutations": [mark]},
    )


def refused_credential_filter() -> Json:
    """An upstream's 401 or 403 means OUR credential is bad: 502, never shown as if the caller's token were."""

    def predicate(message: str, value: str, **fields: str) -> Json:
        wanted = {
            "input": {"name": "input", "typed_config": any_of(message, **fields)},
            "value_match": {"exact": value},
        }
        return {"single_predicate": wanted}

    status = "envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput"
    refused = {"or_matcher": {"predicate": [predicate(status, "401"), predicate(status, "403")]}}
    from_upstream = predicate("envoy.type.matcher.v3.HttpResponseHeaderMatchInput", "1", header_name=UPSTREAM_MARK)
    answer = extension(
        CREDENTIAL_REFUSED,
        "envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy",
        status_code=502,
        response_code_details=CREDENTIAL_REFUSED,
        body={"inline_string": CREDENTIAL_REFUSED},  # replaced by the local reply
    )
    matcher = {"predicate": {"and_matcher": {"predicate": [refused, from_upstream]}}, "on_match": {"action": answer}}
    return extension(
        "envoy.filters.http.custom_response",
        "envoy.extensions.filters.http.custom_response.v3.CustomResponse",
        custom_response_matcher={"matcher_list": {"matchers": [matcher]}},
    )
