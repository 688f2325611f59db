"""The admission service as a program: gunicorn, the worker's life, and everything around the handlers.

`settings` is what a person may say of it; `application` runs gunicorn with the `worker` of our own, which has two
costs of a request taken out and cannot be held up by slow clients (`sockets`). In the worker `service` puts together
what serves: policies as they are in the cluster (`assembly`), our own kinds judged at admission (`own`), the operations
port (`operations`, `readiness`, `gauges`), events (`denials`), and what only one of the replicas does (`duties`,
`status`). Imports what lies beside it, `intake`, `cluster` and `certs`.
"""
