# Two commands for a fresh machine with Python 3.10+, pip, a C++ compiler and make: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
DIGITS := examples/digits

.PHONY: demo test clean

demo: $(VENV)/.ready  ## digits: exact thresholds, Verilog equal to ONNX in every label, a bitstream for the iCEBreaker
	$(VENV)/bin/threshc show $(DIGITS)/digits.onnx
	$(VENV)/bin/threshc verify $(DIGITS)/digits.onnx --data $(DIGITS)/digits_test.npz --rtl-samples 450
	$(VENV)/bin/threshc build $(DIGITS)/digits.onnx --target icebreaker --data $(DIGITS)/digits_test.npz -o out/digits

test: $(VENV)/.ready  ## the whole test suite
	$(VENV)/bin/python -m pytest

$(VENV)/.ready: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf out build dist *.egg-info
