from __future__ import annotations

import shutil
import wave
from pathlib import Path

import pytest

from planloom.agents.tool import ToolContext
from planloom.agents.tools import speech
from planloom.agents.workspace import Workspace
from planloom.config import Config
from planloom.errors import ToolError

installed = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def context_of(folder: Path, command: str = "espeak-ng") -> ToolContext:
    config = Config.model_validate({"tools": {"speech": {"command": command}}})
    return ToolContext(workspace=Workspace(folder, folder / "out"), config=config)


@installed
def test_text_becomes_a_sound_file_whose_length_follows_the_pace(tmp_path: Path) -> None:
    text = "High water is at six in the morning, and low water is at noon."
    slow = speech.speak(context_of(tmp_path), text, words_per_minute=100)
    fast = speech.speak(context_of(tmp_path), text, words_per_minute=300)
    with wave.open(slow["path"], "rb") as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(slow["seconds"], abs=0.01)
        assert any(sound.readframes(sound.getnframes()))
    assert slow["seconds"] > 1.5 * fast["seconds"] > 1
    assert {Path(slow["path"]).name, Path(fast["path"]).name} == {"speech.wav", "speech-2.wav"}


@installed
def test_text_is_never_a_command(tmp_path: Path) -> None:
    target = tmp_path / "made"
    found = speech.speak(context_of(tmp_path), f"-w {target} --version $(touch {target})", name="../../evil")
    assert not target.exists() and Path(found["path"]) == tmp_path / "out" / "evil.wav"


@installed
def test_voices_are_listed_and_speak(tmp_path: Path) -> None:
    found = speech.voices(context_of(tmp_path))
    assert {"de", "es"} <= {voice["language"] for voice in found}
    assert speech.speak(context_of(tmp_path), "Guten Morgen", voice="de")["seconds"] > 0.3


@installed
def test_unknown_voice_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"voice|speak"):
        speech.speak(context_of(tmp_path), "Hi", voice="klingonish")
    assert list((tmp_path / "out").glob("*.wav")) in ([], [tmp_path / "out" / "speech.wav"])


def test_without_the_program_the_error_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="install espeak-ng"):
        speech.speak(context_of(tmp_path, "espeak-of-nowhere"), "Hi")
    with pytest.raises(ToolError, match="install espeak-ng"):
        speech.voices(context_of(tmp_path, "espeak-of-nowhere"))


def test_program_that_fails_is_quoted(tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho no sound today >&2\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(ToolError, match="no sound today"):
        speech.speak(context_of(tmp_path, str(program)), "Hi")
