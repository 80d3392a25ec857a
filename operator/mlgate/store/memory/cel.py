"""CEL rules of CRDs (`x-kubernetes-validations`), compiled once.

The evaluator is the Rust implementation behind the `common-expression-language` package; what Kubernetes adds to the
language (https://kubernetes.io/docs/reference/using-api/cel/#cel-options-language-features-and-libraries) and mlgate
may use is added in `cel_functions`. Not there: `.?` and optional types in rules, two-variable comprehensions,
`cel.bind`. A rule that does not compile is refused when the store is made, not when it is first needed.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import cel

from . import cel_functions

# fmt: off
_RESERVED = frozenset((
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
    "let", "loop", "package", "namespace", "return", "var", "void", "while",
))
# fmt: on
F = TypeVar("F")


class UnsupportedRule(ValueError):
    """A rule that the embedded store cannot evaluate (the API server may)."""


def escaped(name: str) -> str:
    """A property's name as rules write it (`namespace` is `__namespace__`)."""
    if name in _RESERVED:
        return f"__{name}__"
    if not any(mark in name for mark in ("__", ".", "-", "/")):
        return name
    name = name.replace("__", "__underscores__")
    return name.replace(".", "__dot__").replace("-", "__dash__").replace("/", "__slash__")


Convert = Callable[[Any], Any]


def _timestamp(value: Any) -> Any:
    try:
        return datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value


def _scalar(raw: Mapping[str, Any]) -> Convert | None:
    if raw.get("type") == "number":  # JSON has one kind of number, CEL compares a double with an int only loosely
        return lambda value: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if raw.get("type") == "string" and raw.get("format") == "date-time":
        return _timestamp
    if raw.get("type") == "string" and raw.get("format") == "duration":
        return cel_functions.duration
    return None


def conversion(raw: Mapping[str, Any]) -> Convert | None:
    """How a JSON value of this schema becomes what its rules see; None where it is the same."""
    properties = raw.get("properties", {})
    changes = {name: change for name, child in properties.items() if (change := conversion(child))}
    names = {name: escaped(name) for name in properties if escaped(name) != name}
    if changes or names:
        return lambda value: (
            {names.get(name, name): changes[name](item) if name in changes else item for name, item in value.items()}
            if isinstance(value, dict)
            else value
        )
    additional, items = raw.get("additionalProperties"), raw.get("items")
    if isinstance(additional, Mapping) and (each := conversion(additional)):
        return lambda value: {name: each(item) for name, item in value.items()} if isinstance(value, dict) else value
    if isinstance(items, Mapping) and (each_item := conversion(items)):
        return lambda value: [each_item(item) for item in value] if isinstance(value, list) else value
    return _scalar(raw)


class Rule:
    """One rule of one schema node."""

    def __init__(self, raw: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
        self.source: str = raw["rule"]
        self.optional_old: bool = raw.get("optionalOldSelf", False)
        self._why: str = raw.get("reason", "FieldValueInvalid")
        self._field: str = raw.get("fieldPath", "")
        self._message: str = raw.get("message") or f"failed rule: {' '.join(self.source.split())}"
        self._program, self._context = self._compiled(self.source)
        self.transition: bool = "oldSelf" in self._program.variables()
        self._expression = self._compiled(raw["messageExpression"]) if raw.get("messageExpression") else None
        self._convert = conversion(schema)

    @staticmethod
    def _compiled(source: str) -> tuple[Any, Any]:
        try:
            program = cel.compile(source)
        except (ValueError, RuntimeError) as error:
            raise UnsupportedRule(f"the embedded store cannot compile the rule {source!r}: {error}") from error
        return program, cel_functions.context_for(program.functions())

    def broken(self, value: Any, old: Any, *, has_old: bool) -> str | None:
        """The message when the rule does not hold (or cannot be evaluated)."""
        convert = self._convert or (lambda same: same)
        variables: dict[str, Any] = {"self": convert(value)}
        if self.transition:
            now = convert(old) if has_old else None
            if self.optional_old:
                now = cel.OptionalValue.of(now) if has_old else cel.OptionalValue.none()
            variables["oldSelf"] = now
        try:
            if _run(self._program, self._context, variables) is True:
                return None
        except Exception as error:  # the evaluator raises KeyError, TypeError, RuntimeError, ValueError...
            return f"{self.source}: {error}"
        if self._expression is not None:
            try:
                return str(_run(*self._expression, variables))
            except Exception:
                return self._message  # as the API server does when a messageExpression fails
        return self._message

    def fault(self, path: str, value: Any, message: str, invalid: Callable[[str, Any, str], F]) -> F:
        """The fault for `message` at the rule's place."""
        where = f"{path}{self._field}" if path else self._field.lstrip(".")
        return invalid(where or "<nil>", {} if self._field else value, message)


def _run(program: Any, context: Any, variables: dict[str, Any]) -> Any:
    if context is None:
        return program.execute(variables)
    context.update(variables)
    return program.execute(context)
