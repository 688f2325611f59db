"""All objects of a ConversionReview to the version that it asks for: all of them, or none."""

from collections.abc import Iterator, Mapping

from auditor.engine.convert import Conversion, ConversionError
from auditor.json import JsonObject
from auditor.webhooks.decode import ConversionRequest


def convert(request: ConversionRequest, conversions: Mapping[tuple[str, str], Conversion]) -> list[JsonObject]:
    """In the same order. Raises ConversionError for the first that cannot be converted; the API server takes no part of
    an answer, so the others are not tried."""
    return list(_convert(request, conversions))


def _convert(request: ConversionRequest, conversions: Mapping[tuple[str, str], Conversion]) -> Iterator[JsonObject]:
    for thing in request.objects:
        try:
            yield _convert_one(thing, request.desired, conversions)
        except ConversionError as error:
            raise ConversionError(f"{_place(thing)}{error}") from error


def _convert_one(thing: JsonObject, desired: str, conversions: Mapping[tuple[str, str], Conversion]) -> JsonObject:
    group, _, version = desired.partition("/")
    if thing["apiVersion"] == desired:
        return thing
    if thing["apiVersion"].rpartition("/")[0] != group:
        raise ConversionError(f"no conversion leads from {thing['apiVersion']} to {desired}")
    conversion = conversions.get((group, thing["kind"]))
    if conversion is None:
        raise ConversionError(f"no Conversion is known for {thing['kind']} ({group})")
    return conversion.convert(thing, version)


def _place(thing: JsonObject) -> str:
    """The messages of the engine name kind and object; here is what is still missing to find it."""
    metadata = thing["metadata"]
    namespace, name = metadata.get("namespace"), metadata.get("name")
    return f"{namespace}/{name}: " if namespace else f"{name}: "
