"""What the reconcile and the end of an external object share: the object on its way, and small questions about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..errors import Retry, Trouble, Wait, WriteRefused
from ..outbound import Fence, Permit, Urgency, permitting
from ..reasons import Reason
from ..sensitive import hidden
from ..store.protocol import Key, Object, Resource
from . import deletes, objects
from .cache import Cache
from .clock import Clock
from .gates import Gates
from .identity import conflict
from .lanes import Lanes
from .plan import Plan
from .policy import Hold, Question
from .protocols import External, Health, Owner, Seen
from .references import Resolved
from .resolve import Resolver
from .verdict import Notice, Pace, Verdict
from .writer import Writer


@dataclass(slots=True)
class Subject:
    """One object on its way through one reconcile; `obj` is replaced by every write of ours."""

    kind: External[Any, Any]
    key: Key
    obj: Object
    owner: Owner
    urgency: Urgency
    glance: bool = False
    """Woken only because something it refers to changed: outside need not be asked when the wish is the same."""
    directly: bool = False
    """Whether the service itself is to be asked, although a listing would do for a drift check."""
    spec: Any = None
    lane: Key | None = None
    """What the service changes only one at a time, this object's among it."""
    refs: Resolved = field(default_factory=Resolved)
    conn: Any = None
    wanted: Mapping[str, Any] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    @property
    def reads_listings(self) -> bool:
        """Whether what it sees may be from a listing of some time ago."""
        return self.urgency >= Urgency.DRIFT and not self.directly

    @property
    def status(self) -> Mapping[str, Any]:
        return objects.status(self.obj)

    @property
    def managed(self) -> Mapping[str, list[str]]:
        return self.status.get("managed") or {}


class Unfinished(Exception):
    """The main thing was done and a later step met trouble: the id must be kept all the same."""

    def __init__(self, trouble: Trouble, status: Mapping[str, Any], subject: Subject) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble
        self.status = status
        self.subject = subject


class Steps:
    """The services that every step uses, and what this process knows about its own create attempts: `untried` are the
    uids for which surely nothing was made yet although they hold the finalizer."""

    def __init__(
        self,
        *,
        cache: Cache,
        writer: Writer,
        resolver: Resolver,
        gates: Gates,
        lanes: Lanes,
        clock: Clock,
        fence: Fence,
    ) -> None:
        self.cache = cache
        self.writer = writer
        self.resolver = resolver
        self.gates = gates
        self.lanes = lanes
        self.clock = clock
        self.fence = fence
        self.started = clock.monotonic()
        self.untried: set[str] = set()
        self.tried_at: dict[str, float] = {}
        self.counted: set[str] = set()

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self.untried.discard(uid)
        self.tried_at.pop(uid, None)
        self.counted.discard(uid)

    def question(self, subject: Subject, plan: Plan, seen: Seen | None, wish: str) -> Question:
        spec, annotations = subject.spec, objects.notes(subject.obj)
        allowed, protector, an_hour, next_delete = True, "", 0, 0.0
        for key, target in subject.refs.targets.items():
            if target.spec.get("allowDelete") is False:
                allowed, protector = False, str(key)
        if (braked := self.brake(subject)) is not None and allowed:
            key, an_hour = braked
            protector, next_delete = str(key), self.next_delete(subject, key, an_hour)
        older = self.older_claim(subject, seen.id) if seen else None
        return Question(
            plan=plan,
            paused=objects.paused(subject.obj),
            mode=spec.management_policy,
            drift_policy=spec.drift_policy,
            deletion_policy=spec.deletion_policy,
            drifted=self.was_synced(subject, wish),
            approved=annotations.get(objects.APPROVE),
            ours=False if older else seen.ours if seen else None,
            holder=str(older) if older else seen.holder if seen else None,
            deletes_allowed=allowed,
            protector=protector,
            deletes_an_hour=an_hour,
            next_delete=next_delete,
        )

    @staticmethod
    def brake(subject: Subject) -> tuple[Key, int] | None:
        """What it refers to that allows only so many deletes an hour."""
        limits = ((key, target.spec.get("maxDeletesPerHour")) for key, target in subject.refs.targets.items())
        return next(((key, limit) for key, limit in limits if limit is not None), None)

    def next_delete(self, subject: Subject, braked: Key, limit: int) -> float:
        """Seconds until the next delete is allowed; 0 for one that was counted already."""
        if objects.uid(subject.obj) in self.counted:
            return 0.0
        found = self.cache.get(braked)
        return deletes.wait(objects.status(found).get("deletes") or () if found else (), limit, self.clock.wall())

    async def count_delete(self, subject: Subject, resources: Callable[[str], Resource]) -> None:
        """Writes a delete that is about to leave into the status of what limits them. Raises Conflict when somebody else
        was quicker; the object is looked at again then."""
        uid, braked = objects.uid(subject.obj), self.brake(subject)
        if braked is None or uid in self.counted:
            return
        found = self.cache.get(braked[0])
        if found is not None:
            counted = deletes.with_one_more(objects.status(found).get("deletes") or (), self.clock.wall())
            await self.writer.note(resources(braked[0].kind), found, {"deletes": counted})
        self.counted.add(uid)

    @staticmethod
    def was_synced(subject: Subject, wish: str) -> bool:
        """Whether this very wish was out there before: then a difference was made by others."""
        return bool(subject.status.get("syncedHash") == wish)

    def may_exist(self, subject: Subject) -> bool:
        held = objects.held(subject.obj)
        return held and subject.owner.uid not in self.untried

    async def hold(self, subject: Subject) -> Object:
        observes = subject.spec.management_policy == "Observe" or not subject.kind.holds
        if observes or objects.held(subject.obj):
            return subject.obj
        held = await self.writer.hold(subject.kind.type.resource, subject.obj)
        await self.resolver.guard(subject.kind.references(subject.owner, subject.spec))
        return held

    def wait_until_visible(self, subject: Subject) -> None:
        tried = self.tried_at.get(subject.owner.uid, self.started)
        left = tried + subject.kind.visible_after - self.clock.monotonic()
        if left > 0:
            raise Retry("Waits until what may have been made shows up.", reason=Reason.CREATING, after=left)

    def others(self, subject: Subject, external_id: str) -> list[Key]:
        return [key for key in self.cache.claims(subject.key.kind, external_id) if key != subject.key]

    def claims(self, subject: Subject, found: Iterable[Seen]) -> dict[str, str]:
        """Which of these things other objects hold in status, and who."""
        return {seen.id: str(key) for seen in found for key in self.others(subject, seen.id)}

    def refuse_second_claim(self, subject: Subject, seen: Seen) -> None:
        if (older := self.older_claim(subject, seen.id)) is not None:
            raise conflict(seen, {seen.id: str(older)})

    def older_claim(self, subject: Subject, external_id: str) -> Key | None:
        """An older object of this kind whose status holds the same id."""
        mine = (subject.obj["metadata"].get("creationTimestamp", ""), subject.owner.uid)
        for key in self.others(subject, external_id):
            other = self.cache.get(key)
            if other and (other["metadata"].get("creationTimestamp", ""), objects.uid(other)) < mine:
                return key
        return None

    def may_write(self, subject: Subject) -> bool:
        return subject.spec.management_policy == "Manage" and not objects.paused(subject.obj)

    def reading(self, subject: Subject) -> AbstractContextManager[None]:
        refusal = WriteRefused(f"{subject.key} is only being looked at; nothing may be written now.")
        urgency = min(subject.urgency, Urgency.RETRY) if subject.directly else subject.urgency
        return permitting(Permit(urgency, self.fence, refusal))

    @contextmanager
    def writing(self, subject: Subject) -> Iterator[None]:
        """Requests inside may change something. What the service says of them is told without the secrets of the wish,
        wherever in a body they stood."""
        try:
            with permitting(Permit(subject.urgency, self.fence)):
                yield
        except Trouble as trouble:
            self.hush(subject, trouble)
            raise

    @staticmethod
    def hush(subject: Subject, trouble: Trouble) -> None:
        """Takes the secrets of the wish out of its words."""
        trouble.reword(hidden(trouble.message, subject.wanted))

    # -- one change at a time -----------------------------------------------------------------------------------------

    def why_not_now(self, subject: Subject) -> str:
        """Takes the lane of this object, if it has one. Why it must wait for another (empty: it need not)."""
        if subject.lane is None:
            return ""
        holder = self.lanes.take(subject.lane, subject.key)
        if holder is None:
            return ""
        return f"Waits for {holder}: {subject.lane} takes one change at a time."

    def wait_for_turn(self, subject: Subject, reason: Reason) -> None:
        """Raises Wait while another has the lane."""
        if why := self.why_not_now(subject):
            raise Wait(why, reason=reason)

    def under_way(self, subject: Subject, busy: bool) -> None:
        """What is known now: the service works on it, or it does not."""
        if subject.lane is not None:
            (self.lanes.keep if busy else self.lanes.settle)(subject.lane, subject.key)

    def pass_gate(self, subject: Subject) -> None:
        trouble = self.gates.enter(subject.conn.gate, subject.key)
        if trouble is not None:
            left = self.gates.left(subject.conn.gate)
            again = None if left is None else left + self.clock.chance.uniform(0.5, 3.0)
            raise Wait(trouble.message, reason=trouble.reason, after=again)

    def held(
        self, subject: Subject, seen: Seen | None, health: Health | None, plan: Plan, hold: Hold
    ) -> tuple[Object, Verdict]:
        waits = hold.reason in (Reason.PLAN_PENDING, Reason.DELETION_BLOCKED)
        verdict = Verdict(
            ready=bool(health and health.ready),
            synced=False,
            reason=hold.reason,
            message=hold.message,
            status={"plan": plan.published() if hold.reason is not Reason.PAUSED else None},
            notices=(*subject.notices, Notice(hold.reason, hold.message)),
            again=hold.again,
            pace=Pace.SLOW if waits else Pace.RESYNC,
        )
        if seen is not None:
            verdict = verdict.saying({"externalId": seen.id})
        if hold.reason is Reason.DRIFTED:
            drift = {
                "detectedAt": self.clock.timestamp(),
                "summary": plan.summary,
                "changes": plan.published()["changes"],
            }
            verdict = verdict.saying({"drift": drift})
        return subject.obj, verdict
