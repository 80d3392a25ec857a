"""`mlgate dev`: in this order: read, start, apply, watch it become Ready, play the callers, stay."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from ...store.protocol import Key
    from .applier import Applier, Outcome
    from .callers import Answer
    from .progress import Row
    from .stage import Stage

INTERRUPTED = 130
"""The status of a command that was interrupted, as shells have it."""
TAKE_AWAY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line."""

    paths: tuple[Path, ...]
    once: bool
    cluster: bool
    kubeconfig: Path | None
    context: str | None
    state: Path
    patience: float
    """Seconds for everything to become Ready before it is said what waits for what."""


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@click.option("--once", is_flag=True, help="End after the callers: status 0 if all was as expected, else 1.")
@click.option("--cluster", is_flag=True, help="On a real API server, started here unless --kubeconfig names one.")
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A cluster to visit.")
@click.option("--context", help="Which context of the kubeconfig.")
@click.option("--timeout", default=90.0, show_default=True, help="Seconds for everything to become Ready.")
@click.option("--state-dir", default=".mlgate", type=click.Path(file_okay=False, path_type=Path), show_default=True)
def dev(
    *,
    paths: tuple[Path, ...],
    once: bool,
    cluster: bool,
    kubeconfig: Path | None,
    context: str | None,
    timeout: float,
    state_dir: Path,
) -> None:
    """Run mlgate on this machine with the manifests in PATH (files or folders).

    Auth0 and Azure are simulated, the gateway is a real Envoy. Shows how the objects become Ready, makes calls through
    the gateway and shows what came back. Edit a file and it is applied again. Ctrl-C ends everything.

    On a cluster that is there (--kubeconfig, --context) nothing of others is changed, and what was written is taken
    away at the end.
    """
    real = cluster or kubeconfig is not None or context is not None
    asked = Asked(paths, once, real, kubeconfig, context, state_dir.resolve(), timeout)
    status = asyncio.run(_until_signal(lambda: _dev(asked)))
    sys.exit(0 if status == INTERRUPTED and not once else status)


async def _until_signal(work: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """The work's status; a signal cancels it, and its clean-up still runs."""
    task = asyncio.create_task(work())
    loop = asyncio.get_running_loop()
    caught: list[int] = []

    def end(number: int) -> None:
        if not caught:
            click.echo("\nending …", err=True)
        caught.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        return INTERRUPTED if caught else 1


async def _dev(asked: Asked) -> int:
    from ...shell import logs  # noqa: PLC0415
    from .live import make_console  # noqa: PLC0415
    from .manifests import files, read  # noqa: PLC0415
    from .scene import scene  # noqa: PLC0415

    started = time.monotonic()
    asked.state.mkdir(parents=True, exist_ok=True)
    console = make_console()
    with (asked.state / "dev.log").open("w") as log_file:
        logs.configure("info", json_lines=False, stream=log_file)
        documents, faults = [], []
        for file in files(asked.paths):
            found, wrong = read(file)
            documents += found
            faults += wrong
        for fault in faults:
            console.print(f"✘ {fault}", style="red", markup=False, soft_wrap=True)
        if not documents or (faults and asked.once):
            console.print("Nothing was applied." if documents else "There are no manifests here.")
            return 1
        played = scene(documents)
        for remark in played.remarks:
            console.print(f"note: {remark}", style="yellow", markup=False, soft_wrap=True)
        async with AsyncExitStack() as stack:
            stage = await _stage(asked, stack, console, played)
            return await _Session(asked, console, stage, started).run()


async def _stage(asked: Asked, stack: AsyncExitStack, console: Console, played: Any) -> Stage:
    from ...store.cluster import ClusterConfigError  # noqa: PLC0415
    from ...store.protocol import StoreError  # noqa: PLC0415
    from . import cluster, stage  # noqa: PLC0415

    def remark(words: str) -> None:
        console.print(f"note: {words}", style="yellow", markup=False, soft_wrap=True)

    try:
        if not asked.cluster:
            console.print("Simulated Auth0 and Azure, a real Envoy, the embedded store: nothing leaves this machine.")
            return await stack.enter_async_context(stage.embedded(played, asked.state, remark))
        if asked.kubeconfig is None and asked.context is None:
            where = await stack.enter_async_context(cluster.own_cluster(asked.state))
        else:
            named = f"context {asked.context}" if asked.context else "the current context"
            console.print(
                f"Writes CRDs and the manifests to {named} of {asked.kubeconfig or 'the kubeconfig'}, and takes them "
                "away at the end.",
                soft_wrap=True,
            )
            where = await stack.enter_async_context(cluster.existing_cluster(asked.kubeconfig, asked.context, remark))
        console.print(f"Simulated Auth0 and Azure, a real Envoy, a real API server: {where.told}")
        return await stack.enter_async_context(cluster.on_cluster(played, where, asked.state, remark))
    except (cluster.NoCluster, ClusterConfigError, StoreError) as error:
        raise click.ClickException(str(error)) from error


class _Session:
    """One run, once everything is started."""

    def __init__(self, asked: Asked, console: Console, stage: Stage, started: float) -> None:
        from .applier import Applier  # noqa: PLC0415
        from .lookup import LookupServer  # noqa: PLC0415
        from .progress import Progress  # noqa: PLC0415

        self.asked, self.console, self.stage, self.started = asked, console, stage, started
        self.applier: Applier = Applier(stage.store, asked.paths, guest=stage.guest)
        self.progress = Progress(time.monotonic)
        about = {"cluster": asked.cluster, "paths": [str(path) for path in asked.paths]}
        self.lookup = LookupServer(stage.store, asked.state, self._token, about)
        self.wanted: set[Key] = set()

    async def run(self) -> int:
        await self.lookup.start()
        try:
            return await self._run()
        finally:
            if self.stage.guest:
                await self._take_away()
            await self.lookup.stop()

    async def _run(self) -> int:
        from ...store.protocol import StoreError  # noqa: PLC0415
        from .live import View  # noqa: PLC0415

        try:
            outcome = await self.applier.once()
        except StoreError as error:
            raise click.ClickException(error.message) from error
        self._tell(outcome)
        if outcome.faults and self.asked.once:
            return 1
        async with View(self.console, self._rows):
            in_time = await self._ready(self.asked.patience)
        if in_time:
            self.console.print(f"[green]All Ready[/green] after {time.monotonic() - self.started:.1f} s.")
        else:
            self._explain()
            if self.asked.once:
                return 1
        well = in_time and await self._play()
        if self.asked.once:
            return 0 if well else 1
        self._look_around()
        async with View(self._plain(), self._rows, only_news=True):
            await self.applier.follow(self._tell)
        return 0

    async def _take_away(self) -> None:
        """While the operator and the simulators still run: nobody else could let these objects go."""
        self.console.print("Taking away what was written to the cluster (Ctrl-C: leave it there) …")
        left = await self.applier.take_away(TAKE_AWAY_SECONDS)
        if left:
            self.console.print(
                f"Still there after {TAKE_AWAY_SECONDS:.0f} s: {', '.join(map(str, left))}. Run this command again to "
                "have them taken away.",
                style="red",
                markup=False,
                soft_wrap=True,
            )

    # -- parts --------------------------------------------------------------------------------------------------------

    def _rows(self) -> list[Row]:
        cache = self.stage.engine.cache
        return self.progress.rows(obj for kind in self.stage.engine.kinds for obj in cache.of_kind(kind))

    async def _ready(self, seconds: float) -> bool:
        from .progress import settled  # noqa: PLC0415

        until = time.monotonic() + seconds
        while not settled(self._rows(), self.wanted):
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.05)
        return True

    def _explain(self) -> None:
        from .progress import why_not  # noqa: PLC0415

        self.console.print(
            f"[red]Not everything is Ready after {self.asked.patience:.0f} s.[/red] What waits for what:"
        )
        for sentence in why_not(self._rows(), self.wanted):
            self.console.print(f"  {sentence}", markup=False, soft_wrap=True)
        self.console.print(f"More in {self.asked.state / 'dev.log'}.", markup=False)

    async def _play(self) -> bool:
        from .answers import answers_table  # noqa: PLC0415
        from .callers import Players, plan  # noqa: PLC0415

        cache = self.stage.engine.cache
        calls = plan(cache.of_kind("Auth0AppBinding"), cache.of_kind("SecuredModelEndpoint"))
        if not calls:
            return True
        players = Players(
            self._application,
            self.stage.services.auth0.url,
            lambda gateway, hostname: self.stage.envoys.address(gateway),
        )
        answers = await players.play(calls)
        self.console.print()
        self.console.print(answers_table(answers))
        return self._judge(answers)

    def _judge(self, answers: list[Answer]) -> bool:
        wrong = [each for each in answers if not each.as_expected]
        if not wrong:
            self.console.print("[green]Every answer is as expected.[/green]")
            return True
        for each in wrong:
            self.console.print(
                f"{each.call.caller} expected {each.call.expected} and got {each}: {each.words}",
                markup=False,
                soft_wrap=True,
            )
        return False

    def _look_around(self) -> None:
        from .answers import curl  # noqa: PLC0415
        from .callers import plan  # noqa: PLC0415

        cache = self.stage.engine.cache
        calls = plan(cache.of_kind("Auth0AppBinding"), cache.of_kind("SecuredModelEndpoint"))
        lines = ["", "Look around, in another terminal in this folder:", "  mlgate get"]
        lines += [f"  mlgate describe {key.kind} {key.name} -n {key.namespace}" for key in sorted(self.wanted)[-1:]]
        allowed = next((call for call in calls if call.expected.status == 200), None)
        if allowed is not None:
            lines.append(f"  {curl(allowed, self.stage.envoys.address(allowed.gateway))}")
        lines += [
            f"Edit a file in {', '.join(str(path) for path in self.asked.paths)} and it is applied again.",
            "Ctrl-C ends everything.",
            "",
        ]
        for line in lines:
            self.console.print(line, markup=False, soft_wrap=True)

    def _tell(self, outcome: Outcome) -> None:
        from ...api import KINDS  # noqa: PLC0415

        self.wanted |= {key for key in outcome.applied if key.kind in KINDS}
        self.wanted -= set(outcome.deleted)
        for fault in outcome.faults:
            self.console.print(f"✘ {fault}", style="red", markup=False, soft_wrap=True)
        counted = [(len(outcome.applied), "applied"), (len(outcome.deleted), "deleted")]
        said = ", ".join(f"{number} {word}" for number, word in counted if number)
        if said:
            self.console.print(f"Manifests: {said}.")

    def _plain(self) -> Console:
        """After the first table, changes are told line by line."""
        from rich.console import Console  # noqa: PLC0415

        return Console(force_terminal=False, highlight=False, soft_wrap=True)

    async def _application(self, namespace: str, name: str) -> Any:
        from ...store.protocol import SECRETS  # noqa: PLC0415
        from .tokens import application  # noqa: PLC0415

        return application(await self.stage.store.get(SECRETS, namespace, name), f"{namespace}/{name}")

    async def _token(self, namespace: str, name: str, audience: str | None) -> str:
        from .tokens import TokenRefused, fetch_token  # noqa: PLC0415

        try:
            found = await self._application(namespace, name)
            granted = await fetch_token(found, audience, endpoint=self.stage.services.auth0.url)
        except TokenRefused as refused:
            raise ValueError(str(refused)) from refused
        return granted.reveal()
