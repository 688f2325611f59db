"""`auditor webhook` that looks at its Secret every half second, not twice a minute: tests need not wait for that."""

from dataclasses import replace

from auditor.__main__ import main
from auditor.webhooks.certificates.own import SecretSettings
from auditor.webhooks.serving import service
from auditor.webhooks.serving.settings import ServingSettings

_choose = service._choose_certificates


def choose(settings: ServingSettings) -> object:
    found = _choose(settings)
    return replace(found, poll=0.5) if isinstance(found, SecretSettings) else found


if __name__ == "__main__":
    service._choose_certificates = choose  # type: ignore[assignment]
    main()
