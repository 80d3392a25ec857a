"""How to reach the API server and who we are there: kubeconfig, or the ServiceAccount of the pod we run in.

A pod's token file is replaced before it expires (https://kubernetes.io/docs/concepts/configuration/secret/#bound-service-account-tokens);
it is read again every minute. What a kubeconfig names (exec plugin, token file) is read again after a 401.
"""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client.configuration import Configuration

from ...sensitive import Sensitive

RELOAD_SECONDS = 10.0
"""A refused identity is loaded again at most this often."""


class ClusterConfigError(Exception):
    """There is no usable kubeconfig and we are not in a cluster. The message says where it was looked for."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What another client (kopf) needs to talk to the same API server as us. Files are PEM."""

    server: str
    ca_path: str | None
    insecure: bool
    scheme: str | None
    token: Sensitive | None
    certificate_path: str | None
    private_key_path: str | None
    proxy_url: str | None
    tls_server_name: str | None


async def load(kubeconfig: Path | None, context: str | None, environ: Mapping[str, str]) -> Any:
    """A `Configuration` from the kubeconfig; without one from the pod, else from KUBECONFIG or ~/.kube/config.

    Raises ClusterConfigError.
    """
    configuration = Configuration()
    where = "the pod's ServiceAccount"
    loaders: Any = kubernetes_config  # untyped
    try:
        if kubeconfig is None and context is None and environ.get("KUBERNETES_SERVICE_HOST"):
            loaders.load_incluster_config(client_configuration=configuration)
        else:
            where = str(kubeconfig or environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
            await loaders.load_kube_config(config_file=where, context=context, client_configuration=configuration)
    except (kubernetes_config.ConfigException, OSError) as error:
        raise ClusterConfigError(f"No connection to a cluster with {where}: {error}") from error
    # Otherwise aiohttp reads ~/.netrc and the proxy environment anew for every request, in a thread each.
    configuration.client_session_kwargs = {"trust_env": False}
    configuration.proxy = configuration.proxy or _proxy(configuration.host)
    return configuration


def _proxy(server: str) -> str | None:
    """The proxy that the environment names for the API server, read once."""
    url = urlsplit(server)
    if urllib.request.proxy_bypass(url.hostname or ""):
        return None
    return urllib.request.getproxies().get(url.scheme)


class Identity:
    """The current configuration, reloaded when the API server refused it."""

    def __init__(
        self,
        configuration: Any,
        kubeconfig: Path | None,
        context: str | None,
        *,
        environ: Mapping[str, str] = os.environ,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.configuration = configuration
        self._source = (kubeconfig, context, environ)
        self._monotonic = monotonic
        self._loaded = monotonic()
        self._refused = False

    def refused(self) -> None:
        """The API server answered 401: what we hold may have been replaced."""
        self._refused = True

    async def authorization(self) -> str | None:
        """The Authorization header for the next request. Keeps what it has when reloading fails."""
        if self._refused and self._monotonic() - self._loaded >= RELOAD_SECONDS:
            self._loaded = self._monotonic()
            self._refused = False
            try:
                fresh = await load(*self._source)
            except ClusterConfigError:
                self._refused = True
            else:
                self.configuration.api_key = fresh.api_key
                self.configuration.refresh_api_key_hook = fresh.refresh_api_key_hook
        key = await self.configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        return key.strip() if key else None

    async def connection(self) -> Connection:
        """What kopf needs, with the token of now."""
        header = await self.authorization()
        scheme, _, token = (header or "").partition(" ")
        configuration = self.configuration
        return Connection(
            server=configuration.host,
            ca_path=configuration.ssl_ca_cert,
            insecure=not configuration.verify_ssl,
            scheme=scheme.capitalize() or None,
            token=Sensitive(token) if token else None,
            certificate_path=configuration.cert_file,
            private_key_path=configuration.key_file,
            proxy_url=configuration.proxy,
            tls_server_name=configuration.tls_server_name,
        )
