"""FPGA builds: yosys, nextpnr, packing, and what their reports say."""
