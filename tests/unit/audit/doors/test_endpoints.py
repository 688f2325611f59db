import pytest

from auditor.audit.doors.endpoints import DoorService, find_urls
from auditor.errors import UsageError
from auditor.json import Json, JsonObject


def endpoints(*found: tuple[str, str], family: str = "IPv4", **conditions: bool) -> JsonObject:
    """(address, uid of the pod)."""
    listed: list[Json] = [
        {"addresses": [address], "conditions": conditions, "targetRef": {"kind": "Pod", "uid": uid}}
        for address, uid in found
    ]
    return {"addressType": family, "endpoints": listed}


def test_each_pod_is_asked_once_by_its_older_family() -> None:
    four = endpoints(("10.0.0.1", "a"), ("10.0.0.2", "b"))
    six = endpoints(("fd00::1", "a"), ("fd00::3", "c"), family="IPv6")
    assert find_urls([four, six], 8081) == {"http://10.0.0.1:8081", "http://10.0.0.2:8081", "http://[fd00::3]:8081"}
    assert find_urls([six, four], 8081) == find_urls([four, six], 8081)


def test_those_that_are_not_ready_or_end_are_asked_too() -> None:
    assert find_urls([endpoints(("10.0.0.1", "a"), ready=False, serving=False, terminating=True)], 1) == {
        "http://10.0.0.1:1"
    }


def test_without_a_pod_an_address_stands_for_itself() -> None:
    assert find_urls([{"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.9", "10.0.0.8"]}]}], 1) == {
        "http://10.0.0.9:1"
    }


def test_garbage_leads_nowhere() -> None:
    things: list[JsonObject] = [
        {},
        {"addressType": "FQDN", "endpoints": [{"addresses": ["a.example.com"]}]},
        {"addressType": "IPv4", "endpoints": None},
        {"addressType": "IPv4", "endpoints": [{}, {"addresses": [7]}, 3]},
    ]
    assert find_urls(things, 1) == set()


def test_a_service_and_the_port_of_its_operations() -> None:
    assert DoorService.read("door") == DoorService("door", 8081)
    assert DoorService.read("door:9091") == DoorService("door", 9091)


@pytest.mark.parametrize("text", ["door:", "door:0", "door:65536", "door:x", "door:1:2", "door:²"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(UsageError, match="NAME:PORT"):
        DoorService.read(text)
