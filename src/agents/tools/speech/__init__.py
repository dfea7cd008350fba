"""Tools that speak: text to a sound file, with espeak-ng where it is installed.

Rule: the text goes in by standard input, never on the command line.
"""

from __future__ import annotations

import shutil
import subprocess
import wave
from pathlib import Path
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError, TransientError
from ...tool import ToolContext, tool

_TIMEOUT_S = 120.0
_VOICE = r"^[A-Za-z][A-Za-z0-9+_-]{0,39}$"

Voice = Annotated[str, Field(pattern=_VOICE)]


class Spoken(TypedDict):
    """A sound file in WAV."""

    path: str
    seconds: float
    bytes: int


class VoiceOffer(TypedDict):
    """A voice; `language` is its code, which `speech.speak` takes as voice."""

    language: str
    name: str


@tool(effect="read", timeout_s=_TIMEOUT_S + 10)
def speak(
    context: ToolContext,
    text: Annotated[str, Field(min_length=1, max_length=50_000)],
    voice: Voice = "en",
    words_per_minute: Annotated[int, Field(ge=80, le=450)] = 165,
    name: str = "speech",
) -> Spoken:
    """Reads a text aloud into a sound file (WAV), in the language of a voice such as en or de (see speech.voices)."""
    program = _program(context)
    path = context.workspace.output(f"{Path(name).stem or 'speech'}.wav")
    spoken = "".join(char for char in text if char.isprintable() or char in "\n\t")
    arguments = ["-v", voice, "-s", str(words_per_minute), "-w", str(path), "--stdin"]
    told = _ran([program, *arguments], spoken)
    seconds = _seconds(path)
    if not seconds:
        path.unlink(missing_ok=True)
        raise ToolError(f"expected {program} to speak with the voice {voice!r}, got: {told[:200] or 'nothing to hear'}")
    context.artifact(path, "audio/wav")
    return {"path": str(path), "seconds": round(seconds, 2), "bytes": path.stat().st_size}


@tool(effect="read", timeout_s=_TIMEOUT_S + 10)
def voices(context: ToolContext) -> list[VoiceOffer]:
    """Lists the languages and voices that can speak on this machine."""
    done = _ran([_program(context), "--voices"], "")
    found = [line.split() for line in done.splitlines()[1:]]
    return [{"language": parts[1], "name": parts[3].replace("_", " ")} for parts in found if len(parts) > 3]


def _program(context: ToolContext) -> str:
    command = context.config.tools.speech.command
    if (found := shutil.which(command)) is None:
        raise ToolError(
            f"expected the program {command!r} to speak, got none; install espeak-ng, or set tools.speech.command"
        )
    return found


def _ran(command: list[str], text: str) -> str:
    """What the program says of itself."""
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise TransientError(f"expected {command[0]} to end within {_TIMEOUT_S:g} s, got no end") from error
    except OSError as error:
        raise ToolError(f"expected {command[0]} to start, got: {error.strerror}") from error
    told = (done.stdout + done.stderr).decode("utf-8", "replace")
    if done.returncode != 0:
        raise ToolError(f"expected {command[0]} to speak, got: {' '.join(told.split())[:200]}")
    return told


def _seconds(path: Path) -> float:
    """The length of a sound file; 0 when there is nothing in it."""
    try:
        with wave.open(str(path), "rb") as sound:
            return sound.getnframes() / sound.getframerate()
    except (wave.Error, EOFError, OSError, ZeroDivisionError):
        return 0.0
