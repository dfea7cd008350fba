"""What is kept, and where: sessions, playbooks, documents, memory, caches."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .group import Fsync, Group


class Sessions(Group):
    fsync: Fsync = Field(
        "interval",
        description="When the disk is told to keep what was written: always (every group of events), interval (writes, "
        "approvals and cancels at once, all else within fsync_interval_s), never (left to the system).",
    )
    fsync_interval_s: float = Field(1.0, ge=0, description="Seconds for `interval`. 0: every group, as for always.")
    save_interval_s: float = Field(
        30.0, ge=0, description="Seconds that progress and pieces of answers may be unwritten. 0: written at once."
    )
    segment_bytes: int = Field(8_388_608, ge=4096, description="Bytes of a journal's file before the next is begun.")
    compression: Literal["zstd", "none"] = Field("zstd", description="How a journal's closed files are packed.")
    retention_days: float = Field(
        0.0, ge=0, description="Days after its end that a run's events are kept, at `sessions compact`. 0: for ever."
    )
    max_bytes: int = Field(
        0, ge=0, description="Bytes of all journals; `sessions compact` drops the oldest ended runs. 0: no limit."
    )
    max_open: int = Field(
        100, ge=1, description="Sessions held in memory; those unused for longest leave it and come back on demand."
    )


class Playbooks(Group):
    folders: list[str] = Field(
        default_factory=list, description="Folders with your own playbooks, searched before the built-in ones."
    )
    threshold: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Lexical similarity (0 to 1) from which a goal matches a playbook. 0: any.",
    )
    threshold_with_model: float = Field(
        0.75,
        ge=0,
        le=1,
        description="The same where a model can plan what fits less clearly. 0: any.",
    )


class Index(Group):
    """Search among vectors."""

    kind: Literal["auto", "flat", "hnsw", "ivf"] = Field(
        "auto", description="flat: exact; hnsw, ivf: quick. auto: by size and measured recall."
    )
    exact_below: int = Field(20_000, ge=0, description="Vectors up to which auto searches exactly. 0: never.")
    nlist: int = Field(0, ge=0, description="Lists of an ivf index. 0: by size.")
    nprobe: int = Field(10, ge=1, description="Lists of an ivf index that a search reads at least. At least 1.")
    target_recall: float = Field(
        0.95, gt=0, le=1, description="Share of the true 5 nearest that searches must find, measured when built."
    )


class Documents(Group):
    """How files are read, cut and found."""

    chunk_chars: int = Field(1200, ge=200, le=20_000, description="Characters of a passage at most. 200 to 20,000.")
    max_file_bytes: int = Field(
        104_857_600, ge=0, description="Bytes; a larger file is reported and left out. 0: no limit."
    )
    parse_timeout_s: float = Field(60.0, gt=0, description="Seconds one file may take to be read. More than 0.")
    parse_memory_bytes: int = Field(
        2_147_483_648, ge=0, description="Bytes of memory a process that reads files may take. 0: no limit."
    )
    processes: int = Field(2, ge=1, le=64, description="Processes that read files. 1 to 64.")
    ignore: list[str] = Field(
        default_factory=lambda: ["node_modules", "__pycache__", "*.min.js", "*.lock"],
        description="Names of files and folders that are left out, as patterns; hidden ones always are.",
    )


class Memory(Group):
    """Facts about people."""

    user: str = Field("local", min_length=1, description="Whose facts are used when nobody else is named.")


class Caches(Group):
    prompt_cache_size: int = Field(50, ge=0, description="Prompts of agents kept in memory. 0: none.")
    agent_cache_size: int = Field(
        20, ge=1, description="Agents kept ready in memory; those unused for longest go first. At least 1."
    )
    tool_catalog_cache: bool = Field(
        True, description="Off: all tools are imported and all servers asked whenever the planner needs the list."
    )
    plan_cache_size: int = Field(
        200, ge=0, description="Plans of verified runs kept in `state`; those unused for longest go first. 0: none."
    )
    response_cache: bool = Field(
        False, description="On: replies are kept in `state` and used again for equal requests."
    )
    response_cache_bytes: int = Field(
        268_435_456, ge=0, description="Bytes of the replies kept; those unused for longest go first. 0: none is kept."
    )
