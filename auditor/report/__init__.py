"""Where findings go: report CRs, output formats, history, compliance reports, delivery.

Imports `intake` and what lies below it. Findings in, documents out: it never judges.
"""
