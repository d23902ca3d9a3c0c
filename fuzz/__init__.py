"""Fuzzing: damaged and hostile models give a network or a CompileError; of a network everything computes the same."""
