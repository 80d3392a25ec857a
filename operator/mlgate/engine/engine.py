"""The machine: doorbells in, one reconcile per object at a time, verdicts out.

`ring` is called by whoever watches the store (kopf in a cluster, the embedded store's own watch in `mlgate dev`); it only
fills the cache and the queue. Workers run while `lead` says so; a standby keeps its cache warm and writes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..api.meta import parse_duration
from ..errors import Quota, Trouble, Wait, WriteRefused
from ..outbound import Fence, Urgency
from ..reasons import Reason
from ..store.protocol import Conflict, Forbidden, Key, NotFound, Object, Store, StoreError, Unavailable, key_of
from . import objects
from .cache import Cache
from .clock import Clock, unix
from .composition import CompositionReconciler, Whole
from .external import ExternalReconciler
from .gates import Gates
from .lanes import Lanes
from .marks import Mark
from .protocols import Composition, External, Kind, Owner
from .queue import WorkQueue
from .recorder import Recorder
from .references import SECRET, targets
from .resolve import Resolver, parse
from .secrets import OutputSecrets
from .steps import Steps, Subject, Unfinished
from .verdict import Notice, Pace, Verdict, of_bug, of_trouble
from .writer import Writer

log = logging.getLogger(__name__)

SLOW = 900.0
"""Seconds until an object that waits for a change is looked at in case its wake-up was missed."""


class Observer(Protocol):
    """Where measurements go (`shell.metrics`)."""

    def reconciled(self, kind: str, result: str, seconds: float) -> None: ...
    def became_ready(self, kind: str, seconds: float) -> None: ...
    def drifted(self, kind: str) -> None: ...


class Unobserved:
    """No measurements."""

    def reconciled(self, kind: str, result: str, seconds: float) -> None:
        return

    def became_ready(self, kind: str, seconds: float) -> None:
        return

    def drifted(self, kind: str) -> None:
        return


@dataclass(frozen=True, slots=True)
class Settings:
    """`resync`: seconds between drift checks of an object that is well (positive jitter of a quarter is added).
    `workers`: reconciles at the same time. `cluster`: tells clusters apart that share a tenant or subscription."""

    resync: float = 600.0
    workers: int = 16
    cluster: str = "embedded"


class Engine:
    """Everything between the store and the kinds."""

    def __init__(
        self,
        store: Store,
        kinds: Mapping[str, Kind[Any]],
        *,
        clock: Clock,
        fence: Fence,
        settings: Settings | None = None,
        observer: Observer | None = None,
        instance: str = "",
    ) -> None:
        self.settings = settings or Settings()
        self.kinds = kinds
        self.cache = Cache()
        self.queue = WorkQueue(clock)
        self._store = store
        self._clock = clock
        self._observer = observer or Unobserved()
        self.recorder = Recorder(store, clock, instance=instance)
        self._writer = Writer(store, clock, self._wrote)
        self._gates = Gates(clock, lambda key: self.queue.add(key, Urgency.RETRY))
        self._lanes = Lanes(clock, lambda key: self.queue.add(key, Urgency.RETRY))
        resolver = self._resolver = Resolver(store, self.cache, self._writer, clock, self._noted)
        self._steps = Steps(
            cache=self.cache,
            writer=self._writer,
            resolver=resolver,
            gates=self._gates,
            lanes=self._lanes,
            clock=clock,
            fence=fence,
        )
        self._externals = ExternalReconciler(self._steps, secrets=OutputSecrets(store), kinds=kinds, noted=self._noted)
        self._compositions = CompositionReconciler(
            store=store,
            cache=self.cache,
            writer=self._writer,
            resolver=resolver,
            clock=clock,
            applied=lambda obj: self.ring("MODIFIED", obj),
        )
        self._listeners: list[Callable[[Key, Object | None], None]] = []
        self._workers: list[asyncio.Task[None]] = []
        self._started_at = clock.wall()
        self._suspects: set[Key] = set()
        """Objects whose Secrets changed: what they gave away, or their credentials, must be looked at."""

    # -- doorbells ----------------------------------------------------------------------------------------------------

    def on_change(self, listener: Callable[[Key, Object | None], None]) -> None:
        """Call `listener` for everything that is rung (None: gone). For what every replica does, such as the gateway."""
        self._listeners.append(listener)

    def ring(self, event: Literal["ADDED", "MODIFIED", "DELETED"], obj: Object) -> None:
        """Something changed, or may have."""
        key = key_of(obj)
        if key.kind == SECRET:
            self._resolver.forget_secret(key)
            if not _ours(obj) and not self.cache.referrers(key):
                return
            obj = _without_values(obj)
        if event == "DELETED":
            self._gone(key, obj)
        else:
            self._seen(key, obj, own=False)

    def _noted(self, secret: Object) -> None:
        """A Secret as we just read or wrote it: its doorbell is no news then."""
        self.cache.put(_without_values(secret))

    def _wrote(self, obj: Object) -> None:
        """A write of ours: the cache has it before the doorbell rings, and its own echo is no news."""
        key = key_of(obj)
        if self.cache.get(key) is not None and key.kind in self.kinds:
            self._seen(key, obj, own=True)

    def _seen(self, key: Key, obj: Object, *, own: bool) -> None:
        before = self.cache.put(obj)
        if before is obj:
            return
        if key.kind in self.kinds:
            if before is None or objects.generation(before) != objects.generation(obj):
                self._index(key, obj, first=before is None)
            if before is None:
                self._first_look(key, obj)
            elif _wants_a_look(before, obj, own=own):
                self.queue.add(key, Urgency.DELETION if objects.deleting(obj) else Urgency.USER)
        if before is None or objects.depended(before) != objects.depended(obj):
            self._wake_others(key, obj)
        if before is not None and objects.is_ready(obj) and not objects.is_ready(before):
            self._wake_targets(key)
        if before is not None and objects.deleting(obj) and not objects.deleting(before):
            self._wake_going(key)
        if before is None or objects.visible(before) != objects.visible(obj):
            self._tell(key, obj)

    def _gone(self, key: Key, obj: Object) -> None:
        before = self.cache.drop(key, objects.uid(obj))
        if self.cache.get(key) is not None:  # another one has its name by now
            self._steps.forget(objects.uid(obj))
            return
        self._wake_others(key, before or obj)
        self._wake_going(key)
        self.cache.refers(key, frozenset())
        self._steps.forget(objects.uid(before or obj))
        self._gates.leave(key)
        self._lanes.leave(key)
        self.queue.forget(key)
        self._tell(key, None)

    def _wake_going(self, key: Key) -> None:
        """What it stands on and is being deleted may have waited for it: until it is gone, or only until it is going
        too (a deployment goes with its endpoint)."""
        for target in self.cache.targets(key):
            found = self.cache.get(target)
            if found is not None and objects.deleting(found):
                self.queue.add(target, Urgency.DELETION)

    def _wake_targets(self, key: Key) -> None:
        kind = self.kinds.get(key.kind)
        if isinstance(kind, External) and kind.wakes_targets:
            for target in self.cache.targets(key):
                if target.kind in self.kinds:
                    self.queue.add(target, Urgency.USER)

    def _tell(self, key: Key, obj: Object | None) -> None:
        for listener in self._listeners:
            listener(key, obj)

    def _wake_others(self, key: Key, obj: Object) -> None:
        for other in (*self.cache.referrers(key), *self.cache.owners_of(obj)):
            if other.kind in self.kinds:
                if key.kind == SECRET:
                    self._suspects.add(other)
                self.queue.add(other, Urgency.USER)

    def _first_look(self, key: Key, obj: Object) -> None:
        """After a start nothing that is well is looked at at once: looks are spread over the resync interval."""
        fresh = unix(obj["metadata"]["creationTimestamp"]) > self._started_at if _dated(obj) else True
        if fresh or not objects.is_ready(obj) or objects.asked_for(obj):
            self.queue.add(key, Urgency.DELETION if objects.deleting(obj) else Urgency.USER)
        else:
            self.queue.add_after(key, self._clock.chance.uniform(0, self._interval(obj)), Urgency.DRIFT)
            self._plan_next(key, obj)

    def _plan_next(self, key: Key, obj: Object) -> None:
        """The look that status knows of, if it is the next."""
        kind = self.kinds[key.kind]
        due = kind.next_look(objects.status(obj)) if isinstance(kind, External) else None
        if due is not None:
            self.queue.add_after(key, max(1.0, due - self._clock.wall()), Urgency.PROGRESS)

    def _index(self, key: Key, obj: Object, *, first: bool) -> None:
        """Known before anything is looked at: what it refers to must be able to wake it, and must not go before it; what
        may be under way for it since before the start keeps others out of its lane."""
        kind = self.kinds[key.kind]
        try:
            spec = parse(kind.type.spec, key, obj)
            owner = self._owner(key, obj)
            self.cache.refers(key, targets(kind.references(owner, spec)))
            begun = first and objects.held(obj) and not objects.is_ready(obj)
            if begun and isinstance(kind, External) and (lane := kind.lane(owner, spec)) is not None:
                self._lanes.presume(lane, key)
        except Trouble:
            self.queue.add(key, Urgency.USER)

    # -- work ---------------------------------------------------------------------------------------------------------

    def lead(self) -> None:
        """Start working: this process may write now."""
        if not self._workers:
            self.recorder.start()
            self._workers = [
                asyncio.create_task(self._work(), name=f"worker-{number}") for number in range(self.settings.workers)
            ]

    async def stop(self) -> None:
        """Stop working at once: what is in hand is cancelled. Who wants it finished closes the queue and waits first, as
        the shell does."""
        self.queue.close()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._workers = []
        await self.recorder.stop()

    async def _work(self) -> None:
        while True:
            key, urgency = await self.queue.get()
            try:
                await self.look(key, urgency)
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("looking at %s ended in an error that nobody expected", key)
                self.queue.add_after(key, self.queue.backoff(key), Urgency.RETRY)
            finally:
                self.queue.done(key)

    async def look(self, key: Key, urgency: Urgency) -> None:
        """One reconcile of one object, its verdict written and the next look arranged."""
        obj, kind = self.cache.get(key), self.kinds.get(key.kind)
        if obj is None or kind is None:
            return
        started = self._clock.monotonic()
        try:
            obj, verdict = await self._reconcile(kind, key, obj, urgency)
            await self._conclude(kind, key, obj, verdict)
            result = "ready" if verdict.ready and verdict.synced else str(verdict.reason)
        except (Conflict, NotFound):
            result = "stale"
            fresh = await self._store.get(kind.type.resource, key.namespace, key.name)
            if fresh is None or objects.uid(fresh) != objects.uid(obj):
                self._gone(key, obj)
            if fresh is not None:
                self.cache.put(fresh)
                self.queue.add_after(key, 0.05, urgency)
        except (Unavailable, Forbidden) as error:
            result = "store"
            log.warning("the API server would not have it while looking at %s: %s", key, error.message)
            self.queue.add_after(key, self.queue.backoff(key), Urgency.RETRY)
        finally:
            self._lanes.end(key)
        self._observer.reconciled(key.kind, result, self._clock.monotonic() - started)

    async def _reconcile(self, kind: Kind[Any], key: Key, obj: Object, urgency: Urgency) -> tuple[Object, Verdict]:
        was_well, attempt = objects.is_ready(obj), self.queue.failures(key)
        owner = self._owner(key, obj)
        if isinstance(kind, Composition):
            try:
                return await self._compositions.reconcile(Whole(kind, key, obj, owner))
            except Trouble as trouble:
                return self.cache.get(key) or obj, of_trouble(trouble, was_well=was_well, attempt=attempt)
        assert isinstance(kind, External)
        glance = urgency is Urgency.USER and key not in self._suspects
        self._suspects.discard(key)
        subject, was_usable = Subject(kind, key, obj, owner, urgency, glance=glance), objects.says(obj, "Ready")
        met: Trouble | None = None
        proved = False
        try:
            obj, verdict = await self._externals.reconcile(subject)
            proved = not verdict.keep
            return obj, verdict
        except Unfinished as unfinished:
            met, proved = unfinished.trouble, True
            verdict = of_trouble(met, was_well=False, attempt=attempt).saying(unfinished.status)
            return subject.obj, verdict.noting(*subject.notices)
        except Trouble as trouble:
            met, proved = trouble, not (isinstance(trouble, (Wait, WriteRefused)) or _own_budget(trouble))
            verdict = of_trouble(trouble, was_well=was_well, attempt=attempt, was_usable=was_usable)
            return subject.obj, verdict.noting(*(n for n in subject.notices if n not in verdict.notices))
        except StoreError:
            raise
        except Exception as bug:
            log.exception("a bug in the kind %s met while looking at %s", key.kind, key)
            return subject.obj, of_bug(bug)
        finally:
            if subject.conn is not None:
                self.queue.group(key, subject.conn.gate)
                self._report(key, subject.conn.gate, met, proved=proved)

    def _report(self, key: Key, gate: str, met: Trouble | None, *, proved: bool) -> None:
        """How it went behind a gate. What asked the service nothing proves nothing: another may probe then."""
        if not proved:
            self._gates.unproved(gate, key)
            return
        probe = self._gates.report(gate, key, met)
        if probe is not None:
            self.queue.add_after(key, probe, Urgency.RETRY)

    async def _conclude(self, kind: Kind[Any], key: Key, obj: Object, verdict: Verdict) -> None:
        was_well = objects.is_ready(obj)
        if objects.deleting(obj) and not objects.finalizers(obj):
            self._say(obj, verdict)
            return
        if not verdict.keep:
            obj = await self._writer.status(kind.type.resource, obj, verdict)
        self._say(obj, verdict)
        if verdict.ready and verdict.synced:
            self.queue.succeeded(key)
            if not was_well:
                took = max(0.0, self._clock.wall() - unix(obj["metadata"]["creationTimestamp"])) if _dated(obj) else 0.0
                self._observer.became_ready(key.kind, took)
                if not verdict.notices:  # "Made ..." or "Changed ..." says it already
                    self.recorder.record(obj, Notice(Reason.AVAILABLE, "Ready."))
        self._arrange(key, obj, verdict)

    def _say(self, obj: Object, verdict: Verdict) -> None:
        for notice in verdict.notices:
            if notice.reason is Reason.DRIFT_CORRECTED:
                self._observer.drifted(obj["kind"])
            self.recorder.record(obj, notice)

    def _arrange(self, key: Key, obj: Object, verdict: Verdict) -> None:
        """When to look again."""
        if verdict.again is not None:
            urgency = Urgency.PROGRESS if verdict.reconciling else Urgency.DRIFT
            if verdict.reason is Reason.QUOTA_LIMITED and not verdict.keep:
                urgency = Urgency.RETRY  # it is no poll: work that somebody asked for is not done yet
            self.queue.add_after(key, verdict.again, urgency)
        elif verdict.pace is Pace.BACKOFF:
            self.queue.add_after(key, self.queue.backoff(key), Urgency.RETRY)
        elif verdict.pace is Pace.SLOW:
            self.queue.add_after(key, SLOW * self._clock.chance.uniform(0.75, 1.25), Urgency.DRIFT)
        if verdict.keep and verdict.pace is Pace.RESYNC:  # it was only glanced at
            self._plan_next(key, obj)
        if verdict.pace is Pace.RESYNC:
            self.queue.add_after(key, self._interval(obj) * self._clock.chance.uniform(1.0, 1.25), Urgency.DRIFT)

    def _interval(self, obj: Object) -> float:
        asked = objects.spec(obj).get("resyncInterval")
        return parse_duration(asked).total_seconds() if isinstance(asked, str) else self.settings.resync

    def _owner(self, key: Key, obj: Object) -> Owner:
        mark = Mark(self.settings.cluster, key.kind, key.namespace, key.name, objects.uid(obj))
        return Owner(key.namespace, key.name, objects.uid(obj), objects.generation(obj), mark)


def _own_budget(trouble: Trouble) -> bool:
    """Whether the request never left, so that nothing is known about the service."""
    return isinstance(trouble, Quota) and not trouble.gate


def _wants_a_look(before: Object, after: Object, *, own: bool) -> bool:
    """Whether the object's user (or a restore of lost status) asks for a look; our own status writes do not."""
    if objects.steering(before) != objects.steering(after):
        return True
    if own:
        return False
    lost = objects.status(before).get("externalId") and not objects.status(after).get("externalId")
    return bool(lost or (objects.status(before) and not objects.status(after)))


def _without_values(secret: Object) -> Object:
    """A Secret as the cache may keep it: fingerprints tell whether a value changed, values stay out of memory."""
    data = {n: hashlib.sha256(str(v).encode()).hexdigest()[:12] for n, v in (secret.get("data") or {}).items()}
    return {**secret, "data": data}


def _ours(obj: Object) -> bool:
    return (obj["metadata"].get("labels") or {}).get(objects.MANAGED_LABEL) == "true"


def _dated(obj: Object) -> bool:
    return "creationTimestamp" in obj["metadata"]
