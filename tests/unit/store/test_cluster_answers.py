"""What the API server's answers become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgate.store.cluster.answers import Expired, MissingKind, error_for
from mlgate.store.cluster.requests import path_of
from mlgate.store.protocol import (
    LEASES,
    NAMESPACES,
    SECRETS,
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Resource,
    StoreError,
    Unavailable,
)


def _status(message: str, reason: str = "", **details: Any) -> str:
    return json.dumps({"kind": "Status", "message": message, "reason": reason, "details": details})


@pytest.mark.parametrize(
    ("code", "body", "expect"),
    [
        pytest.param(404, _status("x", "NotFound", name="a"), NotFound, id="an absent object is NotFound"),
        pytest.param(404, "404 page not found\n", MissingKind, id="a kind that is not served is told apart"),
        pytest.param(409, _status("x", "AlreadyExists"), AlreadyExists, id="409 with a taken name"),
        pytest.param(409, _status("x", "Conflict"), Conflict, id="409 with an old version"),
        pytest.param(409, "", Conflict, id="409 without a word"),
        pytest.param(400, _status("x", "BadRequest"), Invalid, id="400 is the object's fault"),
        pytest.param(422, _status("x", "Invalid"), Invalid, id="422 is the object's fault"),
        pytest.param(413, "too large", Invalid, id="413 is the object's fault"),
        pytest.param(401, _status("Unauthorized"), Forbidden, id="401 is our identity's fault"),
        pytest.param(403, _status("x", "Forbidden"), Forbidden, id="403 is our identity's fault"),
        pytest.param(410, _status("x", "Expired"), Expired, id="410 asks to list again"),
        pytest.param(429, _status("x", "TooManyRequests"), Unavailable, id="429 is not our fault"),
        pytest.param(500, _status("etcdserver: timeout"), Unavailable, id="500 is not our fault"),
        pytest.param(503, "<html>", Unavailable, id="a proxy's page is not our fault"),
        pytest.param(
            500,
            _status("failed to create typed patch object (a/b; v1, Kind=X): .spec.x: field not declared in schema"),
            Invalid,
            id="500 about an undeclared field in an apply is the object's fault",
        ),
    ],
)
def test_an_answer_becomes_an_error(code: int, body: str, expect: type[StoreError]) -> None:
    error = error_for(code, body)
    assert type(error) is expect
    assert error.message


def test_the_message_is_the_api_servers_own_sentence() -> None:
    assert error_for(404, _status('widgets "a" not found', "NotFound", name="a")).message == 'widgets "a" not found'
    assert error_for(503, "  no upstream \n").message == "no upstream"
    assert error_for(502, "").message == "the API server answered 502"


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "subresource", "expect"),
    [
        (SECRETS, "a", "b", None, "/api/v1/namespaces/a/secrets/b"),
        (SECRETS, None, None, None, "/api/v1/secrets"),
        (NAMESPACES, "", "a", None, "/api/v1/namespaces/a"),
        (LEASES, "a", None, None, "/apis/coordination.k8s.io/v1/namespaces/a/leases"),
        (Resource("g", "v1", "W", "ws"), "a", "b", "status", "/apis/g/v1/namespaces/a/ws/b/status"),
        (SECRETS, "a", "../x", None, "/api/v1/namespaces/a/secrets/..%2Fx"),
    ],
)
def test_a_resource_says_its_path(
    resource: Resource, namespace: str | None, name: str | None, subresource: str | None, expect: str
) -> None:
    assert path_of(resource, namespace, name, subresource) == expect
