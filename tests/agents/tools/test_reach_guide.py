"""The guide says what the settings take: its example is read, and every key of an account is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from planloom.config import Config
from planloom.config.reaching import CalendarAccount, MailAccount, Notify, Stocks, Web

GUIDE = (Path(__file__).parents[3] / "docs" / "reach.md").read_text(encoding="utf-8")


def test_example_of_the_guide_is_taken_as_it_stands():
    block = re.search(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    assert block is not None
    tools = Config.model_validate(yaml.safe_load(block[1])).tools
    assert tools.mail.accounts["home"].smtp_port == 465 and tools.calendars.accounts["work"].calendar == "Work"
    assert set(tools.notify.webhooks) == {"team"} and "{symbol}" in tools.stocks.url
    assert "ENV" not in repr(tools.mail) + repr(tools.calendars) + repr(tools.notify)


@pytest.mark.parametrize("group", [MailAccount, CalendarAccount])
def test_every_key_of_an_account_is_in_the_guide(group):
    assert all(f"`{name}`" in GUIDE for name in group.model_fields)


def test_switches_are_named_by_their_whole_key():
    assert "robots" in Web.model_fields and "`tools.web.robots`" in GUIDE
    assert "url" in Stocks.model_fields and "`tools.stocks.url`" in GUIDE
    assert "webhooks" in Notify.model_fields and "webhooks:" in GUIDE
