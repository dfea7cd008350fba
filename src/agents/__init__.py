"""Agents and tools: what a step can do, and what it may."""
