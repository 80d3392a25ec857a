"""The CRDs that the types make: structural, bounded, described, stable; the examples fit and the wrong ones do not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgate.api import KINDS, ManagedSpec, crd
from mlgate.store.protocol import Resource
from unit.api.manifests import (
    EXAMPLES,
    ROOT,
    Refusal,
    documents,
    example,
    example_files,
    fields,
    refusals,
    rules,
    schema_of,
)
from unit.api.structure import complaints, with_defaults

SCHEMAS = {one["spec"]["names"]["kind"]: schema_of(one) for one in crd.crds()}
DOCUMENTS = [
    pytest.param(document, id=f"{path.relative_to(EXAMPLES)} {document['kind']}")
    for path in example_files()
    for document in documents(path)
    if document["apiVersion"].startswith("mlgate.dev/")
]
ABOUT_OBJECTS = re.compile(r"^(apiVersion|kind|metadata)$")


def places() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind, schema in SCHEMAS.items():
        for path, inner in fields(schema):
            if not ABOUT_OBJECTS.match(path):
                yield f"{kind} {path}", inner


def test_every_kind_has_names_of_its_own() -> None:
    names = [name for kind in KINDS.values() for name in (kind.plural, kind.singular, *kind.short_names)]
    assert len(set(names)) == len(names)
    assert KINDS["Auth0Role"].resource == Resource("mlgate.dev", "v1alpha1", "Auth0Role", "auth0roles")


def test_nothing_in_a_schema_is_beyond_structural() -> None:
    forbidden = {"anyOf", "oneOf", "allOf", "not", "$ref", "title", "nullable", "const", "examples"}
    assert [path for path, schema in places() if forbidden & schema.keys() or "type" not in schema] == []


def test_every_field_is_described() -> None:
    assert [
        path for path, schema in places() if not path.endswith(("[]", "{}")) and not schema.get("description")
    ] == []


def test_every_string_list_and_map_of_a_spec_has_an_upper_bound() -> None:
    def unbounded(schema: Mapping[str, Any]) -> bool:
        match schema["type"]:
            case "string":
                return "maxLength" not in schema and "enum" not in schema
            case "array":
                return "maxItems" not in schema
            case "object":
                return "additionalProperties" in schema and "maxProperties" not in schema
            case "integer":
                return "minimum" not in schema
        return False

    assert [path for path, schema in places() if unbounded(schema) and " status.traffic{}" not in path] == []


def test_secrets_are_only_ever_referred_to() -> None:
    telling = re.compile(r"(password|privateKey|clientSecret|accessKey|apiKey)$", re.IGNORECASE)
    assert [path for path, schema in places() if telling.search(path) and schema["type"] == "string"] == []


def test_rules_keep_to_the_cel_that_every_evaluator_knows() -> None:
    unusual = re.compile(r"\burl\(|\?\.|orValue|optional|format\(|isURL|find\(|__\w+__|quantity\(|\bcidr\b")
    assert [str(rule) for rule in rules() if unusual.search(rule.cel)] == []


def test_every_rule_says_what_is_wrong_in_one_line() -> None:
    assert [rule for rule in rules() if "\n" in rule.message or not 10 < len(rule.message) <= 160] == []


def test_every_kind_shows_whether_it_is_ready_and_since_when_it_exists() -> None:
    for kind in KINDS.values():
        names = [column.name for column in kind.columns]
        assert {"Ready", "Synced", "Reason", "Age", "Message"} <= set(names), kind.kind
        assert next(column for column in kind.columns if column.name == "Message").priority == 1
        for column in kind.columns:
            if column.path.startswith((".spec", ".status")) and "conditions" not in column.path:
                assert column.path[1:] in dict(fields(SCHEMAS[kind.kind])), (kind.kind, column.path)


def test_the_model_endpoint_reads_like_an_inference_service() -> None:
    shown = [column.name for column in KINDS["SecuredModelEndpoint"].columns if not column.priority]
    assert shown == ["URL", "Ready", "Traffic", "Rollout", "Auth", "Age"]


def test_two_runs_write_the_same_bytes() -> None:
    assert list(crd.files().items()) == list(crd.files().items())


def test_the_committed_crds_are_what_the_types_say() -> None:
    assert crd.GENERATED.drift(ROOT / "crds") == []


def test_drift_names_what_is_missing_changed_or_left_over(tmp_path: Path) -> None:
    crd.GENERATED.write(tmp_path)
    assert crd.GENERATED.drift(tmp_path) == []
    (tmp_path / "mlgate.dev_auth0roles.yaml").unlink()
    (tmp_path / "mlgate.dev_auth0apis.yaml").write_text("other")
    (tmp_path / "mlgate.dev_rules.yaml").write_text("old")
    said = "\n".join(crd.GENERATED.drift(tmp_path))
    assert "auth0roles.yaml is missing" in said
    assert "auth0apis.yaml is not what the types say" in said
    assert "rules.yaml stands for no kind" in said
    crd.GENERATED.write(tmp_path)
    assert crd.GENERATED.drift(tmp_path) == []


def test_the_check_on_the_command_line_fails_when_something_differs(tmp_path: Path) -> None:
    assert crd.main(["--out", str(tmp_path), "--check"]) == 1
    assert crd.main(["--out", str(tmp_path)]) == 0
    assert crd.main(["--out", str(tmp_path), "--check"]) == 0


def test_kustomize_gets_every_crd(tmp_path: Path) -> None:
    crd.GENERATED.write(tmp_path)
    listed = yaml.safe_load((tmp_path / "kustomization.yaml").read_text())["resources"]
    assert listed == sorted(path.name for path in tmp_path.glob("mlgate.dev_*.yaml"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_example_fits_its_schema_and_rules(document: dict[str, Any]) -> None:
    schema = SCHEMAS[document["kind"]]
    assert list(complaints(schema, with_defaults(schema, document))) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_example_is_read_by_its_type_and_written_back_the_same(document: dict[str, Any]) -> None:
    spec: ManagedSpec = KINDS[document["kind"]].spec.model_validate(document["spec"])
    assert spec.to_wire() == document["spec"]


def test_every_kind_has_an_example() -> None:
    assert sorted(path.stem for path in (EXAMPLES / "kinds").glob("*.yaml")) == sorted(KINDS)


def test_every_rule_has_a_wrong_manifest() -> None:
    assert [str(rule) for rule in rules() if rule not in {refusal.rule for refusal in refusals()}] == []


@pytest.mark.parametrize("refusal", refusals(), ids=str)
def test_a_wrong_manifest_breaks_the_rule_it_is_meant_to_break(refusal: Refusal) -> None:
    schema = SCHEMAS[refusal.rule.kind]
    before = with_defaults(schema, refusal.before) if refusal.before else None
    assert before is None or list(complaints(schema, before)) == []
    said = list(complaints(schema, with_defaults(schema, refusal.after), before))
    assert f"{refusal.rule.at}: {refusal.rule.message}" in said


def test_a_typo_is_an_unknown_field() -> None:
    manifest = example("Auth0Role")
    manifest["spec"]["permisions"] = []
    assert list(complaints(SCHEMAS["Auth0Role"], with_defaults(SCHEMAS["Auth0Role"], manifest))) == [
        "spec.permisions: unknown field"
    ]
