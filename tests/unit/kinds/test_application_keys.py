"""The next step in the life of an application's key: at every moment the key in the Secret is one that Auth0 accepts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest

from mlgate.errors import Terminal
from mlgate.kinds.auth0.application_keys import (
    IN_SECRET,
    AtAuth0,
    Do,
    Held,
    Key,
    Rotation,
    changed,
    new_key,
    next_step,
    read,
    thumbprint,
)
from mlgate.sensitive import Sensitive
from mlgate_sim.auth0.credentials import jwk_thumbprint

A, B, C = (Key(Sensitive(f"pem {name}"), f"kid-{name}-{'x' * 12}") for name in "abc")
HOUR = 3600.0
MONTHLY = Rotation(720 * HOUR, 24 * HOUR)


def there(*keys: Key, accepted: str = "", others: int = 0, other_method: bool = False) -> AtAuth0:
    """Our keys at Auth0 by letter, and which of them are accepted."""
    listed = [{"id": key.kid[4], "kid": key.kid, "name": key.name, "created_at": key.kid[4]} for key in keys]
    listed += [{"id": f"foreign{n}", "kid": f"foreign{n}", "name": "theirs"} for n in range(others)]
    ids = [*accepted, *(f"foreign{n}" for n in range(others))]
    return AtAuth0(listed, ids, other_method)


@dataclass(frozen=True)
class Case:
    says: str
    held: Held
    at_auth0: AtAuth0
    do: Do
    ids: str = ""
    now: float = HOUR
    rotation: Rotation = field(default=MONTHLY)

    def __str__(self) -> str:
        return self.says


LATER, OVER = 721 * HOUR, 25 * HOUR
CASES = [
    Case("a new application gets its key into the Secret first", Held(), there(), Do.ISSUE),
    Case("a lost Secret gets a new key whatever Auth0 has", Held(), there(A, B, accepted="ab"), Do.ISSUE),
    Case("the public half follows the Secret", Held(A), there(), Do.REGISTER),
    Case("a registered key is accepted next", Held(A), there(A), Do.ACCEPT, "a"),
    Case(
        "another way to prove itself ends with the key",
        Held(A),
        there(A, accepted="a", other_method=True),
        Do.ACCEPT,
        "a",
    ),
    Case("an accepted key rests", Held(A), there(A, accepted="a"), Do.REST, "a"),
    Case("a key that somebody dropped is accepted again", Held(A), there(A), Do.ACCEPT, "a"),
    Case("a key that somebody removed is registered again", Held(A), there(), Do.REGISTER),
    Case("without a schedule a key stays for ever", Held(A), there(A, accepted="a"), Do.REST, "a", LATER, Rotation()),
    Case("when it is due the next one is prepared", Held(A), there(A, accepted="a"), Do.PREPARE, now=LATER),
    Case("the next one is registered beside it", Held(A, 0, B), there(A, accepted="a"), Do.REGISTER, now=LATER),
    Case("both are accepted", Held(A, 0, B), there(A, B, accepted="a"), Do.ACCEPT, "ab", LATER),
    Case("then the Secret switches", Held(A, 0, B), there(A, B, accepted="ab"), Do.SWITCH, now=LATER),
    Case("the old one stays for the overlap", Held(B), there(A, B, accepted="ab"), Do.REST, "ba", HOUR),
    Case("after it the old one is no more accepted", Held(B), there(A, B, accepted="ab"), Do.ACCEPT, "b", OVER),
    Case("and removed", Held(B), there(A, B, accepted="b"), Do.REMOVE, "a", OVER),
    Case("an old key that nobody accepts goes at once", Held(B), there(A, B, accepted="b"), Do.REMOVE, "a"),
    Case(
        "a restored Secret with a removed key makes room: not accepted",
        Held(C),
        there(A, B, accepted="ab"),
        Do.ACCEPT,
        "b",
    ),
    Case(
        "a restored Secret with a removed key makes room: removed", Held(C), there(A, B, accepted="b"), Do.REMOVE, "a"
    ),
    Case(
        "a key of others leaves no room for a rotation: the one in use stays",
        Held(A),
        there(A, accepted="a", others=1),
        Do.REST,
        "a+foreign0",
        LATER,
    ),
    Case(
        "a key of others that came between: the one in use stays",
        Held(A, 0, B),
        there(A, accepted="a", others=1),
        Do.REST,
        "a+foreign0",
        LATER,
    ),
    Case("a key of others stays accepted", Held(A), there(A, others=1), Do.ACCEPT, "a+foreign0"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_next_step(case: Case) -> None:
    step = next_step(case.held, case.at_auth0, case.rotation, case.now)
    expect = [*case.ids.split("+")[0], *case.ids.split("+")[1:]]
    assert (step.do, sorted(step.ids)) == (case.do, sorted(expect))


def test_keys_of_others_that_leave_no_room_are_named() -> None:
    with pytest.raises(Terminal, match=r"2 public keys.*foreign0 and foreign1 are not mlgate's.*Remove"):
        next_step(Held(A), there(others=2), MONTHLY, HOUR)


@pytest.mark.parametrize(
    "held", [Held(A), Held(A, 0, B)], ids=["before the next is made", "with the next in the Secret"]
)
def test_a_rotation_without_room_says_whose_keys_are_in_the_way(held: Held) -> None:
    assert next_step(held, there(A, accepted="a", others=1), MONTHLY, LATER).blocked_by == ["foreign0"]
    assert next_step(Held(A), there(A, accepted="a", others=1), MONTHLY, HOUR).blocked_by == ()


@pytest.mark.parametrize("dies_after", range(24), ids=lambda n: f"dying after step {n}")
def test_a_year_of_rotations_never_leaves_the_secret_with_a_key_that_is_refused(dies_after: int) -> None:
    """A step's effect is kept, what the process knew is lost: nothing but the Secret and Auth0 carries over."""
    names = (Key(Sensitive(str(n)), f"kid{n:04}") for n in itertools.count())
    held, keys, accepted, now = Held(), list[dict[str, Any]](), list[str](), 0.0
    ever_accepted, steps, looks = False, 0, 0
    while now < 366 * 24 * HOUR:
        step = next_step(held, AtAuth0(list(keys), list(accepted)), MONTHLY, now)
        steps += 1
        if step.do is Do.REST:
            looks += 1
            now = max(now + 1, step.until or now + 24 * HOUR)
        elif step.do in IN_SECRET:
            held = changed(held, step, None if step.do is Do.SWITCH else next(names), now)
        elif step.do is Do.REGISTER:
            assert step.key is not None
            assert len(keys) < 2, "Auth0 takes no third"
            keys.append({"id": f"cred{step.key.kid}", "kid": step.key.kid, "name": step.key.name})
        elif step.do is Do.ACCEPT:
            accepted = list(step.ids)
        else:
            assert step.ids[0] not in accepted, "what is accepted is not removed"
            keys = [key for key in keys if key["id"] != step.ids[0]]
        if steps == dies_after:
            now += 2 * HOUR  # the operator is away for a while
        usable = held.current is not None and f"cred{held.current.kid}" in accepted
        assert usable or not ever_accepted
        ever_accepted = ever_accepted or usable
    assert looks >= 20
    assert len(keys) <= 2


def test_the_key_id_is_the_thumbprint_that_auth0_computes() -> None:
    key = new_key()
    from cryptography.hazmat.primitives import serialization

    public = serialization.load_pem_public_key(key.public_pem.encode())
    assert key.kid == jwk_thumbprint(public) == thumbprint(public)  # type: ignore[arg-type]


def test_a_key_of_another_application_in_the_secret_does_not_count() -> None:
    entries = {"client-id": Sensitive("other"), "private-key": new_key().pem}
    assert read(entries, "mine") == Held()
    assert read({**entries, "client-id": Sensitive("mine")}, "mine").current is not None
    assert read({"client-id": Sensitive("mine"), "private-key": Sensitive("no key")}, "mine") == Held()
