"""Who sits at this terminal: what the audit log is told."""

from __future__ import annotations

import getpass


def login() -> str:
    """The login name, and that it came by the command line."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container's user without a name
        return "unknown (command line)"
