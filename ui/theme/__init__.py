"""The only place with a colour, a font or a style sheet."""
