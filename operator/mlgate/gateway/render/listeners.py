"""The door: listeners and their chain of filters.

Nothing here may depend on a route: a listener that changes drains its connections and cuts streams (trap 3), so what
routes need travels by route, cluster, secret and extension discovery instead. The order of the filters is the one that
was verified: strip, limit the body, verify the token, audience, permission, rate, map refused credentials, route.
"""

from __future__ import annotations

from mlgate.gateway.model import Certificate, Gateway, Listener
from mlgate.gateway.render.access import audience_filter, permission_filter
from mlgate.gateway.render.accesslog import access_log
from mlgate.gateway.render.bodies import gateway_body_filter, route_body_filter
from mlgate.gateway.render.hygiene import early_mutation, refused_credential_filter, response_filter
from mlgate.gateway.render.ratelimits import overall_filter
from mlgate.gateway.render.replies import local_replies
from mlgate.gateway.render.types import (
    ADS,
    JWT_FILTER,
    LISTENER,
    RATE_FILTER,
    ROUTE_CONFIG,
    SECRET,
    Json,
    any_of,
    duration,
    extension,
    type_url,
)

_JWT_TYPE = type_url("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication")
_RATE_TYPE = type_url("envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit")
_CONNECTION_BUFFER = 1 << 20  # bytes


def listener(gateway: Gateway, wanted: Listener) -> Json:
    chain: Json = {"filters": [{"name": "http", "typed_config": _http(gateway)}]}
    if wanted.certificate is not None:
        chain["transport_socket"] = _tls(wanted.certificate)
    return {
        "@type": LISTENER,
        "name": wanted.name,
        "address": {"socket_address": {"address": wanted.address, "port_value": wanted.port}},
        "per_connection_buffer_limit_bytes": _CONNECTION_BUFFER,
        "filter_chains": [chain],
    }


def certificate_name(certificate: str) -> str:
    return "certificate/" + certificate


def certificate_secret(name: str, certificate: Certificate) -> Json:
    return {
        "@type": SECRET,
        "name": name,
        "tls_certificate": {
            "certificate_chain": {"inline_string": certificate.chain_pem},
            "private_key": {"inline_string": certificate.private_key.reveal()},
        },
    }


def _tls(certificate: str) -> Json:
    return extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context={
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "tls_certificate_sds_secret_configs": [{"name": certificate_name(certificate), "sds_config": ADS}],
        },
    )


def _http(gateway: Gateway) -> Json:
    limits = gateway.limits
    return any_of(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="gateway",
        codec_type="AUTO",
        rds={"route_config_name": ROUTE_CONFIG, "config_source": ADS},
        use_remote_address=True,
        xff_num_trusted_hops=gateway.trusted_hops,
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        strip_any_host_port=True,
        server_header_transformation="OVERWRITE",
        server_name="mlgate",
        generate_request_id=True,
        always_set_request_id_in_response=True,
        preserve_external_request_id=False,
        max_request_headers_kb=limits.header_kib,
        common_http_protocol_options={
            "idle_timeout": "75s",
            "max_headers_count": 64,
            "headers_with_underscores_action": "REJECT_REQUEST",
            "max_requests_per_connection": 10_000,
        },
        http_protocol_options={"accept_http_10": False},
        http2_protocol_options={
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65_536,
            "initial_connection_window_size": 1_048_576,
        },
        request_headers_timeout="10s",
        request_timeout=duration(limits.request_seconds),
        stream_idle_timeout=duration(limits.idle_seconds),
        delayed_close_timeout="1s",
        drain_timeout="5s",
        early_header_mutation_extensions=[early_mutation()],
        http_filters=_filters(gateway),
        local_reply_config=local_replies(),
        access_log=access_log(gateway.access_log) if gateway.access_log else None,
    )


def _filters(gateway: Gateway) -> list[Json]:
    limits = gateway.limits
    overall = [overall_filter(limits.requests_per_second)] if limits.requests_per_second else []
    router = extension(
        "envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", suppress_envoy_headers=True
    )
    return [
        response_filter(),
        *overall,
        gateway_body_filter(gateway),
        _discovered(JWT_FILTER, _JWT_TYPE),
        audience_filter(),
        permission_filter(),
        _discovered(RATE_FILTER, _RATE_TYPE),
        route_body_filter(gateway),
        refused_credential_filter(),
        router,
    ]


def _discovered(name: str, message_type: str) -> Json:
    # Without a time limit: a listener whose token filter has not arrived must not open its port.
    source = {**ADS, "initial_fetch_timeout": "0s"}
    return {"name": name, "config_discovery": {"config_source": source, "type_urls": [message_type]}}
