"""Answers as JSON, and what they look like as OpenAPI: both follow from the dataclasses, so they cannot differ."""
