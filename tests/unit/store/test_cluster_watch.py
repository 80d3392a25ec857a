"""List-and-watch over a scripted API server: gaps, ends, errors."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from mlgate.store.cluster.answers import Expired
from mlgate.store.cluster.watch import LONGEST_WAIT_SECONDS, Backoff, list_and_watch
from mlgate.store.protocol import Forbidden, Object, StoreError, Unavailable


def obj(name: str, version: int, uid: str | None = None) -> Object:
    own = {"name": name, "namespace": "n", "uid": uid or name, "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "W", "metadata": own}


class Script:
    """What the API server says, call after call. The watch ends when the streams are used up."""

    def __init__(self, lists: list[Any], streams: list[list[Any]]) -> None:
        self._lists, self._streams = list(lists), list(streams)
        self.watched_from: list[str] = []
        self.waits: list[float] = []

    async def listing(self) -> tuple[list[Object], str]:
        said = self._lists.pop(0)
        if isinstance(said, StoreError):
            raise said
        return said  # type: ignore[no-any-return]

    async def streaming(self, version: str) -> AsyncGenerator[Object, None]:
        self.watched_from.append(version)
        for said in self._streams.pop(0):
            if isinstance(said, StoreError):
                raise said
            yield {"type": said[0], "object": said[1]}

    async def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return not self._streams

    async def events(self, random: Callable[[], float] = lambda: 1.0) -> list[tuple[str, str]]:
        events = list_and_watch(self.listing, self.streaming, backoff=Backoff(random), wait=self.wait)
        return [(event.type, event.object["metadata"]["name"]) async for event in events]


BOOKMARK = ("BOOKMARK", {"kind": "W", "metadata": {"resourceVersion": "50"}})
ERROR_410 = ("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})


async def test_a_watch_that_the_server_ends_goes_on_from_the_last_bookmark_at_once() -> None:
    script = Script([([obj("a", 1)], "7")], [[("MODIFIED", obj("a", 9)), BOOKMARK], [("DELETED", obj("a", 60))]])
    assert await script.events() == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    assert script.watched_from == ["7", "50"]
    assert set(script.waits) == {0}


@pytest.mark.parametrize("gap", [Expired("too old"), ERROR_410], ids=["410 as an answer", "410 as an event"])
async def test_after_a_gap_ends_are_made_up_and_only_differences_reported(gap: Any) -> None:
    before = [obj("gone", 1), obj("same", 2), obj("changed", 3), obj("replaced", 4, "old")]
    after = [obj("same", 2), obj("changed", 30), obj("replaced", 31, "new"), obj("new", 32)]
    script = Script([(before, "7"), (after, "40")], [[gap], []])
    assert (await script.events())[4:] == [
        ("DELETED", "gone"),
        ("DELETED", "replaced"),
        ("MODIFIED", "changed"),
        ("ADDED", "replaced"),
        ("ADDED", "new"),
    ]
    assert script.watched_from == ["7", "40"]


async def test_a_lost_connection_is_waited_out_longer_each_time_and_resumed() -> None:
    lost = Unavailable("connection reset")
    script = Script([([], "7")], [[lost], [("ADDED", obj("a", 9)), lost], []])
    assert await script.events() == [("ADDED", "a")]
    assert script.watched_from == ["7", "7", "9"]
    assert script.waits[:2] == [1.0, 1.0], "a new stream counts as success"


async def test_an_unreachable_server_is_asked_again_but_a_refusal_at_the_start_is_raised() -> None:
    script = Script([Unavailable("down"), Unavailable("down"), ([obj("a", 1)], "7")], [[]])
    assert await script.events() == [("ADDED", "a")]
    assert script.waits[:2] == [1.0, 2.0]
    with pytest.raises(Forbidden):
        await Script([Forbidden("no")], [[]]).events()


async def test_a_refusal_later_on_is_waited_out() -> None:
    script = Script([([obj("a", 1)], "7")], [[Forbidden("token expired")], [("DELETED", obj("a", 9))]])
    assert await script.events() == [("ADDED", "a"), ("DELETED", "a")]


def test_back_off_has_full_jitter_and_an_end() -> None:
    backoff = Backoff(lambda: 0.5)
    assert [backoff.next() for _ in range(7)] == [0.5, 1, 2, 4, 8, 15, 15]
    assert max(Backoff(lambda: 1.0).next() for _ in range(20)) <= LONGEST_WAIT_SECONDS
    backoff.succeeded()
    assert backoff.next() == 0.5
