"""Text to flat postfix code, and graphs back to text."""
