"""At the door: decode, judge, respond; and the registration of the webhooks in the cluster.

Imported as `auditor.webhooks` and by no other name (docs/adr/0001-one-import-path.md).
Imports `report` and what lies below it, `cluster` and `certs`; not `audit`, not `dashboard`.

The stages of a request have a module each: `decode` makes a request of a body, `judge` asks the engine, `convert` the
conversions, `answer` says what they found, `respond` makes a body of it; `failure` decides on what nobody can judge.
They judge by a `snapshot`. `door` leads a request through them and has it written down (`books`: `decisions`,
`metrics`, `journal`, `decisionlog`). `app` is the Flask app around it, wiring only.
"""
