"""The whole story of an object, as `kubectl describe` tells it: what is asked, how it stands, what happened, what it is
made of. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from ..store.protocol import Object
from .table import age, align

HIDDEN_STATUS = ("conditions", "jwks", "managed", "wishHash", "syncedHash")
"""Parts of a status that are shown elsewhere, or that only mlgate itself reads."""


def story(obj: Object, events: Iterable[Object], children: Sequence[Object], now: float) -> str:
    """All of it, as text."""
    parts = [_head(obj, now), _section("Spec", obj.get("spec"))]
    if obj.get("data"):
        parts.append(_section("Data", sorted(obj["data"])))
    status: Mapping[str, Any] = obj.get("status") or {}
    shown = {name: value for name, value in status.items() if name not in HIDDEN_STATUS}
    parts.append(_section("Status", shown))
    parts.append(_conditions(status.get("conditions") or (), now))
    if children:
        parts.append(_children(children))
    parts.append(_events(sorted(events, key=lambda event: str(event.get("lastTimestamp"))), now))
    return "\n".join(part for part in parts if part)


def _head(obj: Object, now: float) -> str:
    metadata = obj["metadata"]
    lines = [("Name", metadata["name"])]
    if metadata.get("namespace"):
        lines.append(("Namespace", metadata["namespace"]))
    lines += [("Kind", obj["kind"]), ("API Version", obj["apiVersion"])]
    for name in ("labels", "annotations"):
        for number, (key, value) in enumerate(sorted((metadata.get(name) or {}).items())):
            lines.append((name.capitalize() if not number else "", f"{key}={value}"))
    for owner in metadata.get("ownerReferences") or ():
        lines.append(("Controlled By", f"{owner['kind']}/{owner['name']}"))
    lines.append(("Age", age(metadata.get("creationTimestamp"), now)))
    if metadata.get("deletionTimestamp"):
        lines.append(("Deleted", f"{age(metadata['deletionTimestamp'], now)} ago, waiting for its finalizers"))
    return "".join(f"{name + ':' if name else '':<15}{value}\n" for name, value in lines)


def _section(title: str, value: Any) -> str:
    if not value:
        return ""
    # One entry per line at the top; what is deeper may share a line where it is short.
    parts = [{name: each} for name, each in value.items()] if isinstance(value, Mapping) else [value]
    text = "".join(_yaml(part) for part in parts)
    return f"{title}:\n{textwrap.indent(text, '  ')}"


def _yaml(value: Any) -> str:
    if isinstance(value, Mapping) and not any(isinstance(each, Mapping | list) for each in value.values()):
        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False)
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


def _conditions(conditions: Iterable[Mapping[str, Any]], now: float) -> str:
    found = list(conditions)
    if not found:
        return "Conditions:    <none yet: nothing has looked at it>\n"
    table = [["TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"]]
    for each in found:
        since = age(each.get("lastTransitionTime"), now)
        message = " ".join(str(each.get("message", "")).split())
        table.append([str(each.get("type")), str(each.get("status")), str(each.get("reason")), since, message])
    return "Conditions:\n" + textwrap.indent(align(table), "  ")


def _children(children: Sequence[Object]) -> str:
    table = [["KIND", "NAME", "READY", "REASON"]]
    for child in children:
        conditions = (child.get("status") or {}).get("conditions") or ()
        ready: Mapping[str, Any] = next((each for each in conditions if each.get("type") == "Ready"), {})
        table.append(
            [child["kind"], child["metadata"]["name"], str(ready.get("status", "")), str(ready.get("reason", ""))]
        )
    return "Children:\n" + textwrap.indent(align(table), "  ")


def _events(events: Sequence[Object], now: float) -> str:
    if not events:
        return "Events:        <none>\n"
    table = [["TYPE", "REASON", "AGE", "MESSAGE"]]
    for event in events:
        last, count = age(event.get("lastTimestamp"), now), int(event.get("count") or 1)
        when = f"{last} (x{count} over {age(event.get('firstTimestamp'), now)})" if count > 1 else last
        message = " ".join(str(event.get("message", "")).split())
        table.append([str(event.get("type")), str(event.get("reason")), when, message])
    return "Events:\n" + textwrap.indent(align(table), "  ")
