"""Ready workflows: tools, agents and servers that come in as anyone's plug-in does. Rule: nothing imports them."""
