"""Bytes of text files as text. Rule: never fails; a wrong guess is better than a lost file, and it is noted."""

from __future__ import annotations


def decoded(data: bytes) -> tuple[str, str]:
    """The text, and a note when it had to be guessed; line ends become newlines."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return _plain(data.decode(name, "replace")), ""
    try:
        return _plain(data.decode("utf-8")), ""
    except UnicodeDecodeError as error:
        if len(data) - error.start < 4:  # cut in the middle of its last character
            return _plain(data.decode("utf-8", "ignore")), ""
    return _plain(data.decode("cp1252", "replace")), "it is not UTF-8; read as Windows-1252"


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
