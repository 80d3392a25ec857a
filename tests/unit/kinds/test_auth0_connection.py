"""What a connection's options compare like and what is written for a difference: nobody's key is lost, no secret told."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mlgate.api.auth0connection import Auth0ConnectionSpec
from mlgate.engine.plan import Action, wish_hash
from mlgate.errors import Terminal
from mlgate.kinds.auth0.connection import Auth0Connection
from mlgate.kinds.auth0.connection_options import OptionsOf, merged
from mlgate.kinds.auth0.on_auth0 import mark_values
from mlgate.kinds.auth0.secret_settings import SecretSettings, refuse_secrets
from mlgate.sensitive import Sensitive
from mlgate.store.protocol import Key
from unit.engine.samples import an_object
from unit.kinds.given import MARK, OWNER, resolved

CONNECTION = Auth0Connection(cast(Any, None))
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----"


def a_spec(**spec: Any) -> Auth0ConnectionSpec:
    return Auth0ConnectionSpec.model_validate({"tenantRef": {"name": "main"}, "strategy": "auth0", **spec})


@pytest.mark.parametrize(
    ("strategy", "wanted", "seen"),
    [
        pytest.param("auth0", {"mfa": {"active": True}}, {"mfa": {"active": True, "x": 1}, "y": 2}, id="filled in"),
        pytest.param("auth0", {"validation": None}, {}, id="null is absent"),
        pytest.param("auth0", {"password_dictionary": {"dictionary": ["a", "b"]}},
                     {"password_dictionary": {"dictionary": ["b", "a"]}}, id="a list of words is a set"),
        pytest.param("facebook", {"scope": "email,public_profile"}, {"scope": ["public_profile", "email"]},
                     id="scopes as a text or as a list"),
        pytest.param("oidc", {"token_endpoint": None}, {"token_endpoint": "https://a/token"}, id="null asks for discovery"),
        pytest.param("okta", {"token_endpoint": "https://b"}, {"token_endpoint": "https://a"}, id="Okta tells its own"),
        pytest.param("samlp", {"signingCert": PEM}, {"cert": PEM.replace("\n", "\r\n")}, id="a certificate by another name"),
    ],
)  # fmt: skip
def test_the_same_in_other_words(strategy: str, wanted: Any, seen: Any) -> None:
    assert OptionsOf(strategy).change("options", wanted, seen, ()) is None


@pytest.mark.parametrize(
    ("wanted", "seen", "old", "new"),
    [
        pytest.param({"a": True}, {"a": 1}, {"a": 1}, {"a": True}, id="true is not one"),
        pytest.param({"a": {"b": 2}}, {"a": {"b": 1, "c": 3}}, {"a.b": 1}, {"a.b": 2}, id="only what differs is told"),
        pytest.param({"precedence": ["a", "b"]}, {"precedence": ["b", "a"]}, {"precedence": ["b", "a"]},
                     {"precedence": ["a", "b"]}, id="an order that means something"),
        pytest.param({"a": None}, {"a": 1}, {"a": 1}, {"a": None}, id="null removes"),
    ],
)  # fmt: skip
def test_a_difference(wanted: Any, seen: Any, old: Any, new: Any) -> None:
    change = OptionsOf("auth0").change("options", wanted, seen, ())
    assert change is not None
    assert (change.old, change.new) == (old, new)


def test_a_secret_of_others_that_a_change_touches_is_not_told() -> None:
    change = OptionsOf("oidc").change("options", {"gateway": "none"}, {"gateway": {"secret": "th3irs", "url": "u"}}, ())
    assert change is not None
    assert "th3irs" not in str(change.shown())


@pytest.mark.parametrize(
    ("current", "wanted", "expect"),
    [
        pytest.param({"a": {"x": 1}, "client_secret": "s"}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}, "client_secret": "s"},
                     id="what others wrote stays, at every depth"),
        pytest.param({"a": 1, "b": 2}, {"a": None}, {"b": 2}, id="null removes a key"),
        pytest.param({"domain": "a", "oidc_metadata": {}, "c": 1}, {"domain": "b"}, {"domain": "b", "c": 1},
                     id="what was discovered of the old is not written back"),
        pytest.param({"domain": "a", "oidc_metadata": {}}, {"domain": "a"}, {"domain": "a", "oidc_metadata": {}},
                     id="what was discovered stays while its source does"),
        pytest.param({"cert": "old", "thumbprints": ["t"]}, {"signingCert": PEM}, {"signingCert": PEM},
                     id="a new certificate is not beaten by the old"),
    ],
)  # fmt: skip
def test_what_is_written(current: Any, wanted: Any, expect: Any) -> None:
    assert merged(current, wanted) == expect


def test_secrets_are_put_at_their_paths_and_leave_what_is_beside_them() -> None:
    secrets = {"client_secret": Sensitive("a"), "configuration.KEY": Sensitive("b")}
    assert merged({"configuration": {"X": "2.0$x"}}, {}, secrets) == {
        "client_secret": "a",
        "configuration": {"X": "2.0$x", "KEY": "b"},
    }


RULE = SecretSettings()


def sent(**values: str) -> list[str]:
    return RULE.entries({path: Sensitive(value) for path, value in values.items()})


@pytest.mark.parametrize(
    ("shown", "managed", "changes"),
    [
        pytest.param({"client_secret": "s3cret"}, [], False, id="shown in the clear and the same"),
        pytest.param(
            {"client_secret": "other"}, sent(client_secret="s3cret"), True, id="changed by somebody, in the clear"
        ),
        pytest.param({}, sent(client_secret="s3cret"), False, id="not shown, sent before"),
        pytest.param({}, [], True, id="not shown, never sent"),
        pytest.param({"client_secret": "********"}, sent(client_secret="s3cret"), False, id="masked, sent before"),
        pytest.param({"client_secret": "********"}, sent(client_secret="old"), True, id="masked, the Secret changed"),
    ],
)
def test_whether_a_secret_is_sent(shown: Any, managed: list[str], changes: bool) -> None:
    change = RULE.change("option_secrets", {"client_secret": Sensitive("s3cret")}, shown, managed)
    assert (change is not None) is changes
    assert "s3cret" not in str(change and change.shown()) + str(managed)
    assert "other" not in str(change and change.shown())


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"client_secret": "x"}, id="a client secret"),
        pytest.param({"twilio_token": "x"}, id="a token"),
        pytest.param({"gateway_authentication": {"secret": "x"}}, id="a secret below"),
        pytest.param({"configuration": {"HOST": "x"}}, id="what the service keeps encrypted"),
        pytest.param({"upstream": [{"password": 123456}]}, id="a password of digits in a list"),
        pytest.param({"signing": {"pem": "-----BEGIN RSA PRIVATE KEY-----"}}, id="a private key by its looks"),
    ],
)
def test_a_secret_in_the_options_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(Terminal, match=r"is a secret .* spec.optionSecrets, with path"):
        refuse_secrets(options, (), field="options", secrets="optionSecrets")


@pytest.mark.parametrize(
    "options",
    [
        {"passwordPolicy": "good", "password_history": {"enable": True}, "authentication_methods": {"password": {}}},
        {"disable_self_service_change_password": True, "token_endpoint": "https://a", "client_secret": None},
        {"customScripts": {"change_password": "function changePassword() {}"}, "consumer_key": "id"},
    ],
    ids=["names with password in them", "names that only look like secrets", "code, and a key that is an id"],
)
def test_what_is_no_secret_is_allowed(options: dict[str, Any]) -> None:
    refuse_secrets(options, (), field="options", secrets="optionSecrets")


def test_one_option_in_two_places_is_refused() -> None:
    with pytest.raises(Terminal, match=r"a\.b stands in spec\.options and in spec\.optionSecrets"):
        refuse_secrets({"a": {"b": "x"}}, ["a.b"], field="options", secrets="optionSecrets")


# -- the kind -----------------------------------------------------------------------------------------------------------


def wish(**spec: Any) -> dict[str, Any]:
    return dict(CONNECTION.with_mark(CONNECTION.desired(OWNER, a_spec(**spec), resolved()), MARK))


def test_only_what_is_written_is_wished() -> None:
    assert wish() == {"name": "fraud", "strategy": "auth0", "metadata": mark_values(MARK)}
    assert wish(name="a", displayName="A", options={})["options"] == {}


@pytest.mark.parametrize("field", ["name", "strategy"])
def test_what_never_changes_is_refused(field: str) -> None:
    seen = {**wish(), field: "other"}
    with pytest.raises(Terminal, match=f"{field} cannot be changed"):
        CONNECTION.fields_of("auth0").diff(wish(), seen, {}, "con_1")


def test_secrets_count_in_the_wish_by_their_fingerprint() -> None:
    spec = a_spec(optionSecrets=[{"path": "client_secret", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}])
    wishes = [
        CONNECTION.desired(OWNER, spec, resolved(secrets={Key("Secret", "ml", "s"): {"k": Sensitive(value)}}))
        for value in ("one", "two")
    ]
    assert wish_hash(wishes[0]) != wish_hash(wishes[1])
    plan = CONNECTION.fields_for(spec).diff(wishes[0], None, {}, None)
    assert plan.action is Action.CREATE
    assert "one" not in str(plan.published())


def test_applications_are_known_by_their_objects_and_only_once() -> None:
    client = an_object("Auth0Client", "app", status={"externalId": "cid"})
    spec = a_spec(enabledClients=[{"name": "app"}, {"clientId": "cid"}, {"clientId": "other"}])
    assert CONNECTION.desired(OWNER, spec, resolved(client))["enabled_clients"] == ["cid", "other"]


def test_a_deleted_application_does_not_wait_for_the_connection_but_a_tenant_does() -> None:
    own = an_object("Auth0Connection", "users")
    assert CONNECTION.gets_by_without(an_object("Auth0Client", "app"), own)
    assert not CONNECTION.gets_by_without(an_object("Auth0Tenant", "main"), own)
