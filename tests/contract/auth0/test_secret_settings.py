"""Every setting of recorded add-ons and connection options that mlgate takes for a secret, and no other.

What is not in the list below would stand in manifests, plans and status: a new recording with a new secret fails here.
The recordings are not part of the repository: without them this module skips.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contract.auth0 import recordings
from mlgate.auth0.secret_names import is_secret, leaves

SECRETS = {
    "addons azure_blob.storageAccessKey",
    "addons azure_sb.sasKey",
    "addons firebase.private_key",
    "addons firebase.secret",
    "addons layer.privateKey",
    "addons sap_api.servicePassword",
    "addons wams.masterkey",
    "options client_secret",
    "options consumer_secret",
    "options customHeaders.X-Auth0-Client-Secret",
    "options gateway_authentication.secret",
    "options twilio_token",
}


def free_form(value: Any) -> Iterator[tuple[str, Any]]:
    """The add-ons and options in a body, at any depth."""
    if isinstance(value, dict):
        for name, below in value.items():
            if name in {"addons", "options"} and isinstance(below, dict):
                yield name, below
            else:
                yield from free_form(below)
    elif isinstance(value, list):
        for below in value:
            yield from free_form(below)


def test_the_secrets_among_recorded_settings_are_told_from_the_others() -> None:
    folder = recordings.folder()
    if folder is None:
        pytest.skip("no recordings: set MLGATE_RECORDINGS or put them into ../shared/recordings")
    found: set[str] = set()
    for exchanges in recordings.read(folder).values():
        for exchange in exchanges:
            if exchange.kind in {"clients", "connections"}:
                for field, settings in free_form([exchange.request, exchange.response]):
                    found |= {f"{field} {path}" for path, value in leaves(settings) if is_secret(path, value)}
    assert found == SECRETS
