"""`auditor watch` with leases of two seconds, so that a test of a takeover does not take a minute."""

import sys
from functools import partial

from auditor.audit import settings
from auditor.cli.frame import auditor
from auditor.cluster.lease import Durations

QUICK = Durations(lease=2, renew=1.6, retry=0.2)

if __name__ == "__main__":
    settings.WatchSettings = partial(settings.WatchSettings, lease=QUICK)  # type: ignore[misc,assignment]
    sys.exit(auditor.main(["-v", *sys.argv[1:]], prog_name="auditor", standalone_mode=False))
