"""`planloom simulate`: the simulated provider on a port, for tests and load."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from ..models.simulate.settings import Settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("simulate")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Listen here; 0: a free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen on this address.")
@click.option("--scenario", type=_FILE, metavar="FILE", help="Scripted replies, in YAML.")
@click.option("--plans", type=_FILE, metavar="FILE", help="Given plans, in JSON, for the goals they are for.")
@click.option("--rpm", type=click.IntRange(min=0), default=0, metavar="N", help="Requests a minute; 0: no limit.")
@click.option("--tpm", type=click.IntRange(min=0), default=0, metavar="N", help="Tokens a minute; 0: no limit.")
@click.option("--rpd", type=click.IntRange(min=0), default=0, metavar="N", help="Requests a day; 0: no limit.")
@click.option("--reserve", is_flag=True, help="Count max_tokens against --tpm, not the real length of the reply.")
@click.option("--count-rejected", is_flag=True, help="Refused requests count against --rpm and --rpd too.")
@click.option("--seed", type=int, default=0, metavar="S", help="The same seed and requests give the same replies.")
@click.option("--fault", "faults", multiple=True, metavar="KIND=RATE", help="This share of requests fails; repeatable.")
@click.option("--latency", default="0", metavar="SPREAD", help="Seconds before anything: 0.2, uniform:0.1:0.4, ...")
@click.option("--ttft", default="0", metavar="SPREAD", help="Then until the first token: lognormal:MEDIAN:SIGMA, ...")
@click.option(
    "--token-rate", type=click.FloatRange(min=0), default=0.0, metavar="N", help="Tokens a second; 0: all at once."
)
@click.option(
    "--prefill-rate", type=click.FloatRange(min=0), default=0.0, metavar="N", help="Prompt tokens read a second."
)
@click.option(
    "--seconds-per-step", type=click.FloatRange(min=0), default=0.0, metavar="S", help="Time for each line of a plan."
)
@click.option(
    "--judge-failures",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="RATE",
    help="Share of verdicts that are fail.",
)
@click.option("--model", "models", multiple=True, metavar="NAME", help="Know only this model; repeatable.")
@click.option("--key", "api_keys", multiple=True, metavar="KEY", help="Take only this API key; repeatable.")
@click.option(
    "--context", "context_tokens", type=click.IntRange(min=0), default=0, metavar="N", help="Longest prompt; 0: any."
)
@click.option("--without", multiple=True, metavar="ABILITY", help="Lack this: json_schema, tools, embeddings, ...")
@options.shared
def command(host: str, port: int, config_file: Path | None, **given: Any) -> None:
    """Serve the simulated provider: an OpenAI-compatible endpoint that needs no model.

    \b
    planloom simulate --port 8123 --rpm 60 --tpm 100000 --fault 500=0.1
    OPENAI_BASE_URL=http://127.0.0.1:8123/v1 PLANLOOM_MODELS__MODEL=simulated-small planloom run "..."

    Faults: 429, 500, 503, 529, stall, truncated_json, truncated_body, cut_stream, html, empty, slow, wrong_schema.
    Counts stand at /simulate/stats. Ctrl-C ends it. docs/simulate.md tells the rest.
    """
    import asyncio

    from ..models.simulate.serving import serve

    def announce(base_url: str) -> None:
        sys.stdout.write(f"The simulated provider listens at {base_url} (nothing it says comes from a model).\n")
        sys.stdout.flush()

    chosen = settings(**given)
    asyncio.run(serve(chosen, host=host, port=port, announce=announce))


def settings(**given: Any) -> Settings:
    """The settings these options ask for.

    Raises:
        UsageError: an option or a file does not fit.
    """
    from ..models.simulate import gold, scenario, timing
    from ..models.simulate.quota import Limits
    from ..models.simulate.settings import Settings, fault_rate

    limits = Limits(rpm=given.pop("rpm"), tpm=given.pop("tpm"), rpd=given.pop("rpd"))
    plans, script = given.pop("plans"), given.pop("scenario")
    return Settings(
        limits=limits,
        faults=dict(fault_rate(text) for text in given.pop("faults")),
        latency_s=timing.spread(given.pop("latency"), name="--latency"),
        ttft_s=timing.spread(given.pop("ttft"), name="--ttft"),
        judge_failure_rate=given.pop("judge_failures"),
        plans=gold.load(plans) if plans is not None else None,
        scenario=scenario.load(script) if script is not None else None,
        without=frozenset(given.pop("without")),
        **given,
    )
