"""Forms for types: what a person is asked to enter for an int, a Literal, a dataclass or a pydantic model."""
