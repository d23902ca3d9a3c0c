"""Fuzzing: damaged and hostile models must give a network or a CompileError, quickly and harmlessly."""
