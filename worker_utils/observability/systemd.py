"""sd_notify without a library: one datagram to the socket that systemd names.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import logging
import socket

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"

log = logging.getLogger(__name__)


class Notifier:
    """Notifies systemd of the state of the process. Without a socket (not started by systemd) it does nothing."""

    def __init__(self, address: str | None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address

    def send(self, *assignments: str) -> None:
        """Send assignments such as READY=1. A failure to send is only logged."""
        if self._address is None:
            return
        try:
            with socket.socket(
                socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            ) as sender:
                sender.sendto("\n".join(assignments).encode(), self._address)
        except OSError as error:
            log.warning(
                "%s could not be sent to systemd: %s",
                assignments[0],
                error,
                extra={"event": "systemd.notify_failed", "assignment": assignments[0]},
            )

    def status(self, text: str) -> None:
        """Set the status line of `systemctl status`."""
        self.send("STATUS=" + text.replace("\n", " "))
