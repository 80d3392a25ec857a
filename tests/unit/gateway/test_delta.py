"""One proxy's stream: order, refusals, reconnects."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any as AnyMessage

from mlgate.gateway.delta import Delivery, DeltaStream, Request
from mlgate.gateway.render.types import CLUSTER, LISTENER, ROUTES, SECRET
from mlgate.gateway.snapshot import Resource, Snapshot


def snapshot(version: str = "v", **resources: dict[str, str]) -> Snapshot:
    kinds = {"clusters": CLUSTER, "listeners": LISTENER, "routes": ROUTES, "secrets": SECRET}
    made = {
        kinds[kind]: {name: Resource(name, each, AnyMessage()) for name, each in by_name.items()}
        for kind, by_name in resources.items()
    }
    return Snapshot(version, made)


def what(delivery: Delivery | None) -> tuple[str, list[str], list[str]] | None:
    if delivery is None:
        return None
    return delivery.type_url, [each.name for each in delivery.resources], list(delivery.removed)


def ack(stream: DeltaStream, delivery: Delivery | None) -> None:
    assert delivery is not None
    stream.receive(Request(delivery.type_url, nonce=delivery.nonce))


def nack(stream: DeltaStream, delivery: Delivery | None, words: str = "no") -> None:
    assert delivery is not None
    stream.receive(Request(delivery.type_url, nonce=delivery.nonce, error=words))


def connected(wanted: Snapshot) -> DeltaStream:
    """A proxy that has everything of it."""
    stream = DeltaStream()
    for kind in (CLUSTER, LISTENER):
        stream.receive(Request(kind))
    stream.receive(Request(ROUTES, subscribe=("routes",)))
    while (delivery := stream.next_delivery(wanted)) is not None:
        ack(stream, delivery)
    assert stream.has(wanted)
    return stream


def test_each_type_waits_for_the_answer_to_the_one_before() -> None:
    wanted = snapshot(clusters={"a": "1"}, listeners={"http": "1"}, routes={"routes": "1"})
    stream = DeltaStream()
    stream.receive(Request(CLUSTER))
    stream.receive(Request(LISTENER))
    clusters = stream.next_delivery(wanted)
    assert what(clusters) == (CLUSTER, ["a"], [])
    assert stream.next_delivery(wanted) is None
    ack(stream, clusters)
    listeners = stream.next_delivery(wanted)
    assert what(listeners) == (LISTENER, ["http"], [])
    stream.receive(Request(ROUTES, subscribe=("routes",)))
    ack(stream, listeners)
    assert what(stream.next_delivery(wanted)) == (ROUTES, ["routes"], [])


def test_a_proxy_that_waits_for_a_type_with_nothing_in_it_is_told_so_once() -> None:
    stream, wanted = DeltaStream(), snapshot(listeners={"http": "1"})
    stream.receive(Request(CLUSTER))
    empty = stream.next_delivery(wanted)
    assert what(empty) == (CLUSTER, [], [])
    ack(stream, empty)
    assert stream.next_delivery(wanted) is None


def test_a_cluster_goes_only_after_the_routes_that_named_it() -> None:
    stream = connected(snapshot("1", clusters={"a": "1", "b": "1"}, listeners={"h": "1"}, routes={"routes": "1"}))
    wanted = snapshot("2", clusters={"a": "1"}, listeners={"h": "1"}, routes={"routes": "2"})
    routes = stream.next_delivery(wanted)
    assert what(routes) == (ROUTES, ["routes"], [])
    assert stream.next_delivery(wanted) is None
    ack(stream, routes)
    assert what(stream.next_delivery(wanted)) == (CLUSTER, [], ["b"])


def test_a_cluster_stays_while_the_routes_that_no_longer_name_it_are_refused() -> None:
    stream = connected(snapshot("1", clusters={"a": "1", "b": "1"}, listeners={"h": "1"}, routes={"routes": "1"}))
    wanted = snapshot("2", clusters={"a": "1"}, listeners={"h": "1"}, routes={"routes": "2"})
    nack(stream, stream.next_delivery(wanted))
    assert stream.next_delivery(wanted) is None


def test_what_was_refused_is_not_sent_again_until_it_changes() -> None:
    stream = connected(snapshot("1", clusters={"a": "1"}, listeners={"h": "1"}, routes={"routes": "1"}))
    bad = snapshot("2", clusters={"a": "1"}, listeners={"h": "1"}, routes={"routes": "2"})
    nack(stream, stream.next_delivery(bad), "words")
    assert stream.next_delivery(bad) is None
    (refusal,) = stream.refusals(bad)
    assert (refusal.resource, refusal.words) == ("routes", "words")
    assert not stream.has(bad)
    assert stream.answered(bad)
    good = snapshot("3", clusters={"a": "1"}, listeners={"h": "1"}, routes={"routes": "3"})
    assert stream.refusals(good) == ()
    ack(stream, stream.next_delivery(good))
    assert stream.has(good)


def test_of_several_resources_refused_together_the_refused_one_is_found_by_sending_them_one_by_one() -> None:
    stream, wanted = DeltaStream(), snapshot(clusters={"a": "1", "bad": "1", "c": "1"})
    stream.receive(Request(CLUSTER))
    nack(stream, stream.next_delivery(wanted))
    sent = []
    while (delivery := stream.next_delivery(wanted)) is not None:
        (name,) = (each.name for each in delivery.resources)
        sent.append(name)
        nack(stream, delivery, "bad!") if name == "bad" else ack(stream, delivery)
    assert sent == ["a", "bad", "c"]
    assert [each.resource for each in stream.refusals(wanted)] == ["bad"]


def test_a_reconnected_proxy_is_sent_only_what_it_lacks_and_told_what_is_gone() -> None:
    stream = DeltaStream()
    wanted = snapshot("2", clusters={"a": "1", "b": "2"}, routes={"routes": "1"})
    stream.receive(Request(CLUSTER, initial_versions={"a": "1", "b": "1", "gone": "1"}))
    stream.receive(Request(ROUTES, subscribe=("routes",), initial_versions={"routes": "1"}))
    changed = stream.next_delivery(wanted)
    assert what(changed) == (CLUSTER, ["b"], [])
    ack(stream, changed)
    gone = stream.next_delivery(wanted)
    assert what(gone) == (CLUSTER, [], ["gone"])
    ack(stream, gone)
    assert stream.has(wanted)


def test_what_is_asked_for_again_is_sent_again() -> None:
    stream, wanted = DeltaStream(), snapshot(secrets={"s": "1", "t": "1"})
    stream.receive(Request(SECRET, subscribe=("s",)))
    ack(stream, stream.next_delivery(wanted))
    stream.receive(Request(SECRET, unsubscribe=("s",)))
    assert stream.next_delivery(wanted) is None
    stream.receive(Request(SECRET, subscribe=("s",)))
    assert what(stream.next_delivery(wanted)) == (SECRET, ["s"], [])


def test_who_asks_for_what_does_not_exist_is_told_so_once() -> None:
    stream, wanted = DeltaStream(), snapshot()
    stream.receive(Request(SECRET, subscribe=("unknown",)))
    answer = stream.next_delivery(wanted)
    assert what(answer) == (SECRET, [], ["unknown"])
    ack(stream, answer)
    assert stream.next_delivery(wanted) is None


def test_an_answer_to_something_older_does_not_count_for_the_newest() -> None:
    stream = DeltaStream()
    one, two = snapshot("1", clusters={"a": "1"}), snapshot("2", clusters={"a": "2"})
    stream.receive(Request(CLUSTER))
    first = stream.next_delivery(one)
    assert stream.next_delivery(two) is None
    ack(stream, first)
    assert not stream.has(two)
    ack(stream, stream.next_delivery(two))
    assert stream.has(two)
    assert stream.versions(two)[CLUSTER] == "2"
