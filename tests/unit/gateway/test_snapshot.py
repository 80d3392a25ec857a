"""Encoding: what does not fit is named, what did not change is not encoded again."""

from __future__ import annotations

import copy
from typing import Any

from mlgate.gateway.descriptors import message_class
from mlgate.gateway.model import Credential
from mlgate.gateway.render import render
from mlgate.gateway.render.types import CLUSTER, ROUTES, SECRET
from mlgate.gateway.snapshot import Encoder
from mlgate.sensitive import Sensitive
from unit.gateway.samples import CREDENTIALS, gateway, route


def rendered() -> dict[str, dict[str, Any]]:
    return copy.deepcopy(render(gateway(route("ml/a"), route("ml/b")), CREDENTIALS))


def test_equal_content_has_an_equal_version_in_every_process() -> None:
    one, two = Encoder().encode(rendered()).snapshot, Encoder().encode(rendered()).snapshot
    assert one is not None and two is not None
    assert one.version == two.version
    assert one.resources == two.resources


def test_only_what_changed_is_encoded_again() -> None:
    encoder = Encoder()
    before = encoder.encode(rendered()).snapshot
    changed = render(gateway(route("ml/a"), route("ml/b")), {"ml/key": Credential("ml/key", Sensitive("other"))})
    after = encoder.encode(changed).snapshot
    assert before is not None and after is not None
    assert before.version != after.version
    different = [
        (kind, name)
        for kind, by_name in after.resources.items()
        for name, each in by_name.items()
        if each is not before.resources[kind][name]
    ]
    assert different == [(SECRET, "credential/ml/key")]


def test_routes_that_are_put_together_from_hosts_are_the_routes_that_were_rendered() -> None:
    snapshot = Encoder().encode(rendered()).snapshot
    assert snapshot is not None
    message: Any = message_class("envoy.config.route.v3.RouteConfiguration")()
    message.ParseFromString(snapshot.resources[ROUTES]["routes"].message.value)
    assert [host.name for host in message.virtual_hosts] == ["*", "a.example.com", "b.example.com"]
    assert message.name == "routes"


def test_a_misspelt_field_names_the_route_it_is_in() -> None:
    content = rendered()
    content[ROUTES]["routes"]["virtual_hosts"][2]["routes"][-2]["rout"] = {}
    encoded = Encoder().encode(content)
    assert encoded.snapshot is None
    (fault,) = encoded.faults
    assert (fault.type_url, fault.resource, fault.part) == (ROUTES, "routes", "ml/b#0#method")
    assert "rout" in fault.reason


def test_a_wrong_type_names_the_resource() -> None:
    content = rendered()
    content[CLUSTER]["ml/a"]["connect_timeout"] = "soon"
    (fault,) = Encoder().encode(content).faults
    assert (fault.type_url, fault.resource) == (CLUSTER, "ml/a")


def test_a_secret_that_does_not_fit_is_not_repeated() -> None:
    content = rendered()
    content[SECRET]["credential/ml/key"]["generic_secret"]["secret"] = {"inline_string": ["CANARY"]}
    (fault,) = Encoder().encode(content).faults
    assert fault.resource == "credential/ml/key"
    assert "CANARY" not in repr(fault)
