"""All metrics of this room. Their labels are bounded: by the verbs, and by the kinds that a cluster has."""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter(
    "auditor_cluster_calls_total",
    "Calls to the API server, by answer; code 0: there was none",
    ["verb", "resource", "code"],
)
CALL_SECONDS = Histogram(
    "auditor_cluster_call_seconds",
    "Time of a call to the API server, until its answer began",
    ["verb"],
    # A read from memory takes 2 ms, etcd 5; the server gives up after 60 s.
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
PACE_SECONDS = Counter("auditor_cluster_pace_wait_seconds_total", "Time that calls waited for our own limit of calls")
PAUSES = Counter("auditor_cluster_pauses_total", "Times that the API server asked us to wait (429, 503)")
STREAMS = Gauge("auditor_cluster_streams", "Watches that are open now")
WORK_SECONDS = Histogram(
    "auditor_cluster_work_seconds",
    "Time of one piece of work from a queue, by what became of it: done, failed, given_up",
    ["queue", "result"],
)
QUEUED = Gauge("auditor_cluster_queued", "Keys that wait in a queue, due or not", ["queue"])
LEADING = Gauge("auditor_cluster_leading", "1 while this process leads by the lease of that name", ["lease"])
EVENTS = Counter(
    "auditor_cluster_events_total",
    "Kubernetes Events of recorders: recorded, written (created, updated), and not written "
    "(invalid, too_many, full, lost)",
    ["result"],
)
