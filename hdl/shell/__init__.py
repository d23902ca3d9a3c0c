"""The network on a board: UART, byte protocol, shell."""
