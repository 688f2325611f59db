"""All objects of a ConversionReview to the version that it asks for: all of them, or none."""

from collections.abc import Mapping

from auditor.engine.convert import Conversion, ConversionError, describe
from auditor.json import JsonObject
from auditor.webhooks.decode import ConversionRequest


def convert(request: ConversionRequest, conversions: Mapping[tuple[str, str], Conversion]) -> list[JsonObject]:
    """In the same order. Raises ConversionError for the first that cannot be converted; the API server takes no part of
    an answer, so the others are not tried."""
    return [_convert(thing, request.desired, conversions) for thing in request.objects]


def _convert(thing: JsonObject, desired: str, conversions: Mapping[tuple[str, str], Conversion]) -> JsonObject:
    group, _, version = desired.partition("/")
    if thing["apiVersion"] == desired:
        return thing
    if thing["apiVersion"].rpartition("/")[0] != group:
        raise ConversionError(f"{describe(thing)}: no conversion leads from {thing['apiVersion']} to {desired}")
    conversion = conversions.get((group, thing["kind"]))
    if conversion is None:
        raise ConversionError(f"{describe(thing)}: no Conversion is known for {thing['kind']} ({group})")
    return conversion.convert(thing, version)
