"""A plain TCP balancer that follows readiness, as a Service does: it looks into nothing, and ends no connection."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable, Sequence

from tests.cluster.webhooks.serving.running import Program

PROBE = 0.1
"""Seconds between two probes. Kubernetes takes longer to notice, for which there is the drain time."""


class Balancer:
    def __init__(self) -> None:
        self.programs: Sequence[Program] = ()
        self._turn = itertools.count()
        self._ready: list[Program] = []
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._started.wait(5)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port: int = server.sockets[0].getsockname()[1]
        self._started.set()
        while not self._stop.is_set():
            self._ready = [each for each in self.programs if await asyncio.to_thread(_is_ready, each)]
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), PROBE)
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ready = self._ready
        try:
            if not ready:
                return
            chosen = ready[next(self._turn) % len(ready)]
            there, back = await asyncio.open_connection("127.0.0.1", chosen.port)
            try:
                await asyncio.gather(_pump(reader, back), _pump(there, writer))
            finally:
                back.close()
        except OSError:
            pass
        finally:
            writer.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


def _is_ready(program: Program) -> bool:
    return program.ready


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


class Load:
    """Threads that ask all the time. `ask` gives what went wrong; empty: all is well."""

    def __init__(self, ask: Callable[[], str], count: int = 8) -> None:
        self._ask = ask
        self.asked = 0
        self.failures: list[str] = []
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]

    def _run(self) -> None:
        while not self._stopping.is_set():
            wrong = self._ask()
            self.asked += 1
            if wrong:
                self.failures.append(wrong)

    def __enter__(self) -> "Load":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for each in self._threads:
            each.join(20)
