"""A made-up release with an example of every rule."""
