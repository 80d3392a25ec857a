"""The reconcile of everything that exists outside: one path for create, update, drift, adoption, recovery and deletion.

policy -> references -> desired -> identity -> observed -> plan -> decide -> apply -> outputs -> verdict. Requests that
change something can only leave while a plan is carried out that policy let through (`outbound.permitting`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from ..errors import AlreadyHeld, LostAnswer, Quota, Retry, Terminal, Trouble, Wait, WriteRefused
from ..outbound import Fence, Permit, Urgency, permitting
from ..reasons import Reason
from ..store.protocol import Key, Object
from . import objects
from .cache import Cache
from .clock import Clock
from .gates import Gates
from .identity import Adopt, choose, conflict
from .plan import Action, Change, Plan, wish_hash
from .policy import Hold, Question, Release, decide
from .protocols import Applied, External, Health, Kind, Outputs, Owner, Seen, Situation
from .references import Ref, Resolved
from .resolve import Resolver, parse
from .secrets import OutputSecrets, decoded
from .verdict import Notice, Pace, Verdict, of_health
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
    spec: Any = None
    refs: Resolved = field(default_factory=Resolved)
    conn: Any = None
    wanted: Mapping[str, Any] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    @property
    def status(self) -> Mapping[str, Any]:
        return objects.status(self.obj)

    @property
    def managed(self) -> Mapping[str, list[str]]:
        return self.status.get("managed") or {}


class ExternalReconciler:
    """Carries `External` kinds. Stateless but for what this process knows about its own create attempts."""

    def __init__(
        self,
        *,
        cache: Cache,
        writer: Writer,
        resolver: Resolver,
        secrets: OutputSecrets,
        gates: Gates,
        clock: Clock,
        fence: Fence,
        kinds: Mapping[str, Kind[Any]],
        noted: Callable[[Object], None],
    ) -> None:
        self._noted = noted
        self._kinds = kinds
        self._cache = cache
        self._writer = writer
        self._resolver = resolver
        self._secrets = secrets
        self._gates = gates
        self._clock = clock
        self._fence = fence
        self._started = clock.monotonic()
        self._untried: set[str] = set()
        self._tried_at: dict[str, float] = {}

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._untried.discard(uid)
        self._tried_at.pop(uid, None)

    async def reconcile(self, subject: Subject) -> tuple[Object, Verdict]:
        """Bring one object's outside into its wished state, one step at most. Raises `Trouble`."""
        subject.spec = parse(subject.kind.type.spec, subject.key, subject.obj)
        if objects.deleting(subject.obj):
            return await self._end(subject)
        await self._prepare(subject)
        wish = wish_hash(subject.wanted)
        if self._is_settled(subject, wish):
            return subject.obj, Verdict(True, True, Reason.AVAILABLE, keep=True)
        with self._reading(subject):
            before = await self._secrets.current(subject.obj, subject.kind.secret_names(subject.owner, subject.spec))
            seen = await self._identify(subject)
        health = subject.kind.health(subject.wanted, seen) if seen else None
        if seen is not None and health is not None and not health.settled:
            return await self._conclude(subject, seen, health, before, synced=False)
        forced = self._forced(subject)
        if (
            seen is not None
            and health is not None
            and health.failed
            and not forced
            and subject.status.get("wishHash") == wish
        ):
            return await self._conclude(subject, seen, health, before)
        plan = self._plan(subject, seen, retry=bool(health and health.failed))
        decision = decide(self._question(subject, plan, seen, wish))
        if isinstance(decision, Hold):
            return self._held(subject, seen, health, plan, decision)
        if plan:
            self._wait_for_way(subject, creating=seen is None)
        if not plan:
            assert seen is not None and health is not None
            return await self._conclude(subject, seen, health, before, status={"wishHash": wish})
        return await self._carry_out(subject, plan, seen, before, wish)

    def _is_settled(self, subject: Subject, wish: str) -> bool:
        """Woken by something it refers to, and its wish is what was carried out: nothing to ask the service for. Drift
        has its own time, and a changed Secret is always looked at."""
        return bool(
            subject.glance
            and subject.kind.holds
            and subject.kind.fixed_id(subject.owner, subject.spec) is None
            and objects.is_ready(subject.obj)
            and subject.status.get("wishHash") == wish
            and not self._forced(subject)
        )

    # -- the steps ----------------------------------------------------------------------------------------------------

    async def _prepare(self, subject: Subject) -> None:
        kind, spec = subject.kind, subject.spec
        held = objects.FINALIZER in objects.finalizers(subject.obj)
        refs = kind.references(subject.owner, spec)
        subject.refs = await self._resolver.resolve(subject.key, refs, guarding=held)
        subject.conn = await kind.connect(subject.owner, spec, subject.refs)
        self._pass_gate(subject)
        subject.wanted = kind.desired(subject.owner, spec, subject.refs)
        if not subject.status.get("externalId"):
            self._wait_for_way(subject, creating=True)

    @staticmethod
    def _wait_for_way(subject: Subject, *, creating: bool) -> None:
        """Asked before anything is looked up outside: what cannot be made yet costs no request."""
        if why := subject.kind.hindrance(subject.spec, subject.refs, creating=creating):
            raise Wait(why, reason=Reason.CREATING if creating else Reason.UPDATING)

    def _pass_gate(self, subject: Subject) -> None:
        trouble = self._gates.enter(subject.conn.gate, subject.key)
        if trouble is not None:
            raise Wait(trouble.message, reason=trouble.reason)

    async def _identify(self, subject: Subject) -> Seen | None:
        """What is this object's, or None when it has to be made."""
        fixed = subject.kind.fixed_id(subject.owner, subject.spec)
        if fixed is not None:
            return await subject.kind.observe(subject.conn, fixed, subject.wanted, subject.owner.mark)
        imported = subject.spec.import_.id if subject.spec.import_ else None
        external_id = subject.status.get("externalId") or imported
        if external_id is None:
            return await self._recover(subject)
        seen = await subject.kind.observe(subject.conn, external_id, subject.wanted, subject.owner.mark)
        if seen is not None:
            if seen.ours is False and not imported:
                raise conflict(seen, self._claims(subject, seen.id))
            self._refuse_second_claim(subject, seen)
            if external_id != subject.status.get("externalId"):
                subject.notices.append(Notice(Reason.ADOPTED, f"Took over {seen.id}, as spec.import asks."))
            return seen
        if subject.status.get("externalId") is None:
            raise Terminal(
                f"spec.import names {external_id}, and there is nothing outside with this id. "
                "Correct it, or remove spec.import to have a new one made.",
                reason=Reason.EXTERNAL_GONE,
            )
        subject.notices.append(
            Notice(Reason.EXTERNAL_GONE, f"{external_id} was deleted outside; it is made anew.", warning=True)
        )
        return await self._recover(subject)

    async def _recover(self, subject: Subject) -> Seen | None:
        may_exist, observes = self._may_exist(subject), subject.spec.management_policy == "Observe"
        if not may_exist and not subject.kind.looks_first and not observes:
            return None
        if may_exist:
            self._wait_until_visible(subject)
        found = await subject.kind.find(subject.conn, subject.wanted, subject.owner.mark)
        claims = {seen.id: str(key) for seen in found for key in self._others(subject, seen.id)}
        choice = choose(found, may_exist=may_exist or observes, claims=claims)
        if isinstance(choice, Adopt):
            subject.notices.append(_adopted(choice.seen))
            return choice.seen
        return None

    def _plan(self, subject: Subject, seen: Seen | None, *, retry: bool) -> Plan:
        external_id = seen.id if seen else None
        fields = subject.kind.fields_for(subject.spec)
        if seen is None:
            fresh = {**subject.kind.defaults(subject.owner, subject.spec), **subject.wanted}
            return fields.diff(fresh, None, subject.managed, None)
        possible, _ = subject.kind.possible(subject.wanted, seen)
        plan = fields.diff(possible, seen.values, subject.managed, external_id)
        if plan or not retry:
            return plan
        every = [Change(name, None, value, value) for name, value in sorted(subject.wanted.items())]
        return Plan(Action.UPDATE, subject.wanted, every, external_id)

    async def _carry_out(
        self, subject: Subject, plan: Plan, seen: Seen | None, before: Mapping[str, Object | None], wish: str
    ) -> tuple[Object, Verdict]:
        if plan.action is Action.CREATE:
            applied = await self._create(subject, plan, seen)
        else:
            subject.obj = await self._hold(subject)
            with self._writing(subject):
                applied = await subject.kind.apply(subject.conn, plan, seen, subject.owner.mark)
            drifted = self._was_synced(subject, wish)
            reason = Reason.DRIFT_CORRECTED if drifted else Reason.UPDATED
            shown = ", ".join(change.path for change in plan.changes)
            subject.notices.append(Notice(reason, f"{'Set back' if drifted else 'Changed'} outside: {shown}."))
        status = {"externalId": applied.id, "wishHash": wish, "plan": None, "drift": None}
        now = applied.seen
        try:
            if applied.trouble is not None:
                raise applied.trouble
            if now is None:
                with self._reading(subject):
                    now = await subject.kind.observe(subject.conn, applied.id, subject.wanted, subject.owner.mark)
            if now is None:
                raise Retry(f"{applied.id} was written and does not show yet.", after=2.0, reason=Reason.CREATING)
            health = subject.kind.health(subject.wanted, now)
            return await self._conclude(subject, now, health, before, status=status, again=applied.again)
        except Trouble as trouble:
            raise Unfinished(trouble, status, subject) from trouble

    async def _create(self, subject: Subject, plan: Plan, seen: Seen | None) -> Applied:
        uid, may_exist = subject.owner.uid, self._may_exist(subject)
        subject.obj = await self._hold(subject)
        self._untried.discard(uid)
        self._tried_at[uid] = self._clock.monotonic()
        try:
            with self._writing(subject):
                applied = await subject.kind.apply(subject.conn, plan, seen, subject.owner.mark)
        except LostAnswer:
            raise
        except AlreadyHeld as held:
            return await self._held_by(subject, held, may_exist=may_exist)
        except (Quota, Retry, WriteRefused):
            if not may_exist:
                self._untried.add(uid)
            raise
        except Trouble:
            if not may_exist:
                subject.obj = await self._writer.release(subject.kind.type.resource, subject.obj)
            raise
        subject.notices.append(Notice(Reason.CREATED, f"Made {applied.id} outside."))
        return applied

    async def _held_by(self, subject: Subject, held: AlreadyHeld, *, may_exist: bool) -> Applied:
        """A create was refused because the key is taken: by what we made earlier, or by somebody else?"""
        with self._reading(subject):
            found = await subject.kind.find(subject.conn, subject.wanted, subject.owner.mark)
        claims = {seen.id: str(key) for seen in found for key in self._others(subject, seen.id)}
        try:
            choice = choose(found, may_exist=may_exist, claims=claims)
            if isinstance(choice, Adopt):
                subject.notices.append(_adopted(choice.seen))
                return Applied(choice.seen.id, choice.seen, again=0.5)
            raise Terminal(held.message, reason=Reason.EXTERNAL_CONFLICT)
        except Terminal:
            if not may_exist:
                subject.obj = await self._writer.release(subject.kind.type.resource, subject.obj)
            raise

    async def _conclude(
        self,
        subject: Subject,
        seen: Seen,
        health: Health,
        before: Mapping[str, Object | None],
        *,
        synced: bool = True,
        status: Mapping[str, Any] | None = None,
        again: float | None = None,
    ) -> tuple[Object, Verdict]:
        subject.obj = await self._hold(subject)
        situation = Situation(
            subject.owner,
            subject.wanted,
            seen,
            subject.status,
            {name: decoded(secret) for name, secret in before.items()},
            self._clock.wall(),
        )
        with self._writing(subject) if self._may_write(subject) else self._reading(subject):
            outputs: Outputs = await subject.kind.outputs(subject.conn, subject.spec, situation)
        for output in outputs.secrets:
            written = await self._secrets.write(subject.obj, output, before.get(output.name))
            if written is not None:
                self._noted(written)
        _, waits = subject.kind.possible(subject.wanted, seen)
        if waits and health.settled and not health.failed:
            health = Health(False, Reason.DEPENDENCY_NOT_READY, waits, settled=False)
        looks = [seconds for seconds in (again, outputs.again) if seconds is not None]
        verdict = of_health(health, synced=synced, again=min(looks) if looks else None)
        managed = subject.kind.fields_for(subject.spec).managed(subject.wanted)
        told = {
            "externalId": seen.id,
            "plan": None,
            "drift": None,
            "managed": managed or None,
            **outputs.status,
            **(status or {}),
        }
        return subject.obj, verdict.saying(told).noting(*subject.notices)

    def _held(
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
            pace=Pace.SLOW if waits else Pace.RESYNC,
        )
        if seen is not None:
            verdict = verdict.saying({"externalId": seen.id})
        if hold.reason is Reason.DRIFTED:
            drift = {
                "detectedAt": self._clock.timestamp(),
                "summary": plan.summary,
                "changes": plan.published()["changes"],
            }
            verdict = verdict.saying({"drift": drift})
        return subject.obj, verdict

    # -- the end ------------------------------------------------------------------------------------------------------

    async def _end(self, subject: Subject) -> tuple[Object, Verdict]:
        refs = tuple(subject.kind.references(subject.owner, subject.spec))
        if objects.FINALIZER not in objects.finalizers(subject.obj):
            await self._resolver.release_guards(subject.key, refs)
            return subject.obj, Verdict(False, False, Reason.DELETING)
        self._wait_for_users(subject, those=self._blocks)
        if subject.kind.fixed_id(subject.owner, subject.spec) is not None:
            return await self._let_go(subject, refs)  # nothing outside was made for it
        subject.refs = await self._resolver.resolve(subject.key, refs, deleting=True)
        external_id = subject.status.get("externalId")
        plan = Plan(Action.DELETE, external_id=external_id)
        decision = decide(self._question(subject, plan, None, ""))
        if isinstance(decision, Hold):
            return self._held(subject, None, None, plan, decision)
        if isinstance(decision, Release):
            subject.notices.append(
                Notice(Reason.ORPHANED, f"{external_id or 'Nothing'} stays outside: {decision.message}.")
            )
        else:
            verdict = await self._delete(subject, external_id)
            if verdict is not None:
                return subject.obj, verdict
            self._wait_for_users(subject, those=lambda user, target: True)
            subject.notices.append(Notice(Reason.DELETED, f"Removed {external_id or 'what was there'} outside."))
        return await self._let_go(subject, refs)

    async def _let_go(self, subject: Subject, refs: Iterable[Ref]) -> tuple[Object, Verdict]:
        await self._resolver.release_guards(subject.key, refs)
        subject.obj = await self._writer.release(subject.kind.type.resource, subject.obj)
        return subject.obj, Verdict(False, False, Reason.DELETING).noting(*subject.notices)

    async def _delete(self, subject: Subject, external_id: str | None) -> Verdict | None:
        """None when it is gone; else what the object says while it is going."""
        try:
            subject.conn = await subject.kind.connect(subject.owner, subject.spec, subject.refs)
        except (KeyError, Terminal) as missing:
            raise Terminal(
                f"What {subject.key} stands for cannot be deleted outside, because what is needed to reach it is missing"
                f"{f' ({missing.message})' if isinstance(missing, Terminal) else ''}. Put it back, or set "
                "deletionPolicy: Orphan to let the object go and clean up by hand.",
                reason=Reason.DELETION_BLOCKED,
            ) from missing
        self._pass_gate(subject)
        if external_id is None:
            subject.wanted = subject.kind.desired(subject.owner, subject.spec, subject.refs)
            with self._reading(subject):
                self._wait_until_visible(subject)
                found = await subject.kind.find(subject.conn, subject.wanted, subject.owner.mark)
            ours = [s for s in found if s.ours is not False and not self._others(subject, s.id)]
            if not ours:
                return None
            external_id = ours[0].id
        with self._writing(subject):
            deletion = await subject.kind.delete(subject.conn, external_id, subject.refs)
        if deletion.done:
            return None
        message = deletion.message or f"{external_id} is being removed outside."
        return Verdict(
            False, False, Reason.DELETING, message, reconciling=True, again=deletion.again or 5.0, pace=Pace.BACKOFF
        ).noting(*subject.notices, Notice(Reason.DELETING, message))

    def _wait_for_users(self, subject: Subject, *, those: Callable[[Object, Object], bool]) -> None:
        """What others outside still stand on goes last (ENGINE rule 16), and what they need to see that they are gone
        too (a deployment its endpoint) stays until they have seen it."""
        users = [
            key
            for key in self._cache.referrers(subject.key)
            if (user := self._cache.get(key)) is not None
            and objects.FINALIZER in objects.finalizers(user)
            and isinstance(self._kinds.get(key.kind), External)
            and those(user, subject.obj)
        ]
        if users:
            shown = ", ".join(str(key) for key in users[:3]) + (f" and {len(users) - 3} more" if len(users) > 3 else "")
            raise Wait(f"{subject.key} goes when these are gone that need it: {shown}.", reason=Reason.DELETION_BLOCKED)

    def _blocks(self, user: Object, target: Object) -> bool:
        kind = self._kinds[user["kind"]]
        return isinstance(kind, External) and kind.blocks_deletion_of(target, user)

    # -- small questions ----------------------------------------------------------------------------------------------

    def _question(self, subject: Subject, plan: Plan, seen: Seen | None, wish: str) -> Question:
        spec, annotations = subject.spec, objects.notes(subject.obj)
        allowed, protector = True, ""
        for key, target in subject.refs.targets.items():
            if target.spec.get("allowDelete") is False:
                allowed, protector = False, str(key)
        return Question(
            plan=plan,
            paused=objects.paused(subject.obj),
            mode=spec.management_policy,
            drift_policy=spec.drift_policy,
            deletion_policy=spec.deletion_policy,
            drifted=self._was_synced(subject, wish),
            approved=annotations.get(objects.APPROVE),
            ours=seen.ours if seen else None,
            holder=seen.holder if seen else None,
            deletes_allowed=allowed,
            protector=protector,
        )

    @staticmethod
    def _was_synced(subject: Subject, wish: str) -> bool:
        """Whether this very wish was out there before: then a difference was made by others."""
        return subject.status.get("wishHash") == wish and objects.holds(subject.obj, "Synced")

    def _may_exist(self, subject: Subject) -> bool:
        held = objects.FINALIZER in objects.finalizers(subject.obj)
        return held and subject.owner.uid not in self._untried

    async def _hold(self, subject: Subject) -> Object:
        observes = subject.spec.management_policy == "Observe" or not subject.kind.holds
        if observes or objects.FINALIZER in objects.finalizers(subject.obj):
            return subject.obj
        held = await self._writer.hold(subject.kind.type.resource, subject.obj)
        await self._resolver.guard(subject.kind.references(subject.owner, subject.spec))
        return held

    def _wait_until_visible(self, subject: Subject) -> None:
        tried = self._tried_at.get(subject.owner.uid, self._started)
        left = tried + subject.kind.visible_after - self._clock.monotonic()
        if left > 0:
            raise Retry("Waits until what may have been made shows up.", reason=Reason.CREATING, after=left)

    def _others(self, subject: Subject, external_id: str) -> list[Key]:
        return [key for key in self._cache.claims(subject.key.kind, external_id) if key != subject.key]

    def _claims(self, subject: Subject, external_id: str) -> dict[str, str]:
        others = self._others(subject, external_id)
        return {external_id: str(others[0])} if others else {}

    def _refuse_second_claim(self, subject: Subject, seen: Seen) -> None:
        mine = (subject.obj["metadata"].get("creationTimestamp", ""), subject.owner.uid)
        for key in self._others(subject, seen.id):
            other = self._cache.get(key)
            if other and (other["metadata"].get("creationTimestamp", ""), objects.uid(other)) < mine:
                raise conflict(seen, {seen.id: str(key)})

    def _forced(self, subject: Subject) -> bool:
        requested = objects.notes(subject.obj).get(objects.RECONCILE_REQUESTED_AT)
        return bool(requested and requested != subject.status.get("lastHandledReconcileAt"))

    def _may_write(self, subject: Subject) -> bool:
        return subject.spec.management_policy == "Manage" and not objects.paused(subject.obj)

    def _reading(self, subject: Subject) -> AbstractContextManager[None]:
        refusal = WriteRefused(f"{subject.key} is only being looked at; nothing may be written now.")
        return permitting(Permit(subject.urgency, self._fence, refusal))

    def _writing(self, subject: Subject) -> AbstractContextManager[None]:
        return permitting(Permit(subject.urgency, self._fence))


def _adopted(seen: Seen) -> Notice:
    return Notice(Reason.ADOPTED, f"Found {seen.id}, which is this object's, and kept it.")


class Unfinished(Exception):
    """The main thing was done and a later step met trouble: the id must be kept all the same."""

    def __init__(self, trouble: Trouble, status: Mapping[str, Any], subject: Subject) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble
        self.status = status
        self.subject = subject
