"""The reference pages are made from the types, and the committed ones are what the types say."""

from __future__ import annotations

from pathlib import Path

from mlgate.api import KINDS, docs
from mlgate.reasons import Reason
from unit.api.manifests import ROOT, rules


def test_the_committed_pages_are_what_the_types_say() -> None:
    assert docs.GENERATED.drift(ROOT / "docs" / "reference") == []


def test_every_reason_has_its_meaning() -> None:
    assert list(docs.reasons()) == [reason.value for reason in Reason]
    assert all(meaning.endswith(".") for meaning in docs.reasons().values())


def test_a_page_has_every_field_rule_and_column_of_its_kind() -> None:
    for kind in KINDS.values():
        text = docs.page(kind)
        for name, field in kind.spec.model_fields.items():
            if field.alias and field.alias not in kind.spec.omit:
                assert f"| `{field.alias}`" in text, (kind.kind, name)
        for rule in rules():
            assert rule.kind != kind.kind or rule.message in text, str(rule)
        for column in kind.columns:
            assert f"| {column.name.upper()} |" in text


def test_a_table_row_has_as_many_cells_as_its_head() -> None:
    for name, text in docs.files().items():
        widths: set[int] = set()
        for line in text.splitlines():
            if not line.startswith("|"):
                assert len(widths) <= 1, (name, line)
                widths = set()
                continue
            widths.add(line.replace("\\|", "").count("|"))


def test_the_check_on_the_command_line_fails_when_a_page_differs(tmp_path: Path) -> None:
    assert docs.main(["--out", str(tmp_path), "--check"]) == 1
    assert docs.main(["--out", str(tmp_path)]) == 0
    assert docs.main(["--out", str(tmp_path), "--check"]) == 0
    (tmp_path / "kinds" / "auth0rules.md").write_text("of a kind that is no more")
    assert docs.main(["--out", str(tmp_path), "--check"]) == 1
