"""What an object needs before it is carried out, and who may refer to whom. Each refusal names both sides and what wakes
it (ENGINE rules 11, 16 and 18)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import pytest

from mlgate.engine.references import SECRET, Need, Ref, Target, check, permitted, secret_data, targets
from mlgate.errors import Denied, Terminal, Trouble, Wait
from mlgate.reasons import Reason
from mlgate.store.protocol import Key, Object
from unit.engine.samples import WELL, a_key, an_object, condition

ME = a_key("me", "User")
TARGET = a_key("target")
IN_SHOP = Key("User", "shop", "me")


def target(**said: Any) -> Object:
    return an_object("Thing", "target", **said)


@dataclass(frozen=True)
class Case:
    says: str
    need: Need
    target: Object | None
    expect: str | tuple[type[Trouble], Reason]
    deleting: bool = False
    asking: Key = ME
    message: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.says


FOUND, NONE = "found", "none"
NOT_FOUND = (Wait, Reason.DEPENDENCY_NOT_FOUND)
NOT_READY = (Wait, Reason.DEPENDENCY_NOT_READY)
DENIED = (Denied, Reason.ACCESS_DENIED)
EXISTING = {"externalId": "id-1"}
NO_READY = condition("Ready", "False", reason="QuotaLimited")

CASES = [
    Case(
        "a missing object is waited for and named with the field that names it",
        Need.READY,
        None,
        NOT_FOUND,
        message=("Thing ml/target does not exist", "spec.ref of User ml/me", "Create it"),
    ),
    Case("a missing object that only has to be there is waited for", Need.EXISTS, None, NOT_FOUND),
    Case("what may be missing is not waited for", Need.MAYBE, None, NONE),
    Case("what may be missing is given when it is there", Need.MAYBE, target(), FOUND),
    Case("what only has to be there is enough unready", Need.EXISTS, target(), FOUND),
    Case("an identity is enough although it is not ready", Need.IDENTITY, target(status=EXISTING), FOUND),
    Case(
        "what has no id outside is waited for",
        Need.IDENTITY,
        target(),
        NOT_READY,
        message=("has not been looked at yet",),
    ),
    Case(
        "an id that is being deleted is no identity any more",
        Need.IDENTITY,
        target(status=EXISTING, deleting=True),
        NOT_READY,
        message=("is being deleted",),
    ),
    Case("a ready object is taken", Need.READY, target(conditions=WELL), FOUND),
    Case(
        "an object that is not ready is waited for with its own reason",
        Need.READY,
        target(conditions=(NO_READY, condition("Synced"))),
        NOT_READY,
        message=(
            "Thing ml/target",
            "QuotaLimited",
        ),
    ),
    Case(
        "an object that is ready and not synced is waited for",
        Need.READY,
        target(conditions=(condition("Ready"), condition("Synced", "False", reason="Updating"))),
        NOT_READY,
        message=("Updating",),
    ),
    Case(
        "readiness of an older generation does not count",
        Need.READY,
        target(conditions=WELL, generation=2),
        NOT_READY,
        message=("was changed and is being looked at",),
    ),
    Case(
        "a ready object that is being deleted is waited for",
        Need.READY,
        target(conditions=WELL, deleting=True),
        NOT_READY,
        message=("is being deleted",),
    ),
    Case("for an object that is going a missing target is no reason to wait", Need.READY, None, NONE, deleting=True),
    Case("for an object that is going an unready target is good enough", Need.READY, target(), FOUND, deleting=True),
    Case(
        "for an object that is going a deleting target is good enough",
        Need.IDENTITY,
        target(deleting=True),
        FOUND,
        deleting=True,
    ),
    Case(
        "a target of another namespace that lets nobody in is denied",
        Need.READY,
        target(conditions=WELL),
        DENIED,
        asking=IN_SHOP,
        message=("Thing ml/target may not be referred to from namespace shop (spec.ref)", "allowedNamespaces"),
    ),
    Case(
        "a target that lets this namespace in is taken",
        Need.READY,
        target(conditions=WELL, spec={"allowedNamespaces": {"from": "Names", "names": ["shop"]}}),
        FOUND,
        asking=IN_SHOP,
    ),
    Case(
        "denial is said before unreadiness, which would tell about a stranger's object",
        Need.READY,
        target(conditions=(NO_READY,)),
        DENIED,
        asking=IN_SHOP,
    ),
    Case("what may be missing is denied all the same when it is there", Need.MAYBE, target(), DENIED, asking=IN_SHOP),
    Case(
        "a namespace that was shut out can still take down what it made",
        Need.READY,
        target(conditions=WELL),
        FOUND,
        asking=IN_SHOP,
        deleting=True,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_check(case: Case) -> None:
    ref = Ref(TARGET, "spec.ref", case.need)
    if isinstance(case.expect, str):
        found = check(ref, case.asking, case.target, deleting=case.deleting)
        assert (FOUND if found else NONE) == case.expect
        return
    with pytest.raises(case.expect[0]) as caught:
        check(ref, case.asking, case.target, deleting=case.deleting)
    assert caught.value.reason is case.expect[1]
    assert [words for words in case.message if words not in caught.value.message] == []


@pytest.mark.parametrize(
    ("allowed", "namespace", "expect"),
    [
        pytest.param(None, "ml", True, id="its own namespace always"),
        pytest.param(None, "shop", False, id="nobody else when nothing is said"),
        pytest.param({"from": "Same"}, "shop", False, id="nobody else with Same"),
        pytest.param({"from": "All"}, "shop", True, id="everybody with All"),
        pytest.param({"from": "Names", "names": ["shop"]}, "shop", True, id="those that are named"),
        pytest.param({"from": "Names", "names": ["shop"]}, "other", False, id="not those that are not named"),
        pytest.param(
            {"from": "Names", "names": ["shop"]}, "ml", True, id="its own namespace although others are named"
        ),
    ],
)
def test_who_may_refer_to_an_object(allowed: dict[str, Any] | None, namespace: str, expect: bool) -> None:
    spec = {"allowedNamespaces": allowed} if allowed else {}
    assert permitted(namespace, TARGET, target(spec=spec)) is expect


def test_no_secret_is_ever_read_across_namespaces() -> None:
    secret = an_object("Secret", "s", spec={"allowedNamespaces": {"from": "All"}})
    assert permitted("ml", Key(SECRET, "ml", "s"), secret)
    assert not permitted("shop", Key(SECRET, "ml", "s"), secret)


SECRET_REF = Ref(Key(SECRET, "ml", "creds"), "spec.credentials", guard=True)


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def test_secret_values_are_sensitive_at_once() -> None:
    secret = {**an_object("Secret", "creds"), "data": {"clientId": encoded("grün".encode())}}
    found = secret_data(SECRET_REF, ME, secret)
    assert found["clientId"].reveal() == "grün"
    assert "grün" not in repr(found)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        pytest.param(None, ("Secret ml/creds does not exist", "spec.credentials of User ml/me"), id="a missing Secret"),
        pytest.param(
            {"data": {"k": "no base64!"}}, ("Key k of Secret ml/creds is not text",), id="a value that is no base64"
        ),
        pytest.param(
            {"data": {"k": encoded(b"\xff\xfe")}},
            ("Key k of Secret ml/creds is not text",),
            id="a value that is no text",
        ),
    ],
)
def test_a_secret_that_cannot_be_used_names_itself(secret: Object | None, words: tuple[str, ...]) -> None:
    with pytest.raises(Terminal) as caught:
        secret_data(SECRET_REF, ME, secret)
    assert caught.value.reason is Reason.CREDENTIALS_MISSING
    assert [word for word in words if word not in caught.value.message] == []


def test_an_empty_secret_has_no_values() -> None:
    assert secret_data(SECRET_REF, ME, an_object("Secret", "creds")) == {}


def test_everything_that_is_referred_to_wakes_the_object() -> None:
    refs = [Ref(TARGET, "spec.a"), SECRET_REF, Ref(TARGET, "spec.b", Need.MAYBE)]
    assert targets(refs) == {TARGET, SECRET_REF.target}


def test_a_target_answers_about_itself() -> None:
    found = Target(target(spec={"a": 1}, status=EXISTING, deleting=True))
    assert (found.namespace, found.name, found.external_id, found.deleting) == ("ml", "target", "id-1", True)
    assert found.spec == {"a": 1}


def test_the_end_of_a_chain_of_waits_is_what_is_told() -> None:
    waits = {**condition("Ready", "False", reason="DependencyNotReady"), "message": "Waits for Secret ml/creds."}
    with pytest.raises(Wait) as caught:
        check(Ref(TARGET, "spec.ref"), ME, target(conditions=(waits,)))
    assert caught.value.message == "Waits for Secret ml/creds."
