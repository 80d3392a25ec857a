"""What every store promises (`mlgate.store.protocol`), asked of the embedded store and of a real API server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from e2e.store.widgets import WIDGETS, eventually, version, widget
from mlgate.store.protocol import (
    CONFIG_MAPS,
    EVENTS,
    LEASES,
    NAMESPACES,
    SECRETS,
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Object,
    Resource,
    Store,
    StoreError,
)

# Creating


async def test_a_created_object_gets_a_uid_a_time_a_version_and_generation_one(store: Store, namespace: str) -> None:
    made = await store.create(WIDGETS, widget(namespace))
    own = made["metadata"]
    assert len(own["uid"]) == 36
    assert own["creationTimestamp"].endswith("Z")
    assert own["generation"] == 1
    assert own["resourceVersion"].isdigit()
    read = await store.get(WIDGETS, namespace, "w")
    assert read == made


async def test_what_the_server_owns_in_metadata_cannot_be_given(store: Store, namespace: str) -> None:
    given = {"uid": "7", "generation": 7, "creationTimestamp": "2020-01-01T00:00:00Z", "foo": "bar"}
    own = (await store.create(WIDGETS, widget(namespace, metadata=given)))["metadata"]
    assert own["uid"] != "7"
    assert own["generation"] == 1
    assert not own["creationTimestamp"].startswith("2020")
    assert "foo" not in own


async def test_unknown_fields_are_pruned_at_every_depth(store: Store, namespace: str) -> None:
    made = await store.create(
        WIDGETS, widget(namespace, nope=1, parts=[{"name": "x", "zz": 1}], deep={"zz": 1}, pair={"a": "1", "c": "x"})
    )
    assert made["spec"]["parts"] == [{"name": "x", "weight": 50}]
    assert "nope" not in made["spec"]
    assert made["spec"]["deep"] == {"mode": "quiet"}
    assert made["spec"]["pair"] == {"a": "1"}


async def test_a_preserving_object_keeps_everything_and_int_or_string_keeps_its_type(
    store: Store, namespace: str
) -> None:
    made = await store.create(WIDGETS, widget(namespace, free={"a": {"b": [1, {"c": None}]}}, port="80"))
    assert made["spec"]["free"] == {"a": {"b": [1, {"c": None}]}}
    assert made["spec"]["port"] == "80"


async def test_defaults_are_filled_in_where_their_parent_exists(store: Store, namespace: str) -> None:
    made = await store.create(WIDGETS, widget(namespace, parts=[{"name": "x"}, {"name": "y", "weight": 7}]))
    assert made["spec"] == {
        "title": "t",
        "size": 1,
        "color": "red",
        "deep": {"mode": "quiet"},
        "parts": [{"name": "x", "weight": 50}, {"name": "y", "weight": 7}],
    }
    with_parent = await store.create(WIDGETS, widget(namespace, "w2", shallow={}, deep={"level": 1}))
    assert with_parent["spec"]["shallow"] == {"mode": "quiet"}
    assert with_parent["spec"]["deep"] == {"mode": "quiet", "level": 1}


async def test_null_is_absent_unless_the_field_is_nullable(store: Store, namespace: str) -> None:
    made = await store.create(WIDGETS, widget(namespace, nothing=None, code=None, size=None))
    assert made["spec"]["nothing"] is None
    assert "code" not in made["spec"]
    assert made["spec"]["size"] == 1


async def test_status_given_on_create_is_dropped(store: Store, namespace: str) -> None:
    assert "status" not in await store.create(WIDGETS, {**widget(namespace), "status": {"phase": "x"}})


async def test_a_taken_name_is_refused(store: Store, namespace: str) -> None:
    await store.create(WIDGETS, widget(namespace))
    with pytest.raises(AlreadyExists, match=r'widgets.test.mlgate.dev "w" already exists'):
        await store.create(WIDGETS, widget(namespace))


async def test_a_namespace_must_exist(store: Store) -> None:
    with pytest.raises(NotFound, match='namespaces "not-there" not found'):
        await store.create(WIDGETS, widget("not-there"))
    with pytest.raises(NotFound, match='namespaces "not-there" not found'):
        await store.apply(WIDGETS, widget("not-there"))
    assert await store.list(WIDGETS, "not-there") == []
    assert await store.get(NAMESPACES, "", "default") is not None


async def test_a_name_can_be_generated(store: Store, namespace: str) -> None:
    obj = widget(namespace)
    obj["metadata"] = {"generateName": "made-", "namespace": namespace}
    name = (await store.create(WIDGETS, obj))["metadata"]["name"]
    assert name.startswith("made-")
    assert len(name) == len("made-") + 5


async def test_a_create_with_a_resource_version_is_refused(store: Store, namespace: str) -> None:
    with pytest.raises(Invalid, match="resourceVersion should not be set"):
        await store.create(WIDGETS, widget(namespace, metadata={"resourceVersion": "7"}))


async def test_an_object_of_another_kind_is_refused(store: Store, namespace: str) -> None:
    with pytest.raises(Invalid, match="must be Widget"):
        await store.create(WIDGETS, {**widget(namespace), "kind": "Gadget"})


async def test_a_kind_that_is_not_served_is_not_an_absent_object(store: Store, namespace: str) -> None:
    with pytest.raises(NotFound):
        await store.get(Resource("test.mlgate.dev", "v1", "Gadget", "gadgets"), namespace, "w")


@dataclass(frozen=True)
class Wrong:
    """A spec that is refused, and what the message says."""

    id: str
    says: str
    spec: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.id


WRONG = [
    Wrong("a required field is missing", "spec.title: Required value", {"title": None}),
    Wrong("a string is too short", "spec.title in body should be at least 1 chars long", {"title": ""}),
    Wrong("a string is too long", "spec.title: Too long: may not be more than 20 bytes", {"title": "x" * 21}),
    Wrong("a number stands for a string", 'spec.title in body must be of type string: "integer"', {"title": 5}),
    Wrong("an integer is too small", "spec.size: Invalid value: 0: spec.size in body should be greater", {"size": 0}),
    Wrong("an integer is too big", "spec.size in body should be less than or equal to 10", {"size": 11}),
    Wrong("an integer has a fraction", 'spec.size in body must be of type integer: "number"', {"size": 1.5}),
    Wrong("an exclusive minimum is met", "spec.ratio in body should be greater than 0", {"ratio": 0}),
    Wrong("an int32 overflows", "must be of type integer with format int32 in spec.low", {"low": 2**40}),
    Wrong("a value is not in the enum", 'Unsupported value: "pink": supported values: "red"', {"color": "pink"}),
    Wrong("a pattern does not match", "spec.code in body should match '^[a-z]+$'", {"code": "A1"}),
    Wrong("a pattern with a final newline does not match", "spec.code in body should match", {"code": "a\n"}),
    Wrong("a boolean is written as text", 'spec.enabled in body must be of type boolean: "string"', {"enabled": "y"}),
    Wrong("a time is not a time", "spec.when in body must be of type date-time", {"when": "yesterday"}),
    Wrong("neither int nor string", 'must be of type integer,string: "boolean"', {"port": True}),
    Wrong("a map's value is too long", "spec.labels.a: Too long", {"labels": {"a": "x" * 11}}),
    Wrong("a map has too many entries", "spec.labels: Too many: 4: must", {"labels": dict.fromkeys("abcd", "x")}),
    Wrong("a set has a value twice", 'spec.tags[2]: Duplicate value: "a"', {"tags": ["a", "b", "a"]}),
    Wrong("a list is too long", "spec.tags: Too many: 5: must have at most 4 items", {"tags": list("abcde")}),
    Wrong("a list is too short", "spec.words in body should have at least 1 items", {"words": []}),
    Wrong("a list's item is too long", "spec.words[1]: Too long", {"words": ["a", "toolong"]}),
    Wrong("text stands for a list", 'spec.words in body must be of type array: "string"', {"words": "x"}),
    Wrong(
        "a list-map has a key twice",
        'spec.parts[1]: Duplicate value: {"name":"a"}',
        {"parts": [{"name": "a"}, {"name": "a"}]},
    ),
    Wrong("a list-map's item has no key", "spec.parts[0].name: Required value", {"parts": [{"weight": 1}]}),
    Wrong("a nested enum", 'spec.deep.mode: Unsupported value: "x"', {"deep": {"mode": "x"}}),
    Wrong("a rule between two fields", "spec: Invalid value: low must not be above high", {"low": 3, "high": 2}),
    Wrong("a rule with a computed message", "weights are percentages", {"parts": [{"name": "a", "weight": 101}]}),
    Wrong("a rule is not reached", "some validation rules were not checked", {"color": "pink", "low": 3, "high": 2}),
    Wrong("a name with capitals", "a lowercase RFC 1123 subdomain must", metadata={"name": "Bad_Name"}),
    Wrong("a name of 254 characters", "must be no more than 253 characters", metadata={"name": "x" * 254}),
    Wrong("a label's name with a space", "metadata.labels: Invalid value", metadata={"labels": {"a b": "c"}}),
    Wrong("a label's value with a space", "metadata.labels: Invalid value", metadata={"labels": {"a": "b c"}}),
    Wrong(
        "an owner without a uid",
        "metadata.ownerReferences[0].uid: Required value",
        metadata={"ownerReferences": [{"apiVersion": "v1", "kind": "Widget", "name": "x"}]},
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
async def test_an_invalid_object_is_refused_and_told_why(store: Store, namespace: str, wrong: Wrong) -> None:
    with pytest.raises(Invalid) as refused:
        await store.create(WIDGETS, widget(namespace, metadata=wrong.metadata, **wrong.spec))
    assert wrong.says in refused.value.message
    name = wrong.metadata.get("name", "w")
    assert refused.value.message.startswith(f'Widget.test.mlgate.dev "{name}" is invalid: ')


async def test_every_fault_is_named_at_once(store: Store, namespace: str) -> None:
    with pytest.raises(Invalid) as refused:
        await store.create(WIDGETS, widget(namespace, color="pink", size=11, title=""))
    for path in ("spec.color", "spec.size", "spec.title"):
        assert path in refused.value.message


# Changing


async def test_generation_counts_changes_of_the_spec_only(store: Store, namespace: str) -> None:
    first = await store.create(WIDGETS, widget(namespace))
    labelled = await store.patch(WIDGETS, namespace, "w", {"metadata": {"labels": {"a": "b"}}})
    assert labelled["metadata"]["generation"] == 1
    assert int(version(labelled)) > int(version(first))
    reported = await store.patch_status(WIDGETS, namespace, "w", {"status": {"phase": "go"}})
    assert reported["metadata"]["generation"] == 1
    assert int(version(reported)) > int(version(labelled))
    resized = await store.patch(WIDGETS, namespace, "w", {"spec": {"size": 3}})
    assert resized["metadata"]["generation"] == 2
    assert int(version(resized)) > int(version(reported))


async def test_a_write_that_changes_nothing_keeps_the_version(store: Store, namespace: str) -> None:
    made = await store.create(WIDGETS, widget(namespace))
    for patch in ({"spec": {"title": "t"}}, {"spec": {"unknown": 1}}, {"metadata": {"labels": {"gone": None}}}):
        assert version(await store.patch(WIDGETS, namespace, "w", patch)) == version(made)
    status = await store.patch_status(WIDGETS, namespace, "w", {"status": {"phase": "go"}})
    again = await store.patch_status(WIDGETS, namespace, "w", {"status": {"phase": "go", "unknown": 1}})
    assert version(again) == version(status)


async def test_status_and_the_rest_do_not_touch_each_other(store: Store, namespace: str) -> None:
    await store.create(WIDGETS, widget(namespace))
    patch = {"status": {"phase": "go"}, "spec": {"title": "no"}, "metadata": {"labels": {"a": "b"}}}
    written = await store.patch_status(WIDGETS, namespace, "w", patch)
    assert written["status"] == {"phase": "go", "ready": False}
    assert written["spec"]["title"] == "t"
    assert "labels" not in written["metadata"]
    other = await store.patch(WIDGETS, namespace, "w", {"spec": {"size": 2}, "status": {"phase": "no"}})
    assert other["status"] == {"phase": "go", "ready": False}
    assert other["spec"]["size"] == 2
    cleared = await store.patch_status(WIDGETS, namespace, "w", {"status": None})
    assert "status" not in cleared


async def test_status_is_validated(store: Store, namespace: str) -> None:
    await store.create(WIDGETS, widget(namespace))
    with pytest.raises(Invalid, match="should be greater than or equal to 0"):
        await store.patch_status(WIDGETS, namespace, "w", {"status": {"count": -1}})
    with pytest.raises(Invalid, match=r"status.conditions\[0\].status: Required value"):
        await store.patch_status(WIDGETS, namespace, "w", {"status": {"conditions": [{"type": "A"}]}})


async def test_a_merge_patch_replaces_lists_and_removes_nulls(store: Store, namespace: str) -> None:
    await store.create(WIDGETS, widget(namespace, words=["a", "b"], labels={"a": "1", "b": "2"}))
    patched = await store.patch(WIDGETS, namespace, "w", {"spec": {"words": ["c"], "labels": {"a": None, "c": "3"}}})
    assert patched["spec"]["words"] == ["c"]
    assert patched["spec"]["labels"] == {"b": "2", "c": "3"}


async def test_a_patch_that_names_an_old_version_conflicts(store: Store, namespace: str) -> None:
    made = await store.create(WIDGETS, widget(namespace))
    await store.patch(WIDGETS, namespace, "w", {"spec": {"size": 2}})
    stale = {"metadata": {"resourceVersion": version(made)}}
    for write in (
        store.patch(WIDGETS, namespace, "w", {**stale, "spec": {"size": 3}}),
        store.patch_status(WIDGETS, namespace, "w", {**stale, "status": {"phase": "x"}}),
        store.apply(WIDGETS, widget(namespace, metadata=stale["metadata"], size=4)),
    ):
        with pytest.raises(Conflict, match="the object has been modified"):
            await write
    current = await store.get(WIDGETS, namespace, "w")
    assert current is not None
    fresh = {"metadata": {"resourceVersion": version(current)}, "spec": {"size": 3}}
    assert (await store.patch(WIDGETS, namespace, "w", fresh))["spec"]["size"] == 3


async def test_identity_cannot_be_patched(store: Store, namespace: str) -> None:
    await store.create(WIDGETS, widget(namespace))
    for own in ({"uid": "1"}, {"name": "other"}, {"namespace": "other"}):
        with pytest.raises(Invalid):
            await store.patch(WIDGETS, namespace, "w", {"metadata": own})
    with pytest.raises(Invalid, match="must be Widget"):
        await store.patch(WIDGETS, namespace, "w", {"kind": "Gadget"})
    with pytest.raises(Invalid):
        await store.patch(WIDGETS, namespace, "w", {"metadata": {"labels": {"a": 1}}})


async def test_an_absent_object_cannot_be_patched(store: Store, namespace: str) -> None:
    with pytest.raises(NotFound, match=r'widgets.test.mlgate.dev "w" not found'):
        await store.patch(WIDGETS, namespace, "w", {"metadata": {"labels": {"a": "b"}}})
    with pytest.raises(NotFound, match=r'widgets.test.mlgate.dev "w" not found'):
        await store.patch_status(WIDGETS, namespace, "w", {"status": {}})
    assert await store.get(WIDGETS, namespace, "w") is None


async def test_a_transition_rule_sees_the_old_value(store: Store, namespace: str) -> None:
    await store.create(WIDGETS, widget(namespace, region="eu"))
    with pytest.raises(Invalid, match=r'spec.region: Invalid value: "us": region is immutable'):
        await store.patch(WIDGETS, namespace, "w", {"spec": {"region": "us"}})
    with pytest.raises(Invalid, match="spec: Invalid value: region cannot be added or removed"):
        await store.patch(WIDGETS, namespace, "w", {"spec": {"region": None}})
    with pytest.raises(Invalid, match="region is immutable"):
        await store.apply(WIDGETS, widget(namespace, region="us"))
    assert (await store.patch(WIDGETS, namespace, "w", {"spec": {"size": 2}}))["spec"]["region"] == "eu"


async def test_an_update_is_validated_like_a_create(store: Store, namespace: str) -> None:
    await store.create(WIDGETS, widget(namespace))
    with pytest.raises(Invalid, match="less than or equal to 10"):
        await store.patch(WIDGETS, namespace, "w", {"spec": {"size": 11}})
    with pytest.raises(Invalid, match="low must not be above high"):
        await store.patch(WIDGETS, namespace, "w", {"spec": {"low": 3, "high": 2}})


# Listing


async def test_lists_select_by_namespace_and_labels(store: Store, namespace: str) -> None:
    await store.create(WIDGETS, widget(namespace, "b", metadata={"labels": {"app": "x", "tier": "1"}}))
    await store.create(WIDGETS, widget(namespace, "a", metadata={"labels": {"app": "x"}}))
    await store.create(WIDGETS, widget(namespace, "c"))
    assert [obj["metadata"]["name"] for obj in await store.list(WIDGETS, namespace)] == ["a", "b", "c"]
    chosen = await store.list(WIDGETS, namespace, labels={"app": "x", "tier": "1"})
    assert [obj["metadata"]["name"] for obj in chosen] == ["b"]
    everywhere = await store.list(WIDGETS, labels={"app": "x"})
    assert {obj["metadata"]["name"] for obj in everywhere if obj["metadata"]["namespace"] == namespace} == {"a", "b"}


async def test_listed_built_in_objects_say_what_they_are(store: Store, namespace: str) -> None:
    obj = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": namespace}}
    await store.create(SECRETS, obj)
    listed = await store.list(SECRETS, namespace)
    assert [(item["apiVersion"], item["kind"]) for item in listed] == [("v1", "Secret")]


# Deleting


async def test_deleting_what_is_not_there_is_fine(store: Store, namespace: str) -> None:
    await store.delete(WIDGETS, namespace, "w")


async def test_an_object_without_finalizers_goes_at_once(store: Store, namespace: str) -> None:
    await store.create(WIDGETS, widget(namespace))
    await store.delete(WIDGETS, namespace, "w")
    assert await store.get(WIDGETS, namespace, "w") is None


async def test_an_object_stays_until_its_last_finalizer_goes(store: Store, namespace: str) -> None:
    await store.create(WIDGETS, widget(namespace, metadata={"finalizers": ["mlgate.dev/a", "mlgate.dev/b"]}))
    await store.delete(WIDGETS, namespace, "w")
    ending = await store.get(WIDGETS, namespace, "w")
    assert ending is not None
    assert ending["metadata"]["deletionTimestamp"]
    assert ending["metadata"]["generation"] == 2
    await store.delete(WIDGETS, namespace, "w")
    assert await store.get(WIDGETS, namespace, "w") == ending
    one_left = await store.patch(WIDGETS, namespace, "w", {"metadata": {"finalizers": ["mlgate.dev/b"]}})
    assert one_left["metadata"]["finalizers"] == ["mlgate.dev/b"]
    last = await store.patch(WIDGETS, namespace, "w", {"metadata": {"finalizers": None}})
    assert "finalizers" not in last["metadata"]
    assert last["metadata"]["deletionTimestamp"] == ending["metadata"]["deletionTimestamp"]
    assert await store.get(WIDGETS, namespace, "w") is None


async def test_an_object_that_is_being_deleted_can_change_but_gets_no_new_finalizer(
    store: Store, namespace: str
) -> None:
    await store.create(WIDGETS, widget(namespace, metadata={"finalizers": ["mlgate.dev/a"]}))
    await store.delete(WIDGETS, namespace, "w")
    more = {"metadata": {"finalizers": ["mlgate.dev/a", "mlgate.dev/b"]}}
    with pytest.raises(Invalid, match="no new finalizers can be added if the object is being deleted"):
        await store.patch(WIDGETS, namespace, "w", more)
    with pytest.raises(Invalid, match="no new finalizers can be added if the object is being deleted"):
        await store.apply(WIDGETS, widget(namespace, metadata={"finalizers": ["mlgate.dev/b"]}))
    await store.patch_status(WIDGETS, namespace, "w", {"status": {"phase": "ending"}})
    undo = await store.patch(WIDGETS, namespace, "w", {"metadata": {"deletionTimestamp": None}})
    assert undo["metadata"]["deletionTimestamp"]
    await store.patch(WIDGETS, namespace, "w", {"metadata": {"finalizers": []}})
    assert await store.get(WIDGETS, namespace, "w") is None


async def test_a_delete_has_preconditions(store: Store, namespace: str) -> None:
    made = await store.create(WIDGETS, widget(namespace))
    with pytest.raises(Conflict):
        await store.delete(WIDGETS, namespace, "w", uid="00000000-0000-0000-0000-000000000000")
    with pytest.raises(Conflict):
        await store.delete(WIDGETS, namespace, "w", resource_version="1")
    await store.delete(WIDGETS, namespace, "w", uid=made["metadata"]["uid"], resource_version=version(made))
    assert await store.get(WIDGETS, namespace, "w") is None


@pytest.mark.usefixtures("needs_controllers")
async def test_dependants_go_when_their_last_owner_is_gone(store: Store, namespace: str) -> None:
    owners = [await store.create(WIDGETS, widget(namespace, name)) for name in ("one", "two")]
    references = [_reference(owner) for owner in owners]
    await store.create(CONFIG_MAPS, _config_map(namespace, "child", references))
    await store.create(WIDGETS, widget(namespace, "grandchild", metadata={"ownerReferences": [references[0]]}))
    await store.delete(WIDGETS, namespace, "one")

    async def gone() -> bool:
        return await store.get(WIDGETS, namespace, "grandchild") is None

    async def one_owner_left() -> bool:
        child = await store.get(CONFIG_MAPS, namespace, "child")
        assert child is not None, "the second owner still exists"
        return [ref["name"] for ref in child["metadata"]["ownerReferences"]] == ["two"]

    async def orphaned() -> bool:
        return await store.get(CONFIG_MAPS, namespace, "child") is None

    await eventually(gone)
    await eventually(one_owner_left)
    await store.delete(WIDGETS, namespace, "two")
    await eventually(orphaned)


@pytest.mark.usefixtures("needs_controllers")
async def test_a_dependant_of_an_owner_that_never_was_goes(store: Store, namespace: str) -> None:
    owner = await store.create(WIDGETS, widget(namespace))
    never = {**_reference(owner), "uid": "00000000-0000-0000-0000-000000000000"}
    await store.create(CONFIG_MAPS, _config_map(namespace, "child", [never]))

    async def gone() -> bool:
        return await store.get(CONFIG_MAPS, namespace, "child") is None

    await eventually(gone)


@pytest.mark.usefixtures("needs_controllers")
async def test_a_dependant_stays_while_its_owner_waits_for_a_finalizer(store: Store, namespace: str) -> None:
    owner = await store.create(WIDGETS, widget(namespace, metadata={"finalizers": ["mlgate.dev/a"]}))
    await store.create(CONFIG_MAPS, _config_map(namespace, "child", [_reference(owner)]))
    await store.delete(WIDGETS, namespace, "w")
    never = {**_reference(owner), "uid": "00000000-0000-0000-0000-000000000000"}
    await store.create(CONFIG_MAPS, _config_map(namespace, "probe", [never]))

    async def collected(name: str) -> bool:
        return await store.get(CONFIG_MAPS, namespace, name) is None

    await eventually(lambda: collected("probe"))  # the collector has been at work since
    assert await store.get(CONFIG_MAPS, namespace, "child") is not None
    await store.patch(WIDGETS, namespace, "w", {"metadata": {"finalizers": None}})
    await eventually(lambda: collected("child"))


@pytest.mark.usefixtures("needs_controllers")
async def test_a_deleted_namespace_takes_everything_along_and_waits_for_finalizers(store: Store) -> None:
    name = "store-ending"
    await store.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    await store.create(WIDGETS, widget(name, "free"))
    await store.create(WIDGETS, widget(name, "held", metadata={"finalizers": ["mlgate.dev/a"]}))
    await store.create(CONFIG_MAPS, _config_map(name, "data", []))
    await store.delete(NAMESPACES, "", name)
    ending = await store.get(NAMESPACES, "", name)
    assert ending is not None
    assert ending["status"]["phase"] == "Terminating"
    with pytest.raises(Forbidden, match="because it is being terminated"):
        await store.create(WIDGETS, widget(name, "late"))
    with pytest.raises(Forbidden, match="because it is being terminated"):
        await store.apply(WIDGETS, widget(name, "late"))

    async def only_held() -> bool:
        left = await store.list(WIDGETS, name)
        return [bool(obj["metadata"].get("deletionTimestamp")) for obj in left] == [True]

    async def emptied() -> bool:
        return await store.get(CONFIG_MAPS, name, "data") is None

    async def gone() -> bool:
        return await store.get(NAMESPACES, "", name) is None

    await eventually(only_held)
    await eventually(emptied)
    assert not await gone()
    await store.patch(WIDGETS, name, "held", {"metadata": {"finalizers": None}})
    await eventually(gone)


async def test_the_default_namespace_cannot_be_deleted(store: Store) -> None:
    with pytest.raises(Forbidden, match="this namespace may not be deleted"):
        await store.delete(NAMESPACES, "", "default")


def _reference(owner: Object) -> Object:
    own = owner["metadata"]
    return {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": own["name"], "uid": own["uid"]}


def _config_map(namespace: str, name: str, references: list[Object]) -> Object:
    own: Object = {"name": name, "namespace": namespace}
    if references:
        own["ownerReferences"] = references
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": own, "data": {"a": "b"}}


# Built-in kinds


def _secret(namespace: str, name: str = "s", **fields: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, **fields}


async def test_a_secret_keeps_data_in_base64_and_its_type(store: Store, namespace: str) -> None:
    made = await store.create(SECRETS, _secret(namespace, stringData={"a": "b"}, data={"c": "ZA=="}))
    assert made["data"] == {"a": "Yg==", "c": "ZA=="}
    assert made["type"] == "Opaque"
    assert "stringData" not in made
    assert "generation" not in made["metadata"]
    with pytest.raises(Invalid, match="field is immutable"):
        await store.patch(SECRETS, namespace, "s", {"type": "other"})


async def test_an_applied_secret_loses_the_keys_that_are_left_out(store: Store, namespace: str) -> None:
    first = await store.apply(SECRETS, _secret(namespace, data={"a": "Yg==", "b": "Yg=="}))
    second = await store.apply(SECRETS, _secret(namespace, data={"b": "Yg=="}))
    assert second["data"] == {"b": "Yg=="}
    again = await store.apply(SECRETS, _secret(namespace, data={"b": "Yg=="}))
    assert version(again) == version(second) != version(first)
    assert "data" not in await store.apply(SECRETS, _secret(namespace))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"data": {"c": "%%%"}}, id="data that is not base64"),
        pytest.param({"stringData": {"c/d": "x"}}, id="a key with a slash"),
        pytest.param({"data": {"c": 1}}, id="data that is not text"),
    ],
)
async def test_a_wrong_secret_is_refused(store: Store, namespace: str, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        await store.create(SECRETS, _secret(namespace, **fields))


async def test_an_immutable_config_map_cannot_change(store: Store, namespace: str) -> None:
    await store.create(CONFIG_MAPS, {**_config_map(namespace, "c", []), "immutable": True})
    with pytest.raises(Invalid, match="field is immutable when `immutable` is set"):
        await store.patch(CONFIG_MAPS, namespace, "c", {"data": {"a": "c"}})


async def test_a_lease_is_taken_with_the_version_it_was_read_with(store: Store, namespace: str) -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "l", "namespace": namespace},
        "spec": {
            "holderIdentity": "one",
            "leaseDurationSeconds": 15,
            "renewTime": "2026-01-01T00:00:00.000000Z",
        },
    }
    made = await store.create(LEASES, lease)
    assert made["spec"] == lease["spec"]
    patch = {"metadata": {"resourceVersion": version(made)}, "spec": {"holderIdentity": "two"}}
    assert (await store.patch(LEASES, namespace, "l", patch))["spec"]["holderIdentity"] == "two"
    with pytest.raises(Conflict):
        await store.patch(LEASES, namespace, "l", {**patch, "spec": {"holderIdentity": "three"}})


async def test_an_event_belongs_to_its_objects_namespace(store: Store, namespace: str) -> None:
    event: Object = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": namespace},
        "involvedObject": {"apiVersion": "test.mlgate.dev/v1", "kind": "Widget", "namespace": namespace, "name": "w"},
        "reason": "Made",
        "message": "m",
        "type": "Normal",
        "count": 1,
        "source": {"component": "mlgate"},
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    made = await store.create(EVENTS, event)
    assert {name: made[name] for name in event if name != "metadata"} == {
        name: value for name, value in event.items() if name != "metadata"
    }
    assert (await store.patch(EVENTS, namespace, "e", {"count": 2}))["count"] == 2
    elsewhere = {**event, "metadata": {"name": "f", "namespace": namespace}}
    elsewhere["involvedObject"] = {**event["involvedObject"], "namespace": "default"}
    with pytest.raises(Invalid, match=r"does not match event.namespace"):
        await store.create(EVENTS, elsewhere)


async def test_errors_carry_the_stores_own_sentence(store: Store, namespace: str) -> None:
    with pytest.raises(StoreError) as refused:
        await store.patch(WIDGETS, namespace, "w", {})
    assert refused.value.message == 'widgets.test.mlgate.dev "w" not found' == str(refused.value)
