"""Device families, one file each: cells as text and as models, how they are counted, the tools that place and route."""
