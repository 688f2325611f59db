"""Reading 100 documents of 1 KB: by the fast reader, by the exact one, as JSON."""

from collections.abc import Callable

import orjson

from auditor.intake.yaml import Document, read_documents

OBJECT = """apiVersion: db.example.com/v1
kind: DatabaseCluster
metadata:
  name: orders-db
  namespace: shop
  labels:
    app.kubernetes.io/name: orders
    app.kubernetes.io/part-of: shop
    team: payments
  annotations:
    example.com/owner: "payments@example.com"
spec:
  replicas: 3
  image: registry.example.com/postgres:16.4
  storage:
    size: 100Gi
    class: fast-ssd
    encrypted: true
  members:
  - name: orders-0
    cpu: 4
    memory: 8Gi
    zone: eu-west-1a
  - name: orders-1
    cpu: 4
    memory: 8Gi
    zone: eu-west-1b
  - name: orders-2
    cpu: 4
    memory: 8Gi
    zone: eu-west-1c
  backup:
    schedule: "0 3 * * *"
    retentionDays: 30
    destination: s3://backups/orders
  resources:
    limits: {cpu: "4", memory: 8Gi}
    requests: {cpu: "2", memory: 4Gi}
  tolerations:
  - key: dedicated
    operator: Equal
    value: database
    effect: NoSchedule
  parameters:
    max_connections: "500"
    shared_buffers: 2GB
    work_mem: 64MB
"""


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    fast = ("---\n" + OBJECT) * 100
    exact = ("---\n" + OBJECT + "note: é\n") * 100
    (first,) = read_documents(OBJECT)
    assert isinstance(first, Document)
    stream = orjson.dumps(first.value) * 100
    return [
        ("yaml: 100 documents, plain", lambda: read_documents(fast)),
        ("yaml: 100 documents, exact reader", lambda: read_documents(exact)),
        ("yaml: 100 documents, JSON", lambda: read_documents(stream)),
    ]
