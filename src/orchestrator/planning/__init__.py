"""From a goal to a plan: steps, lint, playbooks, explanation. Knows nothing of running."""
