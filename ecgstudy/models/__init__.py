"""What is trained: arrays in, class probabilities out."""
