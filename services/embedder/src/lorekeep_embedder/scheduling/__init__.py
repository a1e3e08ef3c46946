"""Who is let in, whose turn it is, and what is computed together."""
