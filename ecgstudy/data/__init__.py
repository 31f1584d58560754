"""Many pages: sources, copies, splits, cached pictures."""
