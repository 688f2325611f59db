"""The admission service as a program: gunicorn, the worker's life, and everything around the handlers.

`settings` is what a person may say of it; `application` runs gunicorn with the `worker` of our own, in which one thread
serves all kept connections (`relay`), a head is read once (`heads`), and clients that are slow hold nobody up
(`arrivals`, `sockets`). In the worker `service` puts together what serves: policies as they are in the cluster
(`assembly`), our own kinds and CRDs judged at admission (`own`, `crds`), what the operations port tells (`readiness`,
`gauges`), events (`denials`), and what only one of the replicas does (`duties`, `status`). Imports what lies beside it,
`intake`, `cluster`, `operations` and `certs`.
"""
