"""How services are reached and which permissions may be asked for: what is missing is named with both sides."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.api.auth0tenant import Auth0TenantSpec
from mlgate.api.azureconnection import AzureConnectionSpec
from mlgate.api.references import ApiRef
from mlgate.azureml import ClientSecret, ManagedIdentity, WorkloadIdentity
from mlgate.azureml.progress import Progress, State
from mlgate.engine.protocols import Seen
from mlgate.errors import Terminal
from mlgate.kinds.auth0 import on_auth0
from mlgate.kinds.auth0.apis import audience
from mlgate.kinds.azure import on_azure
from mlgate.reasons import Reason
from mlgate.sensitive import Sensitive
from unit.kinds.given import MARK, OWNER, an_api, resolved

GUID = "11111111-2222-3333-4444-555555555555"


def a_tenant(method: str = "ClientSecret") -> Auth0TenantSpec:
    credentials = {"secretRef": {"name": "auth0"}, "method": method}
    return Auth0TenantSpec.model_validate({"domain": "acme.eu.auth0.com", "credentials": credentials})


def a_connection(**auth: Any) -> AzureConnectionSpec:
    return AzureConnectionSpec.model_validate({"tenantId": GUID, "subscriptionId": GUID, "auth": auth})


BY_SECRET: dict[str, Any] = {"type": "ClientSecret", "clientId": "app", "secretRef": {"name": "azure"}}


@pytest.mark.parametrize(
    ("method", "keys", "missing"),
    [
        pytest.param("ClientSecret", (), ("clientId and clientSecret",), id="an empty Secret lacks both keys"),
        pytest.param(
            "ClientSecret", ("clientId",), ("lacks clientSecret,",), id="a Secret without its secret names it"
        ),
        pytest.param("ClientSecret", ("clientSecret",), ("lacks clientId,",), id="a Secret without the id names it"),
        pytest.param(
            "PrivateKey",
            ("clientId", "clientSecret"),
            ("lacks privateKey,",),
            id="with a private key another key is missing",
        ),
    ],
)
def test_missing_credentials_of_a_tenant_are_named(
    method: str, keys: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    with pytest.raises(Terminal) as caught:
        on_auth0.access(a_tenant(method), "ml", "main", {key: Sensitive("x") for key in keys})
    assert caught.value.reason is Reason.CREDENTIALS_MISSING
    words = ("Secret ml/auth0", "Auth0Tenant ml/main", *missing)
    assert [word for word in words if word not in caught.value.message] == []


def test_an_empty_value_is_a_missing_one() -> None:
    with pytest.raises(Terminal, match="lacks clientSecret"):
        on_auth0.access(a_tenant(), "ml", "main", {"clientId": Sensitive("id"), "clientSecret": Sensitive("")})


def test_a_tenant_is_reached_with_its_secret_and_without_stray_line_ends() -> None:
    secret = {"clientId": Sensitive("id\n"), "clientSecret": Sensitive("hunter2")}
    found = on_auth0.access(a_tenant(), "ml", "main", secret)
    assert (found.domain, found.client_id, found.client_secret) == ("acme.eu.auth0.com", "id", Sensitive("hunter2"))
    assert (found.private_key_pem, found.name, found.secret_name) == (None, "Auth0Tenant ml/main", "Secret ml/auth0")
    assert "hunter2" not in repr(found)


def test_a_tenant_with_a_private_key_is_reached_with_it() -> None:
    found = on_auth0.access(
        a_tenant("PrivateKey"), "ml", "main", {"clientId": Sensitive("id"), "privateKey": Sensitive("pem")}
    )
    assert (found.client_secret, found.private_key_pem) == (None, Sensitive("pem"))


def test_every_plan_of_a_tenant_has_a_request_budget() -> None:
    plans = Auth0TenantSpec.model_fields["plan"].annotation.__args__  # type: ignore[union-attr]
    secret = {"clientId": Sensitive("id"), "clientSecret": Sensitive("s")}
    for plan in plans:
        on_auth0.access(a_tenant().model_copy(update={"plan": plan}), "ml", "main", secret)


@pytest.mark.parametrize(
    "secret", [None, {}, {"clientSecret": Sensitive("")}], ids=["no Secret", "no key", "an empty key"]
)
def test_missing_credentials_of_a_connection_are_named(secret: dict[str, Sensitive] | None) -> None:
    with pytest.raises(Terminal) as caught:
        on_azure.access(a_connection(**BY_SECRET), "ml", "azure", secret)
    assert caught.value.reason is Reason.CREDENTIALS_MISSING
    words = ("Secret ml/azure", "clientSecret", "AzureConnection ml/azure")
    assert [word for word in words if word not in caught.value.message] == []


@pytest.mark.parametrize(
    ("auth", "expect"),
    [
        pytest.param(BY_SECRET, ClientSecret("app", Sensitive("s")), id="with the secret of an app registration"),
        pytest.param(
            {"type": "WorkloadIdentity", "clientId": "app"},
            WorkloadIdentity("app", on_azure.TOKEN_FILE),
            id="with the token of a service account",
        ),
        pytest.param({"type": "ManagedIdentity"}, ManagedIdentity(None), id="with the identity of the node"),
        pytest.param(
            {"type": "ManagedIdentity", "clientId": "app"}, ManagedIdentity("app"), id="with an identity that is named"
        ),
    ],
)
def test_a_connection_signs_in(auth: dict[str, Any], expect: object) -> None:
    found = on_azure.access(a_connection(**auth), "ml", "azure", {"clientSecret": Sensitive("s\n")})
    assert found.auth == expect
    assert found.name == "AzureConnection ml/azure"


def test_every_cloud_of_a_connection_has_addresses() -> None:
    for cloud in AzureConnectionSpec.model_fields["cloud"].annotation.__args__:  # type: ignore[union-attr]
        spec = a_connection(type="ManagedIdentity").model_copy(update={"cloud": cloud})
        assert on_azure.access(spec, "ml", "azure", None).endpoints().resource_manager.startswith("https://")


# -- the audience of an API ---------------------------------------------------------------------------------------------


def test_an_api_that_is_not_managed_here_is_taken_at_its_word() -> None:
    assert audience(OWNER, ApiRef(identifier="https://x"), resolved(), ["anything"]) == "https://x"


@pytest.mark.parametrize(
    ("permissions", "silent"),
    [
        pytest.param(("read", "write"), False, id="permissions that the API has"),
        pytest.param((), True, id="any permission of an API whose permissions are not managed here"),
    ],
)
def test_the_audience_of_an_api_of_ours(permissions: tuple[str, ...], silent: bool) -> None:
    refs = resolved(an_api(*permissions, silent=silent))
    assert audience(OWNER, ApiRef(name="fraud"), refs, ["read"]) == "https://fraud"


@pytest.mark.parametrize(
    ("known", "words"),
    [
        pytest.param(
            ("read",), ("no permission admin, write", "it has read"), id="names what is unknown and what there is"
        ),
        pytest.param((), ("no permission admin, write", "it has none"), id="says that there is none"),
    ],
)
def test_a_permission_that_an_api_lacks(known: tuple[str, ...], words: tuple[str, ...]) -> None:
    asked = ["write", "admin", *known]
    with pytest.raises(Terminal) as caught:
        audience(OWNER, ApiRef(name="fraud"), resolved(an_api(*known)), asked)
    assert [word for word in ("Auth0API ml/fraud", *words) if word not in caught.value.message] == []


def test_an_api_of_another_namespace_is_the_one_that_is_meant() -> None:
    refs = resolved(an_api("read", name="fraud", namespace="ml"), an_api("read", name="fraud", namespace="shop"))
    assert audience(OWNER, ApiRef(name="fraud", namespace="shop"), refs, ["read"]) == "https://fraud"
    with pytest.raises(KeyError):
        audience(OWNER, ApiRef(name="fraud", namespace="other"), refs, ["read"])


# -- marks and health ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "ours", "holder"),
    [
        pytest.param(on_auth0.mark_values(MARK), True, None, id="ours with our mark"),
        pytest.param({**on_auth0.mark_values(MARK), "team": "x"}, True, None, id="ours with more than our mark"),
        pytest.param(
            {on_auth0.MARK_OWNER: "other/Kind/a/b", on_auth0.MARK_UID: "u"},
            False,
            "other/Kind/a/b",
            id="another's with another mark",
        ),
        pytest.param({"team": "x"}, None, None, id="nobody's without a mark"),
        pytest.param(None, None, None, id="nobody's without metadata"),
    ],
)
def test_whose_an_application_is(metadata: dict[str, str] | None, ours: bool | None, holder: str | None) -> None:
    assert on_auth0.whose(metadata, MARK) == (ours, holder)


@pytest.mark.parametrize(
    ("tags", "ours", "holder"),
    [
        pytest.param(on_azure.mark_tags(MARK), True, None, id="ours with our mark"),
        pytest.param({"team": "x"}, None, None, id="nobody's without a mark"),
        pytest.param(None, None, None, id="nobody's without tags"),
        pytest.param({on_azure.TAG_OWNER: "other/Kind/a/b"}, False, "other/Kind/a/b", id="another's with another mark"),
    ],
)
def test_whose_a_resource_is(tags: dict[str, str] | None, ours: bool | None, holder: str | None) -> None:
    assert on_azure.whose(tags, MARK) == (ours, holder)


@pytest.mark.parametrize("ours", [True, None, False])
def test_a_resource_without_a_mark_that_holds_our_name_is_somebody_elses(ours: bool | None) -> None:
    """Every create of ours carries the mark, so none was lost in between."""
    [found] = on_azure.met_first(Seen("id", {}, ours=ours))
    assert found.ours is bool(ours)


def test_where_nothing_holds_our_name_there_is_nothing() -> None:
    assert on_azure.met_first(None) == []


def test_marks_fit_into_the_room_that_services_have() -> None:
    assert all(len(key) <= 255 and len(value) <= 255 for key, value in on_auth0.mark_values(MARK).items())
    assert all(len(key) <= 512 and len(value) <= 256 for key, value in on_azure.mark_tags(MARK).items())


@pytest.mark.parametrize(
    ("state", "usable", "expect"),
    [
        pytest.param(State.SUCCEEDED, False, (True, True, False, Reason.AVAILABLE), id="what succeeded is well"),
        pytest.param(State.FAILED, True, (False, True, True, Reason.PROVISIONING_FAILED), id="what failed has failed"),
        pytest.param(
            State.CANCELED, True, (False, True, True, Reason.PROVISIONING_FAILED), id="what was cancelled has failed"
        ),
        pytest.param(
            State.CREATING, True, (False, False, False, Reason.CREATING), id="what is being made cannot be used"
        ),
        pytest.param(
            State.UPDATING,
            True,
            (True, False, False, Reason.UPDATING),
            id="what is being changed and answers can be used",
        ),
        pytest.param(
            State.UPDATING,
            False,
            (False, False, False, Reason.CREATING),
            id="what is being changed and never answered cannot",
        ),
        pytest.param(State.SCALING, True, (True, False, False, Reason.UPDATING), id="what is being scaled answers"),
        pytest.param(
            State.DELETING, True, (False, False, False, Reason.EXTERNAL_GONE), id="what is being deleted is as gone"
        ),
        pytest.param(
            State.SOFT_DELETED, True, (False, False, False, Reason.EXTERNAL_GONE), id="what lies in the bin is as gone"
        ),
        pytest.param(
            State.UNKNOWN,
            False,
            (False, False, False, Reason.CREATING),
            id="a state that is newer than this code is under way",
        ),
    ],
)
def test_how_an_operation_stands(state: State, usable: bool, expect: tuple[bool, bool, bool, Reason]) -> None:
    health = on_azure.health(Progress(state, 5.0, None), usable=usable, failure="because")
    assert (health.ready, health.settled, health.failed, health.reason) == expect
    assert not health.failed or health.message == "because"
    assert health.settled or health.again == 5.0
