"""One page: paper, ink and signals; arrays in, arrays out."""
