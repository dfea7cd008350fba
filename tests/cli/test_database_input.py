"""`--set database=...`: a setting of the process, so that an address with its password is recorded nowhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from planloom.cli.database import with_database
from planloom.config import Config

URL = "postgresql://reader:s3cret@db/shop"


def test_an_address_becomes_a_setting_and_the_input_its_name():
    config, given = with_database(Config(), {"database": URL, "table": "ledger"})
    assert given == {"database": "database", "table": "ledger"} and "s3cret" not in repr(config)
    named = config.tools.sql.databases["database"]
    assert {one.get_secret_value() for one in (named, config.deck.database, config.support.database)} == {URL}


def test_a_file_stays_an_input_and_is_used_by_the_deck_too():
    config, given = with_database(Config(), {"database": "shop.db"})
    assert given == {"database": "shop.db"} and config.deck.database.get_secret_value() == "shop.db"
    assert config.tools.sql.databases == {}


def test_a_name_of_the_settings_stands_for_its_address():
    config = Config.model_validate({"tools": {"sql": {"databases": {"shop": URL}}}})
    config, given = with_database(config, {"database": "shop"})
    assert given == {"database": "shop"} and config.deck.database.get_secret_value() == URL


def test_other_inputs_change_no_setting():
    config = Config()
    for given in ({}, {"database": ""}, {"database": 3}, {"path": URL}):
        assert with_database(config, given) == (config, given)


def test_a_plan_that_is_shown_has_no_address(tmp_path: Path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "planloom",
            "plan",
            "Financial dashboard for 2025",
            "--set",
            f"database={URL}",
            "--json",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "s3cret" not in done.stdout + done.stderr
