"""How it is trained: runs, the grid, saved predictions."""
