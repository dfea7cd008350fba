"""What is served is what the source says, and comes from nowhere else."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
WEB = ROOT / "web"
PAGE = ROOT / "src" / "server" / "page"
OUTSIDE = re.compile(r"""(?:src|href|import|from|url\()\s*[=(]?\s*["']?\s*(?:https?:)?//""")


def test_build_is_of_the_source_as_it_stands():
    names = [path.relative_to(WEB).as_posix() for path in (WEB / "src").rglob("*") if path.is_file()]
    names += ["index.html", "package-lock.json", "public/icon.svg", "vite.config.ts"]
    found = hashlib.sha256()
    for name in sorted(names, key=lambda name: name.encode("utf-16-be")):
        found.update(name.encode() + b"\0" + (WEB / name).read_bytes() + b"\0")
    built = (PAGE / "source.sha256").read_text().strip()
    assert built == found.hexdigest(), "the page is older than web/: run `npm ci && npm run build` there and commit"


def test_page_loads_nothing_from_other_hosts():
    for name in ("index.html", "assets/index.css"):
        assert not OUTSIDE.search((PAGE / name).read_text(encoding="utf-8")), name


def test_page_has_nothing_inline():
    text = (PAGE / "index.html").read_text(encoding="utf-8")
    assert all(inner == "" for inner in re.findall(r"<script\b[^>]*>(.*?)</script>", text, re.DOTALL))
    assert not re.search(r"<style|\sstyle=|\son\w+=", text)


def test_lock_file_names_no_address_of_packages():
    text = (WEB / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text and '"integrity"' in text


def test_licences_of_what_is_built_in_are_with_it():
    told = "".join((PAGE / name).read_text(encoding="utf-8") for name in ("licenses.md", "licenses-worker.md"))
    for name in ("preact", "@preact/signals", "@dagrejs/dagre", "markdown-it", "dompurify", "lucide-preact"):
        assert name in told, name
