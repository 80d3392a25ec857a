"""A kind for tests: a Thing with a size, a shape and tags, and the service that keeps Things.

The service counts what it is asked and can be told to lose answers, to refuse, and to take its time. It knows nothing of
the engine. Which contract a Thing keeps (mark or natural key, POST or PUT) is chosen per test.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from mlgate.api.auth0tenant import DeletesInMinute
from mlgate.api.crd import crd
from mlgate.api.managed import ManagedSpec, ManagedStatus
from mlgate.api.markers import ListMap, ListSet
from mlgate.api.meta import KindType
from mlgate.api.references import ObjectRef
from mlgate.engine.fields import CreateOnly, Fields, MapOf
from mlgate.engine.marks import Mark
from mlgate.engine.plan import Action, Plan
from mlgate.engine.protocols import (
    Applied,
    Deletion,
    External,
    Health,
    Outputs,
    Owner,
    Possible,
    SecretOutput,
    Seen,
    Situation,
    Wanted,
)
from mlgate.engine.references import SECRET, Need, Ref, Resolved
from mlgate.errors import AlreadyHeld, LostAnswer, Trouble
from mlgate.outbound import about_to_send
from mlgate.reasons import Reason
from mlgate.sensitive import Sensitive
from mlgate.store.memory import MemoryStore
from mlgate.store.protocol import Key, Object

Word = Annotated[str, Field(max_length=64)]


class ThingSpec(ManagedSpec):
    """Desired state of a Thing."""

    key: Word | None = None
    """The key that the service keeps unique. Unset: none."""
    size: int | None = None
    """How big it is."""
    shape: Word | None = None
    """Its shape, which cannot be changed."""
    tags: Annotated[dict[str, Word], Field(max_length=8)] | None = None
    """Tags. Others' are left alone."""
    secret: Word | None = None
    """The Secret that receives its token."""
    needs: ObjectRef | None = None
    """A Thing that it stands on."""
    credentials: Word | None = None
    """The Secret that the service is reached with."""
    allow_delete: bool = True
    """False keeps those that stand on it from being deleted."""
    max_deletes_per_hour: int | None = None
    """How many of those are deleted within an hour."""


class ThingStatus(ManagedStatus):
    """How the Thing stands."""

    size: int | None = None
    """Its size now."""
    deletes: Annotated[list[DeletesInMinute], Field(max_length=61), ListMap("at")] | None = None
    """Deletes of those that stand on it."""
    marks: Annotated[dict[str, int], Field(max_length=8)] | None = None
    """Numbers by name."""
    words: Annotated[list[Word], Field(max_length=8), ListSet()] | None = None
    """Words."""


THING = KindType("Thing", "things", ("th",), ThingSpec, ThingStatus, "A Thing of the tests.")


def a_store() -> MemoryStore:
    return MemoryStore([crd(THING)])


def manifest(name: str, /, annotations: Mapping[str, str] | None = None, **spec: Any) -> Object:
    metadata: dict[str, Any] = {"name": name, "namespace": "default"}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": THING.resource.api_version, "kind": "Thing", "metadata": metadata, "spec": spec}


@dataclass
class Service:
    """Where Things are kept. `fail` says what is met `before` and `after` a write has worked, by verb."""

    gate: str = "things"
    there: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    fail: Callable[[str, str], Trouble | None] = lambda verb, when: None
    slow: bool = False
    """New and changed Things stay `Working` until `finish`."""
    lingers: bool = False
    """Deleting takes until the next time it is asked for."""
    _numbers: Iterable[int] = field(default_factory=lambda: itertools.count(1))

    def count(self, verb: str) -> int:
        return self.log.count(verb)

    @property
    def writes(self) -> list[str]:
        return [verb for verb in self.log if verb in ("create", "update", "delete")]

    def only(self) -> dict[str, Any]:
        [thing] = self.there.values()
        return thing

    def finish(self, state: str = "Done") -> None:
        for thing in self.there.values():
            thing["state"] = state

    def get(self, id_: str) -> dict[str, Any] | None:
        self.log.append("get")
        self._trouble("get", "before")
        return self.there.get(id_)

    def list(self) -> list[dict[str, Any]]:
        self.log.append("list")
        self._trouble("list", "before")
        return list(self.there.values())

    def create(self, values: Mapping[str, Any]) -> dict[str, Any]:
        self._write("create")
        if values.get("key") and any(thing.get("key") == values["key"] for thing in self.there.values()):
            raise AlreadyHeld(f"the key {values['key']} is taken")
        id_ = f"t-{next(iter(self._numbers))}"
        self.there[id_] = {**values, "id": id_, "state": "Working" if self.slow else "Done"}
        self._trouble("create", "after")
        return self.there[id_]

    def update(self, id_: str, values: Mapping[str, Any]) -> dict[str, Any]:
        self._write("update")
        thing = self.there[id_]
        tags = {k: v for k, v in {**thing.get("tags", {}), **values.get("tags", {})}.items() if v is not None}
        thing.update(values, tags=tags, state="Working" if self.slow else "Done")
        self._trouble("update", "after")
        return thing

    def delete(self, id_: str) -> bool:
        """Whether it is gone."""
        self._write("delete")
        if self.lingers:
            self.lingers = False
            return False
        self.there.pop(id_, None)
        self._trouble("delete", "after")
        return True

    def _write(self, verb: str) -> None:
        about_to_send(verb, writes=True, timeout=5.0)
        self.log.append(verb)
        self._trouble(verb, "before")

    def _trouble(self, verb: str, when: str) -> None:
        trouble = self.fail(verb, when)
        if trouble is not None:
            raise trouble


class Once:
    """One trouble at one place, the first time it is passed."""

    def __init__(self, verb: str, when: str, trouble: Trouble) -> None:
        self._place, self._trouble = (verb, when), trouble
        self.met = False

    def __call__(self, verb: str, when: str) -> Trouble | None:
        if (verb, when) != self._place or self.met:
            return None
        self.met = True
        return self._trouble


LOST = LostAnswer("The answer was lost.")


class Thing(External[ThingSpec, Service]):
    """With a mark in its tags; see `KeyedThing` and `PutThing` for the other contracts."""

    type = THING
    fields = Fields(shape=CreateOnly(), tags=MapOf(merges=True))
    looks_before_deleting = True
    has_room = True
    """Whether the service has room for a mark."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.later: set[str] = set()
        """Fields of the wish that must wait."""
        self.stuck: str = ""
        """Why no change may be started."""
        self.afterwards: Trouble | None = None
        """What a step after the main one meets, once."""

    def references(self, owner: Owner, spec: ThingSpec) -> Iterable[Ref]:
        if spec.needs:
            key = Key("Thing", spec.needs.namespace or owner.namespace, spec.needs.name)
            yield Ref(key, "spec.needs", Need.IDENTITY)
        if spec.credentials:
            yield Ref(Key(SECRET, owner.namespace, spec.credentials), "spec.credentials", guard=True)

    async def connect(self, owner: Owner, spec: ThingSpec, refs: Resolved) -> Service:
        if spec.credentials:
            refs.secret(owner.namespace, spec.credentials)
        return self.service

    def desired(self, owner: Owner, spec: ThingSpec, refs: Resolved) -> Wanted:
        wanted = spec.model_dump(include={"key", "size", "shape"}, exclude_unset=True, exclude_none=True)
        if spec.needs:
            wanted["on"] = refs.get("Thing", spec.needs.namespace or owner.namespace, spec.needs.name).external_id
        return {**wanted, "tags": dict(spec.tags or {})}

    def with_mark(self, wanted: Wanted, mark: Mark) -> Wanted:
        return {**wanted, "tags": {**wanted["tags"], "mark": mark.owner}} if self.has_room else wanted

    def possible(self, wanted: Wanted, seen: Seen) -> Possible:
        waiting = sorted(self.later & wanted.keys())
        if not waiting:
            return Possible(wanted)
        rest = {name: value for name, value in wanted.items() if name not in self.later}
        return Possible(rest, f"{', '.join(waiting)} must wait.", usable=False)

    def hindrance(self, spec: ThingSpec, refs: Resolved, *, creating: bool) -> str:
        return self.stuck

    async def observe(self, conn: Service, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        thing = conn.get(external_id)
        return self._seen(thing, mark) if thing else None

    async def find(self, conn: Service, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return [seen for seen in (self._seen(thing, mark) for thing in conn.list()) if seen.ours]

    async def apply(self, conn: Service, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        if plan.action is Action.CREATE:
            thing = conn.create(plan.values())
        else:
            assert plan.external_id is not None
            thing = conn.update(plan.external_id, plan.values())
        trouble, self.afterwards = self.afterwards, None
        return Applied(thing["id"], self._seen(thing, mark), trouble=trouble)

    async def delete(self, conn: Service, seen: Seen, refs: Resolved) -> Deletion:
        return Deletion(done=conn.delete(seen.id), again=3.0)

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        match seen.raw["state"]:
            case "Done":
                return Health(True)
            case "Failed":
                return Health(False, Reason.PROVISIONING_FAILED, "The service gave up.", failed=True)
            case _:
                return Health(False, Reason.CREATING, "Being made.", settled=False, again=5.0)

    def secret_names(self, owner: Owner, spec: ThingSpec) -> Sequence[str]:
        return [spec.secret] if spec.secret else []

    async def outputs(self, conn: Service, spec: ThingSpec, situation: Situation) -> Outputs:
        status = {"size": situation.seen.raw.get("size")}
        if spec.secret is None:
            return Outputs(status)
        return Outputs(status, [SecretOutput(spec.secret, {"token": Sensitive(f"token of {situation.seen.id}")})])

    def _seen(self, thing: Mapping[str, Any], mark: Mark) -> Seen:
        thing = {**thing, "tags": dict(thing.get("tags", {}))}
        if not self.has_room:
            return Seen(thing["id"], thing, thing)
        found = thing["tags"].get("mark")
        ours = mark.is_on(owner=found, uid=None)
        return Seen(thing["id"], thing, thing, ours, found if ours is False else None)


class KeyedThing(Thing):
    """Without room for a mark: the key that the service keeps unique says which it is."""

    looks_before_deleting = False
    has_room = False

    async def find(self, conn: Service, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return [self._seen(thing, mark) for thing in conn.list() if thing.get("key") == wanted.get("key")]


class PutThing(Thing):
    """Made with a PUT that would overwrite what is there: looked at before each create."""

    looks_first = True

    async def find(self, conn: Service, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return [self._seen(thing, mark) for thing in conn.list() if thing.get("key") == wanted.get("key")]


class LateThing(Thing):
    """What is new shows up in lists after a while."""

    visible_after = 4.0


class EasygoingThing(Thing):
    """Gets by without what it refers to."""

    def gets_by_without(self, target: Object, own: Object) -> bool:
        return True


class GoingAlongThing(Thing):
    """Removed by the service together with what it stands on, when both go."""

    def blocks_deletion_of(self, target: Object, own: Object) -> bool:
        return not own["metadata"].get("deletionTimestamp")

    async def delete(self, conn: Service, seen: Seen, refs: Resolved) -> Deletion:
        if any(target.deleting for target in refs.targets.values()):
            return Deletion(done=False, again=3.0)
        conn.delete(seen.id)
        conn.there.clear()
        return Deletion(done=True)
