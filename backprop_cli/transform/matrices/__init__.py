"""Matrix notation: programs with vectors and matrices as sums of products."""
