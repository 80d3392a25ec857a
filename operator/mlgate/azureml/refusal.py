"""Reads the error bodies of Azure: which codes they carry and which of their sentences says what is wrong.

Two shapes (recordings TestWorkspace, TestOnlineDeployment; bodies quoted in azure-cli-extensions 7107, azureml-examples
1930, mslearn-azure-ml 30): the ARM gateway sends `{"error": {"code", "message"}}`; the resource provider adds `details`
and `additionalInfo`, its outer code is nearly always `UserError` or `BadRequest`, and the cause sits in
`details[0].message` as escaped JSON (`errors.VmSize[0]`) or as the `InnerError` of `additionalInfo`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .masking import mask

LONGEST = 700  # characters of a sentence; conditions are read in terminals
_GUIDE = re.compile(r"Please see troubleshooting guide, available here: ")
_SAYS_NOTHING = {
    "",
    "the request is invalid.",
    "one or more validation errors occurred.",
    "not found",
    "bad request",
    "internal server error",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error body, read. `sentence` is its most telling sentence, `text` all of them, both without secrets."""

    code: str
    codes: frozenset[str]
    sentence: str
    text: str

    def has(self, *codes: str) -> bool:
        """Whether it carries one of these codes, at any depth, in any casing."""
        return any(code.lower() in self.codes for code in codes)

    def says(self, *phrases: str) -> bool:
        """Whether one of these phrases is in any of its texts."""
        return any(phrase.lower() in self.text.lower() for phrase in phrases)


def read(body: Any) -> Refusal | None:
    """The refusal in an answer's body; None when the body is not one of Azure (a proxy's page, nothing at all)."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping) or not (error.get("code") or error.get("message")):
        return None
    return of_error(error)


def of_error(error: Mapping[str, Any]) -> Refusal:
    """The same for the error object alone, as an operation's status carries it."""
    codes: list[str] = []
    texts: list[str] = []
    for code, text in _walk(error):
        if code:
            codes.append(code)
        if text and text not in texts:
            texts.append(text)
    telling = [text for text in texts if text.strip().lower() not in _SAYS_NOTHING and text not in codes]
    sentence = telling[-1] if telling else (texts[0] if texts else "")
    outer = str(error.get("code") or "")
    return Refusal(
        code=outer,
        codes=frozenset(code.lower() for code in codes),
        sentence=_shown(sentence or outer),
        text=mask("\n".join(texts)),
    )


def _walk(error: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(code, sentence) from the outside in; what is deeper comes later."""
    yield from _message(str(error.get("code") or ""), error.get("message"))
    for info in _mappings(error.get("additionalInfo")):
        if info.get("type") == "InnerError":
            yield from _inner(_value(info))
    yield from _inner(error.get("innererror") or error.get("innerError"))
    for detail in _mappings(error.get("details")):
        yield from _walk(detail)


def _inner(value: Any) -> Iterator[tuple[str, str]]:
    while isinstance(value, Mapping):
        yield str(value.get("code") or ""), str(value.get("message") or "")
        value = value.get("innerError") or value.get("innererror")


def _message(code: str, message: Any) -> Iterator[tuple[str, str]]:
    """A message's own words, then what the JSON inside it says."""
    text = message if isinstance(message, str) else ""
    start, embedded = _embedded(text)
    if embedded is None:
        yield code, text
        return
    yield code, ""
    lead = text[:start].rstrip(" :,")
    said = list(_sentences(embedded))
    if not said and lead:
        yield "", lead
    yield from said


def _sentences(inside: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(error := inside.get("error"), Mapping):
        yield from _walk(error)
    for name in ("title", "detail", "message", "Message"):
        if isinstance(said := inside.get(name), str):
            yield str(inside.get("code") or ""), said
    errors = inside.get("errors")
    if isinstance(errors, Mapping):
        for field, said in errors.items():
            for sentence in said if isinstance(said, list) else [said]:
                yield "", f"{field}: {sentence}" if field else str(sentence)


def _embedded(text: str) -> tuple[int, Mapping[str, Any] | None]:
    """The first JSON object inside a text and where it starts."""
    start = text.find("{")
    while start >= 0:
        try:
            value, _ = json.JSONDecoder().raw_decode(text[start:])
        except ValueError:
            start = text.find("{", start + 1)  # `{{"title":"Not Found"}}` is seen with doubled braces
            continue
        if isinstance(value, Mapping):
            return start, value
        break
    return -1, None


def _value(info: Mapping[str, Any]) -> Any:
    inside = info.get("info")
    return inside.get("value") if isinstance(inside, Mapping) else None


def _mappings(items: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(items, list):
        yield from (item for item in items if isinstance(item, Mapping))


def _shown(text: str) -> str:
    flat = _GUIDE.sub("See ", " ".join(mask(text).split()))
    return flat if len(flat) <= LONGEST else flat[: LONGEST - 1] + "…"
