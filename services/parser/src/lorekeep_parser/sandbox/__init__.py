"""A child per document: fork servers, walls, signs of life, and what crosses between."""
