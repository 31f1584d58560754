"""What it is worth: reads saved predictions only."""
