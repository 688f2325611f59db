"""The engine as its users see it: a set of policies, compiled once, and the judgement of requests."""

from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from typing import Self

from auditor.dataclass import dataclass
from auditor.engine.asking import Asking, answer
from auditor.engine.compile import check_unique, compile_policy
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.evaluate import judging
from auditor.engine.match import PolicyIndex
from auditor.engine.mistakes import Mistake, PolicyError
from auditor.engine.mutate import Mutated, mutating
from auditor.engine.typos import Schemas, choose_schemas
from auditor.model.finding import Verdict
from auditor.model.policy import Policy
from auditor.model.request import Request


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """Immutable: other policies make another engine. Safe to share among threads."""

    policies: Sequence[CompiledPolicy]
    index: PolicyIndex[CompiledPolicy]
    warnings: Sequence[Mistake] = ()
    schemas: Schemas = field(default_factory=dict)

    @classmethod
    def compile(cls, policies: Iterable[Policy], schemas: Schemas | None = None) -> Self:
        """Raises PolicyError with all mistakes of all policies."""
        listed = list(policies)
        mistakes = check_unique(listed)
        compiled = []
        for policy in listed:
            done, found = compile_policy(policy, choose_schemas(policy, schemas or {}))
            found = [replace(each, kind=str(policy.kind)) for each in found]
            mistakes += [each for each in found if each not in mistakes]  # of a native policy with several bindings
            if done is not None:
                compiled.append(done)
        if any(not mistake.warning for mistake in mistakes):
            raise PolicyError([m for m in mistakes if not m.warning])
        return cls.of(compiled, mistakes, schemas=schemas)

    @classmethod
    def of(
        cls,
        compiled: Sequence[CompiledPolicy],
        warnings: Sequence[Mistake] = (),
        *,
        schemas: Schemas | None = None,
    ) -> Self:
        # The narrowest of its matches puts a policy into the buckets of the index: a binding may match everything.
        entries = [(max(p.matches, key=lambda m: bool(m.match.rules)), p) for p in compiled if p.matches]
        return cls(tuple(compiled), PolicyIndex(entries), tuple(warnings), {} if schemas is None else schemas)

    def own(self) -> Self:
        """Without native policies: the API server itself enforces those at the door."""
        own = [policy for policy in self.policies if not policy.policy.native]
        return self.of(own, self.warnings, schemas=self.schemas)

    def mutate(self, request: Request) -> Mutated:
        return answer(self.mutating(request))

    def judge(self, request: Request, *, passes: bool = True) -> Verdict:
        return answer(self.judging(request, passes=passes))

    def mutating(self, request: Request) -> Asking[Mutated]:
        """For who answers the questions of many requests at once."""
        return mutating(self.index, request, self.schemas.get(request.resource))

    def judging(self, request: Request, *, passes: bool = True) -> Asking[Verdict]:
        return judging(self.index, request, schema=self.schemas.get(request.resource), passes=passes)
