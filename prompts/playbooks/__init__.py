"""The built-in playbooks, one YAML file each."""
