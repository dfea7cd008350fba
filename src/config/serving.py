"""The chat server, and what is measured and logged."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from .group import Group


class Server(Group):
    """Who may come in, and how much of it."""

    host: str = Field("127.0.0.1", min_length=1, description="Address it listens at. 0.0.0.0: reachable from outside.")
    port: int = Field(8400, ge=0, le=65535, description="Port it listens at. 0: a free one.")
    token: SecretStr = Field(
        SecretStr(""),
        description="What clients must know; needed beyond loopback. ${ENV:NAME} takes a variable. Empty: none.",
    )
    tokens: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="More tokens, by the name of the person; each sees only their own sessions. ${ENV:NAME} as above.",
    )
    origins: list[str] = Field(
        default_factory=list,
        description="Pages of other origins that may connect: [https://chat.example.org]. Its own page always may.",
    )
    hosts: list[str] = Field(
        default_factory=list,
        description="Names it may be called by, beside localhost and `host`. Empty: any, where tokens are needed.",
    )
    max_connections: int = Field(4096, ge=1, description="Sockets open at the same time. At least 1.")
    max_frame_bytes: int = Field(1_048_576, ge=1024, description="Bytes of one frame or body. At least 1024.")
    max_upload_bytes: int = Field(104_857_600, ge=0, description="Bytes of one uploaded file. 0: none is taken.")
    frames_per_second: float = Field(
        50.0, ge=0, description="Frames of one connection, four seconds' worth at once. 0: no limit."
    )
    requests_per_minute: float = Field(12_000.0, ge=0, description="HTTP requests of one client. 0: no limit.")
    messages_per_minute: float = Field(1_200.0, ge=0, description="Goals of one client. 0: no limit.")
    slow_reader_s: float = Field(
        120.0, gt=0, description="Seconds a client may take nothing, or send nothing of a body. More than 0."
    )
    shutdown_s: float = Field(10.0, ge=0, description="Seconds for replies under way at the end. 0: none.")


class Alerts(Group):
    """When the server warns: an event in the sessions at work, a metric, a line of the log."""

    memory_mb: float = Field(500.0, ge=0, description="Megabytes of its memory from which on it warns. 0: never.")
    failed_share: float = Field(
        0.05, ge=0, le=1, description="Share of the runs that failed, 0 to 1, from which on it warns. 0: never."
    )
    quota_share: float = Field(
        0.9, ge=0, le=1, description="Share of a model's limits in the last minute from which on it warns. 0: never."
    )
    window_s: float = Field(300.0, gt=0, description="Seconds over which failures are counted. More than 0.")
    least_runs: int = Field(20, ge=1, description="Runs that have to end in them before failures are told. At least 1.")
    check_s: float = Field(5.0, gt=0, description="Seconds between two looks. More than 0.")


class Monitoring(Group):
    """Metrics, traces, logs."""

    enabled: bool = Field(True, description="Off: no metrics, no traces.")
    export_interval_s: float = Field(60.0, gt=0, description="Seconds between exports of metrics. More than 0.")
    otlp_endpoint: str = Field(
        "", repr=False, description="OpenTelemetry collector: http://127.0.0.1:4318. Empty: none. Needs planloom[otel]."
    )
    log_format: Literal["text", "json"] = Field("text", description="How the server's log lines look.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")
