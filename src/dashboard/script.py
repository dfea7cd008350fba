"""What Streamlit runs for every visitor. Absolute imports, because Streamlit runs it as a file."""

from planloom.dashboard.views import show

show()
