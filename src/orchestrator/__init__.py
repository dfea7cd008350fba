"""Planning, running, and the LangGraph graph that joins them."""
