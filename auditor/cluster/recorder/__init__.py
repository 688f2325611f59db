"""Kubernetes Events (events.k8s.io/v1): what happened to an object, where people look for it (`kubectl describe`).

    recorder = Recorder(client, component="example.com/backup")
    recorder.warning(database, reason="BackupFailed", action="Backup", note="the bucket does not exist")
    recorder.close(timeout=5)

Events are told, not promised: they never hold up nor break the work that they tell of. `series` decides which ones are
written and when, `event` makes the objects, and `Recorder` writes them in a thread of its own.
"""

from auditor.cluster.recorder.recorder import Counts, Recorder

__all__ = ["Counts", "Recorder"]
