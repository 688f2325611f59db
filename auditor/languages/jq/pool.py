"""The jq processes of one program, shared by its threads."""

import time
from collections.abc import Callable
from importlib.util import find_spec

from auditor.languages.isolation import pool
from auditor.languages.isolation.pool import Shared
from auditor.languages.jq.process import Limits, command


class Pool(pool.Pool):
    """`binding` is the Python package that runs jq: `jq` (libjq 1.8) or, where that is not to be had, `pyjq` (1.5)."""

    def __init__(
        self,
        *,
        processes: int = 2,
        limits: Limits | None = None,
        binding: str = "jq",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        limits = limits or Limits()
        super().__init__(command(limits, binding), limits=limits, processes=processes, clock=clock)


shared_pool = Shared(lambda: Pool(binding="jq" if find_spec("jq") else "pyjq"))
