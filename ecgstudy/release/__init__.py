"""The model that a study hands out: chosen, calibrated, packed with its card, opened again."""
