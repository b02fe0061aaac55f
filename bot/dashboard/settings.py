"""Where the dashboard is served, and under which names."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.errors import SettingsError

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardSettings:
    """Where to listen, the address that people open (`url`, without a slash at its end), and further names it may go by."""

    host: str
    port: int
    url: str
    hosts: frozenset[str] = frozenset()

    @property
    def is_secure(self) -> bool:
        """Whether people reach it by https: then cookies are never sent without."""
        return self.url.startswith("https://")

    @property
    def names(self) -> frozenset[str]:
        """Every name by which a request may ask for it; any other one is refused (DNS rebinding)."""
        own = {self.host.lower(), (urlsplit(self.url).hostname or "").lower(), *self.hosts}
        return frozenset((own | set(LOOPBACK_NAMES)) - {"", "0.0.0.0", "::"})


def dashboard_settings(*, host: str, port: int, url: str, hosts: str) -> DashboardSettings:
    """Read what an owner set; `hosts` are names with commas between them.

    Raises:
        SettingsError: others could reach it, and nothing says by which address.
    """
    if not url and not _is_loopback(host):
        raise SettingsError(
            f"dashboard_host {host} can be reached from other machines: set OHLORA_DASHBOARD_URL to the https address of the "
            "proxy in front of it (docs/dashboard.md), or leave dashboard_host at 127.0.0.1"
        )
    shown = f"[{host}]" if ":" in host else host
    names = frozenset(name.strip().lower() for name in hosts.split(",") if name.strip())
    return DashboardSettings(host=host, port=port, url=(url or f"http://{shown}:{port}").rstrip("/"), hosts=names)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
