"""The description of the API, made of the table of routes that serves it."""

import re
from collections.abc import Iterable

from auditor import __version__
from auditor.dashboard.answers.asked import Parameter
from auditor.dashboard.api.plain import describe
from auditor.dashboard.routes import API, Route
from auditor.json import JsonObject


def make_openapi(routes: Iterable[Route]) -> JsonObject:
    schemas: JsonObject = {
        "Error": {
            "type": "object",
            "properties": {"error": {"type": "string"}},
            "required": ["error"],
            "additionalProperties": False,
        }
    }
    paths = {f"{API}{_name_path(route.api)}": {"get": _describe(route, schemas)} for route in routes}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "auditor dashboard",
            "version": __version__,
            "description": "What the dashboard shows, as JSON, of what the caller may see. Only to be read.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A Kubernetes token."},
                "session": {"type": "apiKey", "in": "cookie", "name": "auditor"},
            },
        },
        "security": [{"token": []}, {"session": []}],
    }


def _describe(route: Route, schemas: JsonObject) -> JsonObject:
    inside = [Parameter(name=name, what="") for name in _names(route.api)]
    return {
        "operationId": route.name,
        "summary": route.title,
        "parameters": [
            *(_describe_parameter(each, place="path") for each in inside),
            *(_describe_parameter(each, place="query") for each in route.parameters),
        ],
        "responses": {
            "200": {
                "description": "What there is, and may be seen.",
                "content": {"application/json": {"schema": describe(route.answer, schemas)}},
            },
            **{
                code: {
                    "description": what,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
                for code, what in _ERRORS.items()
            },
        },
    }


_ERRORS = {
    "400": "The question is wrong.",
    "401": "It is not known who asks.",
    "403": "Who asks may see nothing at all.",
    "404": "There is no such thing, or none that may be seen.",
    "503": "The history or the cluster cannot be asked now.",
}


def _describe_parameter(parameter: Parameter, *, place: str) -> JsonObject:
    schema: JsonObject = {"type": "string", "maxLength": parameter.longest}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.default:
        schema["default"] = parameter.default
    return {
        "name": parameter.name,
        "in": place,
        "required": place == "path",
        "description": parameter.what,
        "schema": schema,
    }


def _names(path: str) -> list[str]:
    return re.findall(r"<([a-z]+)>", path)


def _name_path(path: str) -> str:
    return path.replace("<", "{").replace(">", "}")
