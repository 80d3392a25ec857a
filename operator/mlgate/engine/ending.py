"""The end of an external object: in the order of its references, outside first, the finalizer last (ENGINE rule 16)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import LostAnswer, Terminal, Wait
from ..reasons import Reason
from ..store.protocol import Object
from . import objects
from .plan import Action, Change, Plan
from .policy import Hold, Release, decide
from .protocols import External, Kind, Seen
from .references import Ref
from .steps import Steps, Subject
from .verdict import Notice, Pace, Verdict

RARELY = 300.0
"""Seconds between looks at what would be lost: whoever removes it by hand does not tell us."""


class Ending:
    """Carries objects that are being deleted."""

    def __init__(self, steps: Steps, kinds: Mapping[str, Kind[Any]]) -> None:
        self._steps = steps
        self._kinds = kinds

    async def end(self, subject: Subject) -> tuple[Object, Verdict]:
        refs = tuple(subject.kind.references(subject.owner, subject.spec))
        if not objects.held(subject.obj):
            await self._steps.resolver.release_guards(subject.key, refs)
            return subject.obj, Verdict(False, False, Reason.DELETING)
        if subject.kind.finished(subject.status):
            return await self._let_go(subject, refs)  # what has ended needs no end
        self._wait_for_users(subject, those=self._blocks)
        if subject.kind.fixed_id(subject.owner, subject.spec) is not None:
            return await self._let_go(subject, refs)  # nothing outside was made for it
        subject.refs = await self._steps.resolver.resolve(subject.key, refs, deleting=True)
        external_id = subject.status.get("externalId")
        plan = Plan(Action.DELETE, external_id=external_id)
        question = self._steps.question(subject, plan, None, "")
        # what is approved is the plan with all that goes with it, known once it was looked at
        decision = decide(replace(question, approved=plan.hash))
        if isinstance(decision, Hold):
            return self._steps.held(subject, None, None, plan, decision)
        if isinstance(decision, Release):
            subject.notices.append(_orphaned(external_id or "Nothing", decision))
        else:
            verdict = await self._delete(subject, plan)
            if verdict is not None:
                return subject.obj, verdict
            self._wait_for_users(subject, those=lambda user, target: True)
            if not any(notice.reason is Reason.ORPHANED for notice in subject.notices):
                subject.notices.append(Notice(Reason.DELETED, f"Removed {external_id or 'what was there'} outside."))
        return await self._let_go(subject, refs)

    async def _let_go(self, subject: Subject, refs: Iterable[Ref]) -> tuple[Object, Verdict]:
        await self._steps.resolver.release_guards(subject.key, refs)
        subject.obj = await self._steps.writer.release(subject.kind.type.resource, subject.obj)
        return subject.obj, Verdict(False, False, Reason.DELETING).noting(*subject.notices)

    async def _delete(self, subject: Subject, plan: Plan) -> Verdict | None:
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
        self._steps.pass_gate(subject)
        seen = await self._find(subject) if plan.external_id is None else Seen(plan.external_id, {})
        if seen is None:
            return None
        external_id = seen.id
        if subject.kind.looks_before_deleting:
            with self._steps.reading(subject):
                seen = await subject.kind.observe(subject.conn, external_id, {}, subject.owner.mark)
        if seen is None:
            self._steps.under_way(subject, False)
            return None
        if subject.lane is not None and subject.kind.looks_before_deleting:
            self._steps.under_way(subject, not subject.kind.health({}, seen).settled)
        question = self._steps.question(subject, plan, seen, "")
        if isinstance(decision := decide(question), Release):
            subject.notices.append(_orphaned(seen.id, decision))
            return None
        if why := subject.kind.spared(subject.conn, seen, subject.status):
            subject.notices.append(_orphaned(seen.id, Release(why)))
            return None
        plan = await self._with_losses(subject, seen, plan)
        decision = decide(replace(question, plan=plan))
        if isinstance(decision, Hold):  # not approved, or others were deleted meanwhile, as many as may be
            _, verdict = self._steps.held(subject, seen, None, plan, decision)
            return verdict
        self._steps.wait_for_turn(subject, Reason.DELETING)
        await self._steps.count_delete(subject, lambda kind: self._kinds[kind].type.resource)
        try:
            with self._steps.writing(subject):
                deletion = await subject.kind.delete(subject.conn, seen, subject.refs)
        except LostAnswer:
            self._steps.under_way(subject, True)
            raise
        self._steps.under_way(subject, deletion.begun and not deletion.done)
        if deletion.done:
            return None
        message = deletion.message or f"{external_id} is being removed outside."
        return Verdict(
            False, False, Reason.DELETING, message, reconciling=True, again=deletion.again or 5.0, pace=Pace.BACKOFF
        ).noting(*subject.notices, Notice(Reason.DELETING, message))

    async def _with_losses(self, subject: Subject, seen: Seen, plan: Plan) -> Plan:
        """The plan with what would go with it, which is told before, and deleted only when somebody approves just that: an
        approval of the deletion alone, or with other losses, is not one of these."""
        with self._steps.reading(subject):
            lost = await subject.kind.lost_with(subject.conn, seen, subject.status)
        if not lost:
            return plan
        plan = replace(plan, changes=[Change("what goes with it", lost, None, None)])
        if objects.notes(subject.obj).get(objects.APPROVE) != plan.hash:
            raise Wait(
                f"Deleting {seen.id} would also remove {lost}. Approve it with the annotation "
                f"mlgate.dev/approve={plan.hash}, remove them first, or set deletionPolicy: Orphan on this object.",
                reason=Reason.DELETION_BLOCKED,
                after=RARELY,
            )
        return plan

    async def _find(self, subject: Subject) -> Seen | None:
        """What may have been made although no id of it was stored. Where what it refers to is gone, it is gone with it."""
        try:
            subject.wanted = subject.kind.desired(subject.owner, subject.spec, subject.refs)
        except KeyError:
            return None
        with self._steps.reading(subject):
            self._steps.wait_until_visible(subject)
            found = await subject.kind.find(subject.conn, subject.wanted, subject.owner.mark)
        return next((s for s in found if s.ours is not False and not self._steps.others(subject, s.id)), None)

    def _wait_for_users(self, subject: Subject, *, those: Callable[[Object, Object], bool]) -> None:
        """What others outside still stand on goes last (ENGINE rule 16), and what they need to see that they are gone
        too (a deployment its endpoint) stays until they have seen it."""
        users = [
            key
            for key in self._steps.cache.referrers(subject.key)
            if (user := self._steps.cache.get(key)) is not None
            and objects.held(user)
            and isinstance(kind := self._kinds.get(key.kind), External)
            and not kind.gets_by_without(subject.obj, user)
            and not kind.finished(objects.status(user))
            and those(user, subject.obj)
        ]
        if users:
            shown = ", ".join(str(key) for key in users[:3]) + (f" and {len(users) - 3} more" if len(users) > 3 else "")
            raise Wait(f"{subject.key} goes when these are gone that need it: {shown}.", reason=Reason.DELETION_BLOCKED)

    def _blocks(self, user: Object, target: Object) -> bool:
        kind = self._kinds[user["kind"]]
        return isinstance(kind, External) and kind.blocks_deletion_of(target, user)


def _orphaned(what: str, release: Release) -> Notice:
    return Notice(Reason.ORPHANED, f"{what} stays outside: {release.message}.")
