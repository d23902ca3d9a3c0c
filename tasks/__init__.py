"""What users do, one file per verb: load, simulate, verify, compile, build, prove, run."""
