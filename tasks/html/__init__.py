"""Reports to look at: one HTML file with all that a folder's report says, which opens from disk and works offline."""
