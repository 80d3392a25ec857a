"""A real Envoy for the quickstart's ModelGateway, and calls through it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from mlgate.gateway.bootstrap import Bootstrap, bootstrap
from mlgate.gateway.envoy import EnvoyProcess

from .background import Background

HOST = "fraud.models.example.com"
SAMPLE = {"amount": 1999.0, "currency": "EUR"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller got."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def challenge(self) -> str:
        return self.headers.get("www-authenticate", "")


class Proxy:
    """Envoy of ModelGateway `ml/public`, told by the operator on `xds_port`; it listens on `port`."""

    def __init__(self, background: Background, folder: Path, *, xds_port: int, port: int) -> None:
        self._background = background
        wanted = Bootstrap(gateway="ml/public", node="e2e", ads_host="127.0.0.1", ads_port=xds_port)
        self._envoy = EnvoyProcess(bootstrap(wanted), folder / "envoy", drain_seconds=1)
        self.port = port

    def start(self) -> None:
        """It is ready once there is a ModelGateway to be told about, so nobody waits for that here."""
        self._background.run(self._envoy.start(wait_ready=False))

    def stop(self) -> None:
        self._background.run(self._envoy.stop(5.0, drain=False))

    def admin(self, path: str) -> str:
        return self._background.run(self._envoy.admin(path))

    def connected(self) -> bool:
        """Whether it hears from an operator now; after a restart it comes back with a back-off of its own."""
        return "control_plane.connected_state: 1" in self.admin("/stats?filter=control_plane.connected_state")

    @property
    def log(self) -> str:
        """What Envoy wrote, access log included."""
        return self._envoy.log_file.read_text(errors="replace")

    def call(
        self, token: str | None = None, *, path: str = "/score", method: str = "POST", headers: Mapping[str, str] = {}
    ) -> Answer:
        """A caller's request. Raises httpx.HTTPError when nothing listens."""
        said = {"Host": HOST, "Content-Type": "application/json", **headers}
        if token is not None:
            said["Authorization"] = f"Bearer {token}"
        with httpx.Client(timeout=20.0, trust_env=False) as http:
            content = json.dumps(SAMPLE) if method == "POST" else None
            got = http.request(method, f"http://127.0.0.1:{self.port}{path}", headers=said, content=content)
        try:
            body = got.json()
        except ValueError:
            body = got.text
        return Answer(got.status_code, got.headers, body)


def stranger_token(audience: str, *permissions: str) -> str:
    """A token that would be good if its signature and its issuer were: from an issuer nobody here trusts."""
    key, now = rsa.generate_private_key(public_exponent=65537, key_size=2048), int(time.time())
    claims = {
        "iss": "https://somebody-else.example/",
        "sub": "stranger@clients",
        "azp": "stranger",
        "aud": audience,
        "iat": now,
        "exp": now + 3600,
        "permissions": list(permissions),
    }
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": secrets.token_hex(8)})
