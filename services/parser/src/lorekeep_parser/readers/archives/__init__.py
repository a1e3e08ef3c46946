"""Archives, and documents inside of others."""
