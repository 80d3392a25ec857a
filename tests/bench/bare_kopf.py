"""The peer of `bench.memory`: a process that only imports kopf and the async Kubernetes client and watches one kind.

`python -m bench.bare_kopf KUBECONFIG`; prints one line of JSON when its watch stands.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

import kopf
from kubernetes.aio import client, config


async def main(kubeconfig: Path) -> None:
    configuration = client.Configuration()
    load: Any = config.load_kube_config
    await load(config_file=str(kubeconfig), client_configuration=configuration)
    token = str(await configuration.get_api_key_with_prefix("BearerToken")).removeprefix("Bearer ")
    registry, ready = kopf.OperatorRegistry(), asyncio.Event()
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server=configuration.host, ca_path=configuration.ssl_ca_cert, token=token)

    async def seen(**_: Any) -> None:
        return

    kopf.on.event(registry=registry, id="seen", group="mlgate.dev", version="v1alpha1", plural="auth0clients")(seen)
    running = asyncio.create_task(
        kopf.operator(registry=registry, settings=settings, standalone=True, clusterwide=True, ready_flag=ready)
    )
    await ready.wait()
    print(json.dumps({"ready": True}), flush=True)
    await running


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main(Path(sys.argv[1])))
