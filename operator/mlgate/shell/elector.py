"""Keeps the Lease: reads it, takes it, renews it, gives it back. The decisions are in `lease`.

It runs on an event loop and a thread of its own with its own connection, so that a reconcile that keeps the main loop
busy cannot starve the renewal. If the whole process hangs nothing is renewed, and nothing is written either.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from enum import StrEnum

from ..engine.clock import Clock
from ..store.protocol import LEASES, AlreadyExists, Conflict, NotFound, Object, Store, StoreError
from .lease import Hold, Move, Record, Sighting, Timing, decide, new_lease, released, sighted, written

log = logging.getLogger(__name__)


class Role(StrEnum):
    """Where a replica stands."""

    STANDBY = "standby"
    TAKING_OVER = "taking-over"
    """Holds the lease and waits until the one before must have ended its requests."""
    LEADING = "leading"
    LOST = "lost"
    """Held it once and lost it: this process must not write again."""


class LeaseFence:
    """`mlgate.outbound.Fence` over what the elector holds. Any thread may ask."""

    def __init__(self, hold: Hold, clock: Clock) -> None:
        self._hold = hold
        self._clock = clock

    def check(self, timeout: float) -> None:
        """Raises WriteRefused when the lease could be another's before the request must have ended."""
        refusal = self._hold.refuses(timeout, self._clock.monotonic())
        if refusal is not None:
            raise refusal


class Elector:
    """One candidate. `round` is one look at the lease; `run` does rounds until stopped or lost."""

    def __init__(
        self,
        store: Store,
        *,
        namespace: str,
        name: str,
        identity: str,
        clock: Clock,
        hold: Hold,
        on_role: Callable[[Role], None] = lambda role: None,
    ) -> None:
        self._store = store
        self._namespace, self._name, self._identity = namespace, name, identity
        self._clock = clock
        self._hold = hold
        self._on_role = on_role
        self._seen: Sighting | None = None
        self._someone_held = False
        self._stop = asyncio.Event()
        self.role = Role.STANDBY
        self.answered_at: float | None = None
        self.problem: str | None = None

    @property
    def timing(self) -> Timing:
        return self._hold.timing

    async def run(self) -> None:
        """Until `stop`, or until the lease was lost."""
        while not self._stop.is_set() and self.role is not Role.LOST:
            pause = await self.round()
            try:
                await asyncio.wait_for(self._stop.wait(), pause)
            except TimeoutError:
                continue

    def stop(self) -> None:
        self._stop.set()

    async def round(self) -> float:
        """One look, one write at most. Returns the seconds until the next. Never raises for what the store answers."""
        patience = self.timing.retry * 2
        if self._hold.renewed_at is not None:
            left = self._hold.renewed_at + self.timing.deadline - self._clock.monotonic()
            patience = max(0.1, min(patience, left))
        try:
            async with asyncio.timeout(patience):
                await self._look()
            self.answered_at, self.problem = self._clock.monotonic(), None
        except TimeoutError:
            self._trouble(f"the API server did not answer within {patience:.0f} s")
        except (Conflict, AlreadyExists):
            self._seen = None  # somebody was faster: read it again at once
            return 0.05 if not self._hold.held else self._settle()
        except StoreError as error:
            self._trouble(error.message)
        return self._settle()

    async def release(self) -> None:
        """Give the lease back, so that the next one need not wait. Only when everything under way has ended."""
        self.stop()
        if not self._hold.held or self._seen is None:
            self._hold.lose()
            return
        version = self._seen.record.version
        self._hold.lose()
        try:
            async with asyncio.timeout(self.timing.retry * 2):
                await self._write(released(self._clock.wall()), version)
            log.info("gave back the lease %s/%s", self._namespace, self._name)
        except (StoreError, TimeoutError) as error:
            log.warning("could not give back the lease %s/%s: %s", self._namespace, self._name, error)

    async def _look(self) -> None:
        lease = await self._store.get(LEASES, self._namespace, self._name)
        now = self._clock.monotonic()
        if lease is None:
            self._seen = None
        else:
            self._seen = sighted(self._seen, Record.of(lease), now)
            holder = self._seen.record.holder
            if holder and holder != self._identity:
                self._someone_held = True
                if self._hold.held:
                    self._lost(f"{holder} holds it")
                    return
        decision = decide(self._identity, self._seen, now, someone_held=self._someone_held)
        if decision.move is Move.WAIT:
            return
        if decision.move is Move.RENEW and not self._hold.held:
            # Ours by name, but the answer to the request that took it was lost: nobody else was in between.
            self._hold.took(now, wait_out=self._someone_held)
        await self._claim(decision.move, wait_out=decision.wait_out)

    async def _claim(self, move: Move, *, wait_out: bool) -> None:
        before = self._seen.record if self._seen else None
        spec = written(self._identity, self.timing, self._clock.wall(), before, renew=move is Move.RENEW)
        sent_at = self._clock.monotonic()
        if move is Move.CREATE:
            if self._hold.held:
                self._lost("the Lease object was deleted")
                return
            answer = await self._store.create(LEASES, new_lease(self._namespace, self._name, spec))
        else:
            assert before is not None
            try:
                answer = await self._write(spec, before.version)
            except NotFound as error:
                raise Conflict(error.message) from error
        self._seen = sighted(self._seen, Record.of(answer), sent_at)
        if move is Move.RENEW:
            self._hold.renewed(sent_at)
        else:
            self._hold.took(sent_at, wait_out=wait_out)

    async def _write(self, spec: Object, version: str) -> Object:
        patch = {"metadata": {"resourceVersion": version}, "spec": spec}
        return await self._store.patch(LEASES, self._namespace, self._name, patch)

    def _settle(self) -> float:
        """Say what came of it; the seconds until the next round."""
        now = self._clock.monotonic()
        if self._hold.overdue(now):
            self._lost(f"it could not be renewed for {self.timing.deadline:.0f} s ({self.problem})")
        elif self._hold.leads(now):
            self._become(Role.LEADING)
        elif self._hold.held:
            self._become(Role.TAKING_OVER)
            return max(0.05, min(self.timing.retry, self._hold.leads_at - now))
        return self.timing.retry

    def _trouble(self, words: str) -> None:
        if words != self.problem:
            log.warning("the lease %s/%s: %s", self._namespace, self._name, words)
        self.problem = words

    def _lost(self, why: str) -> None:
        log.error("lost the lease %s/%s: %s", self._namespace, self._name, why)
        self._hold.lose()
        self._become(Role.LOST)

    def _become(self, role: Role) -> None:
        if role is self.role or self.role is Role.LOST:
            return
        self.role = role
        log.info("the lease %s/%s: %s", self._namespace, self._name, role.value)
        self._on_role(role)


class ElectorThread:
    """An elector with a thread, an event loop and a connection of its own.

    `connect` makes the store on that loop; `elect` makes the elector. Role changes are told on the loop that started it.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Store]],
        elect: Callable[[Store, Callable[[Role], None]], Elector],
        on_role: Callable[[Role], None],
    ) -> None:
        self._connect, self._elect, self._on_role = connect, elect, on_role
        self._home = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._main, name="lease", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._elector: Elector | None = None
        self._ended = asyncio.Event()
        self._release_asked = False

    @property
    def elector(self) -> Elector | None:
        """None until the thread is up."""
        return self._elector

    def start(self) -> None:
        self._thread.start()

    async def release(self, patience: float = 6.0) -> None:
        """Give the lease back and end the thread."""
        self._release_asked = True
        if not self._thread.is_alive():
            return
        loop, elector = self._loop, self._elector
        if loop is not None and elector is not None and not loop.is_closed():
            loop.call_soon_threadsafe(elector.stop)
        try:
            await asyncio.wait_for(self._ended.wait(), patience)
        except TimeoutError:
            log.warning("the lease was not given back within %.0f s", patience)

    def _main(self) -> None:
        try:
            asyncio.run(self._live())
        except Exception:
            log.exception("the lease's thread ended")
            self._tell(Role.LOST)
        finally:
            self._at_home(self._ended.set)

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        store = await self._connect()
        try:
            self._elector = elector = self._elect(store, self._tell)
            if self._release_asked:
                return
            await elector.run()
            if elector.role is not Role.LOST:
                await elector.release()
        finally:
            await store.close()

    def _tell(self, role: Role) -> None:
        self._at_home(lambda: self._on_role(role))

    def _at_home(self, call: Callable[[], None]) -> None:
        try:
            self._home.call_soon_threadsafe(call)
        except RuntimeError:  # the process is through with its loop
            return
