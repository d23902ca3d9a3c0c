"""Verilog as cells of a device family (`threshc.hdl.families`); synthesis keeps them and spends no time on them."""
