"""From a plan to results: a pure scheduler that decides, and a thin executor that does. Knows no planner."""
