"""CEL: rules on an object of 1.5 KB, from bindings to outcomes, and what compiling costs."""

from collections.abc import Callable

from auditor.languages import cel
from tests.bench.parts.database import OBJECT

REQUEST = {"operation": "CREATE", "namespace": "shop", "userInfo": {"username": "anna", "groups": ["dev"]}}
SCOPE = cel.admission_scope()
RULES = (
    "object.spec.replicas % 2 == 1",
    "object.spec.members.all(m, m.cpu <= 16)",
    "object.spec.image.startsWith('registry.example.com/')",
    "has(object.spec.storage.class) && object.spec.storage.size.endsWith('Gi')",
    "object.metadata.namespace == request.namespace && oldObject == null",
)


def bindings() -> cel.Bindings:
    return cel.Bindings(object=OBJECT, oldObject=None, request=REQUEST, namespaceObject=None)


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    programs = [cel.compile(rule, SCOPE) for rule in RULES]
    quantities = cel.compile("quantity(object.spec.storage.size).isLessThan(quantity('1Ti'))", SCOPE)
    absent = cel.compile("!has(oldObject.spec)", SCOPE)
    scope = SCOPE.with_variable("cpus", cel.compile("object.spec.members.map(m, m.cpu)", SCOPE, cel.ANY))
    variable = cel.compile("variables.cpus.sum() <= 64 && variables.cpus.max() <= 16", scope)
    converted = bindings()
    numbers = iter(range(1_000_000_000))

    def five_rules() -> list[object]:
        values = bindings()
        return [program.run(values) for program in programs]

    return [
        ("5 rules with new bindings", five_rules),
        ("1 rule on bindings that are converted", lambda: programs[0].run(converted)),
        ("a quantity (through Python)", lambda: quantities.run(converted)),
        ("a field of null", lambda: absent.run(converted)),
        ("a variable used twice", lambda: variable.run(converted)),
        ("compile a small expression", lambda: cel.compile(f"object.spec.replicas > {next(numbers)}", SCOPE)),
        ("compile all 5 rules", lambda: [cel.compile(rule, SCOPE) for rule in RULES]),
    ]
