"""One module for each question. `python -m benchmarks.NAME [--json OUT] [--quick]`."""
