"""Real Chromium, driven by Playwright. The package is no part of the locked environment yet: where it is not installed
(`pip install playwright`; the browser is that of the system) these tests are not collected.
"""

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("playwright") else ["*/test_*.py"]
