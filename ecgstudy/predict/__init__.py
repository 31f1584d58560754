"""One picture -> a checked page -> an answer with its reasons, or a refusal by name."""
