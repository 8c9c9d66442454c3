"""The intermediate representation: graphs, the operation table, shapes and checks."""
