"""The little that an Envoy must know before it can ask for the rest: who it is and where to ask.

Pure. Admin only on loopback; `/ready` and `/metrics` on a listener of their own, the only admin paths that can be
reached from outside (five others probed: 404). The overload manager keeps a flooded proxy answering instead of dying.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlgate.gateway.render.types import ADS, Json, any_of, duration, extension, present

_ADS_CLUSTER = "mlgate-ads"
_ADMIN_CLUSTER = "mlgate-admin"
_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


@dataclass(frozen=True, slots=True)
class AdsTls:
    """Files on the proxy's side: the authority that signed the server's certificate, and the proxy's own
    certificate where the server asks for one."""

    server_name: str
    ca_file: str
    certificate_file: str | None = None
    key_file: str | None = None


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """``gateway`` is the gateway's name, "namespace/name": it decides which configuration the proxy is sent.

    ``admin_port`` None switches the admin interface (and with it metrics) off; 0 lets the system choose.
    ``metrics_port`` None: no metrics listener; it needs a fixed ``admin_port``.
    """

    gateway: str
    node: str
    ads_host: str
    ads_port: int
    ads_tls: AdsTls | None = None
    admin_port: int | None = 0
    metrics_address: str = "127.0.0.1"
    metrics_port: int | None = None
    max_connections: int = 20_000
    max_heap_bytes: int = 2 << 30


def bootstrap(wanted: Bootstrap) -> Json:
    """The bootstrap configuration, JSON-able.

    Raises:
        ValueError: metrics were asked for without a fixed admin port.
    """
    if wanted.metrics_port is not None and not wanted.admin_port:
        raise ValueError("a metrics listener needs a fixed admin port to read from")
    admin = wanted.admin_port
    return {
        "node": {"id": wanted.node, "cluster": wanted.gateway},
        **(
            {}
            if admin is None
            else {"admin": {"address": _address("127.0.0.1", admin), "ignore_global_conn_limit": True}}
        ),
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": _ADS_CLUSTER}}],
            },
            "lds_config": ADS,
            "cds_config": ADS,
        },
        "static_resources": {
            "clusters": [_ads_cluster(wanted), *([_admin_cluster(admin)] if wanted.metrics_port and admin else [])],
            "listeners": [_metrics_listener(wanted)] if wanted.metrics_port is not None else [],
        },
        "overload_manager": _overload(wanted),
        "layered_runtime": {"layers": [{"name": "static", "static_layer": {"re2.max_program_size.error_level": 1000}}]},
    }


def _address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def _endpoints(name: str, host: str, port: int) -> Json:
    return {
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(host, port)}}]}],
    }


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _ads_cluster(wanted: Bootstrap) -> Json:
    keepalive = {"interval": duration(30), "timeout": duration(5)}
    return present(
        {
            "name": _ADS_CLUSTER,
            # Every address of a headless Service is a replica that can serve.
            "type": "STATIC" if _is_address(wanted.ads_host) else "STRICT_DNS",
            "connect_timeout": duration(2),
            "load_assignment": _endpoints(_ADS_CLUSTER, wanted.ads_host, wanted.ads_port),
            "typed_extension_protocol_options": {
                _PROTOCOL_OPTIONS: any_of(
                    _PROTOCOL_OPTIONS,
                    explicit_http_config={"http2_protocol_options": {"connection_keepalive": keepalive}},
                )
            },
            "transport_socket": _ads_tls(wanted.ads_tls) if wanted.ads_tls else None,
        }
    )


def _ads_tls(tls: AdsTls) -> Json:
    own = {"certificate_chain": {"filename": tls.certificate_file}, "private_key": {"filename": tls.key_file}}
    shown = {"tls_certificates": [own]} if tls.certificate_file else {}
    return extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        sni=tls.server_name,
        common_tls_context={
            "alpn_protocols": ["h2"],
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            **shown,
            "validation_context": {
                "trusted_ca": {"filename": tls.ca_file},
                "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": tls.server_name}}],
            },
        },
    )


def _admin_cluster(port: int) -> Json:
    return {
        "name": _ADMIN_CLUSTER,
        "type": "STATIC",
        "connect_timeout": duration(1),
        "load_assignment": _endpoints(_ADMIN_CLUSTER, "127.0.0.1", port),
    }


def _metrics_listener(wanted: Bootstrap) -> Json:
    assert wanted.metrics_port is not None

    def get(path: str, admin_path: str) -> Json:
        method = {"name": ":method", "string_match": {"exact": "GET"}}
        action = {"cluster": _ADMIN_CLUSTER, "prefix_rewrite": admin_path}
        return {"match": {"path": path, "headers": [method]}, "route": action}

    host = {
        "name": "metrics",
        "domains": ["*"],
        "routes": [get("/metrics", "/stats/prometheus?usedonly"), get("/ready", "/ready")],
    }
    http = extension(
        "http",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="metrics",
        route_config={"name": "metrics", "virtual_hosts": [host]},
        http_filters=[extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router")],
    )
    return {
        "name": "mlgate-metrics",
        "address": _address(wanted.metrics_address, wanted.metrics_port),
        "ignore_global_conn_limit": True,
        "filter_chains": [{"filters": [http]}],
    }


def _overload(wanted: Bootstrap) -> Json:
    heap = "envoy.resource_monitors.fixed_heap"

    def action(name: str, threshold: float) -> Json:
        trigger = {"name": heap, "threshold": {"value": threshold}}
        return {"name": f"envoy.overload_actions.{name}", "triggers": [trigger]}

    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            extension(
                "envoy.resource_monitors.global_downstream_max_connections",
                "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                max_active_downstream_connections=str(wanted.max_connections),
            ),
            extension(
                heap,
                "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                max_heap_size_bytes=str(wanted.max_heap_bytes),
            ),
        ],
        "actions": [action("shrink_heap", 0.9), action("stop_accepting_requests", 0.95)],
    }
