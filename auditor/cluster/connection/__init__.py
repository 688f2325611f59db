"""How a cluster is reached and who asks: kubeconfig or service account, credentials that are renewed, TLS, proxies.

`open_access(settings)` finds every mistake in the configuration, and says file, entry, field and remedy. The `Access`
that it returns has the server's address, and gives headers and TLS context as of now.

Of the `kubernetes` package it takes the `Configuration`, which its transport reads. The rest is written here, because
its loaders put credentials into temporary files that stay, run exec plugins without cache, certificates or timeout,
trust any identity provider when no CA is named, and never look at a certificate file again.
"""

from auditor.cluster.connection.access import Access
from auditor.cluster.connection.opening import open_access
from auditor.cluster.connection.settings import Settings

__all__ = ["Access", "Settings", "open_access"]
