"""Upstreams: one cluster per route, named like it, and the secret it presents.

The credential is injected by a filter of the *upstream* chain with its secret from SDS: a new key was in use 18 ms
after the push, retries pick it up, and the listener never changes (shared facts, gateway 1). A credential that is
missing is pushed as an empty secret: Envoy then refuses to forward (answered 503), while a secret that never arrives
would hold up the whole proxy's start for 15 s.
"""

from __future__ import annotations

from mlgate.gateway.model import Credential, Gateway, Route, Upstream
from mlgate.gateway.render.hygiene import upstream_mark_filter
from mlgate.gateway.render.types import ADS, CLUSTER, SECRET, Json, any_of, duration, extension, present
from mlgate.gateway.urls import Origin, origin

_CONNECTION_BUFFER = 1 << 20  # bytes; a body larger than this is not retried


def cluster(gateway: Gateway, route: Route) -> Json:
    where = origin(route.upstream.url)
    address = {"socket_address": {"address": where.host, "port_value": where.port}}
    most = route.limits.concurrent_requests
    named = {} if where.is_address else {"dns_lookup_family": "V4_PREFERRED", "respect_dns_ttl": True}
    return {
        "@type": CLUSTER,
        "name": route.name,
        # Only the first address of a large front end is used at a time: no reconnects when its order changes.
        "type": "STATIC" if where.is_address else "LOGICAL_DNS",
        **named,
        "connect_timeout": duration(5),
        "per_connection_buffer_limit_bytes": _CONNECTION_BUFFER,
        "load_assignment": {
            "cluster_name": route.name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "circuit_breakers": {
            "thresholds": [
                {"max_connections": most, "max_pending_requests": most, "max_requests": most, "max_retries": 16}
            ]
        },
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": _http(route)},
        **({"transport_socket": _tls(gateway, route.upstream, where)} if where.scheme == "https" else {}),
    }


def secret(name: str, credential: Credential | None) -> Json:
    value = credential.value.reveal() if credential else ""
    return {"@type": SECRET, "name": name, "generic_secret": {"secret": {"inline_string": value}}}


def secret_name(credential: str) -> str:
    return "credential/" + credential


def _http(route: Route) -> Json:
    injector = [_injector(route.upstream)] if route.upstream.credential else []
    codec = extension(
        "envoy.filters.http.upstream_codec", "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"
    )
    return any_of(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        common_http_protocol_options={"idle_timeout": "50s"},
        explicit_http_config={"http_protocol_options": {}},
        http_filters=[*injector, upstream_mark_filter(), codec],
    )


def _injector(upstream: Upstream) -> Json:
    assert upstream.credential is not None
    generic = extension(
        "envoy.http.injected_credentials.generic",
        "envoy.extensions.http.injected_credentials.generic.v3.Generic",
        credential={"name": secret_name(upstream.credential), "sds_config": ADS},
        header=upstream.credential_header,
        header_value_prefix=upstream.credential_prefix,
    )
    return extension(
        "envoy.filters.http.credential_injector",
        "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector",
        overwrite=True,
        allow_request_without_credential=False,
        credential=generic,
    )


def _tls(gateway: Gateway, upstream: Upstream, where: Origin) -> Json:
    """The certificate must carry the name we meant: with another one the credential was never sent (verified)."""
    name = upstream.tls_name or where.host
    by_address = upstream.tls_name is None and where.is_address
    authorities = {"inline_string": upstream.ca_pem} if upstream.ca_pem else {"filename": gateway.system_ca}
    san = {"san_type": "IP_ADDRESS" if by_address else "DNS", "matcher": {"exact": name}}
    return extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        **present({"sni": None if by_address else name}),
        common_tls_context={
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "validation_context": {"trusted_ca": authorities, "match_typed_subject_alt_names": [san]},
        },
    )
