"""Manifest files: what is read, and what people are told about what is wrong."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlgate.cli.dev.manifests import files, parse, secret_values
from mlgate.store.protocol import Key

FILE = Path("a.yaml")
TENANT = "apiVersion: mlgate.dev/v1alpha1\nkind: Auth0Tenant\nmetadata: {name: main, namespace: ml}\n"


@dataclass(frozen=True)
class Wrong:
    sentence: str
    text: str
    expect: str

    def __str__(self) -> str:
        return self.sentence


WRONG = [
    Wrong("broken YAML is told with its line", "a: 1\nb: [1\n", "a.yaml:3: this is not YAML: "),
    Wrong(
        "a key that stands twice is told",
        f"{TENANT}spec:\n  plan: Free\n  plan: B2B\n",
        "a.yaml:6: this is not YAML: 'plan' stands here twice",
    ),
    Wrong("a list is no manifest", "- a\n", "a.yaml:1: a manifest is a mapping"),
    Wrong("what is missing is named", "kind: Secret\n", "a.yaml:1: apiVersion and metadata must be written."),
    Wrong(
        "an unknown kind is told with the known ones",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
        "a.yaml:1: v1 Pod is no kind that mlgate dev knows. Known: Auth0API, ",
    ),
    Wrong(
        "a kind of another version is unknown",
        TENANT.replace("v1alpha1", "v9"),
        "mlgate.dev/v9 Auth0Tenant is no kind",
    ),
    Wrong(
        "a manifest needs a name",
        "apiVersion: v1\nkind: Secret\nmetadata: {namespace: ml}\n",
        "metadata.name of this Secret must be written.",
    ),
    Wrong(
        "a namespace is in no namespace",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: b}\n",
        "Namespace has no namespace",
    ),
    Wrong("the second document has its own line", f"{TENANT}---\n- a\n", "a.yaml:5: a manifest is a mapping"),
]


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_what_is_wrong_is_told(case: Wrong) -> None:
    _, faults = parse(case.text, FILE)
    assert len(faults) == 1
    assert case.expect in str(faults[0])


def test_documents_keep_their_order_and_know_their_lines() -> None:
    manifests, faults = parse(f"# first\n---\n{TENANT}---\n---\n{TENANT.replace('main', 'other')}", FILE)
    assert faults == []
    assert [(each.key, each.line) for each in manifests] == [
        (Key("Auth0Tenant", "ml", "main"), 3),
        (Key("Auth0Tenant", "ml", "other"), 8),
    ]


def test_a_faulty_document_does_not_hide_the_others() -> None:
    manifests, faults = parse(f"kind: Secret\n---\n{TENANT}", FILE)
    assert len(manifests) == len(faults) == 1


def test_without_a_namespace_it_is_the_default_one() -> None:
    manifests, _ = parse(TENANT.replace(", namespace: ml", ""), FILE)
    assert manifests[0].key.namespace == "default"


def test_a_secret_written_in_the_clear_is_stored_as_the_api_server_does() -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {kept: YQ==}\nstringData: {password: hunter2}\n"
    manifests, _ = parse(text, FILE)
    assert "stringData" not in manifests[0].obj
    assert manifests[0].obj["data"] == {"kept": "YQ==", "password": base64.b64encode(b"hunter2").decode()}
    assert secret_values(manifests[0].obj) == {"kept": "a", "password": "hunter2"}


def test_times_stay_text_as_in_json() -> None:
    manifests, _ = parse(f"{TENANT}spec: {{at: 2026-11-23T10:00:00Z}}\n", FILE)
    assert manifests[0].obj["spec"]["at"] == "2026-11-23T10:00:00Z"


def test_a_folder_is_read_by_name_and_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("20-b.yaml", "10-a.yml", "README.md", "30-c.json"):
        (tmp_path / name).touch()
    assert [each.name for each in files([tmp_path])] == ["10-a.yml", "20-b.yaml", "30-c.json"]
    assert files([tmp_path / "20-b.yaml"]) == [tmp_path / "20-b.yaml"]
