"""Verilog as cells of a device family, one file per family; synthesis keeps them and spends no time on them."""
