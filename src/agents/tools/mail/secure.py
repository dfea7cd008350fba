"""How mail servers are connected to. Rule: certificates are always checked, and nothing goes in the clear elsewhere."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from ....errors import AccessError, ToolError, TransientError

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def tls() -> ssl.SSLContext:
    """What checks certificates and names; the libraries' own default does not."""
    return ssl.create_default_context()


def require_private(security: str, host: str) -> None:
    """Passes for encrypted connections, and for this machine.

    Raises:
        AccessError: a password and mail would cross the network in the clear.
    """
    if security == "none" and host.lower() not in _LOOPBACK:
        raise AccessError(f"expected an encrypted connection to {host!r}, got none; set tls or starttls")


def plain(text: str, what: str) -> str:
    """The text, when it fits on one line of a protocol.

    Raises:
        ToolError: it holds line breaks or other control characters, which could smuggle in commands or headers.
    """
    if any(ord(char) < 32 or ord(char) == 127 or char in "\x85\u2028\u2029" for char in text):
        raise ToolError(f"expected {what} on one line without control characters, got {text[:80]!r}")
    return text


@contextmanager
def told(server: str) -> Iterator[None]:
    """Errors of a connection as ours; nothing has been changed by what failed."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise ToolError(f"expected a certificate of {server} to be trusted, got: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise ToolError(f"expected {server} to speak TLS, got {error.reason or 'something else'}; check port and "
                        "security") from None  # fmt: skip
    except TimeoutError as error:
        raise TransientError(f"{server} did not answer in time") from error
    except ConnectionRefusedError as error:
        raise TransientError(f"{server} refuses connections", overloaded=True) from error
    except OSError as error:
        if type(error).__name__ == "gaierror":
            raise ToolError(f"expected {server} to exist, got {error.strerror}; check the spelling") from error
        raise TransientError(f"the connection to {server} broke: {error.strerror or error}") from error
