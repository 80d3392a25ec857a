"""Server-side apply: field ownership, merging, conflicts. The real API server is the judge."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane.fixtures import Cluster
from e2e.store.widgets import WIDGETS, version, widget
from mlgate.store.cluster import ClusterStore
from mlgate.store.memory import MemoryStore
from mlgate.store.protocol import NAMESPACES, Conflict, Invalid, Object, Store, StoreError

WIDGET_CRD = Path(__file__).with_name("widget.yaml")


def spec_of(obj: Object) -> Object:
    """The spec without what defaults always put there."""
    return {name: value for name, value in obj["spec"].items() if name not in ("title", "color", "deep")}


async def test_an_apply_creates_and_then_merges(store: Store, namespace: str) -> None:
    made = await store.apply(WIDGETS, widget(namespace, size=2, labels={"a": "1"}))
    assert made["metadata"]["generation"] == 1
    other = await store.apply(WIDGETS, widget(namespace, labels={"b": "2"}), manager="other")
    assert spec_of(other) == {"size": 2, "labels": {"a": "1", "b": "2"}}
    assert other["metadata"]["uid"] == made["metadata"]["uid"]


async def test_an_apply_that_changes_nothing_keeps_the_version(store: Store, namespace: str) -> None:
    obj = widget(namespace, size=2, parts=[{"name": "x"}], metadata={"labels": {"a": "b"}})
    made = await store.apply(WIDGETS, obj)
    assert version(await store.apply(WIDGETS, obj)) == version(made)


async def test_an_apply_that_only_adds_an_owner_is_a_change(store: Store, namespace: str) -> None:
    made = await store.apply(WIDGETS, widget(namespace))
    owned = await store.apply(WIDGETS, widget(namespace), manager="other")
    assert version(owned) != version(made)
    assert owned["metadata"]["generation"] == 1
    assert version(await store.apply(WIDGETS, widget(namespace), manager="other")) == version(owned)


async def test_what_a_manager_leaves_out_goes_and_defaults_come_back(store: Store, namespace: str) -> None:
    await store.apply(
        WIDGETS,
        widget(
            namespace,
            size=4,
            labels={"a": "1"},
            parts=[{"name": "x"}],
            tags=["q"],
            words=["a"],
            shallow={"mode": "m"},
            free={"a": {"b": 1}, "l": [1]},
            pair={"a": "1"},
        ),
    )
    assert spec_of(await store.apply(WIDGETS, widget(namespace))) == {"size": 1}


async def test_what_another_manager_also_applied_stays(store: Store, namespace: str) -> None:
    await store.apply(WIDGETS, widget(namespace, size=4, parts=[{"name": "x", "note": "n"}, {"name": "y"}]))
    await store.apply(WIDGETS, widget(namespace, size=4, parts=[{"name": "x"}]), manager="other")
    left = await store.apply(WIDGETS, widget(namespace))
    assert spec_of(left) == {"size": 4, "parts": [{"name": "x", "weight": 50}]}


async def test_what_was_created_is_not_the_appliers_to_remove(store: Store, namespace: str) -> None:
    await store.create(WIDGETS, widget(namespace, size=3, labels={"a": "1"}))
    assert spec_of(await store.apply(WIDGETS, widget(namespace))) == {"size": 3, "labels": {"a": "1"}}
    await store.apply(WIDGETS, widget(namespace, size=4))
    assert spec_of(await store.apply(WIDGETS, widget(namespace))) == {"size": 1, "labels": {"a": "1"}}


async def test_list_map_items_merge_by_key_and_sets_by_value(store: Store, namespace: str) -> None:
    await store.apply(WIDGETS, widget(namespace, parts=[{"name": n, "note": "1"} for n in "abc"], tags=["a", "b", "c"]))
    merged = await store.apply(
        WIDGETS, widget(namespace, parts=[{"name": n, "weight": 5} for n in "cda"], tags=["c", "d", "a"]), manager="o"
    )
    assert [part["name"] for part in merged["spec"]["parts"]] == ["b", "c", "d", "a"]
    assert merged["spec"]["parts"][1] == {"name": "c", "note": "1", "weight": 5}
    assert merged["spec"]["tags"] == ["b", "c", "d", "a"]


async def test_other_lists_and_atomic_maps_are_replaced_whole(store: Store, namespace: str) -> None:
    await store.apply(WIDGETS, widget(namespace, words=["a", "b"], pair={"a": "1"}))
    merged = await store.apply(WIDGETS, widget(namespace, words=["c"], pair={"b": "2"}), manager="other")
    assert merged["spec"]["words"] == ["c"]
    assert merged["spec"]["pair"] == {"b": "2"}


async def test_an_unforced_apply_names_who_owns_what_it_wants(store: Store, namespace: str) -> None:
    await store.apply(WIDGETS, widget(namespace, size=2))
    with pytest.raises(Conflict) as refused:
        await store.apply(WIDGETS, widget(namespace, size=3), manager="other", force=False)
    assert '"mlgate"' in refused.value.message
    assert ".spec.size" in refused.value.message
    same = await store.apply(WIDGETS, widget(namespace, size=2), manager="other", force=False)
    assert same["spec"]["size"] == 2
    forced = await store.apply(WIDGETS, widget(namespace, size=3), manager="other")
    assert forced["spec"]["size"] == 3
    # The field changed hands: leaving it out does not remove it any more.
    assert (await store.apply(WIDGETS, widget(namespace)))["spec"]["size"] == 3


async def test_a_patch_takes_a_field_over(store: Store, namespace: str) -> None:
    await store.apply(WIDGETS, widget(namespace, size=2, words=["a"]))
    await store.patch(WIDGETS, namespace, "w", {"spec": {"words": ["b"]}})
    with pytest.raises(Conflict, match="words"):
        await store.apply(WIDGETS, widget(namespace, size=2, words=["a"]), force=False)
    assert (await store.apply(WIDGETS, widget(namespace)))["spec"]["words"] == ["b"]


async def test_metadata_is_owned_too(store: Store, namespace: str) -> None:
    given: Object = {"labels": {"a": "1"}, "annotations": {"b": "2"}, "finalizers": ["mlgate.dev/a"]}
    made = await store.apply(WIDGETS, widget(namespace, metadata=given))
    assert {name: made["metadata"][name] for name in given} == given
    await store.patch(
        WIDGETS, namespace, "w", {"metadata": {"finalizers": ["mlgate.dev/a", "mlgate.dev/b"], "labels": {"c": "3"}}}
    )
    left = await store.apply(WIDGETS, widget(namespace))
    assert left["metadata"]["finalizers"] == ["mlgate.dev/b"]
    assert left["metadata"]["labels"] == {"c": "3"}
    assert "annotations" not in left["metadata"]
    await store.patch(WIDGETS, namespace, "w", {"metadata": {"finalizers": None}})


async def test_an_applied_status_is_ignored(store: Store, namespace: str) -> None:
    await store.apply(WIDGETS, widget(namespace))
    await store.patch_status(WIDGETS, namespace, "w", {"status": {"phase": "go"}})
    applied = await store.apply(WIDGETS, {**widget(namespace), "status": {"phase": "no"}})
    assert applied["status"]["phase"] == "go"


async def test_an_apply_that_names_a_uid_never_creates(store: Store, namespace: str) -> None:
    with pytest.raises(Conflict, match="uid"):
        await store.apply(WIDGETS, widget(namespace, metadata={"uid": "12"}))
    made = await store.apply(WIDGETS, widget(namespace))
    with pytest.raises(Invalid, match="uid"):
        await store.apply(WIDGETS, widget(namespace, metadata={"uid": "12"}))
    named = widget(namespace, metadata={"uid": made["metadata"]["uid"]}, size=2)
    assert (await store.apply(WIDGETS, named))["spec"]["size"] == 2


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
@pytest.mark.parametrize(
    ("spec", "says"),
    [
        pytest.param({"nope": 1}, ".spec.nope: field not declared in schema", id="an undeclared field"),
        pytest.param(
            {"deep": {"zz": 1}}, ".spec.deep.zz: field not declared in schema", id="an undeclared nested field"
        ),
        pytest.param({"tags": ["a", "a"]}, ".spec.tags: duplicate entries for key", id="a value twice in a set"),
        pytest.param({"parts": [{"name": "a"}] * 2}, ".spec.parts: duplicate entries for key", id="a key twice"),
        pytest.param({"parts": [{"weight": 1}]}, "omits", id="a list-map item without its key"),
        pytest.param({"parts": {"name": "a"}}, ".spec.parts: expected list", id="a map for a list"),
        pytest.param({"color": "pink"}, 'spec.color: Unsupported value: "pink"', id="a value the schema refuses"),
        pytest.param({"code": None}, 'spec.code in body must be of type string: "null"', id="null for a text"),
        pytest.param({"low": 3, "high": 2}, "low must not be above high", id="a broken rule"),
    ],
)
async def test_an_apply_of_what_does_not_fit_is_refused(
    store: Store, namespace: str, spec: dict[str, Any], says: str, strict: bool
) -> None:
    with pytest.raises(Invalid) as refused:
        await store.apply(WIDGETS, widget(namespace, **spec), strict=strict)
    assert says in refused.value.message
    await store.apply(WIDGETS, widget(namespace))
    with pytest.raises(Invalid):
        await store.apply(WIDGETS, widget(namespace, **spec), strict=strict)


def _some_spec(choose: random.Random) -> dict[str, Any]:
    """Part of a spec, such that two of them overlap often."""
    whole: dict[str, Any] = {
        "size": choose.randint(1, 3),
        "code": choose.choice(["a", "b"]),
        "labels": {name: choose.choice("12") for name in choose.sample("abc", choose.randint(0, 3))},
        "tags": choose.sample("abcd", choose.randint(0, 3)),
        "words": choose.sample("ab", choose.randint(1, 2)),
        "parts": [
            {"name": name, **choose.choice([{}, {"note": "n"}, {"weight": 7}])}
            for name in choose.sample("abcd", choose.randint(0, 3))
        ],
        "deep": choose.choice([{}, {"level": 1}, {"mode": "loud"}]),
        "shallow": choose.choice([{}, {"mode": "m"}]),
        "free": choose.choice([{}, {"a": {"b": 1}}, {"a": {"c": [1]}}, {"l": [1, 2]}]),
        "pair": choose.choice([{"a": "1"}, {"b": "2"}]),
    }
    return {name: whole[name] for name in sorted(choose.sample(sorted(whole), choose.randint(0, 6)))}


def _comparable(outcome: Object | str) -> Any:
    if isinstance(outcome, str):
        return outcome
    own = outcome["metadata"]
    kept = {name: own.get(name) for name in ("generation", "labels", "finalizers")}
    return {"spec": outcome["spec"], "status": outcome.get("status"), **kept}


async def _step(store: Store, namespace: str, choose: random.Random) -> Object | str:
    kind = choose.choice(["apply", "apply", "apply", "patch", "status"])
    spec = _some_spec(choose)
    manager, force = choose.choice(["mlgate", "two"]), choose.random() < 0.8
    removed = choose.choice(["size", "labels", "parts", "tags", "free"])
    try:
        if kind == "apply":
            return await store.apply(WIDGETS, widget(namespace, **spec), manager=manager, force=force)
        if kind == "patch":
            return await store.patch(WIDGETS, namespace, "w", {"spec": {removed: None, **spec}})
        return await store.patch_status(WIDGETS, namespace, "w", {"status": {"count": choose.randint(0, 2)}})
    except StoreError as error:
        return type(error).__name__


@pytest.mark.controlplane
@pytest.mark.parametrize("seed", range(12))
async def test_both_stores_go_through_the_same_states(cluster: Cluster, cluster_namespace: str, seed: int) -> None:
    cluster.install_crds(WIDGET_CRD)
    real = await ClusterStore.connect(cluster.kubeconfig)
    embedded = MemoryStore([yaml.safe_load(WIDGET_CRD.read_text())])
    here = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster_namespace}}
    await embedded.create(NAMESPACES, here)
    versions: list[tuple[str, str]] = []
    for number in range(25):
        outcomes = [
            await _step(store, cluster_namespace, random.Random(f"{seed}/{number}")) for store in (real, embedded)
        ]
        assert _comparable(outcomes[1]) == _comparable(outcomes[0]), f"step {number} of seed {seed}"
        if not isinstance(outcomes[0], str) and not isinstance(outcomes[1], str):
            versions.append((version(outcomes[0]), version(outcomes[1])))
    for (real_before, before), (real_after, after) in itertools.pairwise(versions):
        assert (real_before == real_after) == (before == after), "one of them wrote where the other did not"
    await real.close()


async def test_a_version_is_no_condition_for_what_is_not_there(store: Store, namespace: str) -> None:
    made = await store.apply(WIDGETS, widget(namespace, metadata={"resourceVersion": "7"}))
    assert made["metadata"]["resourceVersion"] != "7"
