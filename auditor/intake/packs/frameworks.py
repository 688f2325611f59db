"""The public frameworks whose controls our packs name, by identifiers only: which there are, and all that they have."""

from typing import Final

from auditor.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Framework:
    prefix: str
    name: str
    edition: str
    identifiers: frozenset[str]
    """All that it has, without the prefix."""

    def has(self, control: str) -> bool:
        return control.startswith(f"{self.prefix}-") and control.removeprefix(f"{self.prefix}-") in self.identifiers


def _count(sections: dict[str, int]) -> frozenset[str]:
    return frozenset(f"{section}.{number}" for section, most in sections.items() for number in range(1, most + 1))


FRAMEWORKS: Final = (
    Framework(
        "SOC2",
        "SOC 2, trust services criteria",
        "2017, with the points of focus of 2022",
        # The common criteria, then availability, confidentiality, processing integrity, privacy.
        _count({"CC1": 5, "CC2": 3, "CC3": 4, "CC4": 2, "CC5": 3, "CC6": 8, "CC7": 5, "CC8": 1, "CC9": 2})
        | _count({"A1": 3, "C1": 2, "PI1": 5})
        | _count({"P1": 1, "P2": 1, "P3": 2, "P4": 3, "P5": 2, "P6": 7, "P7": 1, "P8": 1}),
    ),
    Framework(
        "ISO27001",
        "ISO/IEC 27001, Annex A",
        "2022",
        _count({"A.5": 37, "A.6": 8, "A.7": 14, "A.8": 34}),
    ),
    Framework(
        "CIS-K8S",
        "CIS Kubernetes Benchmark, section 5: policies",
        "1.10",
        # The sections before it are about the files and flags of nodes, of which custom resources say nothing.
        _count({"5.1": 13, "5.2": 13, "5.3": 2, "5.4": 2, "5.5": 1, "5.7": 4}),
    ),
    Framework(
        "NSA-CISA",
        "NSA and CISA, Kubernetes Hardening Guidance, by its sections",
        "1.2",
        frozenset({"pod-security", "network-separation", "authentication", "audit-logging", "upgrading"}),
    ),
)


def find_framework(control: str) -> Framework | None:
    """None: no public framework that we know has this control."""
    return next((each for each in FRAMEWORKS if each.has(control)), None)
