"""The addresses of the server over plain HTTP. Rule: thin; what is decided is decided in the desk and the shelf."""
