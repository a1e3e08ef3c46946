"""What computes vectors: one seam, and what stands behind it."""
