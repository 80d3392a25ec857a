"""What the simulators must be so that the manifests work."""

from __future__ import annotations

import socket
from pathlib import Path

from mlgate.cli.dev.manifests import files, parse, read
from mlgate.cli.dev.scene import AzureFacts, choose_port, scene, wanted_ports

QUICKSTART = Path(__file__).parents[3] / "examples" / "quickstart"


def test_the_quickstart_is_played_with_its_own_names_and_credentials() -> None:
    manifests = [each for file in files([QUICKSTART]) for each in read(file)[0]]
    played = scene(manifests)
    assert played.remarks == ()
    assert played.auth0.domain == "quickstart.eu.auth0.com"
    assert (played.auth0.client_id, played.auth0.client_secret) == ("quickstart", "quickstart-auth0-secret")
    assert played.azure.tenant == "00000000-0000-0000-0000-000000000001"
    assert (played.azure.resource_group, played.azure.location) == ("quickstart", "westeurope")
    assert "quickstart-auth0-secret" not in repr(played) and "quickstart-azure-secret" not in repr(played)


def test_what_is_not_written_is_made_up() -> None:
    assert scene([]).azure == AzureFacts()


def test_what_cannot_be_had_here_is_said() -> None:
    head = "---\napiVersion: mlgate.dev/v1alpha1\n"
    text = f"{head}kind: AzureConnection\nmetadata: {{name: a}}\nspec: {{auth: {{type: WorkloadIdentity}}}}\n"
    tenants = (
        f"{head}kind: Auth0Tenant\nmetadata: {{name: {name}}}\nspec: {{domain: {name}.auth0.com}}\n" for name in "ab"
    )
    two = "".join(tenants)
    remarks = scene(parse(text + two, Path("a.yaml"))[0]).remarks
    assert len(remarks) == 2
    assert any("workload identities" in remark for remark in remarks)


def test_nonsense_in_a_manifest_is_left_to_the_store_to_refuse() -> None:
    text = "apiVersion: mlgate.dev/v1alpha1\nkind: Auth0Tenant\nmetadata: {name: a}\nspec: hello\n"
    assert scene(parse(text, Path("a.yaml"))[0]).auth0.domain is None
    assert wanted_ports({"spec": {"listeners": "hello"}}) == []


def test_a_taken_or_privileged_port_is_replaced() -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert choose_port(port) != port
    assert choose_port(80) != 80
    free = choose_port(80)
    assert choose_port(free) == free
    assert choose_port(free, taken=[free]) != free
