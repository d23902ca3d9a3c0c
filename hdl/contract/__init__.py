"""What a circuit's bits mean, for those who feed it and read its answers: in words, C, SystemVerilog and Python."""
