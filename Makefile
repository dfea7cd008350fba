# Two commands do all set-up on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
GOAL ?= Report on the folder .
STAMP := .venv/.installed

.PHONY: deck desk finance run test check venv bench clean

run: venv
	@$(BIN)/planloom run "$(GOAL)"

# A dashboard of a sample ledger; of yours with GOAL="Financial dashboard for 2025 from ledger.csv".
finance: GOAL = Financial dashboard
finance: venv
	@$(BIN)/planloom run "$(GOAL)" --playbook finance-dashboard

serve: venv
	@$(BIN)/planloom serve

# merchant-deck.pptx from sample data; another with DECK="Build the merchant deck for Juniper Pets, 2025".
deck: DECK ?= Build the merchant deck for Aurora Home, January to December 2025
deck: venv
	@$(BIN)/planloom run "$(DECK)" --playbook merchant-deck
	@$(BIN)/planloom runs show --totals

# Twenty sample tickets, then what the desk did; refunds above the limit wait for you. Yours: TICKETS=inbox.jsonl.
desk: venv
	@$(BIN)/planloom run --quiet --playbook support-desk $(if $(TICKETS),--set file=$(TICKETS)) || [ $$? -eq 3 ]
	@echo && echo "The audit log, what was done for each ticket:"
	@$(BIN)/planloom audit show --last 0 | grep -E ' begun +(act|approved)' | tail -n 25 | cut -c 1-150
	@$(BIN)/planloom audit verify

test: check

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -n auto

bench: venv
	@$(BIN)/python -m benchmarks --quick

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv build dist planloom-out
