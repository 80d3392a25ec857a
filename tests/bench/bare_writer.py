"""The peer of `bench.many_clients`: the least that could be done, in one short script, 16 things at a time.

`python -m bench.bare_writer KUBECONFIG AUTH0_URL NAMESPACE COUNT create|watch`

create: for each of COUNT Auth0Clients: POST it to the API server, POST the application to Auth0, PATCH its status.
watch:  the same without the first step; the objects come from a watch, as somebody else applies them.

No finalizer, no owner mark, no Events, no references, no look whether the application is there already, no retry: what
is lost when it is killed is lost. It prints one line of JSON when it is ready, waits for a line on standard input, and
prints another line when it is through.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.rest import RESTClientObject

from .world import CLIENT_ID, CLIENT_SECRET, DOMAIN, clients

IN_FLIGHT = 16
GROUP = "/apis/mlgate.dev/v1alpha1/namespaces"


class Bare:
    """Both connections, open."""

    def __init__(self, configuration: Any, token: str, auth0: aiohttp.ClientSession, namespace: str) -> None:
        self._auth0 = auth0
        self._rest: Any = RESTClientObject(configuration)
        self._path = f"{configuration.host}{GROUP}/{namespace}/auth0clients"
        self._headers = {"Authorization": token, "Accept": "application/json"}

    async def close(self) -> None:
        await self._rest.close()

    async def send(self, method: str, path: str, body: dict[str, Any], content_type: str) -> dict[str, Any]:
        headers = {**self._headers, "Content-Type": content_type}
        answer = (await self._rest.request(method, self._path + path, headers=headers, body=body)).response
        parsed: dict[str, Any] = json.loads(await answer.read())
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {parsed}")
        return parsed

    async def create(self, obj: dict[str, Any]) -> None:
        await self.carry_out(await self.send("POST", "", obj, "application/json"))

    async def carry_out(self, obj: dict[str, Any]) -> None:
        spec, name, generation = obj["spec"], obj["metadata"]["name"], obj["metadata"]["generation"]
        application = {
            "name": name,
            "app_type": spec["appType"],
            "callbacks": spec["callbacks"],
            "grant_types": spec["grantTypes"],
            "client_metadata": spec["clientMetadata"],
        }
        async with self._auth0.post("/api/v2/clients", json=application) as answer:
            made = await answer.json()
            if answer.status != 201:
                raise RuntimeError(f"POST clients: {made}")
        told = {"status": "True", "reason": "Available", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        status = {
            "externalId": made["client_id"],
            "clientId": made["client_id"],
            "observedGeneration": generation,
            "conditions": [{"type": type_, "observedGeneration": generation, **told} for type_ in ("Ready", "Synced")],
        }
        await self.send("PATCH", f"/{name}/status", {"status": status}, "application/merge-patch+json")

    async def watched(self) -> AsyncIterator[dict[str, Any]]:
        """Every object that appears from now on."""
        query = "?watch=true&resourceVersion=0"
        endless = aiohttp.ClientTimeout(total=None)
        answer = await self._rest.request("GET", self._path + query, headers=self._headers, _request_timeout=endless)
        rest = b""
        async for chunk in answer.response.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                event = json.loads(line)
                if event["type"] == "ADDED":
                    yield event["object"]


async def main(kubeconfig: Path, url: str, namespace: str, count: int, how: str) -> None:
    configuration = client.Configuration()
    configuration.client_session_kwargs = {"trust_env": False}  # else aiohttp reads ~/.netrc for each request
    load: Any = config.load_kube_config
    await load(config_file=str(kubeconfig), client_configuration=configuration)
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as auth0:
        secret = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        wish = {"grant_type": "client_credentials", "audience": f"https://{DOMAIN}/api/v2/", **secret}
        async with auth0.post("/oauth/token", json=wish) as answer:
            token = (await answer.json())["access_token"]
        auth0.headers["Authorization"] = f"Bearer {token}"
        bare = Bare(configuration, str(await configuration.get_api_key_with_prefix("BearerToken")), auth0, namespace)
        todo: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        work = bare.create if how == "create" else bare.carry_out

        async def worker() -> None:
            while True:
                await work(await todo.get())
                todo.task_done()

        async def follow() -> None:
            async for obj in bare.watched():
                todo.put_nowait(obj)

        objects = clients(namespace, count)
        busy = [asyncio.create_task(worker()) for _ in range(IN_FLIGHT)]
        if how == "watch":
            busy.append(asyncio.create_task(follow()))
        print(json.dumps({"ready": True}), flush=True)
        go = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
        await asyncio.wait([go, *busy], return_when=asyncio.FIRST_COMPLETED)
        if how == "create":
            for obj in objects:
                todo.put_nowait(obj)
        ended = asyncio.create_task(todo.join() if how == "create" else asyncio.to_thread(sys.stdin.readline))
        done, _ = await asyncio.wait([ended, *busy], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        print(json.dumps({"done": True}), flush=True)
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        await bare.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]))
