"""The reconcile of everything that exists outside: one path for create, update, drift, adoption, recovery and deletion.

policy -> references -> desired -> identity -> observed -> plan -> decide -> apply -> outputs -> verdict. Requests that
change something can only leave while a plan is carried out that policy let through (`outbound.permitting`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import AlreadyHeld, LostAnswer, Quota, Retry, Terminal, Trouble, Wait, WriteRefused
from ..outbound import Urgency
from ..reasons import Reason
from ..store.protocol import Object
from . import objects
from .clock import unix
from .ending import Ending
from .fields import Fields, Managed
from .identity import Adopt, choose, conflict
from .plan import Action, Change, Plan, wish_hash
from .policy import Hold, decide
from .protocols import Applied, Health, Kind, Outputs, Seen, Situation
from .resolve import parse
from .secrets import OutputSecrets, decoded
from .steps import Steps, Subject, Unfinished
from .verdict import Notice, Verdict, of_health, of_successor

LATE_LOOK = 60.0
"""Seconds between looks at an operation that takes longer than its service says it may."""


class ExternalReconciler:
    """Carries `External` kinds."""

    def __init__(
        self,
        steps: Steps,
        *,
        secrets: OutputSecrets,
        kinds: Mapping[str, Kind[Any]],
        noted: Callable[[Object], None],
    ) -> None:
        self._steps = steps
        self._secrets = secrets
        self._noted = noted
        self._ending = Ending(steps, kinds)

    async def reconcile(self, subject: Subject) -> tuple[Object, Verdict]:
        """Bring one object's outside into its wished state, one step at most. Raises `Trouble`."""
        subject.spec = parse(subject.kind.type.spec, subject.key, subject.obj)
        subject.lane = subject.kind.lane(subject.owner, subject.spec)
        if objects.deleting(subject.obj):
            return await self._ending.end(subject)
        if subject.kind.outlived(subject.status, self._steps.clock.wall()) and not objects.paused(subject.obj):
            await self._steps.writer.discard(subject.kind.type.resource, subject.obj)
            return subject.obj, Verdict(False, False, Reason.EXPIRED, keep=True)
        if self._is_over(subject):
            well = objects.is_ready(subject.obj)
            return subject.obj, Verdict(well, well, Reason.AVAILABLE, keep=True)
        await self._prepare(subject)
        wish = wish_hash(subject.wanted)
        if self._is_settled(subject, wish):
            return subject.obj, Verdict(True, True, Reason.AVAILABLE, keep=True)
        with self._steps.reading(subject):
            before = await self._secrets.current(subject.obj, subject.kind.secret_names(subject.owner, subject.spec))
            seen = await self._identify(subject)
        health = subject.kind.health(subject.wanted, seen) if seen else None
        self._steps.under_way(subject, health is not None and not health.settled)
        if seen is not None and health is not None and not health.settled:
            return await self._conclude(subject, seen, health, before, synced=False)
        if (
            seen is not None
            and health is not None
            and health.failed
            and subject.status.get("wishHash") == wish
            and not self._tries_again(subject, health)
        ):
            return await self._conclude(subject, seen, health, before)
        plan = self._plan(subject, seen, retry=bool(health and health.failed))
        decision = decide(self._steps.question(subject, plan, seen, wish))
        if isinstance(decision, Hold):
            return await self._hold_back(subject, seen, health, before, plan, decision)
        if plan and seen and subject.kind.looks_before_writing and subject.reads_listings:
            subject.directly = True
            subject.notices.clear()
            return await self.reconcile(subject)
        if plan:
            self._wait_for_way(subject, creating=seen is None)
            self._steps.wait_for_turn(subject, Reason.CREATING if seen is None else Reason.UPDATING)
        if not plan:
            assert seen is not None and health is not None
            return await self._conclude(subject, seen, health, before, status={"wishHash": wish})
        return await self._carry_out(subject, plan, seen, before, wish)

    @staticmethod
    def _tries_again(subject: Subject, health: Health) -> bool:
        """Whether the wish that failed is sent once more: when the user asks for it, or when the failure may pass and
        was told a slow look ago."""
        rested = subject.urgency is Urgency.DRIFT and objects.says(subject.obj, "Stalled")
        asked = objects.asked_for(subject.obj) and not subject.kind.finished(subject.status)
        return asked or (health.may_pass and rested)

    @staticmethod
    def _is_over(subject: Subject) -> bool:
        """Whether nothing about it can change any more, and this manifest was seen."""
        seen = subject.status.get("observedGeneration") == objects.generation(subject.obj)
        return bool(seen and subject.kind.finished(subject.status) and not objects.asked_for(subject.obj))

    def _is_settled(self, subject: Subject, wish: str) -> bool:
        """Woken by something it refers to, and its wish is what was carried out: nothing to ask the service for. Drift
        has its own time, and a changed Secret is always looked at."""
        return bool(
            subject.glance
            and subject.kind.holds
            and subject.kind.fixed_id(subject.owner, subject.spec) is None
            and objects.is_ready(subject.obj)
            and subject.status.get("wishHash") == wish
            and not objects.asked_for(subject.obj)
        )

    # -- the steps ----------------------------------------------------------------------------------------------------

    async def _prepare(self, subject: Subject) -> None:
        kind, spec = subject.kind, subject.spec
        held = objects.held(subject.obj)
        refs = kind.references(subject.owner, spec)
        subject.refs = await self._steps.resolver.resolve(subject.key, refs, guarding=held)
        subject.conn = await kind.connect(subject.owner, spec, subject.refs)
        self._steps.pass_gate(subject)
        subject.wanted = kind.at(kind.desired(subject.owner, spec, subject.refs), self._steps.clock.wall())
        if spec.management_policy != "Observe":
            subject.wanted = kind.with_mark(subject.wanted, subject.owner.mark)
        if not subject.status.get("externalId"):
            self._wait_for_way(subject, creating=True)
            if self._steps.may_write(subject) and not self._steps.may_exist(subject):
                self._steps.wait_for_turn(subject, Reason.CREATING)

    @staticmethod
    def _wait_for_way(subject: Subject, *, creating: bool) -> None:
        """Asked before anything is looked up outside: what cannot be made yet costs no request."""
        if why := subject.kind.hindrance(subject.spec, subject.refs, creating=creating):
            raise Wait(why, reason=Reason.CREATING if creating else Reason.UPDATING)

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
            if seen.ours is False and not imported and subject.spec.management_policy != "Observe":
                raise conflict(seen, self._steps.claims(subject, [seen]))
            self._steps.refuse_second_claim(subject, seen)
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
            Notice(Reason.EXTERNAL_GONE, f"{external_id} is not there any more; it is made anew.", warning=True)
        )
        return await self._recover(subject)

    async def _recover(self, subject: Subject) -> Seen | None:
        may_exist, observes = self._steps.may_exist(subject), subject.spec.management_policy == "Observe"
        if not may_exist and not subject.kind.looks_first and not observes:
            return None
        if may_exist:
            self._steps.wait_until_visible(subject)
        found = await subject.kind.find(subject.conn, subject.wanted, subject.owner.mark)
        claims = self._steps.claims(subject, found)
        if observes:
            return found[0] if len(found) == 1 else None
        choice = choose(found, may_exist=may_exist, claims=claims)
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
        possible = subject.kind.possible(subject.wanted, seen)
        managed = subject.managed
        if _observes(subject):  # where nothing was ever sent, what cannot be seen is taken to be as wished
            managed = {**fields.managed(possible.wanted), **managed}
        plan = fields.diff(possible.wanted, seen.values, managed, external_id)
        if plan or not retry:
            return plan
        every = [Change(name, None, value, value) for name, value in sorted(possible.wanted.items())]
        return Plan(Action.UPDATE, possible.wanted, every, external_id)

    async def _carry_out(
        self, subject: Subject, plan: Plan, seen: Seen | None, before: Mapping[str, Object | None], wish: str
    ) -> tuple[Object, Verdict]:
        if plan.action is Action.CREATE:
            applied = await self._create(subject, plan, seen)
        else:
            subject.obj = await self._steps.hold(subject)
            applied = await self._apply(subject, plan, seen)
            drifted = self._steps.was_synced(subject, wish)
            reason = Reason.DRIFT_CORRECTED if drifted else Reason.UPDATED
            shown = ", ".join(change.path for change in plan.changes)
            subject.notices.append(Notice(reason, f"{'Set back' if drifted else 'Changed'} outside: {shown}."))
        status: dict[str, Any] = {"externalId": applied.id, "wishHash": wish, "plan": None, "drift": None}
        now = applied.seen
        try:
            if applied.trouble is not None:
                # a part of it may be out there: what of it is no longer wished later is ours to take away
                status["managed"] = _together(subject.managed, subject.kind.fields_for(subject.spec), subject.wanted)
                raise applied.trouble
            if now is None:
                with self._steps.reading(subject):
                    now = await subject.kind.observe(subject.conn, applied.id, subject.wanted, subject.owner.mark)
            if now is None:
                raise Retry(f"{applied.id} was written and does not show yet.", after=2.0, reason=Reason.CREATING)
            health = subject.kind.health(subject.wanted, now)
            return await self._conclude(subject, now, health, before, status=status, again=applied.again)
        except Trouble as trouble:
            self._steps.hush(subject, trouble)
            raise Unfinished(trouble, status, subject) from trouble

    async def _create(self, subject: Subject, plan: Plan, seen: Seen | None) -> Applied:
        uid, may_exist = subject.owner.uid, self._steps.may_exist(subject)
        subject.obj = await self._steps.hold(subject)
        self._steps.untried.discard(uid)
        self._steps.tried_at[uid] = self._steps.clock.monotonic()
        try:
            applied = await self._apply(subject, plan, seen)
        except LostAnswer:
            raise
        except AlreadyHeld as held:
            return await self._held_by(subject, held, may_exist=may_exist)
        except (Quota, Retry, WriteRefused):
            if not may_exist:
                self._steps.untried.add(uid)
            raise
        except Trouble:
            if not may_exist:
                subject.obj = await self._steps.writer.release(subject.kind.type.resource, subject.obj)
            raise
        subject.notices.append(Notice(Reason.CREATED, f"Made {applied.id} outside."))
        return applied

    async def _apply(self, subject: Subject, plan: Plan, seen: Seen | None) -> Applied:
        """Until the outcome is seen, the service may be working on it."""
        try:
            with self._steps.writing(subject):
                applied = await subject.kind.apply(subject.conn, plan, seen, subject.owner.mark)
        except LostAnswer:
            self._steps.under_way(subject, True)
            raise
        self._steps.under_way(subject, True)
        return applied

    async def _held_by(self, subject: Subject, held: AlreadyHeld, *, may_exist: bool) -> Applied:
        """A create was refused because the key is taken: by what we made earlier, or by somebody else?"""
        with self._steps.reading(subject):
            found = await subject.kind.find(subject.conn, subject.wanted, subject.owner.mark)
        claims = self._steps.claims(subject, found)
        try:
            choice = choose(found, may_exist=may_exist, claims=claims)
            if isinstance(choice, Adopt):
                subject.notices.append(_adopted(choice.seen))
                return Applied(choice.seen.id, choice.seen, again=0.5)
            raise Terminal(held.message, reason=Reason.EXTERNAL_CONFLICT)
        except Terminal:
            if not may_exist:
                subject.obj = await self._steps.writer.release(subject.kind.type.resource, subject.obj)
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
        subject.obj = await self._steps.hold(subject)
        self._steps.under_way(subject, not health.settled)
        since = self._operation_since(subject, health)
        health = _overdue(health, since, self._steps.clock.wall())
        situation = self._situation(subject, seen, before)
        outputs, held = await self._outputs(subject, situation)
        if outputs.begun:
            self._steps.under_way(subject, True)
        await self._give_away(subject, outputs, before)
        possible = subject.kind.possible(subject.wanted, seen)
        if possible.waits and health.settled and not health.failed:
            health = Health(possible.usable, Reason.DEPENDENCY_NOT_READY, possible.waits, settled=False)
        looks = [seconds for seconds in (again, outputs.again) if seconds is not None]
        verdict = of_health(health, synced=synced, again=min(looks) if looks else None)
        if outputs.trouble is not None:
            verdict = of_successor(verdict, outputs.trouble)
        managed = subject.kind.fields_for(subject.spec).managed(subject.wanted)
        told = {
            "externalId": seen.id,
            "plan": None,
            "drift": None,
            "operationSince": since,
            **outputs.status,
            **(status or {}),
        }
        if synced and not _observes(subject):  # while the service is busy nothing of a newer wish was carried out
            told["managed"] = managed or None
        if verdict.synced:
            told["syncedHash"] = wish_hash(subject.wanted)
        if held is not None:
            _, waiting = self._steps.held(subject, seen, health, *held)
            return subject.obj, replace(waiting, again=verdict.again).saying(told)
        return subject.obj, verdict.saying(told).noting(*subject.notices)

    async def _outputs(self, subject: Subject, situation: Situation) -> tuple[Outputs, tuple[Plan, Hold] | None]:
        """What it gives away. What must be changed outside for that is a plan like any other where plans are approved;
        then with what holds it back."""
        kind = subject.kind
        with self._steps.writing(subject) if self._steps.may_write(subject) else self._steps.reading(subject):
            outputs: Outputs = await kind.outputs(subject.conn, subject.spec, situation)
        if not outputs.needs or subject.spec.management_policy != "Plan":
            return outputs, None
        plan = Plan(Action.UPDATE, subject.wanted, outputs.needs, situation.seen.id)
        decision = decide(self._steps.question(subject, plan, situation.seen, ""))
        if isinstance(decision, Hold):
            return outputs, (plan, decision)
        with self._steps.writing(subject):
            return await kind.outputs(subject.conn, subject.spec, situation), None

    async def _hold_back(  # noqa: PLR0917
        self,
        subject: Subject,
        seen: Seen | None,
        health: Health | None,
        before: Mapping[str, Object | None],
        plan: Plan,
        hold: Hold,
    ) -> tuple[Object, Verdict]:
        """Nothing is written outside, but what is there is told: others may build on it. Secrets that exist are kept fresh:
        a token ends whoever still has to approve a plan."""
        obj, verdict = self._steps.held(subject, seen, health, plan, hold)
        if seen is None:
            return obj, verdict
        try:
            with self._steps.reading(subject):
                situation = self._situation(subject, seen, before)
                outputs = await subject.kind.outputs(subject.conn, subject.spec, situation)
        except WriteRefused:  # what it gives away would have to be made first (a new secret)
            return obj, verdict
        if hold.reason is not Reason.PAUSED:
            await self._give_away(subject, outputs, before, only_existing=True)
        if outputs.again is not None:
            verdict = replace(verdict, again=outputs.again)
        return obj, verdict.saying(outputs.status)

    async def _give_away(
        self, subject: Subject, outputs: Outputs, before: Mapping[str, Object | None], *, only_existing: bool = False
    ) -> None:
        for output in outputs.secrets:
            if only_existing and before.get(output.name) is None:
                continue
            written = await self._secrets.write(subject.obj, output, before.get(output.name))
            if written is not None:
                self._noted(written)

    def _operation_since(self, subject: Subject, health: Health) -> str | None:
        """Kept in status, so that a restart does not make a long operation look young."""
        if health.settled:
            return None
        return str(subject.status.get("operationSince") or self._steps.clock.timestamp())

    def _situation(self, subject: Subject, seen: Seen, before: Mapping[str, Object | None]) -> Situation:
        secrets = {name: decoded(secret) for name, secret in before.items()}
        now = self._steps.clock.wall()

        def turn() -> str:
            return self._steps.why_not_now(subject)

        users = frozenset(user.kind for user in self._steps.cache.referrers(subject.key))
        return Situation(subject.owner, subject.wanted, seen, subject.status, secrets, now, turn, users)


def _overdue(health: Health, since: str | None, now: float) -> Health:
    """What works longer than its service says it may: still watched, and told."""
    if since is None or health.limit is None or now - unix(since) <= health.limit:
        return health
    message = (
        f"{health.message} It takes longer than such an operation may ({health.limit / 60:.0f} minutes); it began at {since}."
        " mlgate goes on watching. Look at it in the service's own portal; deleting the object removes it."
    )
    return replace(
        health, reason=Reason.PROVISIONING_TIMEOUT, message=message.strip(), again=max(health.again or 0.0, LATE_LOOK)
    )


def _observes(subject: Subject) -> bool:
    return bool(subject.spec.management_policy == "Observe")


def _together(managed: Managed, fields: Fields, wanted: Mapping[str, Any]) -> dict[str, list[str]] | None:
    """What was ours before, and what may be by now."""
    tried = fields.managed(wanted)
    names = [*managed, *(name for name in tried if name not in managed)]
    return {name: sorted({*managed.get(name, ()), *tried.get(name, ())}) for name in names} or None


def _adopted(seen: Seen) -> Notice:
    return Notice(Reason.ADOPTED, f"Found {seen.id}, which is this object's, and kept it.")
