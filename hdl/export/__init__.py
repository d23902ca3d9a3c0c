"""Circuits as they go into other people's designs: wrappers, and the files that their tools read."""
