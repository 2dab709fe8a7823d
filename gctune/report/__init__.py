"""What is found, for people and for tools: text, plain data, rules and dashboards."""
