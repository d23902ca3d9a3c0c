"""Look-up tables and circuits of them, as every kind of unit uses them."""
