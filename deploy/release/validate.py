#!/usr/bin/env python3
"""Holds a bill of materials against the schema of CycloneDX. Needs cyclonedx-python-lib[json-validation]."""

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

if __name__ == "__main__":
    found = JsonStrictValidator(SchemaVersion.V1_6).validate_str(Path(sys.argv[1]).read_text())
    sys.exit(f"{sys.argv[1]}: {found}" if found else 0)
