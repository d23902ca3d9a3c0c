# Two commands for a fresh machine with Python 3.10+, pip, a C++ compiler and make: `make demo` and `make test`.
# While working: `make check` (under a minute on two cores) and `make format`. CONTRIBUTING.md says more.
PYTHON ?= python3
VENV ?= .venv
DIGITS := examples/digits
FOLDED := examples/mnist_folded/mnist_folded
FOLD := 2x14:spram,1x16:spram,1x16,1x1@1
PYTEST ?= -n 2

.PHONY: demo demo-folded test check check-lint check-types check-tests format news clean

demo: $(VENV)/.ready  ## digits: exact thresholds, Verilog equal to ONNX in every label, a bitstream for the iCEBreaker
	$(VENV)/bin/threshc show $(DIGITS)/digits.onnx
	$(VENV)/bin/threshc verify $(DIGITS)/digits.onnx --data $(DIGITS)/digits_test.npz --rtl-samples 450
	$(VENV)/bin/threshc build $(DIGITS)/digits.onnx --target icebreaker --data $(DIGITS)/digits_test.npz -o out/digits

demo-folded: $(VENV)/.ready  ## a network 25 times larger than the iCEBreaker's chip: verified, and a bitstream
	$(VENV)/bin/threshc verify $(FOLDED).onnx.gz --data $(FOLDED)_test.npz --fold $(FOLD)
	$(VENV)/bin/threshc build $(FOLDED).onnx.gz --data $(FOLDED)_test.npz --fold $(FOLD) --target icebreaker --clock max -o out/mnist

test: $(VENV)/.ready  ## the whole test suite, on two cores; PYTEST= for other options
	$(VENV)/bin/python -m pytest $(PYTEST)

check: $(VENV)/.ready  ## lint, types and the fast tests, side by side
	$(MAKE) --no-print-directory --jobs=3 --output-sync=target check-tests check-types check-lint

check-lint:
	$(VENV)/bin/ruff check --quiet .
	$(VENV)/bin/ruff format --quiet --check .

check-types:
	$(VENV)/bin/mypy -p threshc

check-tests:
	$(VENV)/bin/python -m pytest -q -n 2 -m "not slow" --no-header -r fE

format: $(VENV)/.ready  ## as `make check` wants it
	$(VENV)/bin/ruff check --quiet --fix .
	$(VENV)/bin/ruff format --quiet .

$(VENV)/.ready: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf out build dist *.egg-info
