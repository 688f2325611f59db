"""The object of 1.5 KB by which languages are measured."""

OBJECT = {
    "apiVersion": "db.example.com/v1",
    "kind": "DatabaseCluster",
    "metadata": {
        "name": "orders-db",
        "namespace": "shop",
        "uid": "0b6c8a4e-5f1e-4a8e-9a44-0d2f4b2f9f10",
        "resourceVersion": "184467",
        "generation": 3,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app.kubernetes.io/name": "orders", "app.kubernetes.io/part-of": "shop", "team": "payments"},
        "annotations": {"example.com/owner": "payments@example.com", "example.com/description": "orders " * 80},
    },
    "spec": {
        "replicas": 3,
        "image": "registry.example.com/postgres:16.4",
        "storage": {"size": "100Gi", "class": "fast-ssd", "encrypted": True},
        "members": [{"name": f"orders-{n}", "cpu": 4, "memory": "8Gi", "zone": f"eu-west-1{n}"} for n in range(3)],
        "backup": {"schedule": "0 3 * * *", "retention": 14, "bucket": "s3://backups/orders"},
    },
    "status": {"phase": "Ready", "observedGeneration": 3, "conditions": [{"type": "Ready", "status": "True"}]},
}
