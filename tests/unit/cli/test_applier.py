"""Files into the embedded store, again when they change."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mlgate.api import AUTH0_TENANT
from mlgate.api.crd import crds
from mlgate.cli.dev.applier import Applier
from mlgate.store.memory import MemoryStore
from mlgate.store.protocol import SECRETS, Key

TENANT = """apiVersion: mlgate.dev/v1alpha1
kind: Auth0Tenant
metadata: {name: %s, namespace: default}
spec:
  domain: a.eu.auth0.com
  plan: %s
  credentials: {secretRef: {name: a}}
"""
MAIN, OTHER = Key("Auth0Tenant", "default", "main"), Key("Auth0Tenant", "default", "other")


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    made = MemoryStore(crds())
    yield made
    await made.close()


def write(file: Path, text: str, clock: list[int]) -> None:
    """Edits within one tick of the file system's clock still count here."""
    file.write_text(text)
    clock[0] += 1
    os.utime(file, ns=(clock[0], clock[0]))


async def plan_of(store: MemoryStore, key: Key) -> str | None:
    found = await store.get(AUTH0_TENANT.resource, key.namespace, key.name)
    return found["spec"]["plan"] if found else None


async def test_a_files_life(store: MemoryStore, tmp_path: Path) -> None:
    clock, file = [10**18], tmp_path / "a.yaml"
    applier = Applier(store, [tmp_path])
    write(file, TENANT % ("main", "Free"), clock)
    assert (await applier.once()).applied == (MAIN,)
    assert not await applier.once(), "what did not change is not applied again"

    write(file, TENANT % ("main", "B2B"), clock)
    assert (await applier.once()).applied == (MAIN,)
    assert await plan_of(store, MAIN) == "B2B"

    write(file, f"{TENANT % ('other', 'Free')}", clock)
    outcome = await applier.once()
    assert (outcome.applied, outcome.deleted) == ((OTHER,), (MAIN,))
    assert await plan_of(store, MAIN) is None

    file.unlink()
    assert (await applier.once()).deleted == (OTHER,)


async def test_a_document_that_moves_to_another_file_is_not_deleted(store: MemoryStore, tmp_path: Path) -> None:
    clock = [10**18]
    applier = Applier(store, [tmp_path])
    write(tmp_path / "a.yaml", TENANT % ("main", "Free"), clock)
    await applier.once()
    (tmp_path / "a.yaml").unlink()
    write(tmp_path / "b.yaml", TENANT % ("main", "Free"), clock)
    assert (await applier.once()).deleted == ()
    assert await plan_of(store, MAIN) == "Free"


async def test_a_file_broken_while_it_is_edited_deletes_nothing(store: MemoryStore, tmp_path: Path) -> None:
    clock, file = [10**18], tmp_path / "a.yaml"
    applier = Applier(store, [tmp_path])
    write(file, TENANT % ("main", "Free"), clock)
    await applier.once()
    write(file, "spec: [", clock)
    outcome = await applier.once()
    assert len(outcome.faults) == 1 and outcome.deleted == ()
    write(file, TENANT % ("main", "B2B"), clock)
    assert (await applier.once()).applied == (MAIN,)


async def test_a_typo_is_refused_with_file_field_and_reason(store: MemoryStore, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(TENANT.replace("plan:", "plann:") % ("main", "Free"))
    outcome = await Applier(store, [tmp_path]).once()
    assert len(outcome.faults) == 1
    assert f"{file}:1: Auth0Tenant main was refused: " in str(outcome.faults[0])
    assert "plann" in str(outcome.faults[0])


async def test_a_value_the_schema_refuses_is_told(store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TENANT % ("main", "Gratis"))
    outcome = await Applier(store, [tmp_path]).once()
    assert "spec.plan" in str(outcome.faults[0])


async def test_at_the_end_everything_that_was_written_is_taken_away_and_nothing_else(
    store: MemoryStore, tmp_path: Path
) -> None:
    await store.create(
        SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "default"}}
    )
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {clientId: mine}\n"
    (tmp_path / "a.yaml").write_text(f"{TENANT % ('main', 'Free')}---\n{secret}")
    applier = Applier(store, [tmp_path], guest=True)
    outcome = await applier.once()
    assert [fault.words.partition(",")[0] for fault in outcome.faults] == [
        "Secret default/a is there already and was not made by mlgate dev"
    ]
    assert await applier.take_away(5.0) == []
    assert await store.get(AUTH0_TENANT.resource, "default", "main") is None
    assert "data" not in (await store.get(SECRETS, "default", "a") or {"data": "gone"})


async def test_what_cannot_be_taken_away_in_time_is_named(store: MemoryStore, tmp_path: Path) -> None:
    held = TENANT.replace("namespace: default}", "namespace: default, finalizers: [example.com/held]}")
    (tmp_path / "a.yaml").write_text(held % ("main", "Free"))
    applier = Applier(store, [tmp_path], guest=True)
    await applier.once()
    assert await applier.take_away(0.05) == [MAIN]
