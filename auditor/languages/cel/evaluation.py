"""One evaluation, in whichever process: an expression as the library has it, and bindings."""

from collections.abc import Callable
from typing import Final

from cel_expr_python import cel as library

from auditor.dataclass import dataclass
from auditor.languages.cel.bindings import Bindings
from auditor.languages.cel.libraries.authorizer import answering
from auditor.languages.cel.libraries.bridge import RESULT, failure, release
from auditor.languages.cel.values import to_json
from auditor.languages.outcome import Outcome

_FAILURE: Final = f'Key not found in map : "{RESULT}"'
_TRUE: Final = Outcome.of(True)
_FALSE: Final = Outcome.of(False)
EXHAUSTED: Final = Outcome.failed("ran out of memory")


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    strict: library.Expression
    tolerant: Callable[[], library.Expression] | None
    """The same, where null and scalars have no fields, see `tolerate`: some errors of optionals are raised, past the
    logical operators that could swallow them."""
    is_bool: bool
    is_authorized: bool

    def run(self, bindings: Bindings) -> Outcome:
        """Never raises: whatever goes wrong is an outcome."""
        try:
            if self.is_authorized:
                with answering(bindings.authorizer):
                    return self._run(bindings)
            return self._run(bindings)
        except MemoryError:
            return EXHAUSTED
        except Exception as error:
            # The library raises RuntimeError, MemoryError, ValueError and more.
            return Outcome.failed(_reason(str(error), bindings))
        finally:
            release()

    def _run(self, bindings: Bindings) -> Outcome:
        try:
            value = self.strict.eval(bindings.activation)
        except RuntimeError:
            if self.tolerant is None:
                raise
            value = self.tolerant().eval(bindings.activation)
        plain = value.value() if self.is_bool else None
        if plain is True:
            return _TRUE
        if plain is False:
            return _FALSE
        type_ = value.type()
        if type_ == library.Type.ERROR and self.tolerant is not None:
            # Null and scalars in place of objects are rare, and the tree that minds them is slower: errors cannot be
            # lost by this order, a logical operator that swallows one has the same result without it.
            value = self.tolerant().eval(bindings.activation)
            type_ = value.type()
        if type_ == library.Type.ERROR:
            return Outcome.failed(_reason(str(value), bindings))
        return Outcome.of(to_json(value))


def _reason(text: str, bindings: Bindings) -> str:
    """The library's message without its codes; for a name without a value, why it has none."""
    head, separator, rest = text.partition(": ")
    message = rest if separator and head.replace("_", "").isupper() else text
    message = message.removesuffix(f" [{head}]")
    if message == _FAILURE:
        message = failure()
    marker = 'No value with name "'
    if message.startswith(marker):
        name = message[len(marker) :].partition('"')[0]
        return f"{name} {bindings.unusable.get(name, 'is not available here')}"
    return message
