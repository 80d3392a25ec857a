"""Publishing without a proxy: what is said at once."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import mlgate.gateway
from mlgate.gateway.model import Credential
from mlgate.gateway.server import GatewayServer
from mlgate.sensitive import Sensitive
from unit.gateway.samples import CREDENTIALS, gateway, route


def test_publishing_says_what_is_left_out_and_serves_the_rest() -> None:
    server = GatewayServer()
    published = server.publish(gateway(route("ml/a"), route("ml/b", hostnames=())), CREDENTIALS)
    assert published.version
    assert [each.route for each in published.rejections] == ["ml/b"]
    assert published.changed
    again = server.publish(gateway(route("ml/a"), route("ml/b", hostnames=())), CREDENTIALS)
    assert (again.version, again.rejections, again.changed) == (published.version, published.rejections, False)


def test_a_new_credential_is_a_new_version_that_does_not_show_it() -> None:
    server = GatewayServer()
    first = server.publish(gateway(route()), CREDENTIALS)
    second = server.publish(gateway(route()), {"ml/key": Credential("ml/key", Sensitive("NEW-CANARY"))})
    assert second.changed
    assert first.version != second.version
    assert "CANARY" not in repr(server.state("ml/public")) + repr(second) + repr(vars(server))


def test_a_missing_credential_is_a_warning_for_its_route() -> None:
    published = GatewayServer().publish(gateway(route()), {})
    assert [(each.route, "ml/key" in each.message) for each in published.warnings] == [("ml/fraud", True)]


def test_an_unknown_gateway_has_no_state() -> None:
    state = GatewayServer().state("ml/unknown")
    assert (state.proxies, state.version, state.acknowledged, state.settled) == ((), None, None, False)


def test_the_gateway_imports_nothing_but_the_standard_library_grpc_protobuf_and_the_type_of_secrets() -> None:
    allowed = {*sys.stdlib_module_names, "grpc", "google.protobuf", "mlgate.gateway", "mlgate.sensitive"}
    folder = Path(next(iter(mlgate.gateway.__path__)))
    foreign = {
        (file.name, name)
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        for name in _imported(node)
        if not any(name == each or name.startswith(each + ".") for each in allowed)
    }
    assert foreign == set()


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []
