"""Pictures, tables and questions: a graph drawn, a run watched, a person asked."""
