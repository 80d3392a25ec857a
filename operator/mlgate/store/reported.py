"""What a watch has reported, so that a gap can be bridged by comparing with a fresh listing."""

from __future__ import annotations

from .protocol import Key, Object, WatchEvent, key_of


class Reported:
    """What the listener has been told exists. Turns listings and raw events into events for it; does no I/O."""

    def __init__(self) -> None:
        self._objects: dict[Key, Object] = {}

    def listed(self, objects: list[Object]) -> list[WatchEvent]:
        """The difference between what was reported and what a listing shows."""
        events: list[WatchEvent] = []
        now = {key_of(obj): obj for obj in objects}
        for key, old in list(self._objects.items()):
            if key not in now or now[key]["metadata"]["uid"] != old["metadata"]["uid"]:
                events.append(WatchEvent("DELETED", old))
                del self._objects[key]
        for key, obj in now.items():
            known = self._objects.get(key)
            if known is None:
                events.append(WatchEvent("ADDED", obj))
            elif known["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
                events.append(WatchEvent("MODIFIED", obj))
            self._objects[key] = obj
        return events

    def changed(self, kind: str, obj: Object) -> WatchEvent:
        """One event of the API server."""
        key = key_of(obj)
        if kind == "DELETED":
            self._objects.pop(key, None)
            return WatchEvent("DELETED", obj)
        known = key in self._objects
        self._objects[key] = obj
        return WatchEvent("MODIFIED" if known else "ADDED", obj)
