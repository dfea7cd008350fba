from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from planloom.agents.tool import ToolContext
from planloom.agents.tools import archives
from planloom.agents.workspace import Workspace
from planloom.errors import AccessError, ToolError


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    (tmp_path / "work").mkdir()
    return ToolContext(workspace=Workspace(tmp_path / "work", tmp_path / "work" / "out"))


def _zip(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries:
            made.writestr(name, content)
    return path


def _tar(path: Path, *entries: tarfile.TarInfo, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as made:  # type: ignore[call-overload]
        for info in entries:
            content = io.BytesIO(b"x" * info.size)
            made.addfile(info, content if info.isreg() else None)
    return path


def _info(name: str, size: int = 3, **more: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    for key, value in more.items():
        setattr(info, key, value)
    return info


def _tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("form", ["zip", "tar.gz", "tar"])
def test_what_was_packed_comes_out_the_same(context: ToolContext, form: Any) -> None:
    root = context.workspace.root
    (root / "a" / "deep").mkdir(parents=True)
    (root / "a" / "one.txt").write_text("one")
    (root / "a" / "deep" / "Zwölf.bin").write_bytes(bytes(range(256)) * 10)
    (root / "a" / "link").symlink_to("/etc/passwd")
    (root / "a" / "folder").symlink_to("/etc")
    (root / "b.txt").write_text("b")
    made = archives.create(["a", "b.txt"], context, form=form, name="both")
    assert (made["count"], made["unpacked"], len(made["left_out"])) == (3, 2564, 2)
    listed = archives.list_(made["path"], context)
    assert [m["name"] for m in listed["members"]] == ["a/one.txt", "a/deep/Zwölf.bin", "b.txt"]
    assert (listed["count"], listed["bytes"], listed["warnings"]) == (3, 2564, [])
    out = archives.extract(made["path"], context)
    assert _tree(Path(out["folder"])) == {"a/one.txt", "a/deep/Zwölf.bin", "b.txt"}
    assert (Path(out["folder"]) / "a/deep/Zwölf.bin").read_bytes() == bytes(range(256)) * 10
    assert (out["count"], out["bytes"]) == (3, 2564)
    again = archives.unpack(made["path"], context=context, into="some/place", names=["a/deep", "*.none"])
    assert _tree(root / "some") == {"place/a/deep/Zwölf.bin"} and again["count"] == 1


def _link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


NAMES = ["../evil.txt", "/tmp/evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:\\evil.txt", "a/\x01b", "a" * 300]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_elsewhere_are_refused_as_a_whole(
    context: ToolContext, tmp_path: Path, name: str, kind: str
) -> None:
    path = tmp_path / f"evil.{kind}"
    if kind == "zip":
        _zip(path, ("good.txt", b"x"), (name, b"x"))
    else:
        _tar(path, _info("good.txt"), _info(name))
    before = _tree(tmp_path)
    with pytest.raises(ToolError, match="nothing was taken out"):
        archives.extract(str(path), context)
    assert _tree(tmp_path) == before
    assert len(archives.list_(str(path), context)["warnings"]) == 1


@pytest.mark.parametrize(
    "entries",
    [
        [_info("l", 0, type=tarfile.SYMTYPE, linkname="/etc"), _info("l/passwd")],
        [_info("l", 0, type=tarfile.SYMTYPE, linkname="..")],
        [_info("l", 0, type=tarfile.LNKTYPE, linkname="/etc/passwd")],
        [_info("pipe", 0, type=tarfile.FIFOTYPE)],
        [_info("dev", 0, type=tarfile.CHRTYPE, devmajor=1, devminor=3)],
    ],
)
def test_links_and_devices_in_tar_are_refused(context: ToolContext, tmp_path: Path, entries: Any) -> None:
    path = _tar(tmp_path / "evil.tar.gz", *entries)
    with pytest.raises(ToolError, match=r"a link|a device"):
        archives.extract(str(path), context)
    assert not _tree(context.workspace.root)


def test_links_in_zip_and_names_that_come_twice_are_refused(context: ToolContext, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="a link"):
        archives.extract(str(_zip(tmp_path / "l.zip", (_link(), b"/etc"))), context)
    with pytest.raises(ToolError, match="twice"):
        archives.extract(str(_tar(tmp_path / "t.tar", _info("a"), _info("./a"))), context)
    with pytest.raises(ToolError, match="a file and a folder"):
        archives.extract(str(_tar(tmp_path / "f.tar", _info("a"), _info("a/b"))), context)
    assert not _tree(context.workspace.root)


def test_folder_with_a_link_to_outside_takes_nothing(context: ToolContext, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (context.workspace.root / "place").mkdir()
    (context.workspace.root / "place" / "sub").symlink_to(outside)
    path = _zip(tmp_path / "a.zip", ("first.txt", b"x"), ("sub/evil.txt", b"x"))
    with pytest.raises(AccessError):
        archives.unpack(str(path), context=context, into="place")
    with pytest.raises(AccessError):
        archives.unpack(str(path), context=context, into="../outside")
    assert not _tree(outside) and not _tree(context.workspace.root)


def test_nothing_is_overwritten(context: ToolContext, tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", ("new.txt", b"new"), ("old.txt", b"new"))
    (context.workspace.root / "old.txt").write_text("old")
    with pytest.raises(ToolError, match="`into`"):
        archives.unpack(str(path), context=context, into=".")
    assert _tree(context.workspace.root) == {"old.txt"}
    assert (context.workspace.root / "old.txt").read_text() == "old"


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.xz"])
def test_bomb_is_stopped_before_it_fills_the_disk(context: ToolContext, tmp_path: Path, kind: str) -> None:
    path, zeros = tmp_path / f"bomb.{kind}", b"\0" * 20_000_000
    if kind == "zip":
        _zip(path, *((f"{n}.bin", zeros) for n in range(4)))
    else:
        _tar(path, *(_info(f"{n}.bin", 20_000_000) for n in range(4)), mode=f"w:{kind[4:]}")
    with pytest.raises(ToolError, match="far more than it should"):
        archives.extract(str(path), context)
    assert not _tree(context.workspace.root)
    assert archives.list_(str(path), context)["bytes"] == 80_000_000
    assert archives.extract(str(path), context, names=["2.bin"])["bytes"] == 20_000_000


def test_size_that_an_archive_lies_about_is_counted(context: ToolContext, tmp_path: Path) -> None:
    path = _zip(tmp_path / "lie.zip", ("a.bin", b"\0" * 60_000_000))
    raw = path.read_bytes()
    path.write_bytes(raw.replace((60_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    with pytest.raises(ToolError):
        archives.extract(str(path), context)
    assert not _tree(context.workspace.root)


def test_password_broken_and_other_files_are_told(context: ToolContext, tmp_path: Path) -> None:
    path = _zip(tmp_path / "p.zip", ("a.txt", b"secret"))
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    with pytest.raises(ToolError, match="needs one"):
        archives.extract(str(path), context)
    assert "password" in archives.list_(str(path), context)["warnings"][0]
    whole = _tar(tmp_path / "w.tar.gz", *(_info(f"{n}", 50_000) for n in range(9))).read_bytes()
    broken = {
        "a.zip": _zip(tmp_path / "z.zip", ("a", os.urandom(5000))).read_bytes()[:-300],
        "a.tar.gz": whole[: len(whole) // 2],
        "a.7z": b"7z\xbc\xaf\x27\x1c" + b"\0" * 100,
        "empty.zip": b"",
        "text.tar": b"no archive at all" * 100,
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ToolError, match=r"expected a whole"):
            archives.extract(str(tmp_path / name), context)
    with pytest.raises(ToolError, match="7-Zip"):
        archives.list_(str(tmp_path / "a.7z"), context)
    with pytest.raises(ToolError, match="no file"):
        archives.list_(str(tmp_path), context)
    assert not _tree(context.workspace.root)


def test_damaged_content_is_found(context: ToolContext, tmp_path: Path) -> None:
    path = _zip(tmp_path / "d.zip", ("a.bin", os.urandom(10_000)))
    raw = bytearray(path.read_bytes())
    raw[5000] ^= 255
    path.write_bytes(raw)
    with pytest.raises(ToolError, match="expected a whole"):
        archives.extract(str(path), context)
    assert not _tree(context.workspace.root)


def test_nothing_to_pack_is_said(context: ToolContext) -> None:
    (context.workspace.root / "empty").mkdir()
    with pytest.raises(ToolError, match="at least one file"):
        archives.create(["empty"], context)
    (context.workspace.root / "x" / "empty").mkdir(parents=True)
    with pytest.raises(ToolError, match="two named"):
        archives.create(["empty", "x/empty"], context)
    assert not _tree(context.workspace.root)
