"""Objects as last seen and who refers to whom (ENGINE rules 10 and 11): an older state is no evidence, every reference has
its reverse."""

from __future__ import annotations

import pytest

from mlgate.engine.cache import REMEMBERED, Cache
from mlgate.store.protocol import Key
from unit.engine.samples import a_key, an_object

A, B = a_key("a"), a_key("b")
T, U = a_key("t", "Target"), a_key("u", "Target")


@pytest.fixture
def cache() -> Cache:
    return Cache()


def test_a_new_object_has_nothing_before_it(cache: Cache) -> None:
    obj = an_object()
    assert cache.put(obj) is None
    assert cache.get(A) is obj
    assert len(cache) == 1


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        pytest.param("9", "10", True, id="a newer state replaces the older, by number and not by text"),
        pytest.param("10", "9", False, id="a late doorbell with an older state is ignored"),
        pytest.param("10", "10", False, id="the echo of what is known is ignored"),
        pytest.param("abc", "abd", True, id="versions that are no numbers are taken when they differ"),
        pytest.param("abc", "abc", False, id="versions that are no numbers are ignored when equal"),
    ],
)
def test_what_counts_as_newer(cache: Cache, first: str, second: str, taken: bool) -> None:
    one, other = an_object(version=first), an_object(version=second)
    cache.put(one)
    before = cache.put(other)
    assert before is (one if taken else other)
    assert cache.get(A) is (other if taken else one)


def test_an_object_that_was_made_anew_under_the_same_name_is_taken_whatever_its_version(cache: Cache) -> None:
    cache.put(an_object(uid="old", version="100"))
    anew = an_object(uid="new", version="5")
    cache.put(anew)
    assert cache.get(A) is anew


def test_what_belonged_to_the_old_object_does_not_belong_to_its_namesake(cache: Cache) -> None:
    cache.put(an_object(uid="old", version="100"))
    cache.put(an_object(uid="new", version="101"))
    orphan = an_object("Child", "c", ownerReferences=[{"uid": "old"}])
    assert cache.owners_of(orphan) == []


def test_managed_fields_are_not_kept(cache: Cache) -> None:
    obj = an_object(managedFields=[{"manager": "kubectl"}])
    cache.put(obj)
    assert "managedFields" not in (cache.get(A) or {})["metadata"]


def test_a_dropped_object_is_gone_from_everywhere(cache: Cache) -> None:
    obj = an_object(status={"externalId": "id-1"})
    cache.put(obj)
    assert cache.drop(A, obj["metadata"]["uid"]) is obj
    assert cache.get(A) is None
    assert list(cache.of_kind("Thing")) == []
    assert cache.claims("Thing", "id-1") == []
    assert cache.owners_of(an_object("Child", "c", ownerReferences=[{"uid": obj["metadata"]["uid"]}])) == []
    assert cache.drop(A, obj["metadata"]["uid"]) is None


def test_an_answer_that_the_end_of_its_object_overtook_does_not_bring_it_back(cache: Cache) -> None:
    obj = an_object()
    cache.put(obj)
    cache.drop(A, obj["metadata"]["uid"])
    late = {**obj, "metadata": {**obj["metadata"], "resourceVersion": "999"}}
    assert cache.put(late) is late, "no news"
    assert cache.get(A) is None


def test_the_late_end_of_an_object_leaves_its_namesake_alone(cache: Cache) -> None:
    old = an_object()
    cache.put(old)
    new = {**old, "metadata": {**old["metadata"], "uid": "another"}}
    cache.put(new)
    assert cache.drop(A, old["metadata"]["uid"]) is None
    assert cache.get(A) is new


def test_what_is_gone_is_remembered_for_a_while_only(cache: Cache) -> None:
    obj = an_object()
    cache.drop(A, obj["metadata"]["uid"])
    for number in range(REMEMBERED):
        cache.drop(A, f"uid-{number}")
    assert cache.put(obj) is None


def test_a_change_of_a_target_finds_all_that_refer_to_it(cache: Cache) -> None:
    cache.refers(B, frozenset({T}))
    cache.refers(A, frozenset({T, U}))
    assert cache.referrers(T) == [A, B]
    assert cache.targets(A) == {T, U}


def test_a_reference_that_was_taken_out_is_forgotten(cache: Cache) -> None:
    cache.refers(A, frozenset({T, U}))
    cache.refers(A, frozenset({U}))
    assert cache.referrers(T) == []
    assert cache.referrers(U) == [A]
    cache.refers(A, frozenset())
    assert cache.referrers(U) == []
    assert cache.targets(A) == frozenset()


def test_a_reference_to_what_does_not_exist_yet_is_remembered(cache: Cache) -> None:
    cache.refers(A, frozenset({Key("Target", "ml", "later")}))
    assert cache.referrers(Key("Target", "ml", "later")) == [A]


def test_who_holds_an_external_id(cache: Cache) -> None:
    cache.put(an_object(name="b", status={"externalId": "id-1"}))
    cache.put(an_object(name="a", status={"externalId": "id-1"}))
    cache.put(an_object("Other", "o", status={"externalId": "id-1"}))
    assert cache.claims("Thing", "id-1") == [A, B]
    cache.put(an_object(name="a", status={"externalId": "id-2"}, version="2"))
    assert cache.claims("Thing", "id-1") == [B]
    assert cache.claims("Thing", "id-2") == [A]
    cache.put(an_object(name="b", version="2"))
    assert cache.claims("Thing", "id-1") == []


def test_what_an_object_owns_in_its_namespace(cache: Cache) -> None:
    owner = an_object(uid="owner")
    cache.put(owner)
    mine = an_object("Child", "mine", ownerReferences=[{"uid": "owner"}])
    cache.put(mine)
    cache.put(an_object("Child", "elsewhere", namespace="shop", ownerReferences=[{"uid": "owner"}]))
    cache.put(an_object("Child", "others", ownerReferences=[{"uid": "stranger"}]))
    cache.put(an_object("Unasked", "mine", ownerReferences=[{"uid": "owner"}]))
    assert cache.owned_by(owner, ["Child"]) == [mine]
    assert list(cache.owners_of(mine)) == [A]


def test_objects_of_a_kind_come_by_name(cache: Cache) -> None:
    for name in ("c", "a", "b"):
        cache.put(an_object(name=name))
    cache.put(an_object("Other", "o"))
    assert [obj["metadata"]["name"] for obj in cache.of_kind("Thing")] == ["a", "b", "c"]
