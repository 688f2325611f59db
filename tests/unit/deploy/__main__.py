"""`python -m tests.unit.deploy` writes what is made of the chart: schema of the values, table in docs, manifests."""

from tests.unit.deploy.generated import generate, generate_manifests

for make in (generate, generate_manifests):  # the second renders the chart with what the first has written
    for path, text in make().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)
            print(f"{path.name} was written")  # noqa: T201 - a program
